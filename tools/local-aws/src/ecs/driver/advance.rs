//! The way of a task from one state to the next.

use std::time::Duration;

use task_runtime::{Event, EventKind, PortBinding};

use super::{halt, lifecycle};
use crate::ecs::Ecs;
use crate::ecs::model::{Binding, StopCode, Stopping, Task, TaskState};
use crate::ecs::world::World;
use crate::elb::{Target, TargetType};

/// Seconds between the stop signal and the kill, where a container does not say.
const STOP_TIMEOUT: u64 = 30;
/// A container that was killed without anybody noting how.
const KILLED: i32 = 137;

/// What the runtime says happened to a task.
pub(crate) fn event(ecs: &Ecs, world: &mut World, id: &str, event: Event) {
    let at = i64::try_from(event.at_ms).unwrap_or(i64::MAX);
    match event.what {
        EventKind::Started {
            container,
            pid,
            ports,
        } => started(ecs, world, id, &container, pid, &ports, at),
        EventKind::Exited { container, exit } => {
            exited(ecs, world, id, &container, exit.code(), at)
        }
        EventKind::Failed {
            container, message, ..
        } => failed(ecs, world, id, container.as_deref(), &message),
        EventKind::Warned { message, .. } => {
            ecs.parts.console.warning(&format!("task {id}: {message}"))
        }
        EventKind::LeaseExpired => ecs.parts.console.warning(&format!(
            "task {id} stopped by itself: no server was there for it"
        )),
        EventKind::Finished => finished(ecs, world, id, at),
        EventKind::Created { .. } => {}
    }
}

/// The supervisor was killed, and its containers with it.
pub(crate) fn vanished(ecs: &Ecs, world: &mut World, id: &str) {
    let now = ecs.now();
    if let Some(task) = world.tasks.get_mut(id) {
        for container in task
            .containers
            .iter_mut()
            .filter(|container| container.exit_code.is_none())
        {
            container.running = false;
            container.exit_code = Some(KILLED);
        }
    }
    halt::task(
        ecs,
        world,
        id,
        StopCode::EssentialContainerExited,
        "Essential container in task exited",
    );
    finished(ecs, world, id, now);
}

/// One step of a task that is being stopped.
pub(crate) fn task(ecs: &Ecs, world: &mut World, id: &str) {
    let Some(task) = world.tasks.get(id).filter(|task| task.is_stopping()) else {
        return;
    };
    match task.state {
        TaskState::Provisioning => finished(ecs, world, id, ecs.now()),
        // Its start ends first; then it has a process to stop, or none.
        TaskState::Pending => {
            if ecs.hands().tasks.contains_key(id) {
                signal(ecs, world, id);
            }
        }
        TaskState::Activating | TaskState::Running => {
            deregister(ecs, world, id);
            set(world, id, TaskState::Deactivating);
            self::task(ecs, world, id);
        }
        TaskState::Deactivating => {
            let is_draining = task
                .targets
                .iter()
                .any(|(arn, target)| ecs.parts.elb.target_health(arn, target).is_some());
            if !is_draining {
                if let Some(task) = world.tasks.get_mut(id) {
                    task.targets.clear();
                }
                signal(ecs, world, id);
            }
        }
        TaskState::Stopping | TaskState::Deprovisioning | TaskState::Stopped => {}
    }
}

fn set(world: &mut World, id: &str, state: TaskState) {
    if let Some(task) = world.tasks.get_mut(id) {
        task.state = state;
    }
    world.touch_task(id);
}

/// Sends the stop signal to every container.
fn signal(ecs: &Ecs, world: &mut World, id: &str) {
    let Some(task) = world.tasks.get(id) else {
        return;
    };
    let grace = stop_timeout(world, task);
    let runtime = ecs.hands().tasks.get(id).cloned();
    match runtime.map(|runtime| runtime.stop(None, grace)) {
        Some(Ok(())) => set(world, id, TaskState::Stopping),
        // It has ended; the event says how.
        Some(Err(task_runtime::TaskError::Ended { .. })) => set(world, id, TaskState::Stopping),
        Some(Err(error)) => ecs
            .parts
            .console
            .warning(&format!("cannot stop the task {id}: {error}")),
        None => finished(ecs, world, id, ecs.now()),
    }
}

/// The application's own time: never divided by the clock's speed.
fn stop_timeout(world: &World, task: &Task) -> Duration {
    let containers = world
        .find_definition(&task.task_definition)
        .and_then(|definition| definition.body["containerDefinitions"].as_array());
    let longest = containers
        .into_iter()
        .flatten()
        .map(|container| container["stopTimeout"].as_u64().unwrap_or(STOP_TIMEOUT))
        .max();
    Duration::from_secs(longest.unwrap_or(STOP_TIMEOUT))
}

fn started(
    ecs: &Ecs,
    world: &mut World,
    id: &str,
    name: &str,
    pid: i32,
    ports: &[PortBinding],
    at: i64,
) {
    let Some(task) = world.tasks.get_mut(id) else {
        return;
    };
    if let Some(container) = task
        .containers
        .iter_mut()
        .find(|container| container.name == name)
    {
        container.running = true;
        container.pid = Some(pid);
        container.ports = ports
            .iter()
            .map(|port| Binding {
                container_port: port.container_port,
                host_port: port.host.port(),
            })
            .collect();
    }
    let has_all = task
        .containers
        .iter()
        .all(|container| container.running || container.exit_code.is_some());
    world.touch_task(id);
    if has_all
        && world
            .tasks
            .get(id)
            .is_some_and(|task| task.state == TaskState::Pending)
    {
        set(world, id, TaskState::Activating);
        register(ecs, world, id);
        if let Some(task) = world.tasks.get_mut(id) {
            task.state = TaskState::Running;
            task.times.started = Some(at);
        }
        lifecycle::tell(ecs, world, id);
    }
}

