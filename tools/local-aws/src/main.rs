use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    toolkit::run_main(|| local_aws::run(&local_aws::cli::Args::parse().into_request()?))
}
