//! The life of a deployment: begun, completed, failed, gone back from.

use std::collections::BTreeMap;

use crate::account::{deployment_number, hex_id};
use crate::ecs::Ecs;
use crate::ecs::model::{
    Backoff, Deployment, Revision, Rollout, RolloutState, RolloutStatus, Service,
};
use crate::ecs::world::World;

/// Begins a deployment of the service's settings. It becomes the primary one; a running one is given up.
pub(crate) fn begin(ecs: &Ecs, world: &mut World, key: &str) {
    let now = ecs.now();
    let Some(service) = world.services.get(key) else {
        return;
    };
    let digests = digests(ecs, world, &service.settings.task_definition);
    let Some(service) = world.services.get_mut(key) else {
        return;
    };
    if let Some(running) = service
        .history
        .last_mut()
        .filter(|rollout| rollout.finished_ms.is_none())
    {
        running.status = RolloutStatus::Stopped;
        running.finished_ms = Some(now);
        running.updated_ms = now;
    }
    let revision = Revision {
        number: deployment_number(),
        settings: service.settings.clone(),
        digests,
        created_ms: now,
    };
    let deployment = deployment(&revision, now);
    service.history.push(Rollout {
        id: hex_id(21),
        deployment: deployment.id.clone(),
        revision: revision.number.clone(),
        sources: service
            .deployments
            .iter()
            .map(|deployment| deployment.revision.clone())
            .collect(),
        status: RolloutStatus::InProgress,
        reason: String::new(),
        failures: 0,
        rollback: None,
        created_ms: now,
        started_ms: now,
        updated_ms: now,
        finished_ms: None,
    });
    service.revisions.push(revision);
    service.deployments.insert(0, deployment);
    service.backoff = Backoff::default();
    service.steady = false;
    world.trim(key);
    world.touch_service(key);
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
    if let Some(rollout) = service
        .history
        .last_mut()
        .filter(|rollout| rollout.finished_ms.is_none())
    {
        let is_way_back = rollout.rollback.is_some();
        rollout.status = if is_way_back {
            RolloutStatus::RollbackSuccessful
        } else {
            RolloutStatus::Successful
        };
        rollout.finished_ms = Some(now);
        rollout.updated_ms = now;
    }
    let name = service.name.clone();
    world.say(
        key,
        now,
        format!("(service {name}) (deployment {id}) deployment completed."),
    );
}

/// The circuit breaker has had enough: no more tasks, and back to what worked if that is wanted.
pub(crate) fn fail(ecs: &Ecs, world: &mut World, key: &str) {
    let now = ecs.now();
    let Some(service) = world.services.get_mut(key) else {
        return;
    };
    let (name, goes_back) = (service.name.clone(), service.settings.breaker_rollback);
    let Some(primary) = service.deployments.first_mut() else {
        return;
    };
    primary.rollout = RolloutState::Failed;
    primary.reason = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
    primary.updated_ms = now;
    let (id, failures) = (primary.id.clone(), primary.failed_tasks);
    if let Some(rollout) = service.history.last_mut() {
        rollout.failures = failures;
    }
    world.say(
        key,
        now,
        format!("(service {name}) (deployment {id}) deployment failed: tasks failed to start."),
    );
    if goes_back {
        roll_back(
            ecs,
            world,
            key,
            "Service deployment rolled back because the circuit breaker threshold was exceeded.",
        );
    } else if let Some(rollout) = world
        .services
        .get_mut(key)
        .and_then(|service| service.history.last_mut())
    {
        rollout.status = RolloutStatus::Stopped;
        rollout.finished_ms = Some(now);
    }
}

/// Goes back to the last revision that was deployed successfully. Its deployment becomes the primary one again.
pub(crate) fn roll_back(ecs: &Ecs, world: &mut World, key: &str, reason: &str) {
    let now = ecs.now();
    let Some(service) = world.services.get_mut(key) else {
        return;
    };
    let Some(target) = candidate(service) else {
        if let Some(rollout) = service.history.last_mut() {
            rollout.status = RolloutStatus::RollbackFailed;
            rollout.reason = "No rollback candidate was found to run the rollback.".to_owned();
            rollout.finished_ms = Some(now);
        }
        world.touch_service(key);
        return;
    };
    let mut failed = service.deployments.remove(0);
    if failed.rollout != RolloutState::Failed {
        failed.rollout = RolloutState::Failed;
        failed.reason = reason.to_owned();
    }
    failed.updated_ms = now;
    let place = service
        .deployments
        .iter()
        .position(|deployment| deployment.revision == target.number);
    let mut back = place.map_or_else(
        || deployment(&target, now),
        |place| service.deployments.remove(place),
    );
    back.rollout = RolloutState::InProgress;
    back.reason = format!(
        "ECS deployment circuit breaker: rolling back to deploymentId {}.",
        back.id
    );
    back.failed_tasks = 0;
    back.updated_ms = now;
    back.back_from = Some(failed.id.clone());
    let id = back.id.clone();
    service.settings = target.settings.clone();
    if let Some(rollout) = service.history.last_mut() {
        rollout.status = RolloutStatus::RollbackInProgress;
        rollout.rollback = Some((target.number.clone(), now, reason.to_owned()));
        rollout.reason = reason.to_owned();
        rollout.updated_ms = now;
    }
    service.deployments.insert(0, failed);
    service.deployments.insert(0, back);
    service.backoff = Backoff::default();
    service.steady = false;
    let name = service.name.clone();
    world.say(
        key,
        now,
        format!("(service {name}) rolling back to deployment {id}."),
    );
    world.touch_service(key);
}

/// The revision of the last successful rollout, other than the one that is given up.
fn candidate(service: &Service) -> Option<Revision> {
    let current = &service.deployments.first()?.revision;
    let worked = service
        .history
        .iter()
        .rev()
        .find_map(|rollout| match rollout.status {
            RolloutStatus::Successful => Some(rollout.revision.as_str()),
            RolloutStatus::RollbackSuccessful => rollout
                .rollback
                .as_ref()
                .map(|(revision, _, _)| revision.as_str()),
            _ => None,
        })?;
    (worked != current)
        .then(|| service.revision(worked).cloned())
        .flatten()
}

fn deployment(revision: &Revision, now: i64) -> Deployment {
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
