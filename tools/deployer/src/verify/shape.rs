//! Whether a task definition holds together, before ECS is asked to take it.

use std::collections::{BTreeMap, HashSet};

use aws_sdk_ecs::types::{ContainerCondition, ContainerDefinition};

use super::definition::{Definition, Mode};
use super::found::Found;
use super::intent::Intent;
use super::report::Check;

const ID: &str = "task-definition";

/// The definition that is meant: none of that name, or why it cannot be had.
pub(super) fn definition(
    name: &str,
    found: &Result<Found<Definition>, String>,
    intent: &Intent,
) -> Vec<Check> {
    let definition = match found {
        Err(flaw) => {
            return vec![
                Check::problem(ID, name, flaw)
                    .hint("`aws ecs register-task-definition --generate-cli-skeleton` shows what belongs into it"),
            ];
        }
        Ok(Found::Hidden(hidden)) => return vec![Check::unknown(ID, name, hidden)],
        Ok(Found::Missing) => {
            return vec![
                Check::problem(ID, name, "there is no such task definition")
                    .hint("check family and revision, and the region"),
            ];
        }
        Ok(Found::Known(definition)) => definition,
    };
    let mut checks = flaws(definition, intent);
    if !definition.is_active {
        let message = "it is INACTIVE: ECS refuses it for a release";
        checks.push(
            Check::problem(ID, name, message).hint("register it anew, or name an ACTIVE revision"),
        );
    }
    if checks.is_empty() {
        let containers = definition.containers.len() as u64;
        let counted = toolkit::console::counted(containers, "container");
        checks.push(Check::ok(ID, name, format!("it holds together: {counted}")));
    }
    checks
}

fn flaws(definition: &Definition, intent: &Intent) -> Vec<Check> {
    let mut flaws = of_task(definition, intent);
    for container in &definition.containers {
        let name = container.name().unwrap_or_default();
        flaws.extend(
            of_container(definition, container)
                .into_iter()
                .map(|message| Check::problem(ID, name, message)),
        );
    }
    flaws.extend(twice(definition));
    flaws.extend(circle(definition));
    flaws
}

fn of_task(definition: &Definition, intent: &Intent) -> Vec<Check> {
    let name = &definition.name;
    let mut flaws = Vec::new();
    let is_named_well = definition.family.len() <= 255
        && definition
            .family
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !is_named_well {
        let message = "a family has at most 255 letters, digits, hyphens and underscores";
        flaws.push(Check::problem(ID, name, message));
    }
    if definition
        .containers
        .iter()
        .all(|container| container.essential() == Some(false))
    {
        flaws.push(Check::problem(
            ID,
            name,
            "no container is essential: at least one must be",
        ));
    }
    let wanted = intent.launch.word();
    if !definition.requires.is_empty() && !definition.requires.iter().any(|one| one == wanted) {
        let message = format!(
            "it is made for {}, and the service runs on {wanted}",
            definition.requires.join(", ")
        );
        flaws.push(Check::problem(ID, name, message).hint(format!(
            "add {wanted} to requiresCompatibilities, or use another launch type"
        )));
    }
    if let Some(limit) = definition
        .memory
        .as_deref()
        .and_then(super::definition::mebibytes)
    {
        let reserved: i64 = definition
            .containers
            .iter()
            .filter_map(|container| container.memory_reservation().or(container.memory()))
            .map(i64::from)
            .sum();
        if reserved > limit {
            let message = format!("its containers take {reserved} MiB of the task's {limit}");
            flaws.push(Check::problem(ID, name, message));
        }
    }
    flaws
}

