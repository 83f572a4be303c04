//! Which members a task definition has, and of which type each is.

mod table;

use serde_json::Value;

use crate::Problem;
use crate::document::member;

/// How alike two words must be (Jaro-Winkler, 0 to 1) for one to be suggested for the other.
const ALIKE: f64 = 0.75;

/// What RegisterTaskDefinition is documented on.
pub(crate) const REQUEST: &str = "API_RegisterTaskDefinition";

/// The type of a value.
#[derive(Debug)]
pub(crate) enum Shape {
    Text,
    Integer,
    Flag,
    /// One of these.
    Words(&'static [&'static str]),
    List(&'static Self),
    /// Texts by names of the user's own.
    Texts,
    Structure(&'static Structure),
}

/// An object with known members.
#[derive(Debug)]
pub(crate) struct Structure {
    pub(crate) name: &'static str,
    pub(crate) members: &'static [Member],
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
}

const fn required(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        required: true,
        shape,
    }
}

const fn optional(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        required: false,
        shape,
    }
}

impl Structure {
    pub(crate) fn member(&self, name: &str) -> Option<&'static Member> {
        self.members.iter().find(|member| member.name == name)
    }
}

/// The structure of the whole definition.
pub(crate) fn definition() -> &'static Structure {
    &table::REGISTER_TASK_DEFINITION_REQUEST
}

/// The members that are unknown, missing or of another type.
pub(crate) fn problems(value: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    structure(definition(), value, "", &mut problems);
    problems
}

fn structure(
    structure: &'static Structure,
    value: &Value,
    path: &str,
    problems: &mut Vec<Problem>,
) {
    let Some(members) = value.as_object() else {
        problems.push(other_type(path, "an object", value));
        return;
    };
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        match structure.member(name) {
            Some(known) => shape(&known.shape, value, &member(path, name), problems),
            None => problems.push(unknown(structure, path, name)),
        }
    }
    for required in structure.members.iter().filter(|member| member.required) {
        if members.get(required.name).is_none_or(Value::is_null) {
            problems.push(
                Problem::new(
                    member(path, required.name),
                    format!("the member is required in {}", structure.name),
                    "add it",
                )
                .by(REQUEST),
            );
        }
    }
}

fn shape(shape_: &'static Shape, value: &Value, path: &str, problems: &mut Vec<Problem>) {
    let expected = match shape_ {
        Shape::Structure(known) => {
            structure(known, value, path, problems);
            return;
        }
        Shape::List(item) => match value.as_array() {
            Some(items) => {
                for (index, value) in items.iter().enumerate() {
                    shape(item, value, &format!("{path}[{index}]"), problems);
                }
                return;
            }
            None => "a list",
        },
        Shape::Texts => match value.as_object() {
            Some(texts) => {
                for (name, value) in texts {
                    shape(&Shape::Text, value, &member(path, name), problems);
                }
                return;
            }
            None => "an object of texts",
        },
        Shape::Words(words) => match value.as_str() {
            Some(word) => {
                problems.extend(unknown_word(words, word, path));
                return;
            }
            None => "a text",
        },
        Shape::Text if value.is_string() => return,
        Shape::Text => "a text",
        Shape::Flag if value.is_boolean() => return,
        Shape::Flag => "true or false",
        Shape::Integer if value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => return,
        Shape::Integer => "a whole number of 32 bits",
    };
    problems.push(other_type(path, expected, value));
}

fn other_type(path: &str, expected: &str, value: &Value) -> Problem {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "the number it has",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    let place = if path.is_empty() { "(root)" } else { path };
    Problem::new(
        place,
        format!("ECS takes {expected} here, not {found}"),
        format!("write {expected}"),
    )
    .by(REQUEST)
}

fn unknown(structure: &'static Structure, path: &str, name: &str) -> Problem {
    let known: Vec<&str> = structure.members.iter().map(|member| member.name).collect();
    let remedy = match nearest(name, &known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "leave it out".to_owned(),
    };
    Problem::new(
        member(path, name),
        format!("{} has no such member", structure.name),
        remedy,
    )
    .by(REQUEST)
}

fn unknown_word(words: &'static [&'static str], word: &str, path: &str) -> Option<Problem> {
    if words.contains(&word) {
        return None;
    }
    let alike = words
        .iter()
        .find(|known| known.eq_ignore_ascii_case(word))
        .copied()
        .or_else(|| nearest(word, words));
    let remedy = match alike {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("write one of {}", words.join(", ")),
    };
    let message = format!("ECS does not know \"{}\" here", word.escape_debug());
    Some(Problem::new(path, message, remedy).by(REQUEST))
}

/// The known word that is most like `word`, if any is like it.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    // The measure takes the product of both lengths, and no name is as long as this.
    if word.len() > 256 {
        return None;
    }
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_unknown_missing_and_mistyped_members() {
        let said: Vec<String> = problems(&json!({
            "famly": "x",
            "networkMode": "AWSVPC",
            "cpu": 256,
            "ipcMode": "everybody",
            "containerDefinitions": [
                {"name": "a", "cpu": 9_999_999_999_u64, "essential": "yes", "zzz": null,
                 "portMappings": {}, "dockerLabels": {"a": 1}, "ulimits": [{"name": "nofile"}]},
                7,
            ],
        }))
        .iter()
        .map(ToString::to_string)
        .collect();
        assert_eq!(
            said,
            [
                "famly: RegisterTaskDefinitionRequest has no such member; did you mean \"family\"?",
                "networkMode: ECS does not know \"AWSVPC\" here; did you mean \"awsvpc\"?",
                "cpu: ECS takes a text here, not the number it has; write a text",
                "ipcMode: ECS does not know \"everybody\" here; write one of host, task, none",
                "containerDefinitions[0].cpu: ECS takes a whole number of 32 bits here, not the number it has; write a whole number of 32 bits",
                "containerDefinitions[0].essential: ECS takes true or false here, not a text; write true or false",
                "containerDefinitions[0].portMappings: ECS takes a list here, not an object; write a list",
                "containerDefinitions[0].dockerLabels.a: ECS takes a text here, not the number it has; write a text",
                "containerDefinitions[0].ulimits[0].hardLimit: the member is required in Ulimit; add it",
                "containerDefinitions[0].ulimits[0].softLimit: the member is required in Ulimit; add it",
                "containerDefinitions[1]: ECS takes an object here, not the number it has; write an object",
                "family: the member is required in RegisterTaskDefinitionRequest; add it",
            ]
            .map(|said| format!("{said} [AWS: {REQUEST}]"))
        );
    }
}
