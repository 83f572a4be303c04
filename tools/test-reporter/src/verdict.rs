//! Whether a release may go on, and why not.

use std::collections::HashSet;

use contract::test_report::{Comparison, Counts, Coverage, FailedCase, SlowCase, TestReport};
use toolkit::console::counted;

use crate::case::{Case, Source, counts};
use crate::command::End;
use crate::compare;
use crate::gates::{Gates, Percent, percent_of};
use crate::store::Store;
use crate::tally::Slowest;

/// What a signal adds to its number in the code that a shell would report.
const SIGNALLED: i32 = 128;
/// Failures, and flaky tests, that the document holds one by one.
const MOST_LISTED: usize = 10_000;
/// Bytes of details in the document; further failures have their message only.
const MOST_DETAILS: usize = 8 << 20;

/// What the gates are applied to.
#[derive(Debug)]
pub(crate) struct Evidence<'e> {
    pub(crate) sources: &'e [Source],
    pub(crate) store: &'e Store,
    pub(crate) slowest: &'e Slowest,
    /// How the command ended, and after how many seconds it would have been stopped.
    pub(crate) command: Option<(End, u64)>,
    pub(crate) gates: Gates,
    pub(crate) coverage: Option<Coverage>,
    /// The report of the run before.
    pub(crate) before: Option<&'e TestReport>,
}

/// The report, with every reason why a gate is closed.
pub(crate) fn report(evidence: &Evidence<'_>) -> anyhow::Result<TestReport> {
    let counts = counts(evidence.sources);
    let listed = Listed::of(evidence.sources, evidence.store)?;
    let comparison = evidence
        .before
        .map(|before| compare::compare(before, &listed.failures));
    let mut report = TestReport {
        passed: false,
        problems: Vec::new(),
        counts,
        duration_ms: evidence
            .sources
            .iter()
            .fold(0, |sum, source| sum.saturating_add(source.duration_ms)),
        failures_omitted: (counts.failed + counts.errors)
            .saturating_sub(listed.failures.len() as u64),
        failures: listed.failures,
        flaky: listed.flaky,
        slowest: evidence
            .slowest
            .tests()
            .map(|(duration_ms, suite, name)| SlowCase {
                suite: suite.to_owned(),
                name: name.to_owned(),
                duration_ms,
            })
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
        comparison,
    };
    report.problems = problems(evidence, &report);
    report.passed = report.problems.is_empty();
    Ok(report)
}

fn problems(evidence: &Evidence<'_>, report: &TestReport) -> Vec<String> {
    let counts = report.counts;
    let bad = counts.failed + counts.errors;
    let tolerated = bad > 0 && is_tolerated(evidence, report);
    let mut problems = Vec::new();
    if counts.failed > 0 && !tolerated {
        problems.push(format!("{} failed", counted(counts.failed, "test")));
    }
    if counts.errors > 0 && !tolerated {
        problems.push(format!(
            "{} ended in an error",
            counted(counts.errors, "test")
        ));
    }
    problems.extend(evidence.command.and_then(|(end, limit)| match end {
        // A runner ends badly because of the very failures that are tolerated.
        End::Code(_) if tolerated => None,
        end => complaint(end, limit),
    }));
    problems.extend(
        evidence
            .sources
            .iter()
            .flat_map(|source| source.problems.clone()),
    );
    problems.extend(too_few(counts, evidence.gates.minimum));
    problems.extend(too_flaky(counts, evidence.gates.flaky));
    problems.extend(too_little(report.coverage, evidence.gates.coverage));
    if let Some(comparison) = &report.comparison {
        problems.extend(worse(report, comparison, evidence.gates));
    }
    problems
}

/// Failures and flaky tests, up to a limit.
#[derive(Default)]
struct Listed {
    failures: Vec<FailedCase>,
    flaky: Vec<FailedCase>,
    details: usize,
}

impl Listed {
    fn of(sources: &[Source], store: &Store) -> std::io::Result<Self> {
        let mut listed = Self::default();
        for source in sources {
            store.each(&source.notable, |case| {
                listed.add(&case);
                Ok::<_, std::io::Error>(())
            })?;
        }
        Ok(listed)
    }

    fn add(&mut self, case: &Case) {
        let cases = if case.is_bad() {
            &mut self.failures
        } else {
            &mut self.flaky
        };
        if cases.len() == MOST_LISTED {
            return;
        }
        let mut failed = case.as_failed();
        if self.details + failed.details.len() > MOST_DETAILS {
            failed.details.clear();
        }
        self.details += failed.details.len();
        cases.push(failed);
    }
}

