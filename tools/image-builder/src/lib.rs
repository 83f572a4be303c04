//! Builds images from Dockerfiles, with or without a container engine, and pushes them to Amazon ECR.
//!
//! `build` looks at everything first and makes only what is new: `dockerfile` is the grammar, `stage` what it
//! means, `context` and `rootfs` the files, `layer` and `image` the result; commands are run by the embedded task
//! runtime. `engine` knows docker, podman and buildah, whose images come into the same layout. `registry` and `ecr` are
//! the only modules that know a network, `revision` the only one that knows git. An image of the embedded engine is the
//! same, bit by bit, on every machine and day, as far as its commands are.
//!
//! Files come where BuildKit puts them, with these differences: modes in the context are reduced to 755 and 644 and
//! all times are one, so that a digest depends on content alone; files of the context are never hard links of each
//! other, because a checkout knows none; the tools' own `.longshore` is left out like a line of `.dockerignore`;
//! secrets, names that delete files in a layer, sources that match nothing, and several sources for a destination that
//! is no directory are refused. What the embedded engine cannot do (ADD from the network, `--parents`, `--exclude`,
//! `RUN --security`, commands for another processor) is refused, too, or left to another engine.
//!
//! It must not know who runs the image: no word of services or tasks belongs here, and of environments only the name
//! that a tag begins with.

mod bill;
mod budget;
mod build;
pub mod cli;
mod context;
mod dockerfile;
mod ecr;
mod engine;
mod image;
mod inventory;
mod layer;
mod problem;
mod promote;
mod push;
mod registry;
mod report;
mod revision;
mod rootfs;
mod scan;
mod speed;
mod stage;

use std::path::PathBuf;

use contract::document::labelled;
use contract::exit;
use contract::image::{Image, ImageOutcome};
use toolkit::Console;
use toolkit::console::Verbosity;
use toolkit::file::Secrecy;
use toolkit::output;

use image::layout::Stored;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which part of the work.
    pub job: Job,
    /// Where the document goes instead of stdout.
    pub output: Option<PathBuf>,
    /// What is said beside the document.
    pub verbosity: Verbosity,
}

/// The part of the work.
#[derive(Debug, Clone)]
pub enum Job {
    /// Into a layout.
    Build(build::Request),
    /// From a layout into the repository.
    Push(push::Request),
    /// Both.
    Publish(build::Request, push::Request),
    /// The same image under another name.
    Promote(promote::Request),
    /// The gate of ECR's scan.
    Scan(scan::Request),
    /// What this machine needs for a context at least: the directory, and the threads.
    Speed(PathBuf, usize),
}

/// What this executable does where the task runtime has started it again; to be asked before anything else.
pub fn stage_of_a_command(arguments: &[std::ffi::OsString]) -> Option<u8> {
    task_runtime::entry(arguments).map(|code| u8::try_from(code).unwrap_or(exit::FAILED))
}

/// Does the job and writes `image.json`.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let document = match &request.job {
        Job::Scan(job) => {
            let (verdict, code) = scan::scan(job, &console)?;
            output::document(&verdict, request.output.as_deref(), Secrecy::Public)?;
            return Ok(code);
        }
        Job::Promote(job) => promoted(job, &console)?,
        Job::Speed(context, threads) => {
            let speed = speed::measure(context, *threads)?;
            output::document(&speed, request.output.as_deref(), Secrecy::Public)?;
            return Ok(exit::DONE);
        }
        Job::Build(job) => built(job, None, &console)?,
        Job::Push(job) => pushed(job, &console)?,
        Job::Publish(build, push) => {
            push::check(push)?;
            let find = |key: &str, request: &build::Request, layout: &_| {
                push::find(push, key, &request.settings.platform, layout)
            };
            let document = built(build, Some(&find), &console)?;
            if build.dry_run {
                document
            } else {
                // An image that was found is no less found for a new tag.
                let outcome = document.outcome;
                let mut pushed = pushed(push, &console)?;
                if outcome == ImageOutcome::Reused {
                    pushed.outcome = outcome;
                }
                pushed
            }
        }
    };
    output::document(
        &labelled(&document),
        request.output.as_deref(),
        Secrecy::Public,
    )?;
    Ok(exit::DONE)
}

fn built(
    job: &build::Request,
    find: Option<build::Find<'_>>,
    console: &Console,
) -> anyhow::Result<Image> {
    let (image, outcome) = build::build(job, find, console)?;
    let how = match outcome {
        ImageOutcome::Built => "built",
        ImageOutcome::Reused => "unchanged",
    };
    console.status(&format!(
        "{how}: {}:{} {}",
        job.repository,
        job.tag,
        summary(&image)
    ));
    Ok(report::document(
        &image,
        &job.repository,
        &job.tag,
        outcome,
        false,
    ))
}

fn promoted(job: &promote::Request, console: &Console) -> anyhow::Result<Image> {
    let promoted = promote::promote(job, console)?;
    Ok(report::document(
        &promoted.image,
        &promoted.uri,
        &job.to_tag,
        ImageOutcome::Reused,
        promoted.is_there,
    ))
}

fn pushed(job: &push::Request, console: &Console) -> anyhow::Result<Image> {
    let pushed = push::push(job, console)?;
    Ok(report::document(
        &pushed.image,
        &pushed.uri,
        &job.tag,
        pushed.outcome,
        pushed.is_there,
    ))
}

fn summary(image: &Stored) -> String {
    format!(
        "{}, {}, {} in {}",
        image.digest,
        image.config.platform,
        report::bytes(image.manifest.content_size()),
        toolkit::console::counted(image.manifest.layers.len() as u64, "layer")
    )
}
