//! What a patch changes, member by member, for people to read.

use std::fmt;

use serde_json::{Map, Value};

use crate::canonical;

/// One member that differs.
#[derive(Clone, PartialEq)]
pub struct Change {
    /// Where, for example `containerDefinitions.web.environment.LOG_LEVEL`.
    pub path: String,
    before: Option<Value>,
    after: Option<Value>,
    /// Whether the value may be a secret that stands there in the plain.
    is_private: bool,
}

impl Change {
    /// One line. Values of environment variables, and log options that look like credentials, are in it
    /// only if `reveals`; references to secrets always are.
    #[must_use]
    pub fn line(&self, reveals: bool) -> String {
        let path = &self.path;
        let is_hidden = self.is_private && !reveals;
        match (&self.before, &self.after) {
            (None, Some(_)) if is_hidden => format!("{path}: added"),
            (Some(_), Some(_)) if is_hidden => format!("{path}: changed"),
            (Some(_), None) if is_hidden => format!("{path}: removed"),
            (None, Some(after)) => format!("{path}: {after}, added"),
            (Some(before), Some(after)) => format!("{path}: {before} -> {after}"),
            (Some(before), None) => format!("{path}: {before}, removed"),
            (None, None) => path.clone(),
        }
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Change({})", self.line(false))
    }
}

/// What differs; nothing if both ask for the same once ECS has filled in its defaults. `before` has none of
/// the members that only a registered revision has.
pub(crate) fn between(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    if !canonical::differences(before, after).is_empty() {
        let place = Place {
            path: String::new(),
            member: "",
            is_private: false,
        };
        collect(&place, Some(before), Some(after), &mut changes);
    }
    changes
}

struct Place<'a> {
    path: String,
    /// The last member's name on the way that is one of ECS's own, which says what the value is.
    member: &'a str,
    is_private: bool,
}

fn collect(
    place: &Place<'_>,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Change>,
) {
    let (before, after) = (before.filter(is_something), after.filter(is_something));
    if before == after {
        return;
    }
    match (named(place.member, before), named(place.member, after)) {
        (Some(before), Some(after)) => {
            let names = before
                .keys()
                .chain(after.keys().filter(|name| !before.contains_key(*name)));
            for name in names {
                collect(&place.below(name), before.get(name), after.get(name), found);
            }
        }
        _ => found.push(Change {
            path: place.path.clone(),
            before: before.cloned(),
            after: after.cloned(),
            is_private: place.is_private,
        }),
    }
}

impl<'a> Place<'a> {
    fn below(&self, name: &'a str) -> Self {
        let path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        };
        let looks_secret = || {
            let name = name.to_ascii_lowercase();
            ["token", "key", "secret", "password"]
                .iter()
                .any(|word| name.contains(word))
        };
        let is_private = match self.member {
            "environment" => true,
            "options" => looks_secret(),
            _ => false,
        };
        // The items of a list are known by names of the user's own, which say nothing of what is in them.
        let member = if identity(self.member).is_some() {
            ""
        } else {
            name
        };
        Self {
            path,
            member,
            is_private: self.is_private || is_private,
        }
    }
}

/// What tells the items of a list apart, and which part of an item is shown (all of it if none is named).
fn identity(member: &str) -> Option<(&'static str, Option<&'static str>)> {
    match member {
        "environment" => Some(("name", Some("value"))),
        "secrets" => Some(("name", Some("valueFrom"))),
        "systemControls" => Some(("namespace", Some("value"))),
        "containerDefinitions" | "volumes" | "ulimits" => Some(("name", None)),
        "mountPoints" => Some(("containerPath", None)),
        _ => None,
    }
}

/// The value as an object: nothing is an empty one, and a list of named items has their names.
fn named(member: &str, value: Option<&Value>) -> Option<Map<String, Value>> {
    match (identity(member), value) {
        (_, None) => Some(Map::new()),
        (None, Some(Value::Object(members))) => Some(members.clone()),
        (Some((key, part)), Some(Value::Array(items))) => {
            let named: Map<String, Value> = items
                .iter()
                .filter_map(|item| {
                    let shown = part.map_or(item, |part| &item[part]);
                    Some((item[key].as_str()?.to_owned(), shown.clone()))
                })
                .collect();
            (named.len() == items.len()).then_some(named)
        }
        _ => None,
    }
}

fn is_something(value: &&Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    }
}
