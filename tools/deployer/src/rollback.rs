//! Back to the release that worked before.

use std::path::PathBuf;
use std::time::Duration;

use contract::deployment::Deployment;
use toolkit::{Console, Fault};

use crate::cloud::Cloud;
use crate::deploy::deploy;
use crate::last_good::last_good;
use crate::release::Release;
use crate::service::short;
use crate::source::Source;
use crate::stop::{self, Stop};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// Service name.
    pub service: String,
    /// The task definition to go back to; none for the newest other one that worked.
    pub to: Option<String>,
    /// How long there is for a verdict.
    pub timeout: Duration,
    /// Whether to change nothing.
    pub dry_run: bool,
    /// Document of an earlier release, the last resort for where to go back to.
    pub earlier: Option<PathBuf>,
}

/// Goes back. A deployment that is in progress is stopped, which is ECS's own way back; otherwise what worked
/// before is released anew.
pub(crate) async fn rollback(
    cloud: &Cloud,
    console: &Console,
    request: &Rollback,
) -> anyhow::Result<Deployment> {
    let service = cloud.cluster.existing(&request.service).await?;
    let is_under_way = service.in_progress().is_some() && service.record.is_some();
    if request.to.is_none() && is_under_way && !request.dry_run {
        let stop = Stop {
            service: request.service.clone(),
            timeout: request.timeout,
            earlier: request.earlier.clone(),
        };
        return stop::stop(cloud, console, &stop).await;
    }
    let target = match &request.to {
        Some(target) => target.clone(),
        None => {
            let earlier = request.earlier.as_deref();
            let found = last_good(cloud, &service, &service.task_definition, earlier).await;
            let found = found.ok_or_else(|| {
                let message = format!(
                    "nothing tells of a release of {} that worked, other than {}",
                    request.service,
                    short(&service.task_definition)
                );
                Fault::new(contract::exit::FAILED, message)
                    .with_hint("name the revision: --to FAMILY:REVISION")
            })?;
            console.status(&format!(
                "{} goes back to {} ({})",
                request.service,
                short(&found.task_definition),
                found.source.words()
            ));
            found.task_definition
        }
    };
    let release = Release {
        timeout: request.timeout,
        dry_run: request.dry_run,
        ..Release::back(&request.service, Source::Registered(target))
    };
    deploy(cloud, console, &release).await
}
