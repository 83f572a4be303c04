//! RegisterTaskDefinition: checking a definition and filling in ECS's defaults.

use serde_json::{Map, Value, json};

use super::INVALID;
use crate::ecs::Ecs;
use crate::ecs::model::{DefinitionStatus, TaskDefinition};
use crate::protocol::{Answer, AwsError, Input};

/// The largest definition, in bytes of JSON.
const LIMIT: usize = 65_536;

pub(super) fn register(ecs: &Ecs, members: &Value) -> Answer {
    let input = Input::new(members, INVALID);
    let family = input
        .required_text("family")
        .map_err(|_absent| client("Family should not be empty."))?
        .to_owned();
    let is_valid = family.len() <= 255
        && family
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_valid {
        return Err(client("Family contains invalid characters."));
    }
    let length = serde_json::to_vec(members)?.len();
    if length > LIMIT {
        return Err(client(format!(
            "Actual length: '{length}'. Max allowed length is '{LIMIT}' bytes."
        )));
    }
    let tags = super::tags(&input)?;
    let body = completed(&input, members)?;
    ecs.change(|world| {
        let revisions = world.definitions.entry(family.clone()).or_default();
        let revision = u32::try_from(revisions.len() + 1).map_err(AwsError::internal)?;
        let definition = TaskDefinition {
            family: family.clone(),
            revision,
            body,
            tags: tags.clone(),
            status: DefinitionStatus::Active,
            registered_ms: ecs.now(),
            deregistered_ms: None,
        };
        let view = ecs.definition_view(&definition);
        revisions.push(definition);
        world.touch_definition(&family, revision);
        Ok(json!({ "taskDefinition": view, "tags": tags }))
    })
}

fn client(message: impl Into<String>) -> AwsError {
    AwsError::new("ClientException", message)
}

/// The definition with defaults filled in as ECS gives it back.
fn completed(input: &Input<'_>, members: &Value) -> Answer {
    let mut body = members.as_object().cloned().unwrap_or_default();
    body.remove("tags");
    let containers = input.structures("containerDefinitions")?;
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    let is_fargate = input.texts("requiresCompatibilities")?.contains(&"FARGATE");
    check_task(input, is_fargate)?;
    let network = input
        .text("networkMode")?
        .unwrap_or(if is_fargate { "awsvpc" } else { "bridge" })
        .to_owned();
    let has_task_memory = input.get("memory").is_some();
    let mut names = Vec::new();
    let mut completed = Vec::new();
    for container in &containers {
        let name = container
            .required_text("name")
            .map_err(|_absent| client("Container.name should not be null or empty."))?;
        if names.contains(&name) {
            return Err(client(format!(
                "Container names must be unique: '{name}' is used more than once."
            )));
        }
        names.push(name);
        completed.push(completed_container(container, &network, has_task_memory)?);
    }
    if !completed
        .iter()
        .any(|container| container["essential"] == true)
    {
        return Err(client(
            "At least one container must be marked as essential.",
        ));
    }
    body.insert("containerDefinitions".to_owned(), Value::Array(completed));
    for (name, default) in [("volumes", json!([])), ("placementConstraints", json!([]))] {
        body.entry(name).or_insert(default);
    }
    body.insert("networkMode".to_owned(), json!(network));
    body.insert(
        "compatibilities".to_owned(),
        if is_fargate {
            json!(["EC2", "FARGATE"])
        } else {
            json!(["EC2"])
        },
    );
    Ok(Value::Object(body))
}

fn check_task(input: &Input<'_>, is_fargate: bool) -> Result<(), AwsError> {
    if !is_fargate {
        return Ok(());
    }
    let member = |name: &str| {
        input.get(name).map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
    };
    let cpu = member("cpu")
        .ok_or_else(|| client("Fargate requires that 'cpu' be defined at the task level."))?;
    let memory = member("memory")
        .ok_or_else(|| client("Fargate requires that 'memory' be defined at the task level."))?;
    if input
        .text("networkMode")?
        .is_some_and(|mode| mode != "awsvpc")
    {
        return Err(client("Fargate only supports network mode 'awsvpc'."));
    }
    let pair = (units(&cpu, "vCPU"), units(&memory, "GB"));
    if !matches!(pair, (Some(cpu), Some(memory)) if is_fargate_pair(cpu, memory)) {
        return Err(client("No Fargate configuration exists for given values."));
    }
    Ok(())
}

/// `1024`, or `1 vCPU` and `1 GB`, in units of 1/1024.
fn units(text: &str, unit: &str) -> Option<u32> {
    match text.strip_suffix(unit) {
        Some(number) => {
            let number: f64 = number.trim().parse().ok()?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be in range"
            )]
            (0.0..1_000.0)
                .contains(&number)
                .then_some((number * 1024.0) as u32)
        }
        None => text.trim().parse().ok(),
    }
}

