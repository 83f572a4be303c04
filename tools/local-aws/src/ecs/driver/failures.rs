//! Tasks that failed, and what a deployment makes of them.

use super::alarms;
use super::assess::note_failures;
use super::{give_up, halt, pause, traffic};
use crate::ecs::Ecs;
use crate::ecs::cause::Cause;
use crate::ecs::model::{RolloutState, RolloutStatus, Service, StopCode};
use crate::ecs::scheduler::backoff;
use crate::ecs::world::World;
use crate::elb::TargetState;

/// A task that ended without being told to.
struct Failed {
    task: String,
    deployment: String,
    has_run: bool,
}

/// Counts the tasks that ended without being told to, each with its deployment. What the primary deployment starts
/// next has to wait for them.
pub(crate) fn count(ecs: &Ecs, world: &mut World, key: &str) {
    let now = ecs.now();
    let Some(service) = world.services.get(key) else {
        return;
    };
    let primary = service.primary().map(|primary| primary.id.clone());
    let codes = [
        StopCode::TaskFailedToStart,
        StopCode::EssentialContainerExited,
    ];
    let failed: Vec<Failed> = world
        .tasks_of(&service.cluster, &service.name)
        .filter(|task| !task.counted)
        .filter(|task| {
            task.stopping
                .as_ref()
                .is_some_and(|stopping| codes.contains(&stopping.code))
        })
        .map(|task| Failed {
            task: task.id.clone(),
            deployment: task.started_by.clone(),
            has_run: task.times.started.is_some(),
        })
        .collect();
    for Failed {
        task,
        deployment,
        has_run,
    } in failed
    {
        if let Some(task) = world.tasks.get_mut(&task) {
            task.counted = true;
        }
        world.touch_task(&task);
        let Some(service) = world.services.get_mut(key) else {
            return;
        };
        let failures = add(service, &deployment, now);
        let is_primary = primary.as_ref() == Some(&deployment);
        if is_primary {
            let backoff = &mut service.backoff;
            backoff.failures = if has_run { 0 } else { backoff.failures + 1 };
            let wait_s = backoff::seconds(backoff.failures);
            backoff.until_ms = now + ecs.parts.clock.wait_ms(wait_s);
        }
        let name = service.name.clone();
        world.touch_service(key);
        if is_primary && failures >= 3 {
            world.say(
                key,
                now,
                format!("(service {name}) is unable to consistently start tasks successfully."),
            );
        }
    }
}

/// Counts one more failed task, and gives how many there are.
fn add(service: &mut Service, deployment: &str, now: i64) -> u32 {
    let Some(failed) = service.deployment_mut(deployment) else {
        return 0;
    };
    failed.failed_tasks += 1;
    failed.updated_ms = now;
    let failures = failed.failed_tasks;
    note_failures(service, deployment, failures);
    failures
}

/// Ends the running deployment if there is a reason to.
pub(crate) fn judge(ecs: &Ecs, world: &mut World, key: &str) {
    let now = ecs.now();
    let Some(service) = world.services.get_mut(key) else {
        return;
    };
    let Some(rollout) = service.running_mut() else {
        return;
    };
    if pause::expire(rollout, now) {
        world.touch_service(key);
    }
    let cause = world
        .services
        .get(key)
        .and_then(|service| verdict(ecs, service));
    if let Some(cause) = cause {
        give_up::fail(ecs, world, key, &cause);
    }
}

fn verdict(ecs: &Ecs, service: &Service) -> Option<Cause> {
    let rollout = service.running()?;
    let primary = service.primary()?;
    if rollout.status == RolloutStatus::RollbackRequested {
        return Some(pause::refusal(rollout).unwrap_or(Cause::Stopped));
    }
    let is_going =
        rollout.status == RolloutStatus::InProgress && primary.rollout == RolloutState::InProgress;
    if !is_going {
        return None;
    }
    let threshold = service.settings.breaker_threshold.tasks(service.desired);
    if service.settings.breaker && primary.failed_tasks >= threshold {
        return Some(Cause::Breaker);
    }
    let triggered = alarms::triggered(ecs, service);
    if !triggered.is_empty() {
        return Some(Cause::Alarms(triggered));
    }
    let refusal = pause::refusal(rollout);
    refusal.or_else(|| traffic::problem(ecs, service, rollout).map(Cause::Network))
}

/// Stops an unhealthy task. It counts as a failure of its deployment.
pub(crate) fn replace(ecs: &Ecs, world: &mut World, key: &str, id: &str) {
    let Some(task) = world.tasks.get(id) else {
        return;
    };
    let deployment = task.started_by.clone();
    let is_unhealthy = |(arn, target): &&(String, crate::elb::Target)| {
        ecs.parts
            .elb
            .target_health(arn, target)
            .is_some_and(|health| health.state == TargetState::Unhealthy)
    };
    let reason = match task.targets.iter().find(is_unhealthy) {
        Some((arn, _)) => format!("Task failed ELB health checks in (target-group {arn})"),
        None => "Task failed container health checks".to_owned(),
    };
    halt::task(ecs, world, id, StopCode::ServiceSchedulerInitiated, &reason);
    if let Some(task) = world.tasks.get_mut(id) {
        task.counted = true;
    }
    if let Some(service) = world.services.get_mut(key) {
        add(service, &deployment, ecs.now());
    }
    world.touch_service(key);
}
