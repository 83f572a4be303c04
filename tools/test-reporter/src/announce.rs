//! The report in the language of the CI system.

use std::path::Path;

use contract::test_report::TestReport;
use toolkit::Console;
use toolkit::ci::{Dialect, github_escaped, github_property_escaped, teamcity_escaped};

use crate::case::{Case, Failure, Source, Verdict};
use crate::place;
use crate::summary::percent;
use crate::text::shortened;

/// Annotations of a kind that GitHub shows for a step; it drops the rest without a word.
const MOST_ANNOTATIONS: usize = 10;
/// Characters of a build problem (JetBrains).
const LONGEST_PROBLEM: usize = 4_000;

/// Tells the CI system, if there is one that listens.
pub(crate) fn announce(
    console: &Console,
    report: &TestReport,
    sources: &[Source],
    coverage_zip: Option<&Path>,
) {
    let lines = match console.dialect() {
        Dialect::TeamCity => teamcity(report, sources, coverage_zip),
        Dialect::GitHub => github(report),
        Dialect::GitLab | Dialect::None => Vec::new(),
    };
    for line in lines {
        console.command(&line);
    }
}

fn teamcity(report: &TestReport, sources: &[Source], coverage_zip: Option<&Path>) -> Vec<String> {
    let mut messages = Messages(Vec::new());
    let cases = || sources.iter().flat_map(|source| &source.cases);
    if cases().any(|case| case.verdict == Verdict::Flaky) {
        messages.push("testRetrySupport", &[("enabled", "true")]);
    }
    let mut suite = None;
    for case in cases() {
        if suite != Some(&case.suite) {
            messages.end_suite(suite);
            messages.push("testSuiteStarted", &[("name", &case.suite)]);
            suite = Some(&case.suite);
        }
        messages.case(case);
    }
    messages.end_suite(suite);
    if let Some(coverage) = report.coverage {
        messages.statistic(
            "CodeCoverageAbsLCovered",
            &coverage.lines_covered.to_string(),
        );
        messages.statistic("CodeCoverageAbsLTotal", &coverage.lines_total.to_string());
        if let Some(percent) = percent(coverage) {
            messages.statistic("CodeCoverageL", &percent);
        }
    }
    if let Some(path) = coverage_zip {
        let path = teamcity_escaped(&path.display().to_string());
        messages
            .0
            .push(format!("##teamcity[publishArtifacts '{path}']"));
    }
    for problem in &report.problems {
        let problem = shortened(problem, LONGEST_PROBLEM - 4);
        messages.push("buildProblem", &[("description", &problem)]);
    }
    messages.0
}

struct Messages(Vec<String>);

impl Messages {
    fn push(&mut self, kind: &str, attributes: &[(&str, &str)]) {
        let attributes: String = attributes
            .iter()
            .map(|(name, value)| format!(" {name}='{}'", teamcity_escaped(value)))
            .collect();
        self.0.push(format!("##teamcity[{kind}{attributes}]"));
    }

    fn end_suite(&mut self, suite: Option<&String>) {
        if let Some(suite) = suite {
            self.push("testSuiteFinished", &[("name", suite)]);
        }
    }

    fn statistic(&mut self, key: &str, value: &str) {
        self.push("buildStatisticValue", &[("key", key), ("value", value)]);
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

/// The summary has already marked each problem as an error, and they count.
fn github(report: &TestReport) -> Vec<String> {
    let room = MOST_ANNOTATIONS.saturating_sub(report.problems.len());
    report
        .failures
        .iter()
        .take(room)
        .map(|failure| {
            let place = failure.place.as_deref().and_then(place::parts);
            let file = match place {
                Some((file, line)) => {
                    let file = file.strip_prefix("./").unwrap_or(file);
                    format!("file={},line={line},", github_property_escaped(file))
                }
                None => String::new(),
            };
            let title = github_property_escaped(&failure.name);
            format!(
                "::error {file}title={title}::{}",
                github_escaped(&failure.message)
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use contract::test_report::Coverage;

    use super::*;
    use crate::verdict::{Evidence, report};

    fn sources() -> Vec<Source> {
        let case = |name: &str, verdict| {
            let mut case = Case::new("a > b", name);
            case.verdict = verdict;
            case.duration_ms = 7;
            if verdict >= Verdict::Flaky {
                let details = "wrong\nsrc/lib.rs:6:1\n##teamcity[buildStop]\n::set-env::";
                case.failures.push(Failure::new("it's 100%", details));
            }
            case
        };
        vec![Source {
            cases: vec![
                case("passes", Verdict::Passed),
                case("is skipped", Verdict::Skipped),
                case("flaky", Verdict::Flaky),
                case("fails|", Verdict::Failed),
            ],
            ..Source::default()
        }]
    }

    fn made(sources: &[Source]) -> TestReport {
        report(&Evidence {
            sources,
            command: None,
            minimum: 1,
            coverage: Some(Coverage {
                lines_covered: 11,
                lines_total: 13,
            }),
        })
    }

    #[test]
    fn speaks_to_teamcity() {
        let sources = sources();
        let details = "wrong|nsrc/lib.rs:6:1|n##teamcity|[buildStop|]|n::set-env::";
        assert_eq!(
            teamcity(
                &made(&sources),
                &sources,
                Some(Path::new("out/coverage.zip"))
            ),
            [
                "##teamcity[testRetrySupport enabled='true']".to_owned(),
                "##teamcity[testSuiteStarted name='a > b']".to_owned(),
                "##teamcity[testStarted name='passes']".to_owned(),
                "##teamcity[testFinished name='passes' duration='7']".to_owned(),
                "##teamcity[testIgnored name='is skipped']".to_owned(),
                "##teamcity[testStarted name='flaky']".to_owned(),
                format!(
                    "##teamcity[testFailed name='flaky' message='it|'s 100%' details='{details}']"
                ),
                "##teamcity[testFinished name='flaky']".to_owned(),
                "##teamcity[testStarted name='flaky']".to_owned(),
                "##teamcity[testFinished name='flaky' duration='7']".to_owned(),
                "##teamcity[testStarted name='fails||']".to_owned(),
                format!(
                    "##teamcity[testFailed name='fails||' message='it|'s 100%' details='{details}']"
                ),
                "##teamcity[testFinished name='fails||' duration='7']".to_owned(),
                "##teamcity[testSuiteFinished name='a > b']".to_owned(),
                "##teamcity[buildStatisticValue key='CodeCoverageAbsLCovered' value='11']"
                    .to_owned(),
                "##teamcity[buildStatisticValue key='CodeCoverageAbsLTotal' value='13']".to_owned(),
                "##teamcity[buildStatisticValue key='CodeCoverageL' value='84.6']".to_owned(),
                "##teamcity[publishArtifacts 'out/coverage.zip']".to_owned(),
                "##teamcity[buildProblem description='1 test failed']".to_owned(),
            ]
        );
    }

    #[test]
    fn marks_the_place_for_github_within_its_limit() {
        let sources = sources();
        let report = made(&sources);
        assert_eq!(
            github(&report),
            ["::error file=src/lib.rs,line=6,title=fails|::it's 100%25"]
        );
        let many = TestReport {
            failures: vec![report.failures[0].clone(); 20],
            ..report
        };
        assert_eq!(github(&many).len(), 9);
    }
}
