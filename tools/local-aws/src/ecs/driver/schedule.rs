//! One pass over one service.

use serde_json::json;

use super::{create, deploy, halt};
use crate::ecs::Ecs;
use crate::ecs::model::{
    Deployment, RolloutState, Service, ServiceStatus, StopCode, Task, TaskState,
};
use crate::ecs::scheduler::health::{Signs, UNCHECKED_SECONDS, assess};
use crate::ecs::scheduler::plan::{Action, Health, Member, Situation, plan};
use crate::ecs::scheduler::{backoff, breaker};
use crate::ecs::world::World;
use crate::elb::TargetState;

/// Looks at a service and does what has to be done next.
pub(crate) fn service(ecs: &Ecs, world: &mut World, key: &str) {
    let Some(service) = world.services.get(key) else {
        return;
    };
    match service.status {
        ServiceStatus::Inactive => {}
        ServiceStatus::Draining => drain(ecs, world, key),
        ServiceStatus::Active => {
            let members = assessed(ecs, world, key);
            count_failures(ecs, world, key);
            trip(ecs, world, key);
            act(ecs, world, key, &members);
            settle(ecs, world, key, &members);
        }
    }
}

/// A task that may go on running, with its health.
struct Assessed {
    task: String,
    deployment: String,
    health: Health,
    has_worked: bool,
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

/// The health of every task that nobody has told to stop; what is new about it is noted.
fn assessed(ecs: &Ecs, world: &mut World, key: &str) -> Vec<Assessed> {
    let now = ecs.now();
    let Some(service) = world.services.get(key).cloned() else {
        return Vec::new();
    };
    let tasks: Vec<Task> = world
        .tasks_of(&service.cluster, &service.name)
        .filter(|task| task.is_live() && !task.is_stopping())
        .cloned()
        .collect();
    let mut assessed = Vec::new();
    for task in tasks {
        let health = if task.state == TaskState::Running {
            assess(&signs(ecs, &service, &task, now))
        } else {
            Health::Pending
        };
        if health == Health::Healthy && !task.healthy {
            became_healthy(world, key, &task);
        }
        if health == Health::Unhealthy && !task.reported {
            tell_unhealthy(ecs, world, key, &service, &task);
        }
        let has_worked = task.healthy || health == Health::Healthy;
        assessed.push(Assessed {
            task: task.id,
            deployment: task.started_by,
            health,
            has_worked,
        });
    }
    assessed
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
    let deployment = service
        .deployments
        .iter()
        .find(|deployment| deployment.id == task.started_by);
    let revision = deployment.and_then(|deployment| service.revision(&deployment.revision));
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

fn became_healthy(world: &mut World, key: &str, task: &Task) {
    if let Some(task) = world.tasks.get_mut(&task.id) {
        task.healthy = true;
    }
    world.touch_task(&task.id);
    if let Some(service) = world.services.get_mut(key) {
        // A task that works shows that the deployment can: failures count only in a row.
        if let Some(deployment) = service
            .deployments
            .iter_mut()
            .find(|deployment| deployment.id == task.started_by)
        {
            deployment.failed_tasks = 0;
        }
        service.backoff.failures = 0;
    }
    world.touch_service(key);
}

fn tell_unhealthy(ecs: &Ecs, world: &mut World, key: &str, service: &Service, task: &Task) {
    let now = ecs.now();
    if let Some(task) = world.tasks.get_mut(&task.id) {
        task.reported = true;
    }
    world.touch_task(&task.id);
    for (arn, target) in &task.targets {
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
                "(service {}) (task {}) (instance {}) (port {}) is unhealthy in (target-group {arn}) due to (reason {reason})",
                service.name, task.id, ecs.capacity.instance_id, target.port
            );
            world.say(key, now, message);
            return;
        }
    }
    world.say(
        key,
        now,
        format!(
            "(service {}) (task {}) failed container health checks.",
            service.name, task.id
        ),
    );
}

