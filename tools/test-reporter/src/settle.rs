//! One case from several that have the same name: retries, and tests that only look alike.

use std::collections::HashMap;

use crate::case::{Case, Verdict};

/// What is known beside the cases of a suite.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence {
    /// Number of tests that the suite states, which counts a retried one once.
    pub(crate) stated: Option<usize>,
    /// Whether the test command ended with exit code 0, so that the runner saw no test fail in the end.
    pub(crate) accepted: bool,
}

/// Joins the attempts of a test to one case.
///
/// A runner that states fewer tests than it lists has listed retries. Otherwise the same name may stand for
/// different tests, of which a failed one must not be forgiven because of another that passed; it is a retry
/// only where the runner itself was content in the end.
pub(crate) fn settle(cases: Vec<Case>, evidence: Evidence) -> Vec<Case> {
    let mut names: HashMap<(String, String), usize> = HashMap::new();
    let mut groups: Vec<Vec<Case>> = Vec::new();
    let listed = cases.len();
    for case in cases {
        let key = (case.suite.clone(), case.name.clone());
        let next = groups.len();
        let at = *names.entry(key).or_insert(next);
        if at == next {
            groups.push(Vec::new());
        }
        groups[at].push(case);
    }
    let lists_retries = listed > groups.len() && evidence.stated == Some(groups.len());
    groups
        .into_iter()
        .flat_map(|attempts| {
            let failed_then_passed = attempts.iter().any(Case::is_bad)
                && attempts
                    .last()
                    .is_some_and(|last| last.verdict == Verdict::Passed);
            if attempts.len() > 1 && (lists_retries || (evidence.accepted && failed_then_passed)) {
                joined(attempts).into_iter().collect()
            } else {
                attempts
            }
        })
        .collect()
}

/// The attempts in their order. A test that is run again after it passed did not pass: the failure of the
/// attempt before is not in the report (pytest-rerunfailures).
fn joined(attempts: Vec<Case>) -> Option<Case> {
    let last = attempts.last()?.verdict;
    let worst = attempts.iter().map(|case| case.verdict).max()?;
    let duration_ms = attempts.iter().map(|case| case.duration_ms).sum();
    let failures = attempts
        .iter()
        .flat_map(|case| case.failures.clone())
        .collect();
    let verdict = match last {
        Verdict::Passed | Verdict::Flaky => Verdict::Flaky,
        Verdict::Skipped | Verdict::Failed | Verdict::Error => worst,
    };
    let first = attempts.into_iter().next()?;
    Some(Case {
        verdict,
        duration_ms,
        failures,
        ..first
    })
}

#[cfg(test)]
mod tests {
    use Verdict::{Error, Failed, Flaky, Passed};

    use super::*;

    fn verdicts(attempts: &[Verdict], stated: Option<usize>, accepted: bool) -> Vec<Verdict> {
        let cases = attempts
            .iter()
            .map(|verdict| Case {
                verdict: *verdict,
                ..Case::new("suite", "test")
            })
            .collect();
        settle(cases, Evidence { stated, accepted })
            .into_iter()
            .map(|case| case.verdict)
            .collect()
    }

    #[test]
    fn joins_the_attempts_that_the_runner_counts_once() {
        assert_eq!(verdicts(&[Passed, Passed], Some(1), true), [Flaky]);
        assert_eq!(verdicts(&[Failed, Passed], Some(1), false), [Flaky]);
        assert_eq!(verdicts(&[Failed, Failed], Some(1), false), [Failed]);
        assert_eq!(verdicts(&[Failed, Error], Some(1), false), [Error]);
    }

    #[test]
    fn keeps_tests_apart_that_only_look_alike() {
        assert_eq!(verdicts(&[Passed, Passed], Some(2), true), [Passed, Passed]);
        assert_eq!(verdicts(&[Passed, Passed], None, true), [Passed, Passed]);
        assert_eq!(
            verdicts(&[Failed, Passed], Some(2), false),
            [Failed, Passed]
        );
        assert_eq!(verdicts(&[Failed, Passed], None, false), [Failed, Passed]);
    }

    #[test]
    fn forgives_a_failure_when_the_runner_did() {
        assert_eq!(verdicts(&[Failed, Passed], None, true), [Flaky]);
        assert_eq!(verdicts(&[Passed, Failed], None, true), [Passed, Failed]);
    }
}
