//! Runs one task in the foreground, from a `TaskSpec` in JSON on standard input, and ends when the task does; and is
//! the executable of that task's own stages. `plain` asks for a plain process. For the tests, and to try things.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use task_runtime::{Runtime, THIS_EXECUTABLE, TaskSpec};

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = task_runtime::entry(&arguments) {
        return Ok(ExitCode::from(u8::try_from(code)?));
    }
    let spec: TaskSpec = serde_json::from_reader(std::io::stdin()).context("read the spec")?;
    let parent = spec.directory.parent().unwrap_or(Path::new("/"));
    let executable = Path::new(THIS_EXECUTABLE);
    let runtime = match arguments.get(1) {
        Some(plain) if plain == "plain" => Runtime::process(executable, "asked for", false),
        _ => Runtime::detect(executable, parent)?,
    };
    runtime.start(&spec)?.task.wait()?;
    Ok(ExitCode::SUCCESS)
}
