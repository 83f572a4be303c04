use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // A task's own processes are this program too; they must not have more than one thread.
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(code) = task_runtime::entry(&arguments) {
        return u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from);
    }
    toolkit::run_main(|| local_aws::run(&local_aws::cli::Args::parse().into_request()?))
}