/// Tasks of the primary deployment that ended without being told to.
fn count_failures(ecs: &Ecs, world: &mut World, key: &str) {
    let now = ecs.now();
    let Some(service) = world.services.get(key) else {
        return;
    };
    let Some(primary) = service.primary().map(|primary| primary.id.clone()) else {
        return;
    };
    let failed: Vec<(String, bool)> = world
        .tasks_of(&service.cluster, &service.name)
        .filter(|task| task.started_by == primary && !task.counted)
        .filter(|task| matches!(&task.stopping, Some(stopping) if [StopCode::TaskFailedToStart, StopCode::EssentialContainerExited].contains(&stopping.code)))
        .map(|task| (task.id.clone(), task.times.started.is_some()))
        .collect();
    for (id, has_run) in failed {
        if let Some(task) = world.tasks.get_mut(&id) {
            task.counted = true;
        }
        world.touch_task(&id);
        let Some(service) = world.services.get_mut(key) else {
            return;
        };
        service.backoff.failures = if has_run {
            0
        } else {
            service.backoff.failures + 1
        };
        service.backoff.until_ms = now
            + ecs
                .parts
                .clock
                .wait_ms(backoff::seconds(service.backoff.failures));
        if let Some(primary) = service.deployments.first_mut() {
            primary.failed_tasks += 1;
            primary.updated_ms = now;
        }
        let (name, failures) = (
            service.name.clone(),
            service
                .deployments
                .first()
                .map_or(0, |primary| primary.failed_tasks),
        );
        world.touch_service(key);
        if failures >= 3 {
            world.say(
                key,
                now,
                format!("(service {name}) is unable to consistently start tasks successfully."),
            );
        }
    }
}

/// Lets the circuit breaker look.
fn trip(ecs: &Ecs, world: &mut World, key: &str) {
    let Some(service) = world.services.get(key) else {
        return;
    };
    let threshold = breaker::threshold(service.desired);
    let is_due = service.settings.breaker
        && service.primary().is_some_and(|primary| {
            primary.rollout == RolloutState::InProgress && primary.failed_tasks >= threshold
        });
    if is_due {
        deploy::fail(ecs, world, key);
    }
}

fn act(ecs: &Ecs, world: &mut World, key: &str, members: &[Assessed]) {
    let now = ecs.now();
    let Some(service) = world.services.get(key).cloned() else {
        return;
    };
    let Some(primary) = service.primary().cloned() else {
        return;
    };
    let mut retired = Vec::new();
    for action in decided(&service, &primary, now, members) {
        match action {
            Action::Start(count) => {
                let is_replaced = |member: &&Assessed| {
                    member.deployment == primary.id && member.health == Health::Unhealthy
                };
                let replaced = members.iter().filter(is_replaced).count();
                start(ecs, world, key, &service, count, replaced);
            }
            Action::Retire(task) => {
                let reason = scaling(&primary.id);
                let code = StopCode::ServiceSchedulerInitiated;
                halt::task(ecs, world, &task, code, &reason);
                retired.push(task);
            }
            Action::Replace(task) => {
                replace(ecs, world, key, &task);
                retired.push(task);
            }
        }
    }
    if !retired.is_empty() {
        let tasks: Vec<String> = retired
            .iter()
            .map(|task| format!("(task {task})"))
            .collect();
        let message = format!(
            "(service {}) has stopped {} running tasks: {}.",
            service.name,
            retired.len(),
            tasks.join(" ")
        );
        world.say(key, now, message);
    }
}

/// What the rules say about the service as it is.
fn decided(service: &Service, primary: &Deployment, now: i64, members: &[Assessed]) -> Vec<Action> {
    plan(&Situation {
        desired: service.desired,
        minimum_percent: service.settings.minimum_healthy_percent,
        maximum_percent: service.settings.maximum_percent,
        primary: &primary.id,
        may_start: primary.rollout != RolloutState::Failed && now >= service.backoff.until_ms,
        members: members
            .iter()
            .map(|member| Member {
                task: &member.task,
                deployment: &member.deployment,
                health: member.health,
                has_worked: member.has_worked,
            })
            .collect(),
    })
}

