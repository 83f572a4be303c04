//! Runs a project's tests and says whether a release may go on.
//!
//! Cases are counted one by one, never taken from a runner's own totals; what cannot be relied on (a report
//! that is missing, of an earlier run, or cut off) closes the gate as a failed test does. This tool must not
//! know what is tested or what follows; names, messages and output of tests are other people's text, and are
//! shown so that they cannot speak to a terminal or a CI system.

mod announce;
mod case;
pub mod cli;
mod command;
mod console_output;
mod coverage;
pub mod files;
mod junit;
mod merged;
mod place;
mod settle;
mod summary;
mod text;
mod verdict;

use std::path::PathBuf;
use std::time::Duration;

use contract::document::labelled;
use contract::exit;
use contract::test_report::Coverage;
use toolkit::console::Verbosity;
use toolkit::file::{Secrecy, write_atomic};
use toolkit::process::Invocation;
use toolkit::{Console, output};

use case::Source;
use command::End;
use console_output::ConsoleOutput;
use files::{Before, Pattern};
use verdict::Evidence;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The test command; none reads reports that are there.
    pub command: Option<Invocation>,
    /// After which the command is stopped.
    pub timeout: Duration,
    /// JUnit files; none reads the command's own output.
    pub reports: Vec<Pattern>,
    /// Directory of an HTML coverage report.
    pub coverage: Option<PathBuf>,
    /// Where the packed coverage report goes.
    pub coverage_zip: Option<PathBuf>,
    /// Fewest tests that must have run.
    pub minimum: u64,
    /// Where all cases go as JUnit XML.
    pub junit: Option<PathBuf>,
    /// Where the document goes instead of stdout.
    pub output: Option<PathBuf>,
    /// What is said beside the document.
    pub verbosity: Verbosity,
}

/// Runs the tests, reads their reports, writes what was asked for and gives the verdict.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let before = match request.command {
        Some(_) => Before::now(&request.reports),
        None => Before::default(),
    };
    let mut printed = ConsoleOutput::default();
    let end = match &request.command {
        Some(command) => Some(run_command(request, &console, command, &mut printed)?),
        None => None,
    };
    if end == Some(End::Interrupted) {
        console.error("interrupted: the test command was stopped, and there is no verdict");
        return Ok(exit::INTERRUPTED);
    }
    let accepted = end == Some(End::Code(0));
    let sources = if request.reports.is_empty() {
        vec![printed.finish(accepted)]
    } else {
        files::read(&request.reports, &before, accepted)
    };
    let (coverage, coverage_zip) = cover(request, &console, &sources)?;
    let report = verdict::report(&Evidence {
        sources: &sources,
        command: end.map(|end| (end, request.timeout.as_secs())),
        minimum: request.minimum,
        coverage,
    });
    if let Some(path) = &request.junit {
        write_atomic(path, merged::junit(&sources).as_bytes(), Secrecy::Public)?;
    }
    output::document(
        &labelled(&report),
        request.output.as_deref(),
        Secrecy::Public,
    )?;
    announce::announce(&console, &report, &sources, coverage_zip.as_deref());
    summary::show(&console, &report, &sources);
    Ok(if report.passed {
        exit::DONE
    } else {
        exit::NEGATIVE
    })
}

/// Runs the command; its output is shown as it comes, and understood if there will be no report.
fn run_command(
    request: &Request,
    console: &Console,
    command: &Invocation,
    printed: &mut ConsoleOutput,
) -> anyhow::Result<End> {
    console.status(&format!("running {command}"));
    let reads_output = request.reports.is_empty();
    let fence = (request.verbosity > Verbosity::Quiet).then(|| console.fenced());
    command::run(command, request.timeout, |line| {
        if let Some(fence) = &fence {
            fence.line(&text::clean(line));
        }
        if reads_output {
            printed.line(line);
        }
    })
}

/// The numbers of the coverage report, and the file that holds its pages if one was written.
fn cover(
    request: &Request,
    console: &Console,
    sources: &[Source],
) -> anyhow::Result<(Option<Coverage>, Option<PathBuf>)> {
    let stated = sources.iter().find_map(|source| source.coverage);
    let Some(directory) = &request.coverage else {
        return Ok((stated, None));
    };
    if !coverage::is_report(directory) {
        console.warning(&format!(
            "no coverage report was written: {} has no index.html",
            directory.display()
        ));
        return Ok((stated, None));
    }
    let lines = coverage::lines(directory)?.or(stated);
    if let Some(path) = &request.coverage_zip {
        write_atomic(path, &coverage::packed(directory)?, Secrecy::Public)?;
    }
    Ok((lines, request.coverage_zip.clone()))
}
