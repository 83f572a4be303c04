//! Runs a command inside a container that is running.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::control::{Answer, ExecOutcome, receive, send};
use crate::event::Exit;
use crate::stage::again;
use crate::stage::wire::{FromProgram, Place, Program};

/// What is kept of the command's output, in bytes.
const OUTPUT_LIMIT: usize = 4_096;

/// What to run, and where.
pub(super) struct Command {
    /// The container's program with the command in its place.
    pub(super) program: Program,
    /// The container's first process.
    pub(super) pid: i32,
    pub(super) becomes_root: bool,
    pub(super) timeout: Duration,
}

impl Command {
    /// Blocks until the command has ended or its time is up. The thread must be this command's own: it enters the
    /// container's process namespace.
    pub(super) fn run(self) -> Answer {
        match self.outcome() {
            Ok(answer) => answer,
            Err(error) => Answer::Refused(format!("the command cannot be run: {error}")),
        }
    }

    fn outcome(mut self) -> io::Result<Answer> {
        if let Place::Namespaces { join, .. } = &mut self.program.place {
            *join = Some(self.pid);
            setns(
                File::open(format!("/proc/{}/ns/pid", self.pid))?,
                CloneFlags::CLONE_NEWPID,
            )?;
        }
        let (channel, theirs) = UnixStream::pair()?;
        let (output, output_end) = io::pipe()?;
        let mut command = again(&OsString::from("command"), "process");
        command
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(output_end.try_clone()?)
            .stderr(output_end);
        if self.becomes_root {
            command.uid(0).gid(0);
        }
        let mut child = command.spawn()?;
        drop(command);
        send(&channel, &self.program)?;
        channel.shutdown(Shutdown::Write)?;
        let (finished, watch) = mpsc::channel::<()>();
        let pid = Pid::from_raw(child.id().cast_signed());
        let timeout = self.timeout;
        let watchdog = thread::scope(|scope| -> io::Result<(bool, Option<String>, Vec<u8>)> {
            let watchdog = scope.spawn(move || {
                let is_late = watch.recv_timeout(timeout) == Err(mpsc::RecvTimeoutError::Timeout);
                if is_late {
                    // Not reaped yet, so the id is still this command's.
                    kill(pid, Signal::SIGKILL).ok();
                }
                is_late
            });
            let failure = failure(&channel)?;
            let written = head(output)?;
            finished.send(()).ok();
            Ok((watchdog.join().unwrap_or(false), failure, written))
        })?;
        let status = child.wait()?;
        let (is_late, failure, written) = watchdog;
        if let Some(message) = failure {
            return Ok(Answer::Refused(message));
        }
        let exit = status
            .code()
            .map(Exit::Code)
            .or_else(|| status.signal().map(Exit::Signal));
        let output = String::from_utf8_lossy(&written).into_owned();
        Ok(Answer::Executed(ExecOutcome {
            exit: exit.filter(|_| !is_late),
            output,
        }))
    }
}

/// Why the command could not be executed; none once it runs.
fn failure(channel: &UnixStream) -> io::Result<Option<String>> {
    let mut reports = BufReader::new(channel);
    while let Some(report) = receive(&mut reports)? {
        if let FromProgram::Failed(failure) = report {
            return Ok(Some(failure.message));
        }
    }
    Ok(None)
}

/// The beginning of the output; the rest is read and dropped, so that the command never waits.
fn head(mut output: impl Read) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        match output.read(&mut buffer)? {
            0 => return Ok(kept),
            length => {
                let room = OUTPUT_LIMIT - kept.len();
                kept.extend_from_slice(&buffer[..length.min(room)]);
            }
        }
    }
}
