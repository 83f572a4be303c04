//! What two definitions differ in, as a reviewer reads it.

mod leaves;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

pub(crate) use text::text;

use crate::rules::is_hidden;

/// The differences of two definitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// What the first is called.
    pub(crate) from: String,
    /// What the second is called.
    pub(crate) to: String,
    /// Whether both ask for the same.
    pub(crate) equal: bool,
    /// By container, section and name.
    pub(crate) changes: Vec<Change>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    /// `task`, `container NAME`, `volume NAME` or `tags`.
    pub(crate) part: String,
    /// `environment`, `secrets`, … ; none for a setting of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) section: Option<String>,
    /// What differs.
    pub(crate) name: String,
    /// How.
    pub(crate) kind: Kind,
    /// Its value in the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<String>,
    /// Its value in the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
}

/// How a value differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Both have it, and differ.
    Changed,
}

/// Where a value belongs. The order is that of the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) rank: u8,
    pub(crate) part: String,
    pub(crate) section: Option<String>,
    pub(crate) name: String,
}

/// Compares two definitions; what ECS fills in by itself is no difference, and tags are one only if asked.
pub(crate) fn between(
    (from, one): (&str, &Value),
    (to, other): (&str, &Value),
    with_tags: bool,
) -> Difference {
    let (before, after) = (leaves::of(one, with_tags), leaves::of(other, with_tags));
    let mut keys: Vec<&Key> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let changes: Vec<Change> = keys
        .into_iter()
        .filter_map(|key| change(key, &before, &after))
        .collect();
    Difference {
        from: from.to_owned(),
        to: to.to_owned(),
        equal: changes.is_empty(),
        changes,
    }
}

fn change(
    key: &Key,
    before: &BTreeMap<Key, String>,
    after: &BTreeMap<Key, String>,
) -> Option<Change> {
    let (before, after) = (before.get(key), after.get(key));
    let kind = match (before, after) {
        (None, _) => Kind::Added,
        (_, None) => Kind::Removed,
        _ if before == after => return None,
        _ => Kind::Changed,
    };
    // A reader of a report need not be one who may read task definitions.
    let is_reference =
        key.section.as_deref() == Some("secrets") || key.name.starts_with("secretOptions.");
    let name = key.name.rsplit('.').next().unwrap_or_default();
    let shown = |value: &String| {
        if !is_reference && is_hidden(name, value) {
            "(hidden)".to_owned()
        } else {
            value.clone()
        }
    };
    Some(Change {
        part: key.part.clone(),
        section: key.section.clone(),
        name: key.name.clone(),
        kind,
        before: before.map(shown),
        after: after.map(shown),
    })
}

#[cfg(test)]
mod tests;
