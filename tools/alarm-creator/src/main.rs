use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    toolkit::run_main(|| alarm_creator::run(&alarm_creator::cli::Args::parse().into_request()?))
}
