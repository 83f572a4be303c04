use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    toolkit::run_main(|| test_reporter::run(&test_reporter::cli::Args::parse().into_request()?))
}
