//! Following a deployment that somebody else, or an earlier call, has begun.

use std::time::Duration;

use contract::deployment::{Deployment, Verdict};
use tokio::time::Instant;
use toolkit::{Console, Fault};

use crate::cloud::Cloud;
use crate::definition;
use crate::deploy::{blank, elapsed};
use crate::follower::Follower;
use crate::inspect::Inspector;
use crate::interrupt::Interrupt;
use crate::service::{Rollout, Service, State, short};
use crate::settle::{detached, verdict};
use crate::task_log::Streams;
use crate::timeline::Timeline;
use crate::watch::{Limits, Watch};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Service name.
    pub service: String,
    /// `ecs-svc/…`; none for the one that the service goes to now.
    pub deployment: Option<String>,
    /// How long there is for a verdict.
    pub timeout: Duration,
}

/// Follows and tells what became of it; changes nothing.
pub(crate) async fn wait(
    cloud: &Cloud,
    console: &Console,
    request: &Wait,
) -> anyhow::Result<Deployment> {
    let begun = Instant::now();
    let mut interrupt = Interrupt::new()?;
    let service = cloud.cluster.existing(&request.service).await?;
    let rollout = match &request.deployment {
        Some(id) => service.rollout(id),
        None => service.primary(),
    };
    let Some(rollout) = rollout.cloned() else {
        let wanted = request.deployment.as_deref().unwrap_or("primary");
        let known: Vec<&str> = service.rollouts.iter().map(|r| r.id.as_str()).collect();
        let message = format!(
            "the service {} has no deployment {wanted}; it has {}",
            service.name,
            known.join(", ")
        );
        return Err(Fault::new(1, message)
            .with_hint("ECS forgets a deployment soon after another has taken its place; `deployer history` tells of those before")
            .into());
    };
    let (mut watch, mut document) = attach(cloud, console, service, &rollout).await?;
    let limits = Limits {
        deadline: begun + request.timeout,
        failures: None,
        placement: None,
        pace: None,
    };
    (document.verdict, document.reason) = match watch.unless(&mut interrupt, limits).await? {
        Some(watched) => verdict(&watch, watched),
        None => detached(&watch),
    };
    document.elapsed_ms = elapsed(begun);
    watch.conclude(&mut document);
    Ok(document)
}

/// Takes up a deployment that has begun, with the document as far as it can be known.
pub(crate) async fn attach<'a>(
    cloud: &'a Cloud,
    console: &'a Console,
    service: Service,
    rollout: &Rollout,
) -> anyhow::Result<(Watch<'a>, Deployment)> {
    console.status(&format!(
        "deployment {} of {}",
        rollout.id,
        short(&rollout.task_definition)
    ));
    let live = cloud.cluster.definition(&rollout.task_definition).await?;
    let streams = Streams::of(&definition::of_live(&live)?);
    let replaced = service.rollouts.iter().find(|other| {
        other.state == State::Completed && other.task_definition != rollout.task_definition
    });
    let previous = replaced.map(|other| other.task_definition.clone());
    let document = Deployment {
        verdict: Verdict::Started,
        deployment_id: Some(rollout.id.clone()),
        task_definition: rollout.task_definition.clone(),
        previous_task_definition: previous.clone(),
        serving_task_definition: service.task_definition.clone(),
        ..blank(&cloud.cluster.name, &service.name)
    };
    let follower = Follower::new(&rollout.id, previous.as_deref(), &service.events);
    let inspector = Inspector::new(&rollout.id, streams);
    let timeline = Timeline::default();
    let watch = Watch::new(cloud, console, service, follower, inspector, timeline, None);
    Ok((watch, document))
}
