//! What ECS would refuse, or what somebody would regret, found before it is asked.

use std::fmt;

use serde::Serialize;

/// One thing to put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Path into the document, key of longshore.toml, or argument, for example
    /// `containerDefinitions[0].memory` or `services.api.memory`.
    pub place: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Page of AWS's documentation that has the rule; none for a rule of this tool's own.
    pub rule: Option<&'static str>,
    /// Whether it stands in the way.
    pub severity: Severity,
    /// Line of the file that was read, from 1.
    pub line: Option<usize>,
}

/// Whether a problem stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// ECS would refuse it, or the caller asked for its refusal.
    Error,
    /// ECS takes it.
    Warning,
}

impl Problem {
    pub(crate) fn new(
        place: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
            remedy: remedy.into(),
            rule: None,
            severity: Severity::Error,
            line: None,
        }
    }

    /// The same with the page that has the rule.
    pub(crate) fn by(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }

    /// The same with another weight.
    pub(crate) fn weighing(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The problem with its line, if it has one.
    pub(crate) fn placed(&self) -> String {
        match self.line {
            Some(line) => format!("line {line}: {self}"),
            None => self.to_string(),
        }
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.message, self.remedy)?;
        match self.rule {
            Some(rule) => write!(f, " [AWS: {rule}]"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a task definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// The definition's family, or the file's name.
    pub family: String,
    /// At least one.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "{count} {noun} in the task definition {}", self.family)?;
        for problem in &self.list {
            let weight = if problem.is_error() { "" } else { "warning: " };
            write!(f, "\n  {weight}{}", problem.placed())?;
        }
        Ok(())
    }
}
