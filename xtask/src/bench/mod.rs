//! `cargo xtask bench`: a tool of ours and what others use, side by side in one run, on the same local AWS.
//!
//! Machines differ and are noisy, so what is said is a ratio. Nothing here decides whether a check passes.

mod deploy;
mod env;
mod image;
mod logs;
mod measure;
mod report;
mod stand;
mod table;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use contract::exit;
use toolkit::file::Secrecy;
use toolkit::{Console, output};

use stand::Stand;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// The subject
    #[arg(value_name = "SUBJECT")]
    subject: Subject,
    /// How often each is run
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Only the cases whose name contains this
    #[arg(long, value_name = "WORDS")]
    case: Option<String>,
    /// The programs as `cargo install` builds them, rather than as `cargo xtask` does
    #[arg(long)]
    release: bool,
    /// Write the document to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Subject {
    /// deployer beside ecs-deploy and the AWS CLI
    Deploy,
    /// env-generator beside the AWS CLI
    Env,
    /// log-tailer beside `aws logs tail` and awslogs
    Logs,
    /// test-reporter beside Python's junitparser
    Report,
    /// image-builder beside docker and buildah
    Image,
}

impl Subject {
    /// The programs that are measured, and the ones that they need.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Deploy => &["deployer", "local-aws", "image-builder"],
            Self::Env => &["env-generator", "local-aws"],
            Self::Logs => &["log-tailer", "local-aws"],
            Self::Report => &["test-reporter"],
            Self::Image => &["image-builder", "local-aws"],
        }
    }
}

/// Measures, shows a table on stderr, and writes the document.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<u8> {
    let console = Console::from_environment();
    let stand = Stand::build(&console, bench.subject.programs(), bench.release)?;
    let comparisons = match bench.subject {
        Subject::Deploy => deploy::run_all(&console, &stand, bench.runs, bench.case.as_deref())?,
        Subject::Env => env::run_all(&console, &stand, bench.runs, bench.case.as_deref())?,
        Subject::Logs => logs::run_all(&console, &stand, bench.runs, bench.case.as_deref())?,
        Subject::Report => report::run_all(&console, &stand, bench.runs, bench.case.as_deref())?,
        Subject::Image => image::run_all(&console, &stand, bench.runs, bench.case.as_deref())?,
    };
    for line in table::text(&comparisons).lines() {
        console.status(line);
    }
    output::document(&comparisons, bench.output.as_deref(), Secrecy::Public)?;
    Ok(exit::DONE)
}
