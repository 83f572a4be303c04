//! One pass over one service.

use serde_json::json;

use super::assess::{Assessed, members};
use super::sides::{Order, orders};
use super::{create, failures, halt, settle, shift, sides};
use crate::ecs::Ecs;
use crate::ecs::model::{RolloutState, Service, ServiceStatus, StopCode};
use crate::ecs::scheduler::plan::{Action, Health};
use crate::ecs::world::World;

/// Looks at a service and does what has to be done next.
pub(crate) fn service(ecs: &Ecs, world: &mut World, key: &str) {
    let Some(service) = world.services.get(key) else {
        return;
    };
    match service.status {
        ServiceStatus::Inactive => {}
        ServiceStatus::Draining => drain(ecs, world, key),
        ServiceStatus::Active => {
            let members = members(ecs, world, key);
            failures::count(ecs, world, key);
            failures::judge(ecs, world, key);
            shift::traffic(ecs, world, key, &members);
            act(ecs, world, key, &members);
            settle::service(ecs, world, key, &members);
        }
    }
}

fn drain(ecs: &Ecs, world: &mut World, key: &str) {
    let Some(service) = world.services.get(key) else {
        return;
    };
    let (cluster, name) = (service.cluster.clone(), service.name.clone());
    let live: Vec<(String, String)> = world
        .tasks_of(&cluster, &name)
        .filter(|task| task.is_live())
        .map(|task| (task.id.clone(), task.started_by.clone()))
        .collect();
    for (id, deployment) in &live {
        halt::task(
            ecs,
            world,
            id,
            StopCode::ServiceSchedulerInitiated,
            &scaling(deployment),
        );
    }
    if live.is_empty() {
        if let Some(service) = world.services.get_mut(key) {
            service.status = ServiceStatus::Inactive;
            service.deployments.clear();
        }
        world.touch_service(key);
    }
}

fn scaling(deployment: &str) -> String {
    format!("Scaling activity initiated by (deployment {deployment})")
}

fn act(ecs: &Ecs, world: &mut World, key: &str, members: &[Assessed]) {
    let now = ecs.now();
    let Some(service) = world.services.get(key) else {
        return;
    };
    let Some(primary) = service.primary().map(|primary| primary.id.clone()) else {
        return;
    };
    let orders = orders(service, now, members);
    let name = service.name.clone();
    if orders.is_empty() {
        if is_stuck(world, service, now, members) {
            let message = format!(
                "(service {name}) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
            );
            world.say(key, now, message);
        }
        return;
    }
    let mut retired = Vec::new();
    for Order { deployment, action } in orders {
        match action {
            Action::Start(count) => {
                let is_replaced = |member: &&Assessed| {
                    member.deployment == deployment && member.health == Health::Unhealthy
                };
                let replaced = members.iter().filter(is_replaced).count();
                start(ecs, world, key, &deployment, count, replaced);
            }
            Action::Retire(task) => {
                let reason = scaling(&primary);
                let code = StopCode::ServiceSchedulerInitiated;
                halt::task(ecs, world, &task, code, &reason);
                retired.push(format!("(task {task})"));
            }
            Action::Replace(task) => {
                failures::replace(ecs, world, key, &task);
                retired.push(format!("(task {task})"));
            }
        }
    }
    if !retired.is_empty() {
        let message = format!(
            "(service {name}) has stopped {} running tasks: {}.",
            retired.len(),
            retired.join(" ")
        );
        world.say(key, now, message);
    }
}

/// Whether the percentages let a deployment neither start nor stop anything, while there is nothing to wait for.
fn is_stuck(world: &World, service: &Service, now: i64, members: &[Assessed]) -> bool {
    let Some(primary) = service.primary() else {
        return false;
    };
    let new = members
        .iter()
        .filter(|member| member.deployment == primary.id);
    let tasks = world.tasks_of(&service.cluster, &service.name);
    primary.rollout == RolloutState::InProgress
        && sides::wanted(service).is_none()
        && now >= service.backoff.until_ms
        && new.count() < service.desired as usize
        && members
            .iter()
            .all(|member| member.health == Health::Healthy)
        && tasks.filter(|task| task.is_live()).count() == members.len()
}

/// Starts tasks, some of them in place of unhealthy ones.
fn start(ecs: &Ecs, world: &mut World, key: &str, deployment: &str, count: u32, unhealthy: usize) {
    let now = ecs.now();
    let Some(service) = world.services.get(key) else {
        return;
    };
    let Some(deployment) = service.deployment(deployment) else {
        return;
    };
    let Some(definition) = world.find_definition(&deployment.task_definition).cloned() else {
        return;
    };
    let digests = service
        .revision(&deployment.revision)
        .map(|revision| revision.digests.clone())
        .unwrap_or_default();
    let request = create::Request {
        cluster: service.cluster.clone(),
        group: format!("service:{}", service.name),
        started_by: deployment.id.clone(),
        launch_type: service.settings.launch_type.clone(),
        overrides: json!({ "containerOverrides": [], "inferenceAcceleratorOverrides": [] }),
        digests,
        tags: json!([]),
    };
    let name = service.name.clone();
    let mut started = Vec::new();
    for _ in 0..count {
        match create::task(ecs, world, &definition, &request) {
            Ok(id) => started.push(format!("(task {id})")),
            Err(shortage) => {
                let message = format!(
                    "(service {name}) was unable to place a task because no container instance met all of its requirements. \
                     The closest matching container-instance {} {}",
                    ecs.capacity.container_instance,
                    shortage.sentence()
                );
                world.say(key, now, message);
                break;
            }
        }
    }
    if !started.is_empty() {
        let replaced = match unhealthy.min(started.len()) {
            0 => String::new(),
            some => format!(" Amazon ECS replaced {some} tasks due to an unhealthy status."),
        };
        let message = format!(
            "(service {name}) has started {} tasks: {}.{replaced}",
            started.len(),
            started.join(" ")
        );
        world.say(key, now, message);
    }
}
