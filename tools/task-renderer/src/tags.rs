//! Tags: where a definition came from.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::Problem;

/// Which environment a definition belongs to.
pub(crate) const ENVIRONMENT: &str = "longshore:environment";

/// The most tags that a task definition may have.
pub(crate) const MOST: usize = 50;
/// Characters of a key and of a value (the tagging rules of ECS).
const LONGEST: (usize, usize) = (128, 256);

/// A tag as the command line has it, `KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Before the first `=`.
    pub key: String,
    /// After it.
    pub value: String,
}

impl FromStr for Tag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self {
                key: key.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("a tag is written KEY=VALUE"),
        }
    }
}

/// All tags of a definition by key, the environment's among them.
pub(crate) fn merged(
    tags: &[Tag],
    environment: &str,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, String> {
    let mut merged = BTreeMap::from([(ENVIRONMENT.to_owned(), environment.to_owned())]);
    for Tag { key, value } in tags {
        let place = format!("--tag {key}");
        if let Some((message, remedy)) = mistake(key, value) {
            problems.push(Problem::new(&place, message, remedy));
        }
        if merged.insert(key.clone(), value.clone()).is_some() {
            problems.push(Problem::new(
                &place,
                "the tag is set twice",
                "give each key once",
            ));
        }
    }
    if merged.len() > MOST {
        problems.push(Problem::new(
            "--tag",
            format!("there are {} tags", merged.len()),
            format!("ECS takes {MOST}"),
        ));
    }
    merged
}

/// What is wrong with a tag, and what to do.
pub(crate) fn mistake(key: &str, value: &str) -> Option<(&'static str, &'static str)> {
    if key.is_empty() {
        return Some(("the tag has no key", "give it one"));
    }
    let length = |text: &str| text.chars().count();
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Some(("keys that begin with aws: belong to AWS", "choose another"));
    }
    if length(key) > LONGEST.0 || length(value) > LONGEST.1 {
        return Some((
            "the tag is too long",
            "ECS takes 128 characters of key and 256 of value",
        ));
    }
    let is_allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    if !key.chars().chain(value.chars()).all(is_allowed) {
        return Some((
            "the tag has a character that ECS refuses",
            "letters, digits, spaces and _.:/=+-@ are allowed",
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_tag_up_to_the_first_equals_sign() {
        let tag: Tag = "longshore:query=a=b".parse().unwrap();
        assert_eq!(
            (tag.key.as_str(), tag.value.as_str()),
            ("longshore:query", "a=b")
        );
        assert_eq!("=x".parse::<Tag>(), Err("a tag is written KEY=VALUE"));
        assert_eq!("x".parse::<Tag>(), Err("a tag is written KEY=VALUE"));
    }

    #[test]
    fn adds_the_environment_and_refuses_what_ecs_refuses() {
        let tags = ["a=1", "a=2", "aws:b=1", "c=<3>", "longshore:environment=qa"]
            .map(|text| text.parse().unwrap());
        let mut problems = Vec::new();
        let merged = merged(&tags, "prod", &mut problems);
        assert_eq!(merged["a"], "2");
        let said: Vec<String> = problems
            .iter()
            .map(|problem| format!("{}: {}", problem.place, problem.message))
            .collect();
        assert_eq!(
            said,
            [
                "--tag a: the tag is set twice",
                "--tag aws:b: keys that begin with aws: belong to AWS",
                "--tag c: the tag has a character that ECS refuses",
                "--tag longshore:environment: the tag is set twice",
            ]
        );
    }
}
