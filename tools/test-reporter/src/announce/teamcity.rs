//! Service messages.

use std::path::Path;
use std::sync::Arc;

use contract::test_report::{Portion, TestReport};
use toolkit::ci::{teamcity_escaped, teamcity_message};

use crate::case::{Case, Failure, Source, Verdict};
use crate::store::Store;
use crate::summary::percent;
use crate::text::shortened;

/// Characters of a build problem (JetBrains).
const LONGEST_PROBLEM: usize = 4_000;
/// Characters of its identity.
const LONGEST_IDENTITY: usize = 60;

/// Says every test, then the numbers, the artifacts and what is wrong.
pub(super) fn tell(
    report: &TestReport,
    (sources, store): (&[Source], &Store),
    coverage_zip: Option<&Path>,
    say: &mut impl FnMut(String),
) -> anyhow::Result<()> {
    let mut messages = Messages { say, suite: None };
    if report.counts.flaky > 0 {
        messages.push("testRetrySupport", &[("enabled", "true")]);
    }
    for source in sources {
        store.each(&source.cases, |case| {
            messages.in_suite(&case.suite);
            messages.case(&case);
            Ok::<_, std::io::Error>(())
        })?;
    }
    messages.end_suite();
    messages.coverage(report);
    if let Some(path) = coverage_zip {
        let path = teamcity_escaped(&path.display().to_string());
        (messages.say)(format!("##teamcity[publishArtifacts '{path}']"));
    }
    for problem in &report.problems {
        let description = shortened(problem, LONGEST_PROBLEM - 4);
        messages.push(
            "buildProblem",
            &[
                ("description", &description),
                ("identity", &identity(problem)),
            ],
        );
    }
    Ok(())
}

/// The same for the same kind of problem, whatever its numbers.
fn identity(problem: &str) -> String {
    let words: Vec<&str> = problem
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .collect();
    shortened_to(&format!("tests_{}", words.join("_")), LONGEST_IDENTITY)
}

fn shortened_to(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

struct Messages<'s, S> {
    say: &'s mut S,
    suite: Option<Arc<str>>,
}

