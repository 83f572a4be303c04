use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    toolkit::run_main(|| log_tailer::run(&log_tailer::cli::Args::parse().into_request()?))
}