fn of_container(definition: &Definition, container: &ContainerDefinition) -> Vec<String> {
    let mut flaws = Vec::new();
    if container.name().is_none_or(str::is_empty) {
        flaws.push("a container has no name".to_owned());
    }
    if container.image().is_none_or(str::is_empty) {
        flaws.push("it has no image".to_owned());
    }
    let has_memory = container
        .memory()
        .or(container.memory_reservation())
        .is_some();
    if definition.memory.is_none() && !has_memory {
        flaws.push("it has no memory, and neither has the task".to_owned());
    }
    if let (Some(limit), Some(reserved)) = (container.memory(), container.memory_reservation())
        && reserved > limit
    {
        flaws.push(format!(
            "its memoryReservation of {reserved} MiB is above its memory of {limit}"
        ));
    }
    if matches!(definition.mode, Mode::Awsvpc | Mode::Host) {
        for mapping in container.port_mappings() {
            let (inside, outside) = (mapping.container_port(), mapping.host_port());
            if outside.is_some_and(|port| port != 0) && outside != inside {
                flaws.push(format!(
                    "hostPort {} differs from containerPort {}, which the network mode {} does not allow",
                    outside.unwrap_or_default(),
                    inside.unwrap_or_default(),
                    definition.mode.word()
                ));
            }
        }
    }
    flaws.extend(dependencies(definition, container));
    let plain: HashSet<_> = container
        .environment()
        .iter()
        .filter_map(|it| it.name())
        .collect();
    for secret in container.secrets() {
        if plain.contains(secret.name()) {
            flaws.push(format!(
                "the variable {} is both plain and secret",
                secret.name()
            ));
        }
    }
    flaws
}

fn dependencies(definition: &Definition, container: &ContainerDefinition) -> Vec<String> {
    let mut flaws = Vec::new();
    for dependency in container.depends_on() {
        let name = dependency.container_name();
        let Some(other) = definition.container(name) else {
            flaws.push(format!(
                "it depends on the container {name}, which is not there"
            ));
            continue;
        };
        match dependency.condition() {
            ContainerCondition::Complete | ContainerCondition::Success
                if other.essential() != Some(false) =>
            {
                flaws.push(format!(
                    "it waits for the end of {name}, which is essential: the task ends with it"
                ));
            }
            ContainerCondition::Healthy if other.health_check().is_none() => {
                flaws.push(format!(
                    "it waits for the health of {name}, which has no health check"
                ));
            }
            _ => {}
        }
    }
    flaws
}

/// Names and ports that are there more than once.
fn twice(definition: &Definition) -> Vec<Check> {
    let mut flaws = Vec::new();
    let mut names = HashSet::new();
    for container in &definition.containers {
        let name = container.name().unwrap_or_default();
        if !names.insert(name) {
            flaws.push(Check::problem(ID, name, "two containers have this name"));
        }
    }
    // Containers of one interface share its ports too.
    let mut ports: BTreeMap<(i32, String), Vec<&str>> = BTreeMap::new();
    for container in &definition.containers {
        for mapping in container.port_mappings() {
            let port = match definition.mode {
                Mode::Bridge => mapping.host_port().unwrap_or(0),
                _ => mapping.container_port().unwrap_or(0),
            };
            let protocol = mapping
                .protocol()
                .map_or("tcp", |protocol| protocol.as_str());
            if port != 0 {
                let users = ports.entry((port, protocol.to_owned())).or_default();
                users.push(container.name().unwrap_or_default());
            }
        }
    }
    for ((port, protocol), users) in ports {
        if users.len() > 1 {
            let message = format!(
                "the port {port}/{protocol} is taken by {}",
                users.join(" and by ")
            );
            flaws.push(Check::problem(ID, &definition.name, message));
        }
    }
    flaws
}

