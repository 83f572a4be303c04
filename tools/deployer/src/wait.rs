//! Following a deployment that somebody else, or an earlier call, has begun.

use std::time::Duration;

use contract::deployment::Deployment;
use tokio::time::Instant;
use toolkit::{Console, Fault};

use crate::cloud::Cloud;
use crate::definition;
use crate::deploy::{detached, verdict};
use crate::follower::Follower;
use crate::inspect::Inspector;
use crate::interrupt::Interrupt;
use crate::plan::way_back;
use crate::service::short;
use crate::task_log::Streams;
use crate::timeline::Timeline;
use crate::watch::Watch;

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
            .with_hint("ECS forgets a deployment soon after another has taken its place")
            .into());
    };
    console.status(&format!(
        "deployment {} of {}",
        rollout.id,
        short(&rollout.task_definition)
    ));
    let live = cloud.cluster.definition(&rollout.task_definition).await?;
    let streams = Streams::of(&definition::of_live(&live)?);
    let previous = way_back(&service).filter(|back| *back != rollout.task_definition);
    let follower = Follower::new(&rollout.id, previous.as_deref(), &service.events);
    let inspector = Inspector::new(&rollout.id, streams);
    let timeline = Timeline::default();
    let mut watch = Watch::new(cloud, console, service, follower, inspector, timeline);
    let watched = tokio::select! {
        watched = watch.until(begun + request.timeout, None) => Some(watched?),
        () = interrupt.received() => None,
    };
    let (verdict, reason) = match watched {
        Some(watched) => verdict(&watch, watched),
        None => detached(&watch),
    };
    Ok(Deployment {
        cluster: cloud.cluster.name.clone(),
        service: request.service.clone(),
        verdict,
        reason,
        deployment_id: Some(rollout.id),
        task_definition: rollout.task_definition,
        previous_task_definition: previous,
        serving_task_definition: watch.service.task_definition.clone(),
        registered: false,
        url: cloud.balancing.address(console, &watch.service).await,
        failures: watch.inspector.failures.into_document(),
        timeline: watch.timeline.into_document(),
        elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        applied: true,
    })
}
