//! The document: every check with its outcome.

mod text;

use contract::exit;
use serde::Serialize;

use super::found::Hidden;

pub(super) use text::text;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// The release will fail, or never end.
    Problem,
    /// It works, but not as one may think.
    Warning,
    /// It could not be looked at.
    Unknown,
    Ok,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) id: &'static str,
    /// What was looked at.
    pub(super) subject: String,
    pub(super) outcome: Outcome,
    pub(super) message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

/// The document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) kind: &'static str,
    pub(super) schema: u32,
    pub(super) cluster: String,
    pub(super) service: String,
    pub(super) task_definition: String,
    pub(super) problems: usize,
    pub(super) warnings: usize,
    pub(super) unknown: usize,
    pub(super) checks: Vec<Check>,
}

impl Check {
    fn new(id: &'static str, subject: &str, outcome: Outcome, message: String) -> Self {
        Self {
            id,
            subject: subject.to_owned(),
            outcome,
            message,
            hint: None,
        }
    }

    pub(super) fn ok(id: &'static str, subject: &str, message: impl Into<String>) -> Self {
        Self::new(id, subject, Outcome::Ok, message.into())
    }

    pub(super) fn warning(id: &'static str, subject: &str, message: impl Into<String>) -> Self {
        Self::new(id, subject, Outcome::Warning, message.into())
    }

    pub(super) fn problem(id: &'static str, subject: &str, message: impl Into<String>) -> Self {
        Self::new(id, subject, Outcome::Problem, message.into())
    }

    pub(super) fn unknown(id: &'static str, subject: &str, hidden: &Hidden) -> Self {
        Self {
            hint: hidden.hint.clone(),
            ..Self::new(id, subject, Outcome::Unknown, hidden.reason.clone())
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Report {
    pub(super) fn new(
        cluster: &str,
        service: &str,
        task_definition: &str,
        checks: Vec<Check>,
    ) -> Self {
        let count = |outcome| {
            checks
                .iter()
                .filter(|check| check.outcome == outcome)
                .count()
        };
        Self {
            kind: "verification",
            schema: 1,
            cluster: cluster.to_owned(),
            service: service.to_owned(),
            task_definition: task_definition.to_owned(),
            problems: count(Outcome::Problem),
            warnings: count(Outcome::Warning),
            unknown: count(Outcome::Unknown),
            checks,
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        if self.problems == 0 {
            exit::DONE
        } else {
            exit::NEGATIVE
        }
    }

    /// `2 problems, 1 warning, 3 unknown, 20 in order`.
    pub(super) fn summary(&self) -> String {
        let counted = |count: usize, noun: &str| {
            let plural = if count == 1 { "" } else { "s" };
            format!("{count} {noun}{plural}")
        };
        let fine = self.checks.len() - self.problems - self.warnings - self.unknown;
        format!(
            "{}, {}, {} unknown, {fine} in order",
            counted(self.problems, "problem"),
            counted(self.warnings, "warning"),
            self.unknown
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_problems_decide() {
        let of = |checks| Report::new("c", "s", "t", checks);
        let fine = of(vec![
            Check::ok("a", "x", "m"),
            Check::warning("a", "x", "m"),
            Check::unknown("a", "x", &Hidden::new("m")),
        ]);
        assert_eq!(fine.exit_code(), 0);
        assert_eq!(
            fine.summary(),
            "0 problems, 1 warning, 1 unknown, 1 in order"
        );
        assert_eq!(of(vec![Check::problem("a", "x", "m")]).exit_code(), 3);
    }

    #[test]
    fn is_written_as_promised() {
        let report = Report::new("c", "s", "t", vec![Check::problem("a", "x", "m").hint("h")]);
        let expected = serde_json::json!({
            "kind": "verification", "schema": 1, "cluster": "c", "service": "s", "taskDefinition": "t",
            "problems": 1, "warnings": 0, "unknown": 0,
            "checks": [{"id": "a", "subject": "x", "outcome": "problem", "message": "m", "hint": "h"}],
        });
        assert_eq!(serde_json::to_value(report).unwrap(), expected);
    }
}
