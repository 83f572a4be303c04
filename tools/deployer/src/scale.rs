//! Changing the number of tasks of a service.

use aws::explain;
use contract::exit;
use serde_json::json;
use toolkit::file::Secrecy;
use toolkit::{Console, output};

use crate::Reporting;
use crate::cloud::{Cloud, no_service};

/// How many tasks a service shall have.
#[derive(Debug)]
pub struct Request {
    /// Cluster name.
    pub cluster: String,
    /// Service name.
    pub service: String,
    /// Desired count.
    pub count: u32,
    /// Where the document goes.
    pub reporting: Reporting,
}

/// `deployer scale`. It does not wait: a scaled service is not a release.
pub(crate) async fn run(request: &Request) -> anyhow::Result<u8> {
    let Request {
        cluster,
        service,
        count,
        reporting,
    } = request;
    let cloud = Cloud::new(&aws::config().await?);
    let before = cloud
        .service(cluster, service)
        .await?
        .ok_or_else(|| no_service(cluster, service))?
        .desired_count();
    let wanted = i32::try_from(*count).unwrap_or(i32::MAX);
    if before != wanted {
        let call = cloud
            .ecs
            .update_service()
            .cluster(cluster)
            .service(service)
            .desired_count(wanted);
        call.send()
            .await
            .map_err(|error| explain(&format!("scale the service {service}"), error))?;
    }
    Console::new(reporting.verbosity).status(&format!(
        "{service}: {before} tasks wanted before, {wanted} now"
    ));
    let document = json!({
        "kind": "scale", "schema": 1, "cluster": cluster, "service": service,
        "before": before, "desired": wanted, "applied": before != wanted,
    });
    output::document(&document, reporting.output.as_deref(), Secrecy::Public)?;
    Ok(exit::DONE)
}
