//! What is laid over a definition that somebody else wrote: image, variables, secrets, tags, and whole documents.

use contract::environment::Environment;
use contract::image::Image;
use serde_json::{Map, Value, json};

use crate::{Problem, Tag, model::nearest};

/// Lists whose items have names, by which an override finds them.
const NAMED: [(&str, &str); 12] = [
    ("containerDefinitions", "name"),
    ("dependsOn", "containerName"),
    ("environment", "name"),
    ("mountPoints", "containerPath"),
    ("portMappings", "containerPort"),
    ("secretOptions", "name"),
    ("secrets", "name"),
    ("systemControls", "namespace"),
    ("tags", "key"),
    ("tmpfs", "containerPath"),
    ("ulimits", "name"),
    ("volumes", "name"),
];

/// What is laid over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overlay {
    /// The container that image and environment are for; none means the only one.
    pub container: Option<String>,
    /// The image of an earlier step.
    pub image: Option<Image>,
    /// References to images, by container; none means the one above.
    pub images: Vec<(Option<String>, String)>,
    /// The environment of an earlier step.
    pub environment: Option<Environment>,
    /// Whether variables and secrets of the container that the environment does not have go.
    pub replace_environment: bool,
    /// Set or changed.
    pub tags: Vec<Tag>,
    /// Instead of the definition's own.
    pub family: Option<String>,
}

/// Lays it over. `has_image` says that the definition named the image of an earlier step by itself.
pub(crate) fn lay(definition: &mut Value, overlay: &Overlay, has_image: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let (Some(family), Some(members)) = (&overlay.family, definition.as_object_mut()) {
        members.insert("family".to_owned(), json!(family));
    }
    let mut images: Vec<(Option<&str>, &str)> = Vec::new();
    if let Some(image) = &overlay.image {
        if !image.pushed {
            problems.push(Problem::new(
                "image.pushed",
                format!("{} was built but not pushed", image.reference),
                "push it first (image-builder push)",
            ));
        }
        if !has_image || overlay.container.is_some() {
            images.push((None, &image.reference));
        }
    }
    let given = overlay.images.iter();
    images.extend(given.map(|(container, reference)| (container.as_deref(), reference.as_str())));
    for (container, reference) in images {
        match container_of(definition, container.or(overlay.container.as_deref())) {
            Ok(container) => {
                container.insert("image".to_owned(), json!(reference));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if let Some(environment) = &overlay.environment {
        let is_empty = environment.variables.is_empty() && environment.secrets.is_empty();
        if !is_empty || overlay.replace_environment {
            match container_of(definition, overlay.container.as_deref()) {
                Ok(container) => {
                    lay_environment(container, environment, overlay.replace_environment)
                }
                Err(problem) => problems.push(problem),
            }
        }
    }
    for Tag { key, value } in &overlay.tags {
        put(
            definition,
            "tags",
            "key",
            json!({ "key": key, "value": value }),
        );
    }
    problems.dedup();
    problems
}

fn container_of<'d>(
    definition: &'d mut Value,
    name: Option<&str>,
) -> Result<&'d mut Map<String, Value>, Problem> {
    let containers = definition
        .get_mut("containerDefinitions")
        .and_then(Value::as_array_mut);
    let mut containers: Vec<&mut Map<String, Value>> = containers
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
        .collect();
    let names: Vec<String> = containers
        .iter()
        .map(|container| {
            container
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        })
        .collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let at = match name {
        None if containers.len() == 1 => Some(0),
        None => None,
        Some(name) => known.iter().position(|known| *known == name),
    };
    let Some(at) = at else {
        let there = if known.is_empty() {
            "there is none".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        return Err(match name {
            None => Problem::new(
                "--container",
                format!("which container image and environment are for is not clear: {there}"),
                "name it",
            ),
            Some(name) => Problem::new(
                "--container",
                format!("the definition has no container \"{name}\": {there}"),
                match nearest(name, &known) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => "write the name of one".to_owned(),
                },
            ),
        });
    };
    Ok(containers.swap_remove(at))
}

fn lay_environment(container: &mut Map<String, Value>, environment: &Environment, replace: bool) {
    if replace {
        container.remove("environment");
        container.remove("secrets");
    }
    let mut container_ = Value::Object(std::mem::take(container));
    for (name, variable) in &environment.variables {
        take(&mut container_, "secrets", "name", name);
        let pair = json!({ "name": name, "value": variable.value });
        put(&mut container_, "environment", "name", pair);
    }
    for (name, secret) in &environment.secrets {
        take(&mut container_, "environment", "name", name);
        let pair = json!({ "name": name, "valueFrom": secret.value_from });
        put(&mut container_, "secrets", "name", pair);
    }
    if let Value::Object(members) = container_ {
        *container = members;
    }
}

/// Puts an item into a list, in the place of the one with the same name.
fn put(owner: &mut Value, list: &str, key: &str, item: Value) {
    let Some(owner) = owner.as_object_mut() else {
        return;
    };
    let list = owner.entry(list).or_insert(Value::Null);
    if list.is_null() {
        *list = json!([]);
    }
    // A list of another type is a mistake that the model reports.
    let Some(items) = list.as_array_mut() else {
        return;
    };
    match items.iter_mut().find(|one| one[key] == item[key]) {
        Some(one) => *one = item,
        None => items.push(item),
    }
}

fn take(owner: &mut Value, list: &str, key: &str, name: &str) {
    if let Some(items) = owner.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|item| item[key] != name);
    }
}

