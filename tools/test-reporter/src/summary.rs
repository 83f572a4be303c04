//! What people read at the end: failures first, then one line of numbers.

use contract::test_report::{Comparison, Counts, Portion, TestReport};
use toolkit::Console;
use toolkit::ci::Dialect;
use toolkit::console::counted;

use crate::case::Source;

/// Failures that are shown one by one; the document has all of them.
const MOST: usize = 50;
/// Problems that are shown one by one: a CI system has room for a few errors only.
pub(crate) const SHOWN_PROBLEMS: usize = 5;

/// Shows the report.
pub(crate) fn show(console: &Console, report: &TestReport, sources: &[Source]) {
    console.untrusted(&failures(report));
    let warnings = || sources.iter().flat_map(|source| &source.warnings);
    for warning in warnings().take(SHOWN_PROBLEMS) {
        console.warning(warning);
    }
    let more = warnings().count().saturating_sub(SHOWN_PROBLEMS);
    if more > 0 {
        console.warning(&format!("{more} more warnings of this kind"));
    }
    // TeamCity has a message of its own for what fails a build.
    if console.dialect() != Dialect::TeamCity {
        for problem in report.problems.iter().take(SHOWN_PROBLEMS) {
            console.error(problem);
        }
        let more = report.problems.len().saturating_sub(SHOWN_PROBLEMS);
        if more > 0 {
            console.error(&format!("{more} more problems are in the report"));
        }
    }
    if let Some(line) = report.comparison.as_ref().and_then(compared) {
        console.status(&line);
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
    let failed = report.failures.len() as u64 + report.failures_omitted;
    let more = failed.saturating_sub(MOST as u64);
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
    if let Some(percent) = report.coverage.and_then(|coverage| {
        percent(Portion {
            covered: coverage.lines_covered,
            total: coverage.lines_total,
        })
    }) {
        line.push_str(&format!(", {percent} % of lines covered"));
    }
    line
}

/// What changed since the run before, if anything did.
fn compared(comparison: &Comparison) -> Option<String> {
    let parts: Vec<String> = [
        (comparison.new_failures.len(), "failing now and not before"),
        (comparison.fixed.len(), "repaired"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    (!parts.is_empty()).then(|| format!("since the run before: {}", parts.join(", ")))
}

/// A portion in percent, with one digit, rounded down: 100.0 means all.
pub(crate) fn percent(portion: Portion) -> Option<String> {
    let permille = portion
        .covered
        .checked_mul(1_000)?
        .checked_div(portion.total)?;
    Some(format!("{}.{}", permille / 10, permille % 10))
}

#[cfg(test)]
mod tests {
    use contract::test_report::{Coverage, FailedCase};

    use super::*;

    fn report(failures: usize) -> TestReport {
        TestReport {
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
            coverage: Some(Coverage {
                lines_covered: 1_999,
                lines_total: 2_000,
                ..Coverage::default()
            }),
            ..crate::verdict::empty()
        }
    }

    #[test]
    fn says_the_numbers_in_one_line() {
        assert_eq!(
            numbers(&report(0)),
            "7 tests: 4 passed, 1 flaky, 2 skipped (1.050 s), 99.9 % of lines covered"
        );
        let nothing = Portion::default();
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