/// Whether all that failed may fail.
fn is_tolerated(evidence: &Evidence<'_>, report: &TestReport) -> bool {
    let gates = evidence.gates;
    if report.counts.failed + report.counts.errors <= gates.failures {
        return true;
    }
    let Some(before) = evidence.before.filter(|_| gates.known_failures) else {
        return false;
    };
    let known: HashSet<String> = before.failures.iter().map(compare::name).collect();
    report.failures_omitted == 0
        && report
            .failures
            .iter()
            .all(|failure| known.contains(&compare::name(failure)))
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

fn too_flaky(counts: Counts, most: Option<u64>) -> Option<String> {
    let most = most?;
    (counts.flaky > most).then(|| {
        let are = if counts.flaky == 1 { "is" } else { "are" };
        format!(
            "{} {are} flaky, and at most {most} may be",
            counted(counts.flaky, "test")
        )
    })
}

fn too_little(coverage: Option<Coverage>, least: Option<Percent>) -> Option<String> {
    let least = least?;
    match coverage.and_then(lines_percent) {
        None => Some(format!(
            "there is no coverage report, and at least {least} of lines must be covered"
        )),
        Some(percent) => (percent < least)
            .then(|| format!("{percent} of lines are covered, and at least {least} must be")),
    }
}

fn lines_percent(coverage: Coverage) -> Option<Percent> {
    percent_of(coverage.lines_covered, coverage.lines_total)
}

/// What is worse than in the run before.
fn worse(report: &TestReport, comparison: &Comparison, gates: Gates) -> Vec<String> {
    let mut problems = Vec::new();
    let ran = report.counts.total - report.counts.skipped;
    let lost = comparison.ran_before.saturating_sub(ran);
    if gates.lost.is_some_and(|most| lost > most) {
        problems.push(format!(
            "{} ran, {} fewer than in the run before",
            counted(ran, "test"),
            lost
        ));
    }
    if let (Some(most), Some(before)) = (
        gates.drop,
        comparison.coverage_before.and_then(lines_percent),
    ) {
        let now = report
            .coverage
            .and_then(lines_percent)
            .unwrap_or(Percent(0));
        if before.0.saturating_sub(now.0) > most.0 {
            problems.push(format!(
                "{now} of lines are covered, and {before} were in the run before"
            ));
        }
    }
    problems
}

#[cfg(test)]
pub(crate) fn empty() -> TestReport {
    report(&Evidence {
        sources: &[],
        store: &Store::new(true),
        slowest: &Slowest::default(),
        command: None,
        gates: Gates::default(),
        coverage: None,
        before: None,
    })
    .expect("nothing is read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Verdict;
    use crate::tally::Tally;

    fn source(verdicts: &[Verdict], store: &Store) -> Source {
        let mut tally = Tally::new("stdout", store);
        for (number, verdict) in verdicts.iter().enumerate() {
            tally.add(&Case {
                verdict: *verdict,
                ..Case::new("suite".into(), &number.to_string())
            });
        }
        tally.finish()
    }

    struct Given<'g> {
        verdicts: &'g [Verdict],
        problem: Option<&'g str>,
        command: Option<End>,
        gates: Gates,
        coverage: Option<Coverage>,
        before: Option<&'g TestReport>,
    }

    const GIVEN: Given<'static> = Given {
        verdicts: &[],
        problem: None,
        command: None,
        gates: Gates {
            minimum: 1,
            failures: 0,
            known_failures: false,
            flaky: None,
            coverage: None,
            drop: None,
            lost: None,
        },
        coverage: None,
        before: None,
    };

    fn problems(given: &Given<'_>) -> Vec<String> {
        let store = Store::new(true);
        let mut source = source(given.verdicts, &store);
        source.problems.extend(given.problem.map(str::to_owned));
        let report = report(&Evidence {
            sources: &[source],
            store: &store,
            slowest: &Slowest::default(),
            command: given.command.map(|end| (end, 60)),
            gates: given.gates,
            coverage: given.coverage,
            before: given.before,
        })
        .unwrap();
        assert_eq!(report.passed, report.problems.is_empty());
        report.problems
    }

    use Verdict::{Error, Failed, Flaky, Passed, Skipped};

    #[test]
    fn opens_the_gate_for_tests_that_passed() {
        let given = |command, minimum| Given {
            verdicts: &[Passed, Flaky, Skipped],
            command,
            gates: Gates {
                minimum,
                ..Gates::default()
            },
            ..GIVEN
        };
        assert_eq!(problems(&given(Some(End::Code(0)), 2)), [""; 0]);
        assert_eq!(problems(&given(None, 1)), [""; 0]);
        assert_eq!(
            problems(&given(None, 3)),
            ["2 tests ran, and at least 3 must"]
        );
    }

    #[test]
    fn closes_the_gate_for_every_reason_there_is() {
        assert_eq!(
            problems(&Given {
                verdicts: &[Failed, Error, Skipped, Flaky],
                problem: Some("a.xml is not a JUnit report"),
                command: Some(End::Code(101)),
                gates: Gates {
                    minimum: 4,
                    flaky: Some(0),
                    coverage: Some(Percent(8_000)),
                    ..Gates::default()
                },
                coverage: Some(Coverage {
                    lines_covered: 7_999,
                    lines_total: 10_000,
                    ..Coverage::default()
                }),
                ..GIVEN
            }),
            [
                "1 test failed",
                "1 test ended in an error",
                "the test command ended with exit code 101",
                "a.xml is not a JUnit report",
                "3 tests ran, and at least 4 must",
                "1 test is flaky, and at most 0 may be",
                "79.99 % of lines are covered, and at least 80.00 % must be",
            ]
        );
    }

    #[test]
    fn does_not_trust_a_run_without_a_test() {
        let given = |verdicts, command, minimum| Given {
            verdicts,
            command: Some(command),
            gates: Gates {
                minimum,
                ..Gates::default()
            },
            ..GIVEN
        };
        assert_eq!(
            problems(&given(&[Skipped], End::Code(0), 1)),
            ["no test ran"]
        );
        assert_eq!(problems(&given(&[], End::Code(0), 0)), [""; 0]);
        assert_eq!(
            problems(&given(&[Passed], End::TimedOut, 1)),
            ["the test command was stopped after 60 seconds"]
        );
        assert_eq!(
            problems(&given(&[Passed], End::Signal(11), 1)),
            ["the test command was killed by signal 11"]
        );
        assert_eq!(
            problems(&Given {
                verdicts: &[Passed],
                gates: Gates {
                    coverage: Some(Percent(1)),
                    ..Gates::default()
                },
                ..GIVEN
            }),
            ["there is no coverage report, and at least 0.01 % of lines must be covered"]
        );
    }

    #[test]
    fn tolerates_what_it_was_told_to() {
        let some = |failures, command| Given {
            verdicts: &[Passed, Failed, Error],
            command: Some(command),
            gates: Gates {
                failures,
                ..Gates::default()
            },
            ..GIVEN
        };
        assert_eq!(problems(&some(2, End::Code(1))), [""; 0]);
        assert_eq!(problems(&some(1, End::Code(1))).len(), 3);
        assert_eq!(problems(&some(2, End::Signal(9))).len(), 1);
        let mut before = empty();
        before.failures = vec![
            Case::new("suite".into(), "1").as_failed(),
            Case::new("suite".into(), "2").as_failed(),
        ];
        let known = |verdicts| Given {
            verdicts,
            gates: Gates {
                known_failures: true,
                ..Gates::default()
            },
            before: Some(&before),
            ..GIVEN
        };
        assert_eq!(problems(&known(&[Passed, Failed, Error])), [""; 0]);
        assert_eq!(
            problems(&known(&[Failed, Failed, Passed])),
            ["2 tests failed"]
        );
    }

    #[test]
    fn notices_what_was_lost_since_the_run_before() {
        let mut before = empty();
        before.counts.total = 5;
        let coverage = |lines_covered| {
            Some(Coverage {
                lines_covered,
                lines_total: 1_000,
                ..Coverage::default()
            })
        };
        before.coverage = coverage(800);
        let now = |lost, covered| Given {
            verdicts: &[Passed, Passed],
            gates: Gates {
                lost: Some(lost),
                drop: Some(Percent(50)),
                ..Gates::default()
            },
            coverage: coverage(covered),
            before: Some(&before),
            ..GIVEN
        };
        assert_eq!(problems(&now(3, 795)), [""; 0]);
        assert_eq!(
            problems(&now(2, 794)),
            [
                "2 tests ran, 3 fewer than in the run before",
                "79.40 % of lines are covered, and 80.00 % were in the run before",
            ]
        );
    }
}
