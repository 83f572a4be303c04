//! What people read at the end: failures first, then one line of numbers.

use contract::test_report::{Counts, Coverage, TestReport};
use toolkit::Console;
use toolkit::ci::Dialect;
use toolkit::console::counted;

use crate::case::Source;

/// Failures that are shown one by one; the document has all of them.
const MOST: usize = 50;

/// Shows the report.
pub(crate) fn show(console: &Console, report: &TestReport, sources: &[Source]) {
    console.untrusted(&failures(report));
    for warning in sources.iter().flat_map(|source| &source.warnings) {
        console.warning(warning);
    }
    // TeamCity has a message of its own for what fails a build.
    if console.dialect() != Dialect::TeamCity {
        for problem in &report.problems {
            console.error(problem);
        }
    }
    let line = numbers(report);
    if report.passed {
        console.success(&line);
    } else {
        console.status(&line);
    }
}

/// Name, place and message of each failure. Tests choose all of them, so nothing here is to be trusted.
fn failures(report: &TestReport) -> Vec<String> {
    let mut lines = Vec::new();
    for failure in report.failures.iter().take(MOST) {
        lines.push(match failure.suite.as_str() {
            "" => format!("FAILED {}", failure.name),
            suite => format!("FAILED {suite} > {}", failure.name),
        });
        let told = [failure.place.as_deref(), Some(&failure.message)];
        lines.extend(
            told.into_iter()
                .flatten()
                .filter(|text| !text.is_empty())
                .map(|text| format!("    {text}")),
        );
    }
    let more = report.failures.len().saturating_sub(MOST);
    if more > 0 {
        lines.push(format!("… and {more} more, which are in the report"));
    }
    lines
}

fn numbers(report: &TestReport) -> String {
    let Counts {
        total,
        passed,
        flaky,
        failed,
        errors,
        skipped,
    } = report.counts;
    let parts: Vec<String> = [
        (passed, "passed"),
        (flaky, "flaky"),
        (failed, "failed"),
        (errors, "in error"),
        (skipped, "skipped"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    let mut line = counted(total, "test");
    if !parts.is_empty() {
        line.push_str(": ");
        line.push_str(&parts.join(", "));
    }
    line.push_str(&format!(
        " ({}.{:03} s)",
        report.duration_ms / 1_000,
        report.duration_ms % 1_000
    ));
    if let Some(percent) = report.coverage.and_then(percent) {
        line.push_str(&format!(", {percent} % of lines covered"));
    }
    line
}

/// Covered lines in percent, with one digit, rounded down: 100.0 means all.
pub(crate) fn percent(coverage: Coverage) -> Option<String> {
    let permille = coverage
        .lines_covered
        .checked_mul(1_000)?
        .checked_div(coverage.lines_total)?;
    Some(format!("{}.{}", permille / 10, permille % 10))
}

#[cfg(test)]
mod tests {
    use contract::test_report::FailedCase;

    use super::*;

    fn report(failures: usize) -> TestReport {
        TestReport {
            passed: failures == 0,
            problems: Vec::new(),
            counts: Counts {
                total: 7,
                passed: 4,
                flaky: 1,
                skipped: 2,
                ..Counts::default()
            },
            duration_ms: 1_050,
            failures: (0..failures)
                .map(|number| FailedCase {
                    suite: "a > b".to_owned(),
                    name: number.to_string(),
                    message: "wrong".to_owned(),
                    place: Some("src/lib.rs:7".to_owned()),
                    details: String::new(),
                })
                .collect(),
            sources: Vec::new(),
            command_exit_code: None,
            coverage: Some(Coverage {
                lines_covered: 1_999,
                lines_total: 2_000,
            }),
        }
    }

    #[test]
    fn says_the_numbers_in_one_line() {
        assert_eq!(
            numbers(&report(0)),
            "7 tests: 4 passed, 1 flaky, 2 skipped (1.050 s), 99.9 % of lines covered"
        );
        let nothing = Coverage {
            lines_covered: 0,
            lines_total: 0,
        };
        assert_eq!(percent(nothing), None);
    }

    #[test]
    fn shows_failures_up_to_a_limit() {
        assert_eq!(
            failures(&report(1)),
            ["FAILED a > b > 0", "    src/lib.rs:7", "    wrong"]
        );
        let many = failures(&report(MOST + 2));
        assert_eq!(many.len(), 3 * MOST + 1);
        assert_eq!(
            many.last().unwrap(),
            "… and 2 more, which are in the report"
        );
    }
}
