//! A definition as the rules look at it. What is missing or of another type reads as nothing: that it is so
//! has been said already.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Problem;

pub(crate) struct Task<'d> {
    pub(crate) root: &'d Value,
    pub(crate) containers: Vec<Container<'d>>,
}

pub(crate) struct Container<'d> {
    /// Empty where it has none.
    pub(crate) name: &'d str,
    /// `containerDefinitions[N]`.
    pub(crate) path: String,
    pub(crate) value: &'d Value,
}

impl<'d> Task<'d> {
    pub(crate) fn of(root: &'d Value) -> Self {
        let containers = items(&root["containerDefinitions"])
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_object())
            .map(|(index, value)| Container {
                name: text(&value["name"]),
                path: format!("containerDefinitions[{index}]"),
                value,
            })
            .collect();
        Self { root, containers }
    }

    pub(crate) fn is_for_fargate(&self) -> bool {
        items(&self.root["requiresCompatibilities"])
            .iter()
            .any(|word| word == "FARGATE")
    }

    /// ECS's default is bridge; awsvpc where the task is for Fargate only has to be said.
    pub(crate) fn network_mode(&self) -> &'d str {
        self.root["networkMode"].as_str().unwrap_or("bridge")
    }

    pub(crate) fn container(&self, name: &str) -> Option<&Container<'d>> {
        self.containers
            .iter()
            .find(|container| container.name == name)
    }
}

impl<'d> Container<'d> {
    pub(crate) fn at(&self, member: &str) -> String {
        format!("{}.{member}", self.path)
    }

    /// Essential unless it says otherwise.
    pub(crate) fn is_essential(&self) -> bool {
        self.value["essential"].as_bool().unwrap_or(true)
    }

    pub(crate) fn list(&self, member: &str) -> &'d [Value] {
        items(&self.value[member])
    }

    pub(crate) fn has(&self, member: &str) -> bool {
        is_set(&self.value[member])
    }
}

/// Whether a member says anything: not null, false, 0 or empty.
pub(crate) fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// 1 to 255 letters, digits, hyphens and underscores: a family, a container, a volume.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// One problem for each key that was there before.
pub(crate) fn twice<K: Ord + std::fmt::Display>(
    keys: impl IntoIterator<Item = (String, K)>,
    what: &str,
    rule: &'static str,
) -> Vec<Problem> {
    let mut first: BTreeMap<K, String> = BTreeMap::new();
    let mut problems = Vec::new();
    for (path, key) in keys {
        if let Some(other) = first.get(&key) {
            let message = format!("{what} {key} is there twice, first in {other}");
            problems.push(Problem::new(path, message, "leave one of them").by(rule));
        } else {
            first.insert(key, path);
        }
    }
    problems
}
