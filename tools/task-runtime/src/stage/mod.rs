//! The processes that make a task: supervisor, first process of a container, and the step before its program.

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

use crate::ids::Ids;

/// First argument of every stage.
pub(crate) const STAGE_ARGUMENT: &str = "task-runtime-stage";

/// How a task is kept from its host.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Isolation {
    Namespaces(Ids),
    Process { change_root: bool },
}

/// To be called first in `main`, with all of `std::env::args_os`, before any thread exists. `Some` is an exit code:
/// this process was a stage of a task and is done.
pub fn entry(arguments: &[OsString]) -> Option<i32> {
    if arguments.get(1)?.as_os_str() != STAGE_ARGUMENT {
        return None;
    }
    Some(match arguments.get(2)?.to_str()? {
        _ => 2,
    })
}
