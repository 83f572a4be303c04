//! Whether two task definitions ask for the same: without what ECS adds, with its defaults left out.

use serde::Serialize;
use serde_json::{Map, Value};

/// What ECS says of a revision, and tags: these carry the commit, which alone is no reason for a release.
pub(crate) const ADDED: [&str; 10] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "registeredAt",
    "deregisteredAt",
    "deleteRequestedAt",
    "registeredBy",
    "compatibilities",
    "requiresAttributes",
    "tags",
];

/// One member in which two definitions differ. Null stands for a member that is not there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Difference {
    /// For example `containerDefinitions.api.image`.
    pub(crate) path: String,
    pub(crate) before: Value,
    pub(crate) after: Value,
}

/// What the two definitions differ in, as paths; empty if they ask for the same.
pub(crate) fn differences(live: &Value, wanted: &Value) -> Vec<String> {
    let found = compared(live, wanted).into_iter();
    found.map(|difference| difference.path).collect()
}

/// What the two definitions differ in, with both values.
pub(crate) fn compared(live: &Value, wanted: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    collect(&canonical(live), &canonical(wanted), "", &mut found);
    found
}

/// What is left of a definition that ECS described when it is to be registered again, its tags with it.
pub(crate) fn registrable(live: &Value) -> Value {
    let mut definition = compact(live).unwrap_or_else(|| Value::Object(Map::new()));
    if let Some(members) = definition.as_object_mut() {
        for name in ADDED.iter().filter(|name| **name != "tags") {
            members.remove(*name);
        }
    }
    definition
}

fn collect(live: &Value, wanted: &Value, path: &str, found: &mut Vec<Difference>) {
    match (live, wanted) {
        _ if live == wanted => {}
        (Value::Object(live), Value::Object(wanted)) => {
            let names = live
                .keys()
                .chain(wanted.keys().filter(|name| !live.contains_key(*name)));
            for name in names {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let (live, wanted) = (live.get(name), wanted.get(name));
                collect(
                    live.unwrap_or(&Value::Null),
                    wanted.unwrap_or(&Value::Null),
                    &path,
                    found,
                );
            }
        }
        _ => found.push(Difference {
            path: path.to_owned(),
            before: live.clone(),
            after: wanted.clone(),
        }),
    }
}

/// The definition in a form in which equal means the same task. Lists of named things become objects.
fn canonical(definition: &Value) -> Value {
    let mut definition = compact(definition).unwrap_or_else(|| Value::Object(Map::new()));
    let Some(members) = definition.as_object_mut() else {
        return definition;
    };
    for name in ADDED {
        members.remove(name);
    }
    let has_own_network = members.get("networkMode") == Some(&"awsvpc".into());
    without(members, "networkMode", &"bridge".into());
    without(members, "enableFaultInjection", &false.into());
    by_name(members, "volumes", "name");
    if let Some(Value::Array(containers)) = members.get_mut("containerDefinitions") {
        for container in containers.iter_mut().filter_map(Value::as_object_mut) {
            container_defaults(container, has_own_network);
        }
    }
    by_name(members, "containerDefinitions", "name");
    definition
}

fn container_defaults(container: &mut Map<String, Value>, has_own_network: bool) {
    without(container, "cpu", &0.into());
    without(container, "essential", &true.into());
    without(container, "versionConsistency", &"enabled".into());
    for flag in [
        "privileged",
        "readonlyRootFilesystem",
        "disableNetworking",
        "interactive",
        "pseudoTerminal",
    ] {
        without(container, flag, &false.into());
    }
    if let Some(Value::Array(ports)) = container.get_mut("portMappings") {
        for port in ports.iter_mut().filter_map(Value::as_object_mut) {
            without(port, "hostPort", &0.into());
            without(port, "protocol", &"tcp".into());
            // In a task's own network the host's port is the container's, and ECS writes it down.
            if has_own_network && let Some(own) = port.get("containerPort").cloned() {
                without(port, "hostPort", &own);
            }
        }
    }
    if let Some(Value::Object(check)) = container.get_mut("healthCheck") {
        without(check, "interval", &30.into());
        without(check, "timeout", &5.into());
        without(check, "retries", &3.into());
        without(check, "startPeriod", &0.into());
    }
    if let Some(Value::Array(mounts)) = container.get_mut("mountPoints") {
        for mount in mounts.iter_mut().filter_map(Value::as_object_mut) {
            without(mount, "readOnly", &false.into());
        }
    }
    by_name(container, "environment", "name");
    by_name(container, "secrets", "name");
    by_name(container, "ulimits", "name");
}

