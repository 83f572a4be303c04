//! The wire dialects. Every operation is written once, over JSON values with AWS's own member names;
//! a dialect turns a request body into such a value and an answer back into its own bytes.
//!
//! Members arrive as the client sent them: the query dialect knows only strings, so operations read
//! members through [`Input`], which accepts `5` and `"5"` alike.

pub mod cbor;
pub mod ec2;
pub mod error;
pub mod input;
pub mod query;
pub mod s3;
pub mod xml;

pub use error::AwsError;
pub use input::Input;

use serde_json::{Map, Value, json};

/// What an operation gives back: the members of its output, or an error in AWS's words.
pub type Answer = Result<Value, AwsError>;

const TIMESTAMP: &str = "\u{0}timestamp-ms";

/// A point in time in an answer (milliseconds since 1970), which each dialect writes in its own way:
/// JSON as epoch seconds, query as ISO 8601, CBOR as tag 1.
#[must_use]
pub fn timestamp(milliseconds: i64) -> Value {
    json!({ TIMESTAMP: milliseconds })
}

/// The milliseconds of a value made by [`timestamp`].
#[must_use]
pub fn as_timestamp(value: &Value) -> Option<i64> {
    let object = value.as_object()?;
    if object.len() == 1 {
        object.get(TIMESTAMP)?.as_i64()
    } else {
        None
    }
}

const MAP: &str = "\u{0}map";

/// A map in an answer: its keys are data, not names of members, which the query dialect writes in another way.
#[must_use]
pub fn map(entries: Map<String, Value>) -> Value {
    json!({ MAP: entries })
}

/// The entries of a value made by [`map`].
#[must_use]
pub fn as_map(value: &Value) -> Option<&Map<String, Value>> {
    let object = value.as_object()?;
    if object.len() == 1 {
        object.get(MAP)?.as_object()
    } else {
        None
    }
}

/// Rewrites every timestamp in `value` as epoch seconds, as awsJson1.1 has them, and every map as an object.
#[must_use]
pub fn with_epoch_seconds(value: Value) -> Value {
    if let Some(milliseconds) = as_timestamp(&value) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of this era fit 53 bits"
        )]
        return json!(milliseconds as f64 / 1000.0);
    }
    match value {
        Value::Array(items) => items.into_iter().map(with_epoch_seconds).collect(),
        Value::Object(mut members) => {
            if members.len() == 1
                && let Some(entries) = members.remove(MAP)
            {
                return with_epoch_seconds(entries);
            }
            members
                .into_iter()
                .map(|(name, member)| (name, with_epoch_seconds(member)))
                .collect::<Map<_, _>>()
                .into()
        }
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_maps_as_objects() {
        let entries = json!({ "k": timestamp(1_000), "l": 1 });
        let answer = json!({ "a": map(entries.as_object().unwrap().clone()) });
        assert_eq!(
            with_epoch_seconds(answer),
            json!({ "a": { "k": 1.0, "l": 1 } })
        );
    }

    #[test]
    fn writes_timestamps_as_epoch_seconds() {
        let answer = json!({ "a": [timestamp(1_500)], "b": { "c": timestamp(2_000) }, "d": "x" });
        assert_eq!(
            with_epoch_seconds(answer),
            json!({ "a": [1.5], "b": { "c": 2.0 }, "d": "x" })
        );
    }
}
