use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    toolkit::run_main(|| deployer::run(deployer::cli::Args::parse().into_request()?))
}
