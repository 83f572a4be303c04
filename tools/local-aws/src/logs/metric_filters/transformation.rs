//! What a matching event adds to which metric. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::{AwsError, Input};

/// AWS's limit.
const MOST_DIMENSIONS: usize = 3;

/// What a matching event adds to which metric.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Transformation {
    pub(super) metric: String,
    pub(super) namespace: String,
    /// A number, or a selector such as `$.ms`.
    pub(super) value: String,
    /// What an event that does not match adds; nothing if absent.
    pub(super) default: Option<f64>,
    pub(super) unit: Option<String>,
    /// Selectors by name of the dimension.
    pub(super) dimensions: BTreeMap<String, String>,
}

pub(super) fn transformation(input: Input<'_>) -> Result<Transformation, AwsError> {
    let given = input.structures("metricTransformations")?;
    let [given] = given.as_slice() else {
        return Err(input.refuse("metricTransformations must have exactly one member"));
    };
    let value = given.required_text("metricValue")?;
    if value.parse::<f64>().is_err() && selector(value).is_none() {
        return Err(input.refuse(format!(
            "metricValue '{value}' is neither a number nor a selector such as $.ms; local-aws has no others"
        )));
    }
    let default = given.number("defaultValue")?;
    let mut dimensions = BTreeMap::new();
    if let Some(named) = given.structure("dimensions")? {
        for (name, value) in named.members() {
            let value = value.as_str().filter(|value| selector(value).is_some());
            let value = value.ok_or_else(|| {
                input.refuse(format!(
                    "the dimension {name} needs a selector such as $.level"
                ))
            })?;
            dimensions.insert(name, value.to_owned());
        }
    }
    if dimensions.len() > MOST_DIMENSIONS || (default.is_some() && !dimensions.is_empty()) {
        return Err(input.refuse(
            "a metric filter has at most three dimensions, and none beside a default value",
        ));
    }
    Ok(Transformation {
        metric: given.required_text("metricName")?.to_owned(),
        namespace: given.required_text("metricNamespace")?.to_owned(),
        value: value.to_owned(),
        default,
        unit: given.text("unit")?.map(str::to_owned),
        dimensions,
    })
}

/// The path of `$.a.b`.
fn selector(text: &str) -> Option<Vec<&str>> {
    let path: Vec<&str> = text.strip_prefix("$.")?.split('.').collect();
    let is_name = |name: &&str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-@".contains(&byte))
    };
    path.iter().all(is_name).then_some(path)
}

fn selected(text: &str, message: &str) -> Option<Value> {
    let document: Value = serde_json::from_str(message).ok()?;
    selector(text)?
        .into_iter()
        .try_fold(&document, |value, name| value.get(name))
        .cloned()
}

/// What an event adds; nothing where its selector finds no number.
pub(super) fn value(text: &str, message: &str) -> Option<f64> {
    text.parse()
        .ok()
        .or_else(|| match selected(text, message)? {
            Value::String(digits) => digits.parse().ok(),
            other => other.as_f64(),
        })
}

pub(super) fn dimensions(change: &Transformation, message: &str) -> Vec<(String, String)> {
    change
        .dimensions
        .iter()
        .filter_map(|(name, path)| {
            let value = match selected(path, message)? {
                Value::String(text) => text,
                Value::Null => return None,
                other => other.to_string(),
            };
            Some((name.clone(), value))
        })
        .collect()
}
