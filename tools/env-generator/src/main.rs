use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    toolkit::run_main(|| env_generator::run(&env_generator::cli::Args::parse().into_request()?))
}
