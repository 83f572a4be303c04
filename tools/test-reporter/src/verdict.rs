//! Whether a release may go on, and why not.

use contract::test_report::{Counts, Coverage, TestReport};
use toolkit::console::counted;

use crate::case::{Case, Source, counts};
use crate::command::End;

/// What a signal adds to its number in the code that a shell would report.
const SIGNALLED: i32 = 128;

/// What the gates are applied to.
#[derive(Debug)]
pub(crate) struct Evidence<'e> {
    pub(crate) sources: &'e [Source],
    /// How the command ended, and after how many seconds it would have been stopped.
    pub(crate) command: Option<(End, u64)>,
    /// Fewest tests that must have run.
    pub(crate) minimum: u64,
    pub(crate) coverage: Option<Coverage>,
}

/// The report, with every reason why a gate is closed.
pub(crate) fn report(evidence: &Evidence<'_>) -> TestReport {
    let cases = || evidence.sources.iter().flat_map(|source| &source.cases);
    let counts = counts(cases());
    let mut problems = Vec::new();
    if counts.failed > 0 {
        problems.push(format!("{} failed", counted(counts.failed, "test")));
    }
    if counts.errors > 0 {
        problems.push(format!(
            "{} ended in an error",
            counted(counts.errors, "test")
        ));
    }
    problems.extend(
        evidence
            .command
            .and_then(|(end, limit)| complaint(end, limit)),
    );
    problems.extend(
        evidence
            .sources
            .iter()
            .flat_map(|source| source.problems.clone()),
    );
    problems.extend(too_few(counts, evidence.minimum));
    TestReport {
        passed: problems.is_empty(),
        problems,
        counts,
        duration_ms: evidence
            .sources
            .iter()
            .fold(0, |sum, source| sum.saturating_add(source.duration_ms)),
        failures: cases()
            .filter(|case| case.is_bad())
            .map(Case::as_failed)
            .collect(),
        sources: evidence
            .sources
            .iter()
            .map(|source| source.name.clone())
            .collect(),
        command_exit_code: evidence.command.and_then(|(end, _)| match end {
            End::Code(code) => Some(code),
            End::Signal(signal) => Some(SIGNALLED + signal),
            End::TimedOut | End::Interrupted => None,
        }),
        coverage: evidence.coverage,
    }
}

fn complaint(end: End, limit: u64) -> Option<String> {
    match end {
        End::Code(0) => None,
        End::Code(code) => Some(format!("the test command ended with exit code {code}")),
        End::Signal(signal) => Some(format!("the test command was killed by signal {signal}")),
        End::TimedOut => Some(format!(
            "the test command was stopped after {}",
            counted(limit, "second")
        )),
        End::Interrupted => Some("the test command was interrupted".to_owned()),
    }
}

/// Skipped tests prove nothing.
fn too_few(counts: Counts, minimum: u64) -> Option<String> {
    let ran = counts.total - counts.skipped;
    (ran < minimum).then(|| match ran {
        0 => "no test ran".to_owned(),
        ran => format!("{} ran, and at least {minimum} must", counted(ran, "test")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Verdict;

    fn source(verdicts: &[Verdict]) -> Source {
        let cases = verdicts
            .iter()
            .enumerate()
            .map(|(number, verdict)| Case {
                verdict: *verdict,
                ..Case::new("suite", &number.to_string())
            })
            .collect();
        Source {
            name: "stdout".to_owned(),
            cases,
            ..Source::default()
        }
    }

    fn problems(source: Source, command: Option<End>, minimum: u64) -> Vec<String> {
        let report = report(&Evidence {
            sources: &[source],
            command: command.map(|end| (end, 60)),
            minimum,
            coverage: None,
        });
        assert_eq!(report.passed, report.problems.is_empty());
        report.problems
    }

    #[test]
    fn opens_the_gate_for_tests_that_passed() {
        use Verdict::{Flaky, Passed, Skipped};
        let source = || source(&[Passed, Flaky, Skipped]);
        assert_eq!(problems(source(), Some(End::Code(0)), 2), [""; 0]);
        assert_eq!(problems(source(), None, 1), [""; 0]);
        assert_eq!(
            problems(source(), None, 3),
            ["2 tests ran, and at least 3 must"]
        );
    }

    #[test]
    fn closes_the_gate_for_every_reason_there_is() {
        use Verdict::{Error, Failed, Skipped};
        let mut source = source(&[Failed, Error, Skipped]);
        source
            .problems
            .push("a.xml is not a JUnit report".to_owned());
        assert_eq!(
            problems(source, Some(End::Code(101)), 3),
            [
                "1 test failed",
                "1 test ended in an error",
                "the test command ended with exit code 101",
                "a.xml is not a JUnit report",
                "2 tests ran, and at least 3 must"
            ]
        );
    }

    #[test]
    fn does_not_trust_a_run_without_a_test() {
        assert_eq!(
            problems(source(&[Verdict::Skipped]), Some(End::Code(0)), 1),
            ["no test ran"]
        );
        assert_eq!(problems(source(&[]), Some(End::Code(0)), 0), [""; 0]);
        assert_eq!(
            problems(source(&[Verdict::Passed]), Some(End::TimedOut), 1),
            ["the test command was stopped after 60 seconds"]
        );
        assert_eq!(
            problems(source(&[Verdict::Passed]), Some(End::Signal(11)), 1),
            ["the test command was killed by signal 11"]
        );
    }
}