/// Containers that wait for each other in a circle: none of them ever starts.
fn circle(definition: &Definition) -> Option<Check> {
    let mut waiting: Vec<_> = definition.containers.iter().collect();
    loop {
        let names: HashSet<_> = waiting
            .iter()
            .filter_map(|container| container.name())
            .collect();
        let blocked: Vec<_> = waiting
            .iter()
            .copied()
            .filter(|container| {
                container
                    .depends_on()
                    .iter()
                    .any(|dependency| names.contains(dependency.container_name()))
            })
            .collect();
        if blocked.len() < waiting.len() {
            waiting = blocked;
            continue;
        }
        let names: Vec<_> = waiting
            .iter()
            .filter_map(|container| container.name())
            .collect();
        return (!names.is_empty()).then(|| {
            let message = format!("containers wait for each other: {}", names.join(", "));
            Check::problem(ID, &definition.name, message)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::intent::Launch;
    use crate::verify::report::Outcome;
    use serde_json::{Value, json};

    fn messages(json: &Value, intent: &Intent) -> Vec<String> {
        flaws(&Definition::parse(json), intent)
            .into_iter()
            .map(|check| check.message)
            .collect()
    }

    #[test]
    fn finds_flaws() {
        let on_fargate = Intent {
            launch: Launch::Fargate,
            ..Intent::sample(1)
        };
        let on_instances = Intent::sample(1);
        let table = [
            (
                json!({"family": "a b", "requiresCompatibilities": ["EC2"], "memory": "100",
                    "containerDefinitions": [{"name": "a", "image": "i", "memory": 200, "essential": false}]}),
                &on_fargate,
                vec![
                    "a family has at most 255 letters, digits, hyphens and underscores",
                    "no container is essential: at least one must be",
                    "it is made for EC2, and the service runs on FARGATE",
                    "its containers take 200 MiB of the task's 100",
                ],
            ),
            (
                json!({"family": "web", "networkMode": "awsvpc", "containerDefinitions": [
                    {"name": "a", "image": "i", "portMappings": [{"containerPort": 80, "hostPort": 81}]},
                    {"name": "b", "image": "i", "memory": 1, "memoryReservation": 2,
                     "portMappings": [{"containerPort": 80}],
                     "environment": [{"name": "X", "value": ""}], "secrets": [{"name": "X", "valueFrom": "x"}]},
                ]}),
                &on_instances,
                vec![
                    "it has no memory, and neither has the task",
                    "hostPort 81 differs from containerPort 80, which the network mode awsvpc does not allow",
                    "its memoryReservation of 2 MiB is above its memory of 1",
                    "the variable X is both plain and secret",
                    "the port 80/tcp is taken by a and by b",
                ],
            ),
            (
                json!({"family": "web", "memory": "100", "containerDefinitions": [
                    {"name": "a", "image": "i", "dependsOn": [
                        {"containerName": "b", "condition": "SUCCESS"},
                        {"containerName": "c", "condition": "START"}]},
                    {"name": "b", "image": "i", "dependsOn": [{"containerName": "a", "condition": "HEALTHY"}]},
                ]}),
                &on_instances,
                vec![
                    "it waits for the end of b, which is essential: the task ends with it",
                    "it depends on the container c, which is not there",
                    "it waits for the health of a, which has no health check",
                    "containers wait for each other: a, b",
                ],
            ),
        ];
        for (json, intent, expected) in table {
            assert_eq!(messages(&json, intent), expected, "{json}");
        }
    }

    #[test]
    fn lets_a_good_one_pass() {
        let good = json!({"family": "web", "containerDefinitions": [
            {"name": "a", "image": "i", "memory": 1,
             "dependsOn": [{"containerName": "b", "condition": "START"}]},
            {"name": "b", "image": "i", "memory": 1},
        ]});
        assert!(messages(&good, &Intent::sample(1)).is_empty());
    }

    #[test]
    fn wants_an_active_revision() {
        let active = Definition::parse(&json!({
            "family": "web", "containerDefinitions": [{"name": "a", "image": "i", "memory": 1}],
        }));
        let inactive = Definition {
            is_active: false,
            ..active.clone()
        };
        let table = [
            (Ok(Found::Known(active)), Outcome::Ok),
            (Ok(Found::Known(inactive)), Outcome::Problem),
            (Ok(Found::Missing), Outcome::Problem),
            (
                Err("task.json: not valid JSON".to_owned()),
                Outcome::Problem,
            ),
        ];
        for (found, expected) in table {
            let checks = definition("web", &found, &Intent::sample(1));
            assert_eq!((checks.len(), checks[0].outcome), (1, expected));
        }
    }
}
