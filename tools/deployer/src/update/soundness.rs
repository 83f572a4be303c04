//! What ECS would refuse after the patch: parts of a definition that do not fit each other any more.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::patch::PLACEHOLDER;

/// A sentence for each.
pub(super) fn problems(definition: &Map<String, Value>) -> Vec<String> {
    let containers = list(definition.get("containerDefinitions"));
    let known = names(containers);
    let volumes = names(list(definition.get("volumes")));
    let is_awsvpc = definition.get("networkMode") == Some(&"awsvpc".into());
    let mut problems = Vec::new();
    for container in containers {
        let name = text(&container["name"]);
        let mut say = |problem: String| problems.push(format!("the container {name}: {problem}"));
        if container["image"] == PLACEHOLDER {
            say(format!("it needs an image: --image {name} IMAGE"));
        }
        for mount in list(container.get("mountPoints")) {
            let volume = text(&mount["sourceVolume"]);
            if !volumes.contains(volume) {
                say(format!(
                    "it mounts the volume {volume}, which the task has not; --volume replaces all volumes"
                ));
            }
        }
        for other in others(container) {
            if !known.contains(other) {
                say(format!(
                    "it needs the container {other}, which is not there"
                ));
            }
        }
        for port in list(container.get("portMappings")) {
            let (inner, host) = (port["containerPort"].as_i64(), port["hostPort"].as_i64());
            if is_awsvpc
                && let (Some(inner), Some(host)) = (inner, host)
                && host != 0
                && host != inner
            {
                say(format!(
                    "the network mode awsvpc has no host port {host} for the port {inner}; give the same twice"
                ));
            }
        }
    }
    let is_essential = |container: &Value| container["essential"] != Value::Bool(false);
    if !containers.is_empty() && !containers.iter().any(is_essential) {
        problems.push("no container is essential; one must be".to_owned());
    }
    problems
}

/// The containers that this one names.
fn others(container: &Value) -> Vec<&str> {
    let depends_on = list(container.get("dependsOn"));
    let volumes_from = list(container.get("volumesFrom"));
    let links = list(container.get("links")).iter().map(text);
    depends_on
        .iter()
        .map(|other| text(&other["containerName"]))
        .chain(
            volumes_from
                .iter()
                .map(|other| text(&other["sourceContainer"])),
        )
        .chain(links.map(|link| link.split(':').next().unwrap_or(link)))
        .collect()
}

fn names(items: &[Value]) -> BTreeSet<&str> {
    items.iter().map(|item| text(&item["name"])).collect()
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
