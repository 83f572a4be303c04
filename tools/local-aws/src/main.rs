use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // First of all: tasks are kept by this executable, started again as something else.
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = task_runtime::entry(&arguments) {
        return ExitCode::from(u8::try_from(code).unwrap_or(contract::exit::FAILED));
    }
    toolkit::run_main(|| local_aws::run(&local_aws::cli::Args::parse().into_request()?))
}
