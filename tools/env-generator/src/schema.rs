//! An environment against its schema: what is missing, extra, empty or malformed, in one pass.

use std::collections::BTreeMap;

use contract::config::{Kind, Rule};
use regex::Regex;

use crate::problem::Problem;
use crate::settings::{Content, Entry, Settings};
use crate::vault::Values;

/// The rules and the file that has them.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// As origins and mistakes name it.
    pub file: String,
    /// By variable; none checks nothing.
    pub rules: BTreeMap<String, Rule>,
}

impl Schema {
    /// All that is wrong. `values` has the secrets that were read; the others are judged by their presence.
    /// Without `is_complete`, sources were left out, and nothing is called missing.
    pub(crate) fn check(
        &self,
        settings: &Settings,
        values: &Values,
        is_complete: bool,
    ) -> Vec<Problem> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let mut problems = Vec::new();
        for (name, entry) in settings.iter() {
            match self.rules.get(name) {
                Some(rule) => self.judge(
                    name,
                    rule,
                    entry,
                    values.get(name).map(|value| value.expose()),
                    &mut problems,
                ),
                None => problems.push(at(
                    entry,
                    format!("{name} is extra: {} has no [schema.{name}]", self.file),
                )),
            }
        }
        for (name, rule) in &self.rules {
            if rule.required && is_complete && settings.get(name).is_none() {
                let what = rule
                    .description
                    .as_ref()
                    .map_or(String::new(), |text| format!(" ({text})"));
                problems.push(Problem::new(
                    &self.file,
                    rule.line,
                    format!("{name}{what} is missing: no source has it"),
                ));
            }
        }
        problems
    }

    fn judge(
        &self,
        name: &str,
        rule: &Rule,
        entry: &Entry,
        read: Option<&str>,
        problems: &mut Vec<Problem>,
    ) {
        let text = match (&entry.content, read) {
            (Content::Plain(text), _) => text.as_str(),
            (Content::Sealed(text), _) => text.expose(),
            (Content::Reference(_), Some(text)) => text,
            (Content::Reference(_), None) => return,
        };
        if text.is_empty() {
            if rule.required {
                problems.push(at(entry, format!("{name} is empty")));
            }
            return;
        }
        match mistake(rule, text) {
            Ok(None) => {}
            Ok(Some(what)) => {
                problems.push(at(entry, format!("{name} is malformed: it must {what}")))
            }
            Err(()) => problems.push(Problem::new(
                &self.file,
                rule.line,
                format!("the pattern of {name} is not a regular expression"),
            )),
        }
    }
}

fn at(entry: &Entry, message: String) -> Problem {
    Problem::new(&entry.origin.source, entry.origin.line, message)
}

/// What the value must be and is not. The value is not repeated; an error is the pattern's.
fn mistake(rule: &Rule, text: &str) -> Result<Option<String>, ()> {
    if let Some(what) = wrong_kind(rule.kind, text) {
        return Ok(Some(what.to_owned()));
    }
    if !rule.values.is_empty() && !rule.values.iter().any(|value| value == text) {
        return Ok(Some(format!("be one of {}", rule.values.join(", "))));
    }
    if let Some(pattern) = &rule.pattern {
        let whole = Regex::new(&format!("^(?:{pattern})$")).map_err(drop)?;
        if !whole.is_match(text) {
            return Ok(Some(format!("match {pattern}")));
        }
    }
    Ok(out_of_range(rule, text))
}

fn wrong_kind(kind: Kind, text: &str) -> Option<&'static str> {
    let (is_right, what) = match kind {
        Kind::Text => (true, ""),
        Kind::Integer => (text.parse::<i64>().is_ok(), "be a whole number"),
        Kind::Number => (text.parse::<f64>().is_ok_and(f64::is_finite), "be a number"),
        Kind::Boolean => (matches!(text, "true" | "false"), "be true or false"),
        Kind::Url => (is_url(text), "be a URL"),
        Kind::Json => (
            serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
            "be JSON",
        ),
    };
    (!is_right).then_some(what)
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            && !rest.is_empty()
            && !rest.contains(char::is_whitespace)
    })
}

fn out_of_range(rule: &Rule, text: &str) -> Option<String> {
    let is_numeric = matches!(rule.kind, Kind::Integer | Kind::Number);
    let size = match text.parse::<f64>() {
        Ok(number) if is_numeric => number,
        _ => u32::try_from(text.chars().count()).map_or(f64::MAX, f64::from),
    };
    let unit = if is_numeric { "" } else { " characters" };
    match (rule.min, rule.max) {
        (Some(min), _) if size < min => Some(format!("be at least {min}{unit}")),
        (_, Some(max)) if size > max => Some(format!("be at most {max}{unit}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Origin;

    const RULES: &str = r#"
[schema.PORT]
type = "integer"
required = true
min = 1
max = 65535
[schema.LEVEL]
values = ["info", "warn"]
[schema.NAME]
pattern = "[a-z]+"
max = 4
[schema.URL]
type = "url"
[schema.ON]
type = "boolean"
[schema.RATIO]
type = "number"
[schema.MORE]
type = "json"
[schema.KEY]
required = true
secret = true
description = "signs cookies"
"#;

    fn check(values: &[(&str, &str)], expected: &[&str]) {
        let schema = Schema {
            file: "longshore.toml".to_owned(),
            rules: contract::config::parse_schema(RULES, "longshore.toml").unwrap(),
        };
        let mut settings = Settings::default();
        for (at, (name, text)) in values.iter().enumerate() {
            let origin = Origin {
                source: "a.env".to_owned(),
                line: at + 1,
            };
            settings.set(name, Content::Plain((*text).to_owned()), origin);
        }
        let problems: Vec<String> = schema
            .check(&settings, &Values::new(), true)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(problems, expected);
    }

    #[test]
    fn finds_all_kinds_of_mistakes_in_one_pass() {
        check(
            &[
                ("EXTRA", "hunter2"),
                ("LEVEL", "hunter2"),
                ("MORE", "{hunter2"),
                ("NAME", "hunter2"),
                ("ON", "yes"),
                ("PORT", ""),
                ("RATIO", "inf"),
                ("URL", "hunter2"),
            ],
            &[
                "a.env:1: EXTRA is extra: longshore.toml has no [schema.EXTRA]",
                "a.env:2: LEVEL is malformed: it must be one of info, warn",
                "a.env:3: MORE is malformed: it must be JSON",
                "a.env:4: NAME is malformed: it must match [a-z]+",
                "a.env:5: ON is malformed: it must be true or false",
                "a.env:6: PORT is empty",
                "a.env:7: RATIO is malformed: it must be a number",
                "a.env:8: URL is malformed: it must be a URL",
                "longshore.toml:20: KEY (signs cookies) is missing: no source has it",
            ],
        );
    }

    #[test]
    fn judges_numbers_by_size_and_texts_by_length() {
        check(
            &[("KEY", "x"), ("NAME", "hunter"), ("PORT", "70000")],
            &[
                "a.env:2: NAME is malformed: it must be at most 4 characters",
                "a.env:3: PORT is malformed: it must be at most 65535",
            ],
        );
    }

    #[test]
    fn lets_good_values_pass() {
        check(
            &[
                ("KEY", "x"),
                ("LEVEL", "info"),
                ("MORE", "[1]"),
                ("NAME", "abc"),
                ("ON", "true"),
                ("PORT", "80"),
                ("RATIO", "-0.5"),
                ("URL", "postgres://u:p@h/d"),
            ],
            &[],
        );
    }
}