/// Without members that are null, empty lists or empty objects, at every depth.
fn compact(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().filter_map(compact).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(members) => {
            let members: Map<String, Value> = members
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), compact(value)?)))
                .collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        other => Some(other.clone()),
    }
}

fn without(members: &mut Map<String, Value>, name: &str, default: &Value) {
    if members.get(name) == Some(default) {
        members.remove(name);
    }
}

/// Turns the list `member` into an object whose keys are the items' names, if each has one of its own.
fn by_name(members: &mut Map<String, Value>, member: &str, key: &str) {
    let Some(Value::Array(items)) = members.get(member) else {
        return;
    };
    let named: Map<String, Value> = items
        .iter()
        .filter_map(|item| Some((item.get(key)?.as_str()?.to_owned(), item.clone())))
        .collect();
    if named.len() == items.len() {
        members.insert(member.to_owned(), Value::Object(named));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of_container(container: Value) -> Value {
        json!({"family": "f", "containerDefinitions": [container]})
    }

    #[test]
    fn passes_over_what_ecs_adds_and_its_defaults() {
        let wanted = json!({
            "family": "f", "tags": [{"key": "commit", "value": "1"}],
            "containerDefinitions": [{
                "name": "api", "image": "i",
                "portMappings": [{"containerPort": 8080}],
                "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": ""}],
                "healthCheck": {"command": ["CMD", "x"]},
                "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}],
            }],
        });
        let live = json!({
            "taskDefinitionArn": "arn", "family": "f", "revision": 3, "status": "ACTIVE",
            "networkMode": "bridge", "volumes": [], "placementConstraints": [],
            "compatibilities": ["EC2"], "requiresAttributes": [{"name": "x"}], "registeredAt": 1.5,
            "registeredBy": "me", "enableFaultInjection": false,
            "containerDefinitions": [{
                "name": "api", "image": "i", "cpu": 0, "essential": true, "systemControls": [],
                "portMappings": [{"containerPort": 8080, "hostPort": 0, "protocol": "tcp"}],
                "environment": [{"name": "A", "value": ""}, {"name": "B", "value": "2"}],
                "healthCheck": {"command": ["CMD", "x"], "interval": 30, "timeout": 5, "retries": 3},
                "mountPoints": [{"sourceVolume": "v", "containerPath": "/v", "readOnly": false}],
                "volumesFrom": [], "readonlyRootFilesystem": false,
            }],
        });
        assert_eq!(differences(&live, &wanted), [""; 0]);
    }

    #[test]
    fn names_what_differs() {
        let base = json!({"name": "api", "image": "i", "cpu": 10,
            "environment": [{"name": "A", "value": "1"}], "command": ["a", "b"]});
        let table = [
            (json!({"image": "j"}), "containerDefinitions.api.image"),
            (json!({"cpu": 0}), "containerDefinitions.api.cpu"),
            (
                json!({"essential": false}),
                "containerDefinitions.api.essential",
            ),
            (
                json!({"environment": [{"name": "A", "value": "2"}]}),
                "containerDefinitions.api.environment.A.value",
            ),
            (
                json!({"environment": []}),
                "containerDefinitions.api.environment",
            ),
            (
                json!({"command": ["b", "a"]}),
                "containerDefinitions.api.command",
            ),
            (
                json!({"readonlyRootFilesystem": true}),
                "containerDefinitions.api.readonlyRootFilesystem",
            ),
        ];
        for (change, path) in table {
            let mut changed = base.clone();
            for (name, value) in change.as_object().unwrap() {
                changed[name] = value.clone();
            }
            assert_eq!(
                differences(&of_container(base.clone()), &of_container(changed)),
                [path]
            );
        }
    }

    #[test]
    fn knows_the_host_port_of_a_task_with_its_own_network() {
        let definition = |mode: &str, port: Value| {
            json!({"networkMode": mode,
                "containerDefinitions": [{"name": "a", "portMappings": [port]}]})
        };
        let bare = json!({"containerPort": 80});
        let filled = json!({"containerPort": 80, "hostPort": 80});
        assert_eq!(
            differences(
                &definition("awsvpc", filled.clone()),
                &definition("awsvpc", bare.clone())
            ),
            [""; 0]
        );
        assert_eq!(
            differences(&definition("bridge", filled), &definition("bridge", bare)),
            ["containerDefinitions.a.portMappings"]
        );
    }
}
