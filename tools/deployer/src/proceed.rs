//! A word to a deployment that waits at a hook: go on, or back.

use std::time::Duration;

use aws_sdk_ecs::types::DeploymentLifecycleHookAction;
use contract::deployment::Deployment;
use toolkit::{Console, Fault};

use crate::cloud::Cloud;
use crate::wait::{Wait, wait};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proceed {
    /// Service name.
    pub service: String,
    /// Whether it goes back rather than on.
    pub back: bool,
    /// How long there is for a verdict, once it goes on.
    pub timeout: Duration,
}

/// Says the word and follows the deployment from there.
pub(crate) async fn proceed(
    cloud: &Cloud,
    console: &Console,
    request: &Proceed,
) -> anyhow::Result<Deployment> {
    let service = cloud.cluster.existing(&request.service).await?;
    let record = match &service.record {
        Some(arn) => cloud.cluster.record(arn).await?,
        None => None,
    };
    let waiting = record
        .as_ref()
        .and_then(|record| Some((record, record.waiting.first()?)));
    let Some((record, pause)) = waiting else {
        let message = format!("no deployment of {} waits for a word", request.service);
        return Err(Fault::new(contract::exit::NEGATIVE, message)
            .with_hint("`deployer status` shows what it does")
            .into());
    };
    let action = if request.back {
        DeploymentLifecycleHookAction::Rollback
    } else {
        DeploymentLifecycleHookAction::Continue
    };
    let word = action.as_str().to_owned();
    cloud
        .cluster
        .proceed(&record.arn, &pause.id, action)
        .await?;
    console.status(&format!("{} at the hook {}", word, pause.id));
    let wait_for = Wait {
        service: request.service.clone(),
        deployment: None,
        timeout: request.timeout,
    };
    wait(cloud, console, &wait_for).await
}
