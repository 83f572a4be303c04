//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use toolkit::Fault;
use toolkit::console::Verbosity;
use toolkit::process::Invocation;

use crate::Request;
use crate::files::Pattern;

const EXAMPLES: &str = "\
EXAMPLES
  test-reporter -- cargo test
  test-reporter --report 'target/nextest/ci/junit.xml' -- cargo nextest run --profile ci
  test-reporter --report 'reports/**/*.xml' --coverage coverage --coverage-zip coverage.zip \\
    --output test-report.json --junit junit.xml -- npm test
  test-reporter --report 'build/test-results/**/*.xml' --minimum 100

Without --report, the command's own output is read: cargo test's, and TeamCity service messages (Karma).

EXIT CODES
  0 passed   1 could not be done   2 wrong arguments   3 not passed   130 interrupted";

/// Runs the tests, reads their reports, and says whether a release may go on.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    /// JUnit XML files, with `*` and `**`; may be repeated
    #[arg(long, value_name = "GLOB")]
    report: Vec<String>,
    /// Directory of an HTML coverage report, with index.html and, for the numbers, lcov.info
    #[arg(long, value_name = "DIR")]
    coverage: Option<PathBuf>,
    /// Pack the coverage report, index.html at the top, into this file
    #[arg(long, value_name = "FILE", requires = "coverage")]
    coverage_zip: Option<PathBuf>,
    /// Not passed if fewer tests ran
    #[arg(long, value_name = "N", default_value_t = 1)]
    minimum: u64,
    /// Stop the command after this time
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    timeout: u64,
    /// Write all cases as one JUnit XML file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
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
            coverage_zip: self.coverage_zip,
            minimum: self.minimum,
            junit: self.junit,
            output: self.output,
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
        })
    }
}