/// The 74 pairs that Fargate has; memory in MiB.
fn is_fargate_pair(cpu: u32, memory: u32) -> bool {
    let gib = memory / 1024;
    let is_whole = memory.is_multiple_of(1024);
    match cpu {
        256 => [512, 1024, 2048].contains(&memory),
        512 => is_whole && (1..=4).contains(&gib),
        1024 => is_whole && (2..=8).contains(&gib),
        2048 => is_whole && (4..=16).contains(&gib),
        4096 => is_whole && (8..=30).contains(&gib),
        8192 => is_whole && (16..=60).contains(&gib) && gib.is_multiple_of(4),
        16384 => is_whole && (32..=120).contains(&gib) && gib.is_multiple_of(8),
        _ => false,
    }
}

fn completed_container(container: &Input<'_>, network: &str, has_task_memory: bool) -> Answer {
    let name = container.required_text("name")?;
    let image = container
        .required_text("image")
        .map_err(|_absent| client("Container.image should not be null or empty."))?;
    if image.contains(char::is_whitespace) {
        return Err(client("Container.image contains invalid characters."));
    }
    let has_memory =
        container.get("memory").is_some() || container.get("memoryReservation").is_some();
    if !has_memory && !has_task_memory {
        return Err(client(format!(
            "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
        )));
    }
    let mut completed = Map::new();
    for member in [
        "name",
        "image",
        "cpu",
        "memory",
        "memoryReservation",
        "portMappings",
        "essential",
        "environment",
        "mountPoints",
        "volumesFrom",
    ] {
        if let Some(value) = container.get(member) {
            completed.insert(member.to_owned(), value.clone());
        }
    }
    completed.extend(
        container
            .members()
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    for (member, default) in [
        ("cpu", json!(0)),
        ("essential", json!(true)),
        ("environment", json!([])),
        ("mountPoints", json!([])),
        ("volumesFrom", json!([])),
        ("systemControls", json!([])),
    ] {
        completed.entry(member).or_insert(default);
    }
    completed.insert("portMappings".to_owned(), ports(container, network)?);
    if let Some(check) = container.structure("healthCheck")? {
        completed.insert("healthCheck".to_owned(), health_check(&check)?);
    }
    Ok(Value::Object(completed))
}

fn ports(container: &Input<'_>, network: &str) -> Answer {
    let mut ports = Vec::new();
    for mapping in container.structures("portMappings")? {
        let container_port = mapping
            .integer("containerPort")?
            .ok_or_else(|| client("Port mapping's containerPort is required."))?;
        let host_port = mapping.integer("hostPort")?;
        let is_valid = (1..=65_535).contains(&container_port)
            && host_port.is_none_or(|port| (0..=65_535).contains(&port));
        if !is_valid {
            return Err(client(
                "Invalid port mapping: ports must be between 1 and 65535.",
            ));
        }
        let host_port = if network == "bridge" {
            host_port.unwrap_or(0)
        } else if host_port.is_some_and(|port| port != 0 && port != container_port) {
            return Err(client(format!(
                "When networkMode={network}, the host ports and container ports in port mappings must match."
            )));
        } else {
            container_port
        };
        let mut port = mapping.members();
        port.insert("hostPort".to_owned(), json!(host_port));
        port.entry("protocol").or_insert(json!("tcp"));
        ports.push(Value::Object(port));
    }
    Ok(Value::Array(ports))
}

fn health_check(check: &Input<'_>) -> Answer {
    let command = check.texts("command")?;
    if !matches!(command.first(), Some(&("CMD" | "CMD-SHELL" | "NONE"))) {
        return Err(client(
            "Health check command must begin with CMD, CMD-SHELL or NONE.",
        ));
    }
    let mut completed = check.members();
    for (member, default, low, high) in [
        ("interval", 30, 5, 300),
        ("timeout", 5, 2, 60),
        ("retries", 3, 1, 10),
    ] {
        let value = check.integer(member)?.unwrap_or(default);
        if !(low..=high).contains(&value) {
            return Err(client(format!(
                "Health check {member} must be between {low} and {high}."
            )));
        }
        completed.insert(member.to_owned(), json!(value));
    }
    Ok(Value::Object(completed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_74_pairs_of_fargate() {
        let cpus = [256, 512, 1024, 2048, 4096, 8192, 16384];
        let pairs = cpus
            .iter()
            .flat_map(|cpu| (1..=256).map(move |step| (*cpu, step * 512)));
        assert_eq!(
            pairs
                .filter(|(cpu, memory)| is_fargate_pair(*cpu, *memory))
                .count(),
            74
        );
        assert_eq!(
            (
                units("1 vCPU", "vCPU"),
                units(".5 vCPU", "vCPU"),
                units("2GB", "GB")
            ),
            (Some(1024), Some(512), Some(2048))
        );
    }
}