impl<S: FnMut(String)> Messages<'_, S> {
    fn push(&mut self, kind: &str, attributes: &[(&str, &str)]) {
        (self.say)(teamcity_message(kind, attributes));
    }

    fn in_suite(&mut self, suite: &Arc<str>) {
        if self.suite.as_ref() != Some(suite) {
            self.end_suite();
            self.push("testSuiteStarted", &[("name", suite)]);
            self.suite = Some(Arc::clone(suite));
        }
    }

    fn end_suite(&mut self) {
        if let Some(suite) = self.suite.take() {
            self.push("testSuiteFinished", &[("name", &suite)]);
        }
    }

    /// JetBrains' keys: L lines, R branches, M methods, S statements.
    fn coverage(&mut self, report: &TestReport) {
        let Some(coverage) = report.coverage else {
            return;
        };
        let lines = Portion {
            covered: coverage.lines_covered,
            total: coverage.lines_total,
        };
        for (key, portion) in [
            ("L", Some(lines)),
            ("R", coverage.branches),
            ("M", coverage.functions),
            ("S", coverage.statements),
        ] {
            let Some(portion) = portion else {
                continue;
            };
            let mut statistic = |key: &str, value: &str| {
                self.push("buildStatisticValue", &[("key", key), ("value", value)]);
            };
            let abs = format!("CodeCoverageAbs{key}");
            statistic(&format!("{abs}Covered"), &portion.covered.to_string());
            statistic(&format!("{abs}Total"), &portion.total.to_string());
            if let Some(percent) = percent(portion) {
                statistic(&format!("CodeCoverage{key}"), &percent);
            }
        }
    }

    fn case(&mut self, case: &Case) {
        let name = ("name", case.name.as_str());
        if case.verdict == Verdict::Skipped {
            self.push("testIgnored", &[name]);
            return;
        }
        if case.verdict == Verdict::Flaky {
            // One failed attempt; with retry support, the one that passed afterwards counts.
            self.push("testStarted", &[name]);
            self.failed(case);
            self.push("testFinished", &[name]);
        }
        self.push("testStarted", &[name]);
        if case.is_bad() {
            self.failed(case);
        }
        let duration = case.duration_ms.to_string();
        self.push("testFinished", &[name, ("duration", &duration)]);
    }

    fn failed(&mut self, case: &Case) {
        let details: Vec<&str> = case
            .failures
            .iter()
            .map(|failure| failure.details.as_str())
            .collect();
        let message = case
            .failures
            .first()
            .map_or("failed", |first: &Failure| &first.message);
        self.push(
            "testFailed",
            &[
                ("name", &case.name),
                ("message", message),
                ("details", &details.join("\n\n")),
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use contract::test_report::Coverage;

    use super::*;
    use crate::tally::Tally;

    fn source(store: &Store) -> Source {
        let mut tally = Tally::new("x", store);
        for (name, verdict) in [
            ("passes", Verdict::Passed),
            ("is skipped", Verdict::Skipped),
            ("flaky", Verdict::Flaky),
            ("fails|", Verdict::Failed),
        ] {
            let mut case = Case::new("a > b".into(), name);
            case.verdict = verdict;
            case.duration_ms = 7;
            if verdict >= Verdict::Flaky {
                let details = "wrong\nsrc/lib.rs:6:1\n##teamcity[buildStop]\n::set-env::";
                case.failures.push(Failure::new("it's 100%", details));
            }
            tally.add(&case);
        }
        tally.finish()
    }

    #[test]
    fn speaks_to_teamcity() {
        let store = Store::new(true);
        let mut report = crate::verdict::empty();
        report.counts.flaky = 1;
        report.problems = vec!["1 test failed".to_owned()];
        report.coverage = Some(Coverage {
            lines_covered: 11,
            lines_total: 13,
            branches: Some(Portion {
                covered: 5,
                total: 6,
            }),
            ..Coverage::default()
        });
        let mut lines = Vec::new();
        let zip = Some(Path::new("out/coverage.zip"));
        tell(&report, (&[source(&store)], &store), zip, &mut |line| {
            lines.push(line);
        })
        .unwrap();
        let details = "wrong|nsrc/lib.rs:6:1|n##teamcity|[buildStop|]|n::set-env::";
        let failed = |name: &str| {
            format!("##teamcity[testFailed name='{name}' message='it|'s 100%' details='{details}']")
        };
        let statistic = |key: &str, value: &str| {
            format!("##teamcity[buildStatisticValue key='CodeCoverage{key}' value='{value}']")
        };
        assert_eq!(
            lines,
            [
                "##teamcity[testRetrySupport enabled='true']".to_owned(),
                "##teamcity[testSuiteStarted name='a > b']".to_owned(),
                "##teamcity[testStarted name='passes']".to_owned(),
                "##teamcity[testFinished name='passes' duration='7']".to_owned(),
                "##teamcity[testIgnored name='is skipped']".to_owned(),
                "##teamcity[testStarted name='flaky']".to_owned(),
                failed("flaky"),
                "##teamcity[testFinished name='flaky']".to_owned(),
                "##teamcity[testStarted name='flaky']".to_owned(),
                "##teamcity[testFinished name='flaky' duration='7']".to_owned(),
                "##teamcity[testStarted name='fails||']".to_owned(),
                failed("fails||"),
                "##teamcity[testFinished name='fails||' duration='7']".to_owned(),
                "##teamcity[testSuiteFinished name='a > b']".to_owned(),
                statistic("AbsLCovered", "11"),
                statistic("AbsLTotal", "13"),
                statistic("L", "84.6"),
                statistic("AbsRCovered", "5"),
                statistic("AbsRTotal", "6"),
                statistic("R", "83.3"),
                "##teamcity[publishArtifacts 'out/coverage.zip']".to_owned(),
                "##teamcity[buildProblem description='1 test failed' identity='tests_test_failed']"
                    .to_owned(),
            ]
        );
    }
}
