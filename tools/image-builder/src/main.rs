use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // What RUN starts is kept by this executable, started again.
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(code) = image_builder::stage_of_a_command(&arguments) {
        return ExitCode::from(code);
    }
    toolkit::run_main(|| image_builder::run(&image_builder::cli::Args::parse().into_request()?))
}
