//! Container health checks: commands that run inside the container, as ECS's agent has docker run them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::ecs::Ecs;
use crate::ecs::model::{HealthState, TaskState};

/// A check whose time has come.
struct Due {
    task: String,
    container: String,
    argv: Vec<String>,
    timeout: Duration,
    interval_ms: i64,
    retries: u32,
    in_start_period: bool,
}

/// Runs every check whose time has come, each in a thread of its own.
pub(crate) fn due(ecs: &Arc<Ecs>) {
    for due in collect(ecs) {
        let server = Arc::clone(ecs);
        let spawned = std::thread::Builder::new()
            .name("health-check".to_owned())
            .spawn(move || run(&server, &due));
        if let Err(error) = spawned {
            ecs.parts
                .console
                .warning(&format!("cannot run a health check: {error}"));
        }
    }
}

fn collect(ecs: &Ecs) -> Vec<Due> {
    let now = ecs.now();
    let clock = ecs.parts.clock;
    let mut world = ecs.world();
    let running: Vec<String> = world
        .tasks
        .values()
        .filter(|task| task.state == TaskState::Running && !task.is_stopping())
        .map(|task| task.id.clone())
        .collect();
    let mut due = Vec::new();
    for id in running {
        let Some(task) = world.tasks.get(&id) else {
            continue;
        };
        let Some(definition) = world.find_definition(&task.task_definition) else {
            continue;
        };
        let definitions = definition.body["containerDefinitions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let started = task.times.started.unwrap_or(now);
        let Some(task) = world.tasks.get_mut(&id) else {
            continue;
        };
        for (container, definition) in task.containers.iter_mut().zip(&definitions) {
            let check = &definition["healthCheck"];
            let is_due =
                container.running && container.health.state.is_some() && !container.health.checking;
            let interval_ms = clock.wait_ms(check["interval"].as_i64().unwrap_or(30));
            if !is_due
                || now
                    < container
                        .health
                        .next_ms
                        .max(started + interval_ms.min(1_000))
            {
                continue;
            }
            container.health.checking = true;
            due.push(Due {
                task: id.clone(),
                container: container.name.clone(),
                argv: argv(&check["command"]),
                timeout: Duration::from_secs(check["timeout"].as_u64().unwrap_or(5)),
                interval_ms,
                retries: u32::try_from(check["retries"].as_u64().unwrap_or(3)).unwrap_or(u32::MAX),
                in_start_period: now - started
                    < clock.wait_ms(check["startPeriod"].as_i64().unwrap_or(0)),
            });
        }
    }
    due
}

/// `CMD` runs as it is, `CMD-SHELL` by the container's own shell.
fn argv(command: &Value) -> Vec<String> {
    let words: Vec<String> = command
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect();
    match words.split_first() {
        Some((kind, rest)) if kind == "CMD-SHELL" => ["/bin/sh".to_owned(), "-c".to_owned()]
            .into_iter()
            .chain(rest.iter().cloned())
            .collect(),
        Some((_, rest)) => rest.to_vec(),
        None => Vec::new(),
    }
}

fn run(ecs: &Ecs, due: &Due) {
    let runtime = ecs.hands().tasks.get(&due.task).cloned();
    let Some(runtime) = runtime else { return };
    let outcome = runtime.exec(&due.container, &due.argv, due.timeout);
    let passed = outcome.is_ok_and(|outcome| outcome.exit == Some(task_runtime::Exit::Code(0)));
    ecs.step(|world| {
        let now = ecs.now();
        let Some(task) = world.tasks.get_mut(&due.task) else {
            return;
        };
        let Some(container) = task
            .containers
            .iter_mut()
            .find(|container| container.name == due.container)
        else {
            return;
        };
        let health = &mut container.health;
        health.checking = false;
        health.next_ms = now + due.interval_ms;
        if passed {
            health.failures = 0;
            health.state = Some(HealthState::Healthy);
        } else if !due.in_start_period {
            health.failures += 1;
            if health.failures >= due.retries {
                health.state = Some(HealthState::Unhealthy);
            }
        }
        world.touch_task(&due.task);
    });
    ecs.bell.ring();
}
