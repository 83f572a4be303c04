//! What the stages of a running task tell each other, over the socket that is each child's standard input.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use nix::unistd::dup2_stdin;
use serde::{Deserialize, Serialize};

use crate::event::Exit;
use crate::failure::Failure;
use crate::spec::{ResourceLimit, Variables};

/// From the supervisor to a container's first process, which runs in the container's scratch directory.
#[derive(Serialize, Deserialize)]
pub(super) struct ContainerOrder {
    pub(super) hostname: String,
    pub(super) read_only_root: bool,
    /// Its name servers are the host's, too.
    pub(super) host_network: bool,
    pub(super) mounts: Vec<StagedMount>,
    pub(super) program: Program,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StagedMount {
    pub(super) target: PathBuf,
    pub(super) source: StagedSource,
    pub(super) read_only: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) enum StagedSource {
    Tmpfs {
        bytes: u64,
    },
    /// Mounted by the supervisor at this path below the scratch directory.
    Directory(PathBuf),
    File(PathBuf),
}

/// What to execute, and as whom.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) argv: Vec<String>,
    pub(super) env: Variables,
    pub(super) usual_variables: bool,
    pub(super) hostname: String,
    pub(super) workdir: PathBuf,
    pub(super) user: String,
    pub(super) limits: Vec<ResourceLimit>,
    pub(super) no_new_privileges: bool,
    pub(super) place: Place,
    /// Do everything but execute.
    pub(super) probe: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Place {
    Namespaces {
        /// The only user there is, so that another one needs a user namespace of its own.
        single_id: bool,
        /// Enter the namespaces of this process first.
        join: Option<i32>,
    },
    /// Among the host's processes, with the container's files below `root`.
    Process { root: PathBuf, change_root: bool },
}

#[derive(Serialize, Deserialize)]
pub(super) enum ToInit {
    Signal(i32),
    /// Kill everything that descends from this container; for where no process namespace does it.
    Kill,
}

#[derive(Serialize, Deserialize)]
pub(super) enum FromInit {
    Started,
    Warned(String),
    Failed(Failure),
    Exited(Exit),
}

/// Before the program is executed; then the socket closes.
#[derive(Serialize, Deserialize)]
pub(super) enum FromProgram {
    /// The executable and its libraries are in memory: the host's files may go out of reach.
    Loaded,
    Warned(String),
    Failed(Failure),
}

/// Takes the socket off the standard input, which becomes empty.
pub(super) fn take_channel() -> io::Result<UnixStream> {
    let channel = io::stdin().as_fd().try_clone_to_owned()?;
    dup2_stdin(OpenOptions::new().read(true).open("/dev/null")?)?;
    Ok(UnixStream::from(channel))
}
