//! The orchestrator: takes a project through test, build, push, environment, rendering, alarms and release
//! by running the single-purpose tools, and keeps the local AWS running for them.
//!
//! It must not call AWS: what it knows of the cloud is in the documents that the tools write.

mod bench;
mod cargo;
mod check;
mod cli;
mod clients;
mod git;
mod local_aws;
mod new;
mod pipeline;
mod project;
mod report;
mod tools;
mod view;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    toolkit::run_main(|| cli::run(cli::Cli::parse()))
}
