use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    toolkit::run_main(|| image_builder::run(&image_builder::cli::Args::parse().into_request()?))
}
