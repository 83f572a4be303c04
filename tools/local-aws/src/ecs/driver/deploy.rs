//! The life of a deployment: begun and completed.

use std::collections::BTreeMap;

use super::{alarms, pause, traffic};
use crate::account::{deployment_number, hex_id};
use crate::ecs::Ecs;
use crate::ecs::cause::SUPERSEDED;
use crate::ecs::model::{
    Backoff, Deployment, Revision, Rollout, RolloutState, RolloutStatus, Service,
};
use crate::ecs::scheduler::stages::{ALL, Strategy, course};
use crate::ecs::world::World;

/// Begins a deployment of the service's settings. It becomes the primary one; a running one is given up.
pub(crate) fn begin(ecs: &Ecs, world: &mut World, key: &str) {
    let now = ecs.now();
    let Some(service) = world.services.get(key) else {
        return;
    };
    let blue = replaced(service);
    let revision = Revision {
        number: deployment_number(),
        settings: service.settings.clone(),
        digests: digests(ecs, world, &service.settings.task_definition),
        groups: traffic::groups(ecs, service, blue.as_deref()),
        created_ms: now,
    };
    let deployment = deployment(&revision, now);
    let mut rollout = rollout(ecs, service, blue, &deployment);
    pause::arrive(ecs, &service.settings.hooks, &mut rollout);
    let Some(service) = world.services.get_mut(key) else {
        return;
    };
    stop(service, SUPERSEDED, now);
    service.history.push(rollout);
    service.revisions.push(revision);
    service.deployments.insert(0, deployment);
    service.backoff = Backoff::default();
    service.steady = false;
    world.trim(key);
    world.touch_service(key);
}

fn rollout(ecs: &Ecs, service: &Service, blue: Option<String>, deployment: &Deployment) -> Rollout {
    let now = ecs.now();
    let watch = alarms::watch(ecs, &service.settings);
    let must_reconcile = service.deployments.len() > 1;
    let outline = service
        .settings
        .outline(blue.is_some(), must_reconcile, watch.bake_s);
    Rollout {
        id: hex_id(21),
        deployment: deployment.id.clone(),
        revision: deployment.revision.clone(),
        sources: service
            .deployments
            .iter()
            .map(|deployment| deployment.revision.clone())
            .collect(),
        status: RolloutStatus::InProgress,
        reason: String::new(),
        failures: 0,
        rollback: None,
        strategy: outline.strategy,
        course: course(&outline),
        stop: 0,
        stop_since_ms: now,
        blue,
        blue_is_whole: false,
        hooks: Vec::new(),
        alarms_ignored: watch.is_ignored,
        triggered: Vec::new(),
        tripped: false,
        production: 0,
        test: false,
        created_ms: now,
        started_ms: now,
        updated_ms: now,
        finished_ms: None,
    }
}

/// The deployment that a new one replaces: the one that has the traffic, else the one that was completed. One that
/// failed, and has none before it, is nothing to go back to.
fn replaced(service: &Service) -> Option<String> {
    let primary = service.primary();
    let shifting = service
        .governing()
        .filter(|rollout| rollout.strategy != Strategy::Rolling && rollout.production < ALL);
    let of_rollout = shifting
        .and_then(|rollout| rollout.blue.as_deref())
        .and_then(|blue| service.deployment(blue));
    let is_shifted = service
        .governing()
        .is_some_and(|rollout| rollout.strategy != Strategy::Rolling && rollout.production == ALL);
    let completed = service
        .deployments
        .iter()
        .find(|deployment| !is_shifted && deployment.rollout == RolloutState::Completed);
    let found = of_rollout.or(completed).or(primary)?;
    (found.rollout != RolloutState::Failed).then(|| found.id.clone())
}

/// A deployment ends without having come to its end.
pub(crate) fn stop(service: &mut Service, reason: &str, now: i64) {
    if let Some(running) = service.running_mut() {
        reason.clone_into(&mut running.reason);
        running.finish(RolloutStatus::Stopped, now);
    }
}

/// The primary deployment has all its tasks, and nothing else runs any more.
pub(crate) fn complete(ecs: &Ecs, world: &mut World, key: &str) {
    let now = ecs.now();
    let Some(service) = world.services.get_mut(key) else {
        return;
    };
    let Some(primary) = service.deployments.first_mut() else {
        return;
    };
    primary.rollout = RolloutState::Completed;
    primary.reason = format!("ECS deployment {} completed.", primary.id);
    primary.updated_ms = now;
    let id = primary.id.clone();
    if let Some(rollout) = service.running_mut() {
        let is_way_back = rollout.rollback.is_some();
        let status = if is_way_back {
            RolloutStatus::RollbackSuccessful
        } else {
            RolloutStatus::Successful
        };
        rollout.finish(status, now);
    }
    let name = service.name.clone();
    world.say(
        key,
        now,
        format!("(service {name}) (deployment {id}) deployment completed."),
    );
}

/// A deployment of a revision, at its beginning.
pub(crate) fn deployment(revision: &Revision, now: i64) -> Deployment {
    let id = format!("ecs-svc/{}", deployment_number());
    Deployment {
        reason: format!("ECS deployment {id} in progress."),
        id,
        task_definition: revision.settings.task_definition.clone(),
        revision: revision.number.clone(),
        rollout: RolloutState::InProgress,
        failed_tasks: 0,
        back_from: None,
        created_ms: now,
        updated_ms: now,
    }
}

/// The digests that the definition's image tags lead to now, so that every task of the deployment runs the same.
/// A tag that leads nowhere is left to fail when a task is started.
fn digests(ecs: &Ecs, world: &World, definition: &str) -> BTreeMap<String, String> {
    let containers = world
        .find_definition(definition)
        .and_then(|definition| definition.body["containerDefinitions"].as_array());
    containers
        .into_iter()
        .flatten()
        .filter(|container| container["versionConsistency"] != "disabled")
        .filter_map(|container| container["image"].as_str())
        .filter_map(|image| Some((image.to_owned(), ecs.parts.ecr.resolve(image).ok()?.digest)))
        .collect()
}
