//! How a server speaks to a task's supervisor: one JSON request and one JSON answer a connection to `control.sock`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::event::Exit;

const SOCKET: &str = "control.sock";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Starts a container that was not to start with the task.
    Start { container: String },
    /// The stop signal, and SIGKILL once the grace has passed. Without a container, the whole task.
    Stop {
        container: Option<String>,
        grace_ms: u64,
    },
    /// Runs a command inside a running container.
    Exec {
        container: String,
        argv: Vec<String>,
        timeout_ms: u64,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Done,
    Executed(ExecOutcome),
    Refused(String),
}

/// How a command inside a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecOutcome {
    /// `None`: it was killed because its time was up.
    pub exit: Option<Exit>,
    /// The first 4,096 bytes of what it wrote to standard output and standard error; bytes that are not UTF-8 replaced.
    pub output: String,
}

/// The address of the socket: by way of a descriptor of its directory, because a Unix socket's path must be
/// shorter than 108 bytes and a project's directory need not be.
fn address(directory: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd()))
}

pub(crate) fn listen(directory: &Path) -> io::Result<UnixListener> {
    let directory = File::open(directory)?;
    UnixListener::bind(address(&directory))
}

pub(crate) fn call(directory: &Path, request: &Request) -> io::Result<Answer> {
    let directory = File::open(directory)?;
    let mut connection = UnixStream::connect(address(&directory))?;
    send(&mut connection, request)?;
    receive(&mut BufReader::new(connection))?.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the supervisor ended before it answered",
        )
    })
}

/// Writes one document and a line end.
pub(crate) fn send<T: Serialize>(mut to: impl Write, message: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Reads one document; `None` at the end of the stream.
pub(crate) fn receive<T: for<'a> Deserialize<'a>>(
    from: &mut impl BufRead,
) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    if from.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
}
