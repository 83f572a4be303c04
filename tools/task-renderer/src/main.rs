use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    toolkit::run_main(|| task_renderer::run(&task_renderer::cli::Args::parse().into_request()?))
}