/// Puts the task behind its service's target groups.
fn register(ecs: &Ecs, world: &mut World, id: &str) {
    let now = ecs.now();
    let Some(task) = world.tasks.get(id).filter(|task| !task.is_stopping()) else {
        return;
    };
    let Some(name) = task.service() else { return };
    let key = crate::ecs::model::service_key(&task.cluster, name);
    let Some(service) = world.services.get(&key) else {
        return;
    };
    // The revision says where its tasks go: what the service has been told since is another one's business.
    let Some(revision) = service.revision_of(&task.started_by) else {
        return;
    };
    let mut registered = Vec::new();
    for (place, balancer) in revision.settings.load_balancers.iter().enumerate() {
        let group = revision.group(place).unwrap_or_default();
        let ports = task
            .containers
            .iter()
            .filter(|container| container.name == balancer.container)
            .flat_map(|container| &container.ports);
        let Some(binding) = ports
            .into_iter()
            .find(|binding| binding.container_port == balancer.port)
        else {
            continue;
        };
        let is_instance = ecs
            .parts
            .elb
            .target_group(group)
            .is_some_and(|group| group.target_type == TargetType::Instance);
        let host = if is_instance {
            ecs.capacity.instance_id.clone()
        } else {
            "127.0.0.1".to_owned()
        };
        let target = Target {
            id: host,
            port: binding.host_port,
        };
        match ecs.parts.elb.register(group, &target) {
            Ok(()) => registered.push((group.to_owned(), target)),
            Err(error) => ecs
                .parts
                .console
                .warning(&format!("task {id}: cannot register in {}: {error}", group)),
        }
    }
    let name = service.name.clone();
    for (arn, _) in &registered {
        world.say(
            &key,
            now,
            format!("(service {name}) registered 1 targets in (target-group {arn})"),
        );
    }
    if let Some(task) = world.tasks.get_mut(id) {
        task.targets = registered;
    }
}

/// Takes the task out of its target groups; requests under way go on.
fn deregister(ecs: &Ecs, world: &mut World, id: &str) {
    let now = ecs.now();
    let Some(task) = world.tasks.get(id).cloned() else {
        return;
    };
    for (arn, target) in &task.targets {
        if let Err(error) = ecs.parts.elb.deregister(arn, target) {
            ecs.parts
                .console
                .warning(&format!("task {id}: cannot deregister from {arn}: {error}"));
        }
        if let Some(name) = task.service() {
            let key = crate::ecs::model::service_key(&task.cluster, name);
            world.say(
                &key,
                now,
                format!("(service {name}) deregistered 1 targets in (target-group {arn})"),
            );
            let deployment = &task.started_by;
            world.say(&key, now, format!("(service {name}, taskSet {deployment}) has begun draining connections on 1 tasks."));
        }
    }
}

fn exited(ecs: &Ecs, world: &mut World, id: &str, name: &str, code: i32, at: i64) {
    let Some(task) = world.tasks.get_mut(id) else {
        return;
    };
    let Some(container) = task
        .containers
        .iter_mut()
        .find(|container| container.name == name)
    else {
        return;
    };
    container.running = false;
    container.exit_code = Some(code);
    let is_essential = container.essential;
    world.touch_task(id);
    let Some(task) = world.tasks.get_mut(id) else {
        return;
    };
    if !is_essential || task.times.execution_stopped.is_some() {
        return;
    }
    task.times.execution_stopped = Some(at);
    if !task.is_stopping() {
        halt::task(
            ecs,
            world,
            id,
            StopCode::EssentialContainerExited,
            "Essential container in task exited",
        );
        // Nothing answers any more: no reason to wait for the end of draining.
        deregister(ecs, world, id);
        signal(ecs, world, id);
    }
}

fn failed(ecs: &Ecs, world: &mut World, id: &str, container: Option<&str>, message: &str) {
    let reason = format!("CannotStartContainerError: {message}");
    if let Some(task) = world.tasks.get_mut(id) {
        for failed in task
            .containers
            .iter_mut()
            .filter(|candidate| container.is_none_or(|name| name == candidate.name))
        {
            failed.reason = Some(reason.clone());
        }
    }
    halt::task(ecs, world, id, StopCode::TaskFailedToStart, &reason);
    signal(ecs, world, id);
}

/// Nothing of the task runs any more.
fn finished(ecs: &Ecs, world: &mut World, id: &str, at: i64) {
    deregister(ecs, world, id);
    let Some(task) = world.tasks.get_mut(id).filter(|task| task.is_live()) else {
        return;
    };
    task.targets.clear();
    task.state = TaskState::Stopped;
    task.times.stopped = Some(at);
    task.times.stopping.get_or_insert(at);
    for container in &mut task.containers {
        container.running = false;
        container.pid = None;
    }
    task.stopping.get_or_insert_with(|| Stopping {
        code: StopCode::EssentialContainerExited,
        reason: "Essential container in task exited".to_owned(),
    });
    world.touch_task(id);
    lifecycle::tell(ecs, world, id);
    let runtime = ecs.hands().tasks.remove(id);
    if let Some(runtime) = runtime {
        super::clear_away(ecs, id.to_owned(), runtime);
    }
}
