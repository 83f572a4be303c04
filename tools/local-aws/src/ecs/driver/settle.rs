//! What a pass ends with: a deployment goes on to its next stage, or is over, and a service has what it wants.

use std::collections::BTreeSet;

use super::assess::Assessed;
use super::{deploy, pause, shift};
use crate::ecs::Ecs;
use crate::ecs::model::{Rollout, RolloutStatus, Service};
use crate::ecs::scheduler::hooks::{Gate, gate};
use crate::ecs::scheduler::stages::{Seen, may_go_on};
use crate::ecs::world::World;

/// What a service has, at the end of a pass.
struct Having {
    /// The primary deployment has all its tasks, each of them healthy.
    primary_is_whole: bool,
    /// Deployments with tasks that have not ended.
    live: BTreeSet<String>,
}

pub(crate) fn service(ecs: &Ecs, world: &mut World, key: &str, members: &[Assessed]) {
    let Some(service) = world.services.get(key) else {
        return;
    };
    let Some(primary) = service.primary().map(|primary| primary.id.clone()) else {
        return;
    };
    let having = Having {
        primary_is_whole: shift::is_whole(service, Some(&primary), members),
        live: world
            .tasks_of(&service.cluster, &service.name)
            .filter(|task| task.is_live())
            .map(|task| task.started_by.clone())
            .collect(),
    };
    match step(ecs, service, &having) {
        Step::Stay => {}
        Step::GoOn => go_on(ecs, world, key),
        Step::Complete => deploy::complete(ecs, world, key),
    }
    forget_deployments(world, key, &having.live);
    let has_all = having.primary_is_whole && having.live.iter().all(|id| *id == primary);
    tell_steady(ecs, world, key, has_all);
}

enum Step {
    Stay,
    GoOn,
    Complete,
}

fn step(ecs: &Ecs, service: &Service, having: &Having) -> Step {
    let Some(rollout) = service.running() else {
        return Step::Stay;
    };
    let is_primary = |id: &String| service.primary().is_some_and(|primary| primary.id == *id);
    let old_gone = having.live.iter().all(is_primary);
    let is_over = having.primary_is_whole && old_gone;
    let stop = match (rollout.status, rollout.current_stop()) {
        (RolloutStatus::InProgress, Some(stop)) => stop,
        (RolloutStatus::InProgress, None) | (RolloutStatus::RollbackInProgress, _) => {
            return if is_over { Step::Complete } else { Step::Stay };
        }
        _ => return Step::Stay,
    };
    let seen = Seen {
        waited_s: waited_s(ecs, rollout),
        hooks_passed: gate(&rollout.hooks, rollout.stop) == Gate::Open,
        green_ready: having.primary_is_whole,
        old_gone,
        others_gone: having
            .live
            .iter()
            .all(|id| is_primary(id) || rollout.blue.as_ref() == Some(id)),
    };
    if !may_go_on(rollout.strategy, &stop, &seen) {
        Step::Stay
    } else if rollout.stop + 1 < rollout.course.len() {
        Step::GoOn
    } else if is_over {
        Step::Complete
    } else {
        Step::Stay
    }
}

/// Seconds of AWS's since the deployment came to its stop.
fn waited_s(ecs: &Ecs, rollout: &Rollout) -> i64 {
    let since_ms = ecs.now() - rollout.stop_since_ms;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "waits are far below 2^53 ms"
    )]
    let seconds = (since_ms as f64 / 1000.0 * ecs.parts.clock.speed()) as i64;
    seconds
}

fn go_on(ecs: &Ecs, world: &mut World, key: &str) {
    let now = ecs.now();
    let Some(service) = world.services.get_mut(key) else {
        return;
    };
    let hooks = service.settings.hooks.clone();
    if let Some(rollout) = service.running_mut() {
        rollout.stop += 1;
        rollout.stop_since_ms = now;
        rollout.updated_ms = now;
        pause::arrive(ecs, &hooks, rollout);
    }
    world.touch_service(key);
}

/// Drops deployments that have no tasks any more. The one that is being replaced stays listed until its successor
/// is completed.
fn forget_deployments(world: &mut World, key: &str, live: &BTreeSet<String>) {
    let Some(service) = world.services.get_mut(key) else {
        return;
    };
    let blue = service.running().and_then(|rollout| rollout.blue.clone());
    let primary = service.primary().map(|primary| primary.id.clone());
    let before = service.deployments.len();
    service.deployments.retain(|deployment| {
        let id = Some(&deployment.id);
        id == primary.as_ref() || id == blue.as_ref() || live.contains(&deployment.id)
    });
    if service.deployments.len() != before {
        world.touch_service(key);
    }
}

fn tell_steady(ecs: &Ecs, world: &mut World, key: &str, has_all: bool) {
    let Some(service) = world.services.get_mut(key) else {
        return;
    };
    let is_steady = has_all && service.running().is_none();
    if is_steady == service.steady {
        return;
    }
    service.steady = is_steady;
    let name = service.name.clone();
    world.touch_service(key);
    if is_steady {
        world.say(
            key,
            ecs.now(),
            format!("(service {name}) has reached a steady state."),
        );
    }
}
