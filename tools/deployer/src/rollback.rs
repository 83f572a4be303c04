//! Back to the release that worked before.

use std::time::Duration;

use contract::deployment::Deployment;
use toolkit::{Console, Fault};

use crate::cloud::Cloud;
use crate::deploy::{OnInterrupt, Release, deploy};
use crate::history::last_that_worked;
use crate::plan::way_back;
use crate::service::short;
use crate::source::Source;
use crate::trouble::Trouble;

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
}

/// Goes back, taking the place of a deployment that is in progress.
pub(crate) async fn rollback(
    cloud: &Cloud,
    console: &Console,
    request: &Rollback,
) -> anyhow::Result<Deployment> {
    let target = match &request.to {
        Some(target) => target.clone(),
        None => target(cloud, &request.service).await?,
    };
    console.status(&format!(
        "{} goes back to {}",
        request.service,
        short(&target)
    ));
    let release = Release {
        service: request.service.clone(),
        task_definition: Source::Registered(target),
        create: None,
        timeout: request.timeout,
        failures: u32::MAX,
        // From here there is no place to go back to that is known to be better.
        rolls_back: false,
        dry_run: request.dry_run,
        on_interrupt: OnInterrupt::Detach,
        supersede: true,
    };
    deploy(cloud, console, &release).await
}

async fn target(cloud: &Cloud, name: &str) -> anyhow::Result<String> {
    let service = cloud.cluster.existing(name).await?;
    // What still runs beside a deployment in progress is what it would replace.
    let beside = way_back(&service).filter(|back| *back != service.task_definition);
    if let Some(beside) = beside {
        return Ok(beside);
    }
    let hint = "name the revision: --to FAMILY:REVISION";
    match last_that_worked(&cloud.cluster, name, &service.task_definition).await {
        Ok(Some(target)) => Ok(target),
        Ok(None) => {
            let message = format!(
                "ECS has no record of a release of {name} that worked, other than {}",
                short(&service.task_definition)
            );
            Err(Fault::new(1, message).with_hint(hint).into())
        }
        Err(Trouble::Passing(error) | Trouble::Final(error)) => {
            Err(Fault::new(1, format!("{error:#}")).with_hint(hint).into())
        }
    }
}
