//! A definition as single values, each under a name that does not depend on the order of lists, with ECS's
//! defaults left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Key;
use crate::document::member;
use crate::rules::units;

/// Lists of pairs, and the members that are name and value.
const PAIRS: [(&str, &str, &str); 7] = [
    ("dependsOn", "containerName", "condition"),
    ("environment", "name", "value"),
    ("extraHosts", "hostname", "ipAddress"),
    ("secretOptions", "name", "valueFrom"),
    ("secrets", "name", "valueFrom"),
    ("systemControls", "namespace", "value"),
    ("tags", "key", "value"),
];

/// Lists of objects, and the members that tell them apart.
const OBJECTS: [(&str, &[&str]); 5] = [
    ("mountPoints", &["containerPath"]),
    (
        "portMappings",
        &["containerPort", "containerPortRange", "protocol"],
    ),
    ("tmpfs", &["containerPath"]),
    ("ulimits", &["name"]),
    ("volumesFrom", &["sourceContainer"]),
];

/// Lists in which the order means nothing.
const SETS: [&str; 3] = ["add", "drop", "requiresCompatibilities"];

/// What ECS does with a container that does not say. Only these are left out.
const DEFAULTS: [(&str, Value); 8] = [
    ("cpu", Value::Null),
    ("essential", Value::Bool(true)),
    ("privileged", Value::Bool(false)),
    ("readonlyRootFilesystem", Value::Bool(false)),
    ("disableNetworking", Value::Bool(false)),
    ("interactive", Value::Bool(false)),
    ("pseudoTerminal", Value::Bool(false)),
    ("initProcessEnabled", Value::Bool(false)),
];

/// The values of a definition.
pub(super) fn of(definition: &Value, with_tags: bool) -> BTreeMap<Key, String> {
    let mut leaves = BTreeMap::new();
    let is_one_network =
        definition["networkMode"] == "awsvpc" || definition["networkMode"] == "host";
    for (name, value) in definition.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("containerDefinitions", Value::Array(containers)) => {
                for (part, container) in named(containers, "container", "name") {
                    let mut container = container.clone();
                    leave_out_defaults(&mut container, is_one_network);
                    leaves.extend(members(2, &part, &container));
                }
            }
            ("volumes", Value::Array(volumes)) => {
                for (part, volume) in named(volumes, "volume", "name") {
                    leaves.extend(members(3, &part, volume));
                    // A volume of the task's own has no other member than its name.
                    leaves.insert(key(3, &part, None, "name"), shown(&volume["name"]));
                }
            }
            ("tags", value) => {
                if with_tags {
                    let tags = json!({ "tags": value });
                    leaves.extend(members(4, "tags", &tags).into_iter().map(|(key, value)| {
                        (
                            Key {
                                section: None,
                                ..key
                            },
                            value,
                        )
                    }));
                }
            }
            ("enableFaultInjection", Value::Bool(false)) => {}
            ("networkMode", value) if value == "bridge" => {}
            ("cpu" | "memory", Value::String(text)) => {
                let amount = units(text).map_or_else(|| text.clone(), |units| units.to_string());
                leaves.insert(key(1, "task", None, name), amount);
            }
            _ => leaves.extend(members(1, "task", &json!({ name: value }))),
        }
    }
    leaves
}

fn key(rank: u8, part: &str, section: Option<&str>, name: &str) -> Key {
    Key {
        rank,
        part: part.to_owned(),
        section: section.map(str::to_owned),
        name: name.to_owned(),
    }
}

/// The items of a list with a name for each, no name twice.
fn named<'v>(items: &'v [Value], kind: &str, key: &str) -> Vec<(String, &'v Value)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    items
        .iter()
        .map(|item| {
            let name = format!(
                "{kind} {}",
                item[key].as_str().unwrap_or("(without a name)")
            );
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            match count {
                1 => (name, item),
                again => (format!("{name} #{again}"), item),
            }
        })
        .collect()
}

fn leave_out_defaults(container: &mut Value, is_one_network: bool) {
    let Some(members) = container.as_object_mut() else {
        return;
    };
    without_defaults(members);
    if members.get("cpu") == Some(&json!(0)) {
        members.remove("cpu");
    }
    if members.get("versionConsistency") == Some(&json!("enabled")) {
        members.remove("versionConsistency");
    }
    if let Some(Value::Object(linux)) = members.get_mut("linuxParameters") {
        without_defaults(linux);
    }
    if let Some(Value::Object(check)) = members.get_mut("healthCheck") {
        for (name, default) in [
            ("interval", 30),
            ("timeout", 5),
            ("retries", 3),
            ("startPeriod", 0),
        ] {
            if check.get(name) == Some(&json!(default)) {
                check.remove(name);
            }
        }
    }
    let lists = ["portMappings", "mountPoints", "volumesFrom"];
    for list in lists {
        let Some(Value::Array(items)) = members.get_mut(list) else {
            continue;
        };
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            if item.get("readOnly") == Some(&json!(false)) {
                item.remove("readOnly");
            }
            if list == "portMappings" {
                item.entry("protocol").or_insert(json!("tcp"));
                let host = item.get("hostPort");
                let is_own = is_one_network && host.is_some() && host == item.get("containerPort");
                if is_own || host == Some(&json!(0)) {
                    item.remove("hostPort");
                }
            }
        }
    }
}

fn without_defaults(members: &mut Map<String, Value>) {
    for (name, default) in &DEFAULTS {
        if !default.is_null() && members.get(*name) == Some(default) {
            members.remove(*name);
        }
    }
}

/// The values of one part, those of lists and objects in sections.
fn members(rank: u8, part: &str, value: &Value) -> BTreeMap<Key, String> {
    let mut leaves = BTreeMap::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let mut found = Vec::new();
        flatten(name, value, "", &mut found);
        for (below, shown) in found {
            let is_own = below.is_empty();
            let section = (!is_own).then_some(name.as_str());
            let mut key = key(rank, part, section, if is_own { name } else { &below });
            // A name that is there twice must not hide one of its values.
            while leaves.contains_key(&key) {
                key.name.push_str(" (again)");
            }
            leaves.insert(key, shown);
        }
    }
    leaves
}

fn flatten(list: &str, value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (name, value) in members {
                flatten(name, value, &member(path, name), found);
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) => {
            if let Some((_, name, value)) = PAIRS.iter().find(|(known, ..)| *known == list) {
                for item in items {
                    found.push((member(path, &shown(&item[*name])), shown(&item[*value])));
                }
            } else if let Some((_, keys)) = OBJECTS.iter().find(|(known, _)| *known == list) {
                for item in items {
                    object(item, keys, path, found);
                }
            } else {
                let mut texts: Vec<String> = items.iter().map(Value::to_string).collect();
                if SETS.contains(&list) {
                    texts.sort();
                }
                found.push((path.to_owned(), format!("[{}]", texts.join(", "))));
            }
        }
        scalar => found.push((path.to_owned(), shown(scalar))),
    }
}

/// One item in one line: its name, and the rest of its members.
fn object(item: &Value, keys: &[&str], path: &str, found: &mut Vec<(String, String)>) {
    let name: Vec<String> = keys
        .iter()
        .filter(|key| !item[**key].is_null())
        .map(|key| shown(&item[*key]))
        .collect();
    let rest: BTreeMap<&String, String> = item
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !keys.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name, shown(value)))
        .collect();
    let rest: Vec<String> = rest
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    let text = if rest.is_empty() {
        "open".to_owned()
    } else {
        rest.join(", ")
    };
    found.push((member(path, &name.join("/")), text));
}

/// A text as it is, anything else as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
