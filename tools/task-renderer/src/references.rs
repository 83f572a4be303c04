//! `${NAME}` in the texts of a definition.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::document::{Lines, member};
use crate::model::{self, Shape, Structure};
use crate::{Problem, model::nearest};

/// Where references lead: names and values, in the order of their weight.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values {
    /// Given for this run.
    pub set: BTreeMap<String, String>,
    /// Of the documents of the steps before.
    pub documents: BTreeMap<String, String>,
    /// Variables of the process that may be used; none is one that is not set.
    pub process: BTreeMap<String, Option<String>>,
}

impl Values {
    fn get(&self, name: &str) -> Option<&str> {
        self.set
            .get(name)
            .or_else(|| self.documents.get(name))
            .or_else(|| self.process.get(name)?.as_ref())
            .map(String::as_str)
    }

    fn known(&self) -> Vec<&str> {
        let names = self.set.keys().chain(self.documents.keys());
        names
            .chain(self.process.keys())
            .map(String::as_str)
            .collect()
    }
}

/// Puts values in the place of references. A text that is nothing but a reference becomes a number or a flag
/// where ECS takes one. Says which names were used.
pub(crate) fn resolve(
    value: &mut Value,
    lines: &Lines,
    names: &Values,
) -> (BTreeSet<String>, Vec<Problem>) {
    let mut resolver = Resolver {
        names,
        lines,
        used: BTreeSet::new(),
        problems: Vec::new(),
    };
    resolver.structure(value, Some(model::definition()), "");
    (resolver.used, resolver.problems)
}

struct Resolver<'n> {
    names: &'n Values,
    lines: &'n Lines,
    used: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    fn value(&mut self, value: &mut Value, shape: Option<&'static Shape>, path: &str) {
        match (value, shape) {
            (value @ Value::Object(_), Some(Shape::Structure(known))) => {
                self.structure(value, Some(known), path);
            }
            (value @ Value::Object(_), _) => self.structure(value, None, path),
            (Value::Array(items), shape) => {
                let shape = match shape {
                    Some(Shape::List(item)) => Some(*item),
                    _ => None,
                };
                for (index, item) in items.iter_mut().enumerate() {
                    self.value(item, shape, &format!("{path}[{index}]"));
                }
            }
            (value, shape) => {
                let Some(text) = value.as_str().filter(|text| text.contains('$')) else {
                    return;
                };
                if let Some(resolved) = self.text(text, path) {
                    *value = typed(text, resolved, shape);
                }
            }
        }
    }

    fn structure(&mut self, value: &mut Value, known: Option<&'static Structure>, path: &str) {
        for (name, value) in value.as_object_mut().into_iter().flatten() {
            let shape = known.and_then(|known| known.member(name));
            let path = member(path, name);
            self.value(value, shape.map(|member| &member.shape), &path);
        }
    }

    /// The text with every reference resolved; none if one could not be.
    fn text(&mut self, text: &str, path: &str) -> Option<String> {
        let mut resolved = String::new();
        let mut rest = text;
        let mut is_whole = true;
        while let Some(at) = rest.find('$') {
            resolved.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("$${") {
                resolved.push_str("${");
                rest = after;
            } else if let Some(after) = rest.strip_prefix("${") {
                let (name, after) = after.split_once('}').unwrap_or(("", ""));
                match self.reference(name, path) {
                    Some(value) => resolved.push_str(&value),
                    None => is_whole = false,
                }
                rest = after;
            } else {
                resolved.push('$');
                rest = &rest[1..];
            }
        }
        resolved.push_str(rest);
        is_whole.then_some(resolved)
    }

    fn reference(&mut self, name: &str, path: &str) -> Option<String> {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if is_name && let Some(value) = self.names.get(name) {
            let value = value.to_owned();
            self.used.insert(name.to_owned());
            return Some(value);
        }
        let (message, remedy) = if !is_name {
            (
                "it has a reference that is not of the form ${NAME}".to_owned(),
                "write $${ for the characters themselves".to_owned(),
            )
        } else if self.names.process.contains_key(name) {
            (
                format!("${{{name}}} is not set in the environment of this process"),
                format!("set it, or give --set {name}=VALUE"),
            )
        } else {
            let remedy = match nearest(name, &self.names.known()) {
                Some(near) => format!("did you mean ${{{near}}}?"),
                None => format!("give --set {name}=VALUE, or --allow-env {name}"),
            };
            (format!("nothing is known of ${{{name}}}"), remedy)
        };
        let mut problem = Problem::new(path, message, remedy);
        problem.line = self.lines.of(path);
        self.problems.push(problem);
        None
    }
}