/// Starts tasks, some of them in place of unhealthy ones.
fn start(ecs: &Ecs, world: &mut World, key: &str, service: &Service, count: u32, unhealthy: usize) {
    let now = ecs.now();
    let Some(primary) = service.primary() else {
        return;
    };
    let Some(definition) = world.find_definition(&primary.task_definition).cloned() else {
        return;
    };
    let digests = service
        .revision(&primary.revision)
        .map(|revision| revision.digests.clone())
        .unwrap_or_default();
    let request = create::Request {
        cluster: service.cluster.clone(),
        group: format!("service:{}", service.name),
        started_by: primary.id.clone(),
        launch_type: service.settings.launch_type.clone(),
        overrides: json!({ "containerOverrides": [], "inferenceAcceleratorOverrides": [] }),
        digests,
        tags: json!([]),
    };
    let mut started = Vec::new();
    for _ in 0..count {
        match create::task(ecs, world, &definition, &request) {
            Ok(id) => started.push(format!("(task {id})")),
            Err(shortage) => {
                let message = format!(
                    "(service {}) was unable to place a task because no container instance met all of its requirements. \
                     The closest matching container-instance {} {}",
                    service.name,
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
            "(service {}) has started {} tasks: {}.{replaced}",
            service.name,
            started.len(),
            started.join(" ")
        );
        world.say(key, now, message);
    }
}

/// Stops an unhealthy task. It counts as a failure of its deployment.
fn replace(ecs: &Ecs, world: &mut World, key: &str, id: &str) {
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
    let failed = world.services.get_mut(key).and_then(|service| {
        service
            .deployments
            .iter_mut()
            .find(|candidate| candidate.id == deployment)
    });
    if let Some(deployment) = failed {
        deployment.failed_tasks += 1;
        deployment.updated_ms = ecs.parts.clock.now_ms();
    }
    world.touch_service(key);
}

/// Drops deployments that are over, and says when the service has what it wants.
fn settle(ecs: &Ecs, world: &mut World, key: &str, members: &[Assessed]) {
    let now = ecs.now();
    let Some(service) = world.services.get(key) else {
        return;
    };
    let Some(primary) = service.primary().cloned() else {
        return;
    };
    let live: Vec<(String, bool)> = world
        .tasks_of(&service.cluster, &service.name)
        .filter(|task| task.is_live())
        .map(|task| (task.started_by.clone(), task.is_stopping()))
        .collect();
    let is_over =
        |id: &str| id != primary.id && !live.iter().any(|(deployment, _)| deployment == id);
    let over: Vec<String> = service
        .deployments
        .iter()
        .map(|deployment| deployment.id.clone())
        .filter(|id| is_over(id))
        .collect();
    let desired = service.desired as usize;
    let healthy = members
        .iter()
        .filter(|member| member.deployment == primary.id && member.health == Health::Healthy)
        .count();
    let has_all = healthy == desired
        && members.len() == desired
        && !live.iter().any(|(deployment, _)| *deployment != primary.id);
    let (was_steady, name) = (service.steady, service.name.clone());
    if !over.is_empty()
        && let Some(service) = world.services.get_mut(key)
    {
        service
            .deployments
            .retain(|deployment| !over.contains(&deployment.id));
        world.touch_service(key);
    }
    if has_all && primary.rollout == RolloutState::InProgress {
        deploy::complete(ecs, world, key);
    }
    if has_all && !was_steady {
        world.say(
            key,
            now,
            format!("(service {name}) has reached a steady state."),
        );
    }
    if has_all != was_steady
        && let Some(service) = world.services.get_mut(key)
    {
        service.steady = has_all;
        world.touch_service(key);
    }
}
