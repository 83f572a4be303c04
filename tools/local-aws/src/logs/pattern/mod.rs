//! Filter patterns: which events FilterLogEvents returns. Pure; as AWS's "Filter and pattern syntax" has them.
//!
//! Three forms, told apart by their first character: terms (`ERROR -debug "a phrase" ?maybe %re%`), a condition
//! on JSON (`{ $.level = "error" && $.ms > 100 }`), and columns of a line (`[ip, ..., status = 5*, bytes]`).

mod columns;
mod json;
mod operand;
mod regex;
mod scanner;
mod terms;

use std::fmt;

/// A pattern that was understood.
#[derive(Debug)]
pub struct Pattern(Form);

#[derive(Debug)]
enum Form {
    Everything,
    Terms(terms::Terms),
    Json(json::Condition),
    Columns(columns::Columns),
}

/// Why a pattern was not understood; its display is the sentence for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError(String);

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PatternError {}

impl PatternError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// AWS's sentence, which names the first character that it does not take.
    fn character(found: char) -> Self {
        Self(format!("Invalid character(s) in term '{found}'"))
    }

    fn ended(expected: &str) -> Self {
        Self(format!(
            "Invalid filter pattern: it ends where {expected} is expected"
        ))
    }
}

impl Pattern {
    /// Reads a pattern. An empty or blank one matches everything.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        let form = match text.chars().next() {
            None => Form::Everything,
            Some('{') => Form::Json(json::Condition::parse(text)?),
            Some('[') => Form::Columns(columns::Columns::parse(text)?),
            Some(_) => Form::Terms(terms::Terms::parse(text)?),
        };
        Ok(Self(form))
    }

    /// Whether the pattern selects an event with this text.
    #[must_use]
    pub fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Form::Everything => true,
            Form::Terms(terms) => terms.match_text(message),
            Form::Json(condition) => condition.match_text(message),
            Form::Columns(columns) => columns.match_text(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks which of the messages a pattern selects.
    pub(super) fn check(pattern: &str, selected: &[&str], others: &[&str]) {
        let parsed = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        for message in selected {
            assert!(parsed.matches(message), "{pattern} must select {message}");
        }
        for message in others {
            assert!(
                !parsed.matches(message),
                "{pattern} must not select {message}"
            );
        }
    }

    /// Checks the sentence with which a pattern is refused.
    pub(super) fn check_refused(pattern: &str, sentence: &str) {
        match Pattern::parse(pattern) {
            Ok(parsed) => panic!("{pattern} was taken as {parsed:?}"),
            Err(error) => assert_eq!(error.to_string(), sentence, "{pattern}"),
        }
    }

    #[test]
    fn blank_selects_everything() {
        for blank in ["", " ", "\t "] {
            check(blank, &["", "anything"], &[]);
        }
    }
}
