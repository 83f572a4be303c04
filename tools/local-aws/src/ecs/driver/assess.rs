//! The health of a service's tasks, and what is new about it.

use crate::ecs::Ecs;
use crate::ecs::model::{Service, Task, TaskState};
use crate::ecs::scheduler::breaker;
use crate::ecs::scheduler::health::{Signs, UNCHECKED_SECONDS, assess};
use crate::ecs::scheduler::plan::Health;
use crate::ecs::world::World;
use crate::elb::TargetState;

/// A task that may go on running, with its health.
pub(crate) struct Assessed {
    pub(crate) task: String,
    pub(crate) deployment: String,
    pub(crate) health: Health,
    /// Whether it was ever healthy.
    pub(crate) has_worked: bool,
}

/// The health of every task that nobody has told to stop; what is new about it is noted.
pub(crate) fn members(ecs: &Ecs, world: &mut World, key: &str) -> Vec<Assessed> {
    let now = ecs.now();
    let Some(service) = world.services.get(key) else {
        return Vec::new();
    };
    let mut members = Vec::new();
    let mut recovered = Vec::new();
    let mut fallen = Vec::new();
    let tasks = world.tasks_of(&service.cluster, &service.name);
    for task in tasks.filter(|task| task.is_live() && !task.is_stopping()) {
        let health = if task.state == TaskState::Running {
            assess(&signs(ecs, service, task, now))
        } else {
            Health::Pending
        };
        match health {
            Health::Healthy if !task.healthy => recovered.push(task.id.clone()),
            Health::Unhealthy if !task.reported => fallen.push(task.id.clone()),
            _ => {}
        }
        members.push(Assessed {
            task: task.id.clone(),
            deployment: task.started_by.clone(),
            health,
            has_worked: task.healthy || health == Health::Healthy,
        });
    }
    for id in recovered {
        became_healthy(world, key, &id);
    }
    for id in fallen {
        tell_unhealthy(ecs, world, key, &id);
    }
    members
}

fn signs(ecs: &Ecs, service: &Service, task: &Task, now: i64) -> Signs {
    let clock = ecs.parts.clock;
    let target = |(arn, target): &(String, crate::elb::Target)| {
        ecs.parts
            .elb
            .target_health(arn, target)
            .map(|health| health.state)
    };
    let mut targets: Vec<Option<TargetState>> = task.targets.iter().map(target).collect();
    // A target that is not registered yet cannot be healthy. What counts is what the task's own revision asks for:
    // a target group that was added since says nothing about it.
    let revision = service.revision_of(&task.started_by);
    let expected = revision.map_or(0, |revision| revision.settings.load_balancers.len());
    targets.resize(targets.len().max(expected), None);
    Signs {
        age_ms: task.times.started.map_or(0, |started| now - started),
        unchecked_ms: clock.wait_ms(UNCHECKED_SECONDS),
        grace_ms: clock.wait_ms(service.settings.grace_seconds),
        targets,
        containers: task
            .containers
            .iter()
            .filter(|container| container.essential)
            .filter_map(|container| container.health.state)
            .collect(),
    }
}

fn became_healthy(world: &mut World, key: &str, id: &str) {
    let Some(task) = world.tasks.get_mut(id) else {
        return;
    };
    task.healthy = true;
    let started_by = task.started_by.clone();
    world.touch_task(id);
    if let Some(service) = world.services.get_mut(key) {
        // A task that works shows that the deployment can: failures count only in a row, unless they shall not.
        let resets = service.settings.breaker_reset;
        if let Some(deployment) = service.deployment_mut(&started_by) {
            deployment.failed_tasks = breaker::after_success(deployment.failed_tasks, resets);
            let failures = deployment.failed_tasks;
            note_failures(service, &started_by, failures);
        }
        service.backoff.failures = 0;
    }
    world.touch_service(key);
}

/// What the service deployment shows of its breaker's count.
pub(crate) fn note_failures(service: &mut Service, deployment: &str, failures: u32) {
    if let Some(rollout) = service.running_mut()
        && rollout.deployment == deployment
    {
        rollout.failures = failures;
    }
}

fn tell_unhealthy(ecs: &Ecs, world: &mut World, key: &str, id: &str) {
    let now = ecs.now();
    let Some(task) = world.tasks.get_mut(id) else {
        return;
    };
    task.reported = true;
    let name = task.service().unwrap_or_default().to_owned();
    let targets = task.targets.clone();
    world.touch_task(id);
    for (arn, target) in &targets {
        let health = ecs
            .parts
            .elb
            .target_health(arn, target)
            .filter(|health| health.state == TargetState::Unhealthy);
        if let Some(health) = health {
            let reason = health
                .description
                .unwrap_or_else(|| "Health checks failed".to_owned());
            let message = format!(
                "(service {name}) (task {id}) (instance {}) (port {}) is unhealthy in (target-group {arn}) due to (reason {reason})",
                ecs.capacity.instance_id, target.port
            );
            world.say(key, now, message);
            return;
        }
    }
    world.say(
        key,
        now,
        format!("(service {name}) (task {id}) failed container health checks."),
    );
}