/// Lays a document over another: objects member by member, null takes a member away, lists of named items
/// item by item, and anything else as a whole.
pub(crate) fn merge(below: &mut Value, above: &Value, list: &str) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                if value.is_null() {
                    below.remove(name);
                } else {
                    merge(below.entry(name).or_insert(Value::Null), value, name);
                }
            }
        }
        (Value::Array(below), Value::Array(above)) if key_of(list, above).is_some() => {
            let key = key_of(list, above).unwrap_or_default();
            for item in above {
                match below.iter_mut().find(|one| one[key] == item[key]) {
                    Some(one) => merge(one, item, ""),
                    None => {
                        let mut one = Value::Null;
                        merge(&mut one, item, "");
                        below.push(one);
                    }
                }
            }
        }
        (below, Value::Object(above)) => {
            *below = json!({});
            merge(below, &Value::Object(above.clone()), list);
        }
        (below, above) => *below = above.clone(),
    }
}

/// The member that names the items of a list, if all that are laid over have it.
fn key_of(list: &str, above: &[Value]) -> Option<&'static str> {
    let (_, key) = NAMED.iter().find(|(name, _)| *name == list)?;
    above
        .iter()
        .all(|item| item.get(*key).is_some())
        .then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_named_items_and_takes_away_what_is_null() {
        let mut below = json!({
            "family": "f", "cpu": "256", "memory": "512",
            "containerDefinitions": [
                {"name": "api", "command": ["a", "b"], "environment": [{"name": "A", "value": "1"}]},
            ],
        });
        let above = json!({
            "cpu": null, "memory": "1024",
            "containerDefinitions": [
                {"name": "api", "command": ["c"], "healthCheck": {"command": ["CMD", "x"], "retries": null},
                 "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "3"}]},
                {"name": "proxy", "image": "p", "cpu": null},
            ],
        });
        merge(&mut below, &above, "");
        assert_eq!(
            below,
            json!({
                "family": "f", "memory": "1024",
                "containerDefinitions": [
                    {"name": "api", "command": ["c"], "healthCheck": {"command": ["CMD", "x"]},
                     "environment": [{"name": "A", "value": "3"}, {"name": "B", "value": "2"}]},
                    {"name": "proxy", "image": "p"},
                ],
            })
        );
    }

    fn environment(variables: &[&str], secrets: &[&str]) -> Environment {
        use contract::environment::{Secret, Variable};
        Environment {
            variables: variables
                .iter()
                .map(|name| {
                    let value = "new".to_owned();
                    let origin = String::new();
                    ((*name).to_owned(), Variable { value, origin })
                })
                .collect(),
            secrets: secrets
                .iter()
                .map(|name| {
                    let value_from = format!("/{name}");
                    let origin = String::new();
                    ((*name).to_owned(), Secret { value_from, origin })
                })
                .collect(),
        }
    }

    #[test]
    fn moves_a_name_between_variables_and_secrets() {
        let before = json!({"containerDefinitions": [{"name": "api",
            "environment": [{"name": "A", "value": "old"}, {"name": "OLD", "value": "1"}],
            "secrets": [{"name": "B", "valueFrom": "/b"}]}]});
        let mut overlay = Overlay {
            environment: Some(environment(&["B"], &["A"])),
            ..Overlay::default()
        };
        let mut definition = before.clone();
        assert_eq!(lay(&mut definition, &overlay, false), []);
        assert_eq!(
            definition["containerDefinitions"][0],
            json!({"name": "api",
                "environment": [{"name": "OLD", "value": "1"}, {"name": "B", "value": "new"}],
                "secrets": [{"name": "A", "valueFrom": "/A"}]})
        );
        overlay.replace_environment = true;
        let mut definition = before;
        assert_eq!(lay(&mut definition, &overlay, false), []);
        assert_eq!(
            definition["containerDefinitions"][0]["environment"],
            json!([{"name": "B", "value": "new"}])
        );
    }

    #[test]
    fn asks_which_container_is_meant() {
        let mut definition = json!({"containerDefinitions": [{"name": "api"}, {"name": "proxy"}]});
        let mut overlay = Overlay {
            images: vec![(None, "r/web:7".to_owned())],
            environment: Some(environment(&["A"], &[])),
            ..Overlay::default()
        };
        let said = |overlay: &Overlay, definition: &mut Value| -> Vec<String> {
            lay(definition, overlay, false)
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(
            said(&overlay, &mut definition),
            [
                "--container: which container image and environment are for is not clear: there are api, proxy; name it"
            ]
        );
        overlay.container = Some("prxy".to_owned());
        assert_eq!(
            said(&overlay, &mut definition),
            [
                "--container: the definition has no container \"prxy\": there are api, proxy; did you mean \"proxy\"?"
            ]
        );
        overlay.container = Some("proxy".to_owned());
        assert_eq!(said(&overlay, &mut definition), [""; 0]);
        assert_eq!(definition["containerDefinitions"][1]["image"], "r/web:7");
        assert_eq!(definition["containerDefinitions"][0].get("image"), None);
    }
}
