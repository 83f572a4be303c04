//! Annotations.

use contract::test_report::{FailedCase, TestReport};
use toolkit::ci::{github_escaped, github_property_escaped};

use crate::place;
use crate::summary::SHOWN_PROBLEMS;

/// Annotations of a kind that GitHub shows for a step; it drops the rest without a word.
const MOST_ANNOTATIONS: usize = 10;

/// Failures as errors and flaky tests as warnings. The summary has already marked each problem as an error, and
/// they count; so does the line that says how many failures had no room.
pub(super) fn annotations(report: &TestReport) -> Vec<String> {
    let taken = report.problems.len().min(SHOWN_PROBLEMS + 1);
    let room = MOST_ANNOTATIONS.saturating_sub(taken);
    let failed = report.failures.len() as u64 + report.failures_omitted;
    let mut lines: Vec<String> = report
        .failures
        .iter()
        .take(room)
        .map(|failure| annotation("error", failure, &failure.message))
        .collect();
    lines.extend(
        report
            .flaky
            .iter()
            // The summary's warnings have the rest of the room.
            .take(MOST_ANNOTATIONS - SHOWN_PROBLEMS - 1)
            .map(|flaky| {
                let message = format!("flaky: it failed first with: {}", flaky.message);
                annotation("warning", flaky, &message)
            }),
    );
    let cut = failed.saturating_sub(room as u64);
    if cut > 0 {
        lines.push(format!(
            "::notice title=More failures::{cut} more are in the step's summary and in the report"
        ));
    }
    lines
}

fn annotation(kind: &str, case: &FailedCase, message: &str) -> String {
    let file = match case.place.as_deref().and_then(place::parts) {
        Some((file, line)) => {
            let file = file.strip_prefix("./").unwrap_or(file);
            format!("file={},line={line},", github_property_escaped(file))
        }
        None => String::new(),
    };
    let title = github_property_escaped(&case.name);
    format!("::{kind} {file}title={title}::{}", github_escaped(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str) -> FailedCase {
        FailedCase {
            suite: "a > b".to_owned(),
            name: name.to_owned(),
            message: "it's 100%".to_owned(),
            place: Some("./src/lib.rs:6:1".to_owned()),
            details: String::new(),
        }
    }

    #[test]
    fn marks_the_place_within_the_limit() {
        let mut report = crate::verdict::empty();
        report.problems = vec!["1 test failed".to_owned()];
        report.failures = vec![case("fails|")];
        report.flaky = vec![case("a,b")];
        assert_eq!(
            annotations(&report),
            [
                "::error file=src/lib.rs,line=6,title=fails|::it's 100%25",
                "::warning file=src/lib.rs,line=6,title=a%2Cb::flaky: it failed first with: it's 100%25",
            ]
        );
        report.failures = vec![case("x"); 20];
        report.failures_omitted = 5;
        report.flaky.clear();
        let lines = annotations(&report);
        assert_eq!(lines.len(), 10);
        assert_eq!(
            lines[9],
            "::notice title=More failures::16 more are in the step's summary and in the report"
        );
    }
}
