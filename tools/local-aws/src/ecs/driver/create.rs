//! Bringing a task into being, if this machine has room for it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::account::hex_id;
use crate::ecs::Ecs;
use crate::ecs::model::{
    Container, ContainerHealth, HealthState, LogPlace, Task, TaskDefinition, TaskState, Times,
};
use crate::ecs::world::World;

/// What a new task is for.
pub(crate) struct Request {
    pub(crate) cluster: String,
    pub(crate) group: String,
    pub(crate) started_by: String,
    pub(crate) launch_type: String,
    pub(crate) overrides: Value,
    pub(crate) digests: BTreeMap<String, String>,
    pub(crate) tags: Value,
}

/// What this machine has too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shortage {
    Cpu,
    Memory,
}

impl Shortage {
    /// As RunTask names it.
    pub(crate) fn resource(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Memory => "MEMORY",
        }
    }

    /// As a service event says it.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Cpu => "has insufficient CPU units available.",
            Self::Memory => "has insufficient memory available.",
        }
    }
}

/// Makes a task in the state PROVISIONING and gives its id.
pub(crate) fn task(
    ecs: &Ecs,
    world: &mut World,
    definition: &TaskDefinition,
    request: &Request,
) -> Result<String, Shortage> {
    let id = hex_id(32);
    let body = &definition.body;
    let list = body["containerDefinitions"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let sum = |name: &str| {
        list.iter()
            .map(|container| amount(&container[name]))
            .fold(0_u32, u32::saturating_add)
    };
    let cpu = if body["cpu"].is_null() {
        sum("cpu")
    } else {
        amount(&body["cpu"])
    };
    let memory = if body["memory"].is_null() {
        sum("memory").max(sum("memoryReservation"))
    } else {
        amount(&body["memory"])
    };
    let (used_cpu, used_memory) = world.reserved();
    if used_cpu.saturating_add(cpu) > ecs.capacity.cpu {
        return Err(Shortage::Cpu);
    }
    if used_memory.saturating_add(memory) > ecs.capacity.memory {
        return Err(Shortage::Memory);
    }
    let task = Task {
        cluster: request.cluster.clone(),
        group: request.group.clone(),
        started_by: request.started_by.clone(),
        task_definition: ecs.arns.definition(&definition.family, definition.revision),
        launch_type: request.launch_type.clone(),
        overrides: request.overrides.clone(),
        state: TaskState::Provisioning,
        stopping: None,
        containers: list
            .iter()
            .map(|container| self::container(container, &id))
            .collect(),
        targets: Vec::new(),
        digests: request.digests.clone(),
        healthy: false,
        reported: false,
        counted: false,
        cpu,
        memory,
        tags: request.tags.clone(),
        event_offset: 0,
        times: Times {
            created: ecs.now(),
            ..Times::default()
        },
        id: id.clone(),
    };
    world.tasks.insert(id.clone(), task);
    world.touch_task(&id);
    Ok(id)
}

/// A number, or one of ECS's texts for one (`1024`, `1 vCPU`, `2 GB`).
fn amount(value: &Value) -> u32 {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return 0,
    };
    let lower = text.to_lowercase();
    match lower
        .strip_suffix("vcpu")
        .or_else(|| lower.strip_suffix("gb"))
    {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked when it was registered"
        )]
        Some(whole) => (whole.trim().parse::<f64>().unwrap_or(0.0) * 1024.0) as u32,
        None => text.trim().parse().unwrap_or(0),
    }
}

fn container(definition: &Value, task: &str) -> Container {
    let set = |value: &Value| (!value.is_null()).then(|| amount(value));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let has_check =
        !definition["healthCheck"].is_null() && definition["healthCheck"]["command"][0] != "NONE";
    Container {
        name: text(&definition["name"]),
        image: text(&definition["image"]),
        essential: definition["essential"].as_bool().unwrap_or(true),
        digest: None,
        pid: None,
        ports: Vec::new(),
        running: false,
        exit_code: None,
        reason: None,
        log: log_place(definition, task),
        log_offset: 0,
        health: ContainerHealth {
            state: has_check.then_some(HealthState::Unknown),
            ..ContainerHealth::default()
        },
        cpu: amount(&definition["cpu"]),
        memory: set(&definition["memory"]),
        memory_reservation: set(&definition["memoryReservation"]),
    }
}

/// `PREFIX/CONTAINER/TASK`; without a prefix docker's id of the container, which is made of both here.
fn log_place(definition: &Value, task: &str) -> Option<LogPlace> {
    let configuration = &definition["logConfiguration"];
    if configuration["logDriver"] != "awslogs" {
        return None;
    }
    let name = definition["name"].as_str().unwrap_or_default();
    let stream = match configuration["options"]["awslogs-stream-prefix"].as_str() {
        Some(prefix) => format!("{prefix}/{name}/{task}"),
        None => format!("{task}-{name}"),
    };
    Some(LogPlace {
        group: configuration["options"]["awslogs-group"]
            .as_str()?
            .to_owned(),
        stream,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_amounts_in_every_form() {
        let amounts = [
            json!(256),
            json!("512"),
            json!("1 vCPU"),
            json!("2 GB"),
            json!(null),
        ]
        .map(|value| amount(&value));
        assert_eq!(amounts, [256, 512, 1024, 2048, 0]);
    }

    #[test]
    fn names_the_stream_as_awslogs_does() {
        let definition = json!({
            "name": "api",
            "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "/g", "awslogs-stream-prefix": "p" } },
        });
        let place = log_place(&definition, "0123").unwrap();
        assert_eq!(
            (place.group.as_str(), place.stream.as_str()),
            ("/g", "p/api/0123")
        );
    }
}
