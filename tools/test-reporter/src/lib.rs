//! Runs a project's tests and says whether a release may go on.
//!
//! Cases are counted one by one, never taken from a runner's own totals; what cannot be relied on (a report
//! that is missing, of an earlier run, damaged or cut off) closes the gate as a failed test does. Reports stream:
//! one of gigabytes needs no more memory than a small one. This tool must not know what is tested or what
//! follows; names, messages and output of tests are other people's text, and are shown so that they cannot speak
//! to a terminal or a CI system.

mod announce;
mod artifact;
mod case;
pub mod cli;
mod command;
mod compare;
mod console_output;
mod coverage;
pub mod files;
pub mod gates;
mod junit;
mod markdown;
mod merged;
mod page;
mod place;
mod record;
mod settle;
mod store;
mod summary;
mod tally;
mod text;
mod verdict;
mod xml;

use std::path::PathBuf;
use std::time::Duration;

use contract::document::labelled;
use contract::exit;
use contract::test_report::{Coverage, TestReport};
use toolkit::ci::Dialect;
use toolkit::console::Verbosity;
use toolkit::file::Secrecy;
use toolkit::process::Invocation;
use toolkit::{Console, output};

use case::Source;
use command::End;
use console_output::ConsoleOutput;
use coverage::{Measured, Pages};
use files::{Before, Pattern};
use gates::Gates;
use merged::Form;
use store::Store;
use tally::Slowest;
use verdict::Evidence;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The test command; none reads reports that are there.
    pub command: Option<Invocation>,
    /// After which the command is stopped.
    pub timeout: Duration,
    /// JUnit files and kept service messages; none reads the command's own output.
    pub reports: Vec<Pattern>,
    /// Coverage reports, or directories that have one.
    pub coverage: Vec<PathBuf>,
    /// What closes the gate.
    pub gates: Gates,
    /// The report of the run before.
    pub previous: Option<PathBuf>,
    /// Files to write beside the document.
    pub artifacts: Artifacts,
    /// Where the document goes instead of stdout.
    pub output: Option<PathBuf>,
    /// What is said beside the document.
    pub verbosity: Verbosity,
    /// The CI system that listens, if it is not the one that the environment shows.
    pub ci: Option<Dialect>,
}

/// Files to write beside the document.
#[derive(Debug, Clone, Default)]
pub struct Artifacts {
    /// The coverage report's pages in one file.
    pub coverage_zip: Option<PathBuf>,
    /// All cases as JUnit XML.
    pub junit: Option<PathBuf>,
    /// The same as GitLab reads it.
    pub gitlab: Option<PathBuf>,
    /// The report as Markdown.
    pub markdown: Option<PathBuf>,
    /// The report as a page.
    pub html: Option<PathBuf>,
}

/// Runs the tests, reads their reports, writes what was asked for and gives the verdict.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    let console = Console::for_ci(request.verbosity, request.ci);
    let before = match request.command {
        Some(_) => Before::now(&request.reports),
        None => Before::default(),
    };
    // Read before the command runs: this run may write the same file.
    let previous = match &request.previous {
        Some(path) => compare::before(path)?,
        None => None,
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
    let artifacts = &request.artifacts;
    let store = Store::new(
        artifacts.junit.is_some()
            || artifacts.gitlab.is_some()
            || console.dialect() == Dialect::TeamCity,
    );
    let mut sources = if request.reports.is_empty() {
        vec![printed.finish("stdout", accepted, &store)]
    } else {
        files::read(&request.reports, &before, accepted, &store)
    };
    let mut slowest = Slowest::default();
    for source in &mut sources {
        slowest.join(std::mem::take(&mut source.slowest));
    }
    let measured = measure(request, &console)?;
    let coverage = coverage_of(&sources, measured.as_ref());
    let report = verdict::report(&Evidence {
        sources: &sources,
        store: &store,
        slowest: &slowest,
        command: end.map(|end| (end, request.timeout.as_secs())),
        gates: request.gates,
        coverage,
        before: previous.as_ref(),
    })?;
    publish(
        request,
        &console,
        &report,
        (&sources, &store),
        measured.as_ref(),
    )?;
    Ok(if report.passed {
        exit::DONE
    } else {
        exit::NEGATIVE
    })
}

/// Writes every file and says the rest.
fn publish(
    request: &Request,
    console: &Console,
    report: &TestReport,
    (sources, store): (&[Source], &Store),
    measured: Option<&Measured>,
) -> anyhow::Result<()> {
    write_artifacts(request, console, report, measured)?;
    let zip = pack_coverage(request, console, measured)?;
    for (target, form) in [
        (&request.artifacts.junit, Form::Whole),
        (&request.artifacts.gitlab, Form::GitLab),
    ] {
        if let Some(target) = target {
            merged::write(target, form, sources, store)?;
        }
    }
    output::document_for(
        console.dialect(),
        &labelled(report),
        request.output.as_deref(),
        Secrecy::Public,
    )?;
    announce::announce(console, report, (sources, store), zip.as_deref())?;
    summary::show(console, report, sources);
    Ok(())
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

/// The numbers of all coverage reports together.
fn measure(request: &Request, console: &Console) -> anyhow::Result<Option<Measured>> {
    let mut measured: Option<Measured> = None;
    for path in &request.coverage {
        let more = coverage::measure(path)?;
        if more.is_none() && coverage::root(path).is_none() {
            console.warning(&format!(
                "no coverage report was written: {} has neither numbers nor an index.html",
                path.display()
            ));
        }
        match (&mut measured, more) {
            (Some(known), Some(more)) => known.join(more),
            (None, more) => measured = more,
            (Some(_), None) => {}
        }
    }
    Ok(measured)
}

fn coverage_of(sources: &[Source], measured: Option<&Measured>) -> Option<Coverage> {
    measured
        .map(Measured::coverage)
        .or_else(|| sources.iter().find_map(|source| source.coverage))
}

fn write_artifacts(
    request: &Request,
    console: &Console,
    report: &TestReport,
    measured: Option<&Measured>,
) -> anyhow::Result<()> {
    if let Some(path) = &request.artifacts.html {
        page::write(path, report, measured)?;
    }
    if let Some(path) = &request.artifacts.markdown {
        let text = markdown::markdown(report, usize::MAX);
        output::artifact(text.as_bytes(), Some(path), Secrecy::Public)?;
    }
    if console.dialect() == Dialect::GitHub
        && let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty())
    {
        markdown::append_to_summary(&PathBuf::from(path), report)?;
    }
    Ok(())
}

/// Packs the report's pages, or a page of its numbers if it came without any.
fn pack_coverage(
    request: &Request,
    console: &Console,
    measured: Option<&Measured>,
) -> anyhow::Result<Option<PathBuf>> {
    let Some(target) = &request.artifacts.coverage_zip else {
        return Ok(None);
    };
    let directory = request
        .coverage
        .iter()
        .filter(|path| path.is_dir())
        .find_map(|path| coverage::root(path));
    match (directory, measured) {
        (Some(directory), _) => coverage::pack(Pages::Of(&directory), target)?,
        (None, Some(measured)) => {
            coverage::pack(Pages::One(&page::of_coverage(measured)), target)?;
        }
        (None, None) => return Ok(None),
    }
    console.detail(&format!("coverage packed into {}", target.display()));
    Ok(Some(target.clone()))
}
