//! The end of a deployment that failed, and the way back.

use super::deploy;
use crate::ecs::Ecs;
use crate::ecs::cause::{Cause, NO_CANDIDATE};
use crate::ecs::model::{
    Backoff, Deployment, Revision, Rollout, RolloutState, RolloutStatus, Service,
};
use crate::ecs::scheduler::hooks::{HookAction, HookStatus};
use crate::ecs::scheduler::stages::Stage;
use crate::ecs::world::World;

/// No more tasks of the running deployment, and back to what worked where that is wanted.
pub(crate) fn fail(ecs: &Ecs, world: &mut World, key: &str, cause: &Cause) {
    let now = ecs.now();
    let Some(service) = world.services.get_mut(key) else {
        return;
    };
    let goes_back = match cause {
        Cause::Breaker => service.settings.breaker_rollback,
        Cause::Alarms(_) => service.settings.alarms_roll_back(),
        Cause::Stopped | Cause::Hook(_) | Cause::HookTimedOut(_) | Cause::Network(_) => true,
    };
    let Some(primary) = service.deployments.first_mut() else {
        return;
    };
    primary.rollout = RolloutState::Failed;
    primary.reason = cause.of_rollout();
    primary.updated_ms = now;
    let (id, failures) = (primary.id.clone(), primary.failed_tasks);
    if let Some(rollout) = service.running_mut() {
        rollout.failures = failures;
        rollout.updated_ms = now;
        rollout.tripped = *cause == Cause::Breaker;
        if let Cause::Alarms(names) = cause {
            rollout.triggered.clone_from(names);
        }
        for hook in &mut rollout.hooks {
            if hook.status == HookStatus::AwaitingAction {
                hook.settle(HookAction::Rollback);
            }
        }
    }
    let name = service.name.clone();
    world.touch_service(key);
    let event = cause.event();
    world.say(
        key,
        now,
        format!("(service {name}) (deployment {id}) deployment failed: {event}"),
    );
    if goes_back {
        roll_back(ecs, world, key, cause);
    } else if let Some(rollout) = world.services.get_mut(key).and_then(Service::running_mut) {
        end(rollout, RolloutStatus::Stopped, cause.of_stop(), now);
    }
}

fn end(rollout: &mut Rollout, status: RolloutStatus, reason: String, now: i64) {
    rollout.reason = reason;
    rollout.finish(status, now);
}

/// Goes back to the last revision that was deployed successfully. Its deployment becomes the primary one again.
fn roll_back(ecs: &Ecs, world: &mut World, key: &str, cause: &Cause) {
    let now = ecs.now();
    let Some(service) = world.services.get_mut(key) else {
        return;
    };
    let Some(target) = candidate(service) else {
        if let Some(rollout) = service.running_mut() {
            let reason = NO_CANDIDATE.to_owned();
            end(rollout, RolloutStatus::RollbackFailed, reason, now);
        }
        return;
    };
    let (back, is_new) = way_back(service, &target, cause, now);
    service.settings.take_workload(&target.settings);
    if let Some(rollout) = service.running_mut() {
        rollout.status = RolloutStatus::RollbackInProgress;
        rollout.rollback = Some((target.number.clone(), now, cause.of_rollback()));
        rollout.reason = cause.of_rollback();
        // Until the clean-up begins, nobody touches what is replaced.
        let is_untouched = rollout
            .current_stop()
            .is_some_and(|stop| stop.stage < Stage::CleanUp);
        rollout.blue_is_whole = !is_new && is_untouched;
        rollout.blue = Some(back.clone());
    }
    service.backoff = Backoff::default();
    service.steady = false;
    let name = service.name.clone();
    world.say(
        key,
        now,
        format!("(service {name}) rolling back to deployment {back}."),
    );
}

/// Puts the deployment of the revision that worked before the one that failed. Gives its id, and whether it is new.
fn way_back(service: &mut Service, target: &Revision, cause: &Cause, now: i64) -> (String, bool) {
    let failed = service.primary().map(|deployment| deployment.id.clone());
    let place = service
        .deployments
        .iter()
        .position(|deployment| deployment.revision == target.number);
    let live = place.map(|place| service.deployments.remove(place));
    let is_new = live.is_none();
    let back = live.unwrap_or_else(|| deploy::deployment(target, now));
    let id = back.id.clone();
    service.deployments.insert(
        0,
        Deployment {
            rollout: RolloutState::InProgress,
            reason: cause.of_way_back(&id),
            failed_tasks: 0,
            updated_ms: now,
            back_from: failed,
            ..back
        },
    );
    (id, is_new)
}

/// The revision of the last successful rollout, other than the one that is given up.
fn candidate(service: &Service) -> Option<Revision> {
    let current = &service.primary()?.revision;
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
