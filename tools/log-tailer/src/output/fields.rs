//! Messages that are JSON objects: members picked, flattened, or laid out for people.

use serde_json::{Map, Value};

/// What becomes of a message that is a JSON object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Only these members, `a.b.0`; none is all.
    pub fields: Vec<String>,
    /// Nested members become members with dotted names.
    pub flatten: bool,
    /// Members on lines of their own.
    pub pretty: bool,
}

impl Shape {
    /// Whether messages stay as they are.
    pub(crate) fn is_plain(&self) -> bool {
        self.fields.is_empty() && !self.flatten && !self.pretty
    }

    /// The members of the message that are wanted; none if it is no JSON object.
    pub(crate) fn of(&self, message: &str) -> Option<Map<String, Value>> {
        if !message.trim_start().starts_with('{') {
            return None;
        }
        let Ok(Value::Object(whole)) = serde_json::from_str(message) else {
            return None;
        };
        let picked = if self.fields.is_empty() {
            whole
        } else {
            let whole = Value::Object(whole);
            self.fields
                .iter()
                .filter_map(|path| Some((path.clone(), at(&whole, path)?.clone())))
                .collect()
        };
        Some(if self.flatten {
            let mut flat = Map::new();
            for (name, value) in picked {
                flatten(name, value, &mut flat);
            }
            flat
        } else {
            picked
        })
    }
}

/// The member at `a.b.0`; a member whose own name has dots is found too.
pub(crate) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let child = |name: &str| match value {
        Value::Object(members) => members.get(name),
        Value::Array(elements) => elements.get(name.parse::<usize>().ok()?),
        _ => None,
    };
    if let Some(found) = child(path) {
        return Some(found);
    }
    path.match_indices('.')
        .find_map(|(dot, _)| at(child(&path[..dot])?, &path[dot + 1..]))
}

fn flatten(name: String, value: Value, flat: &mut Map<String, Value>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (member, value) in members {
                flatten(format!("{name}.{member}"), value, flat);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for (index, value) in elements.into_iter().enumerate() {
                flatten(format!("{name}.{index}"), value, flat);
            }
        }
        scalar => {
            flat.insert(name, scalar);
        }
    }
}

/// `a=1 b="x y"`.
pub(crate) fn in_a_line(members: &Map<String, Value>) -> String {
    let words: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{name}={}", word(value)))
        .collect();
    words.join(" ")
}

/// A string without quotes where it is one word, everything else as JSON.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains([' ', '"', '=', '\n', '\t']) => {
            text.clone()
        }
        other => other.to_string(),
    }
}

/// What a cell of a table shows: a string as it is, nothing for null, everything else as JSON.
pub(crate) fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str =
        r#"{"level":"INFO","http":{"status":200,"tags":["a","b c"]},"dotted.name":true,"none":{}}"#;

    fn shape(fields: &[&str], flatten: bool) -> String {
        let shape = Shape {
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            flatten,
            pretty: false,
        };
        shape
            .of(MESSAGE)
            .map_or_else(|| "no object".to_owned(), |members| in_a_line(&members))
    }

    #[test]
    fn picks_members_by_their_paths() {
        assert_eq!(
            shape(
                &[
                    "http.status",
                    "level",
                    "http.tags.1",
                    "dotted.name",
                    "absent"
                ],
                false
            ),
            r#"http.status=200 level=INFO http.tags.1="b c" dotted.name=true"#
        );
        assert_eq!(shape(&["http.tags"], false), r#"http.tags=["a","b c"]"#);
    }

    #[test]
    fn flattens_what_is_nested() {
        assert_eq!(
            shape(&[], true),
            r#"level=INFO http.status=200 http.tags.0=a http.tags.1="b c" dotted.name=true none={}"#
        );
        assert_eq!(
            shape(&["http"], true),
            r#"http.status=200 http.tags.0=a http.tags.1="b c""#
        );
    }

    #[test]
    fn leaves_other_messages_alone() {
        let shape = Shape {
            flatten: true,
            ..Shape::default()
        };
        for message in ["plain", "[1]", "{broken", "7"] {
            assert_eq!(shape.of(message), None, "{message}");
        }
    }
}
