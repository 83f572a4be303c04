//! The processes that make a task: supervisor, first process of a container, and the step before its program.

mod init;
mod process;
mod supervisor;
mod wire;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::unistd::setsid;
use serde::{Deserialize, Serialize};

use crate::ids::Ids;
use crate::runtime::THIS_EXECUTABLE;

/// First argument of every stage.
pub(crate) const STAGE_ARGUMENT: &str = "task-runtime-stage";

/// The devices that every container has.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// How a task is kept from its host.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Isolation {
    Namespaces(Ids),
    Process { change_root: bool },
}

/// To be called first in `main`, with all of `std::env::args_os`, before any thread exists. `Some` is an exit code:
/// this process was a stage of a task and is done.
pub fn entry(arguments: &[OsString]) -> Option<i32> {
    let [name, marker, stage, ..] = arguments else {
        return None;
    };
    if marker != STAGE_ARGUMENT {
        return None;
    }
    Some(match stage.to_str() {
        Some("launch") => launch(name),
        Some("supervise") => supervisor::run(),
        Some("init") => init::run(),
        Some("process") => process::run(),
        _ => 2,
    })
}

/// Starts the supervisor in a session of its own and leaves it to the host's first process.
fn launch(name: &OsString) -> i32 {
    let supervisor = setsid()
        .map_err(Into::into)
        .and_then(|_| again(name, "supervise").spawn());
    i32::from(supervisor.is_err())
}

/// This executable as another stage, with an empty environment and this process's standard streams.
fn again(name: &OsString, stage: &str) -> Command {
    let mut command = Command::new(THIS_EXECUTABLE);
    command.arg0(name).args([STAGE_ARGUMENT, stage]).env_clear();
    command
        .stdin(Stdio::inherit())
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit());
    command
}
