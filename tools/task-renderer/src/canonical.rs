//! One form for equal definitions: members in alphabetical order, lists whose order means nothing sorted,
//! and what is not set left out.

use serde_json::Value;

/// Lists that ECS treats as sets, and the members that tell their items apart. Any other list keeps its
/// order: that of a command or of containers means something.
pub(crate) const SETS: [(&str, &[&str]); 16] = [
    ("add", &[]),
    ("dependsOn", &["containerName"]),
    ("drop", &[]),
    ("environment", &["name"]),
    ("extraHosts", &["hostname", "ipAddress"]),
    ("mountPoints", &["containerPath"]),
    ("portMappings", &["containerPort", "protocol"]),
    ("requiresCompatibilities", &[]),
    ("secretOptions", &["name"]),
    ("secrets", &["name"]),
    ("systemControls", &["namespace"]),
    ("tags", &["key"]),
    ("tmpfs", &["containerPath"]),
    ("ulimits", &["name"]),
    ("volumes", &["name"]),
    ("volumesFrom", &["sourceContainer"]),
];

/// Brings a value into the canonical form.
pub(crate) fn canonical(mut value: Value) -> Value {
    tidy(&mut value);
    value.sort_all_objects();
    value
}

fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !is_absent(member));
            for (name, member) in members {
                tidy(member);
                if let (Some(keys), Value::Array(items)) = (set(name), member) {
                    items.sort_by_cached_key(|item| order(item, keys));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// To ECS, an empty list is the same as none.
fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn set(name: &str) -> Option<&'static [&'static str]> {
    SETS.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, keys)| *keys)
}

/// Numbers before texts, each in its own order.
fn order(item: &Value, keys: &[&str]) -> Vec<(Option<u64>, String)> {
    let one = |value: &Value| {
        (
            value.as_u64(),
            value.as_str().unwrap_or_default().to_owned(),
        )
    };
    if keys.is_empty() {
        return vec![one(item)];
    }
    keys.iter().map(|key| one(&item[*key])).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sorts_members_and_sets_and_drops_what_is_not_set() {
        let value = json!({
            "tags": [{"value": "2", "key": "b"}, {"value": "1", "key": "a"}],
            "cpu": null,
            "containerDefinitions": [{
                "portMappings": [{"containerPort": 9000}, {"containerPort": 80}],
                "command": ["z", "a"],
                "secrets": [],
                "name": "api",
            }],
        });
        assert_eq!(
            canonical(value).to_string(),
            r#"{"containerDefinitions":[{"command":["z","a"],"name":"api","portMappings":[{"containerPort":80},{"containerPort":9000}]}],"tags":[{"key":"a","value":"1"},{"key":"b","value":"2"}]}"#
        );
    }
}