/// A number or flag instead of its text, where the text was one reference and ECS takes no text.
fn typed(from: &str, resolved: String, shape: Option<&'static Shape>) -> Value {
    let is_one_reference = from.starts_with("${") && from.find('}') == Some(from.len() - 1);
    if is_one_reference {
        match shape {
            Some(Shape::Integer) => {
                if let Ok(number) = resolved.parse::<i64>() {
                    return number.into();
                }
            }
            Some(Shape::Flag) => {
                if let Ok(flag) = resolved.parse::<bool>() {
                    return flag.into();
                }
            }
            _ => {}
        }
    }
    Value::String(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    fn names() -> Values {
        let texts = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        Values {
            set: texts(&[("TAG", "7"), ("CPU", "256"), ("READ_ONLY", "true")]),
            documents: texts(&[("TAG", "6"), ("IMAGE", "r/web@sha256:aa")]),
            process: BTreeMap::from([
                ("BUILD".to_owned(), Some("${TAG}".to_owned())),
                ("UNSET".to_owned(), None),
            ]),
        }
    }

    #[test]
    fn puts_values_in_with_the_types_that_ecs_takes() {
        let mut document = document::parse(
            r#"{"cpu": "${CPU}", "containerDefinitions": [
                {"image": "${IMAGE}", "cpu": "${CPU}", "readonlyRootFilesystem": "${READ_ONLY}",
                 "command": ["$HOME", "a${TAG}b${BUILD}", "$${TAG}", "$"],
                 "dockerLabels": {"x": "${TAG}"}, "unknown": {"y": "${CPU}"}}]}"#,
        )
        .unwrap();
        let (used, problems) = resolve(&mut document.value, &document.lines, &names());
        assert_eq!(problems, []);
        assert_eq!(
            document.value,
            serde_json::json!({"cpu": "256", "containerDefinitions": [
                {"image": "r/web@sha256:aa", "cpu": 256, "readonlyRootFilesystem": true,
                 "command": ["$HOME", "a7b${TAG}", "${TAG}", "$"],
                 "dockerLabels": {"x": "7"}, "unknown": {"y": "256"}}]})
        );
        assert_eq!(
            used.into_iter().collect::<Vec<_>>(),
            ["BUILD", "CPU", "IMAGE", "READ_ONLY", "TAG"]
        );
    }

    #[test]
    fn says_where_a_reference_leads_nowhere() {
        let mut document = document::parse(
            "{\n\"family\": \"${TAGS}\",\n\"cpu\": \"${UNSET}\",\n\"memory\": \"${}${ZZZ} ${A\"}",
        )
        .unwrap();
        let (_, problems) = resolve(&mut document.value, &document.lines, &names());
        let said: Vec<String> = problems
            .iter()
            .map(|problem| format!("{} {problem}", problem.line.unwrap()))
            .collect();
        assert_eq!(
            said,
            [
                "2 family: nothing is known of ${TAGS}; did you mean ${TAG}?",
                "3 cpu: ${UNSET} is not set in the environment of this process; set it, or give --set UNSET=VALUE",
                "4 memory: it has a reference that is not of the form ${NAME}; write $${ for the characters themselves",
                "4 memory: nothing is known of ${ZZZ}; give --set ZZZ=VALUE, or --allow-env ZZZ",
                "4 memory: it has a reference that is not of the form ${NAME}; write $${ for the characters themselves",
            ]
        );
    }
}
