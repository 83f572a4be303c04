//! Ending a deployment that is in progress: its service goes back to what worked.

use std::path::PathBuf;
use std::time::Duration;

use contract::deployment::{Deployment, Verdict};
use tokio::time::Instant;
use toolkit::{Console, Fault};

use crate::cloud::Cloud;
use crate::deploy::elapsed;
use crate::interrupt::Interrupt;
use crate::release::Release;
use crate::service::short;
use crate::settle::go_back;
use crate::source::Source;
use crate::wait::attach;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Service name.
    pub service: String,
    /// How long the way back may take.
    pub timeout: Duration,
    /// Document of an earlier release, the last resort for where to go back to.
    pub earlier: Option<PathBuf>,
}

/// Stops what is in progress and follows the way back.
pub(crate) async fn stop(
    cloud: &Cloud,
    console: &Console,
    request: &Stop,
) -> anyhow::Result<Deployment> {
    let begun = Instant::now();
    let mut interrupt = Interrupt::new()?;
    let service = cloud.cluster.existing(&request.service).await?;
    let Some(rollout) = service.in_progress().cloned() else {
        let message = format!(
            "no deployment of {} is in progress: it runs {}",
            request.service,
            short(&service.task_definition)
        );
        return Err(Fault::new(contract::exit::NEGATIVE, message)
            .with_hint("`deployer rollback` goes back from a release that has completed")
            .into());
    };
    let (mut watch, mut document) = attach(cloud, console, service, &rollout).await?;
    let release = Release {
        return_timeout: request.timeout,
        earlier: request.earlier.clone(),
        ..Release::back(&request.service, Source::Live)
    };
    watch.learn().await;
    let reason = "stopped on request";
    let outcome = go_back(&mut watch, &release, &document, reason, &mut interrupt).await?;
    (document.verdict, document.reason) = outcome;
    document.elapsed_ms = elapsed(begun);
    watch.conclude(&mut document);
    // What was asked for has happened: a way back that arrives is a success here.
    if document.verdict == Verdict::RolledBack {
        console.status("the deployment was stopped as asked");
    }
    Ok(document)
}
