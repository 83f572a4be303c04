//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use toolkit::Fault;
use toolkit::ci::Dialect;
use toolkit::console::Verbosity;
use toolkit::process::Invocation;

use crate::files::Pattern;
use crate::gates::{Gates, Percent};
use crate::{Artifacts, Request};

const EXAMPLES: &str = "\
EXAMPLES
  test-reporter -- cargo test
  test-reporter --report 'target/nextest/ci/junit.xml' -- cargo nextest run --profile ci
  test-reporter --report 'reports/**/*.xml' --coverage coverage --coverage-zip coverage.zip \\
    --output test-report.json --junit junit.xml -- npm test
  test-reporter --report 'build/test-results/**/*.xml' --minimum 100 --minimum-coverage 80
  test-reporter --report junit.xml --previous last/test-report.json --known-failures --html tests.html

Without --report, the command's own output is read: cargo test's, and TeamCity service messages (Karma).

EXIT CODES
  0 passed   1 could not be done   2 wrong arguments   3 not passed   130 interrupted";

/// Runs the tests, reads their reports, and says whether a release may go on.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    /// JUnit XML files or kept TeamCity messages, with `*` and `**`; may be repeated
    #[arg(long, value_name = "GLOB")]
    report: Vec<String>,
    /// Coverage report (lcov, Cobertura, Clover, JaCoCo, istanbul), or a directory that has one and its
    /// pages; may be repeated, for runs that cover parts
    #[arg(long, value_name = "PATH")]
    coverage: Vec<PathBuf>,
    /// Pack the coverage report, index.html at the top, into this file
    #[arg(long, value_name = "FILE", requires = "coverage")]
    coverage_zip: Option<PathBuf>,
    /// Not passed if fewer tests ran
    #[arg(long, value_name = "N", default_value_t = 1)]
    minimum: u64,
    /// Not passed if more tests failed
    #[arg(long, value_name = "N", default_value_t = 0)]
    maximum_failures: u64,
    /// Not passed if more tests are flaky
    #[arg(long, value_name = "N")]
    maximum_flaky: Option<u64>,
    /// Not passed if fewer lines are covered
    #[arg(long, value_name = "PERCENT")]
    minimum_coverage: Option<Percent>,
    /// test-report.json of the run before, to compare with; it need not exist yet
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    /// Let tests fail that failed in the run before
    #[arg(long, requires = "previous")]
    known_failures: bool,
    /// Not passed if more tests are missing since the run before
    #[arg(long, value_name = "N", requires = "previous")]
    maximum_lost: Option<u64>,
    /// Not passed if the coverage of lines fell by more points since the run before
    #[arg(long, value_name = "PERCENT", requires = "previous")]
    maximum_drop: Option<Percent>,
    /// Stop the command after this time
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    timeout: u64,
    /// Write all cases as one JUnit XML file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write them as GitLab reads JUnit XML
    #[arg(long, value_name = "FILE")]
    gitlab: Option<PathBuf>,
    /// Write the report as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write the report as one HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Speak to this CI system whatever the environment shows: teamcity, github, gitlab or none
    #[arg(long, value_name = "NAME")]
    ci: Option<Dialect>,
    /// Write the document to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only failures, warnings and errors on stderr
    #[arg(long, short)]
    quiet: bool,
    /// Details too
    #[arg(long, short, conflicts_with = "quiet")]
    verbose: bool,
    /// The test command and its arguments; no shell takes part
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    /// The validated request.
    pub fn into_request(self) -> anyhow::Result<Request> {
        let command = self
            .command
            .split_first()
            .map(|(program, arguments)| Invocation::new(program).args(arguments));
        if command.is_none() && self.report.is_empty() {
            return Err(
                Fault::usage("there is neither a command to run nor a report to read")
                    .with_hint("write the command after --, or name files with --report")
                    .into(),
            );
        }
        let reports = self
            .report
            .into_iter()
            .map(|glob| {
                Pattern::new(&glob).map_err(|error| {
                    Fault::usage(format!("--report {glob} is not a pattern: {error}"))
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Request {
            command,
            timeout: Duration::from_secs(self.timeout),
            reports,
            coverage: self.coverage,
            gates: Gates {
                minimum: self.minimum,
                failures: self.maximum_failures,
                known_failures: self.known_failures,
                flaky: self.maximum_flaky,
                coverage: self.minimum_coverage,
                drop: self.maximum_drop,
                lost: self.maximum_lost,
            },
            previous: self.previous,
            artifacts: Artifacts {
                coverage_zip: self.coverage_zip,
                junit: self.junit,
                gitlab: self.gitlab,
                markdown: self.markdown,
                html: self.html,
            },
            output: self.output,
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
            ci: self.ci,
        })
    }
}
