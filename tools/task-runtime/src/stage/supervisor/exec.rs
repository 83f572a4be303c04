//! Runs one more command in a container, as its health check does.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, PipeReader, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::requests::reply;
use crate::control::{Answer, ExecOutcome, receive, send};
use crate::event::{Exit, Stage};
use crate::failure::{Failure, failed};
use crate::stage::again;
use crate::stage::wire::{FromProgram, Place, Program};

/// As much of a command's output as is kept, in bytes: what Docker keeps of a health check's.
const OUTPUT_LIMIT: usize = 4096;

/// Runs a command and answers the server once it has ended or its time is up.
pub(super) fn answer(program: Program, timeout: Duration, server: UnixStream) {
    let thread = thread::Builder::new().spawn(move || {
        let answer = match run(&program, timeout) {
            Ok(outcome) => Answer::Executed(outcome),
            Err(failure) => Answer::Refused(failure.to_string()),
        };
        reply(&server, &answer);
    });
    // Without a thread the connection closes, and the server sees that it got no answer.
    thread.ok();
}

/// In a thread of its own, which may be in another process namespace afterwards.
fn run(program: &Program, timeout: Duration) -> Result<ExecOutcome, Failure> {
    let at = Stage::Exec;
    let deadline = Instant::now().checked_add(timeout);
    let (channel, theirs) = UnixStream::pair().map_err(failed(at, "make a socket"))?;
    let (output, their_output) = io::pipe().map_err(failed(at, "make a pipe"))?;
    let also_theirs = their_output
        .try_clone()
        .map_err(failed(at, "make a pipe"))?;
    let mut child = {
        let mut command = again(&OsString::from("program"), "process");
        if let Place::Namespaces {
            join: Some(pid), ..
        } = program.place
        {
            enter_processes(pid).map_err(failed(at, "enter the container"))?;
            command.uid(0).gid(0);
        }
        command.stdin(Stdio::from(OwnedFd::from(theirs)));
        command
            .stdout(Stdio::from(their_output))
            .stderr(Stdio::from(also_theirs));
        command
            .spawn()
            .map_err(failed(at, "start the command's process"))?
    };
    let started = start(&channel, program);
    let outcome = follow(&mut child, output, deadline);
    // Whatever happened, no child is left behind: killing one that has ended does nothing.
    child
        .kill()
        .and_then(|()| child.wait())
        .map_err(failed(at, "wait for the command"))?;
    started?;
    outcome.map_err(failed(at, "wait for the command"))
}

fn enter_processes(pid: i32) -> io::Result<()> {
    Ok(setns(
        File::open(format!("/proc/{pid}/ns/pid"))?,
        CloneFlags::CLONE_NEWPID,
    )?)
}

fn start(channel: &UnixStream, program: &Program) -> Result<(), Failure> {
    let unheard = "start the command";
    send(channel, program).map_err(failed(Stage::Exec, unheard))?;
    channel
        .shutdown(Shutdown::Write)
        .map_err(failed(Stage::Exec, unheard))?;
    let mut reports = BufReader::new(channel);
    while let Some(report) = receive(&mut reports).map_err(failed(Stage::Exec, unheard))? {
        // Warnings are the same that the container's program had.
        if let FromProgram::Failed(failure) = report {
            return Err(failure);
        }
    }
    Ok(())
}

fn follow(
    child: &mut Child,
    mut output: PipeReader,
    deadline: Option<Instant>,
) -> io::Result<ExecOutcome> {
    let ended = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let mut kept = Vec::new();
    let mut exit = None;
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let mut waiting = [
            PollFd::new(output.as_fd(), PollFlags::POLLIN),
            PollFd::new(ended.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut waiting, patience(left)) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => break,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [has_output, has_ended] = waiting.map(|descriptor| descriptor.any().unwrap_or(true));
        if has_output && read(&mut output, &mut kept)? {
            continue;
        }
        if has_ended {
            exit = child.try_wait()?.map(how);
            break;
        }
        if has_output {
            // All output is in, and the command runs on.
            wait_for_end(&ended, deadline)?;
            exit = child.try_wait()?.map(how);
            break;
        }
    }
    Ok(ExecOutcome {
        exit,
        output: String::from_utf8_lossy(&kept).into_owned(),
    })
}

/// `false` at the end of the output.
fn read(output: &mut PipeReader, kept: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; OUTPUT_LIMIT];
    let length = output.read(&mut buffer)?;
    kept.extend_from_slice(&buffer[..length.min(OUTPUT_LIMIT - kept.len())]);
    Ok(length > 0)
}

fn wait_for_end(ended: &OwnedFd, deadline: Option<Instant>) -> io::Result<()> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match poll(
            &mut [PollFd::new(ended.as_fd(), PollFlags::POLLIN)],
            patience(left),
        ) {
            Ok(0) if left.is_none_or(|left| !left.is_zero()) => {}
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Rounded up to whole milliseconds, so that the last wait before a deadline does not end short of it.
fn patience(left: Option<Duration>) -> PollTimeout {
    let Some(left) = left else {
        return PollTimeout::NONE;
    };
    let millis = left.as_nanos().div_ceil(1_000_000);
    i32::try_from(millis)
        .ok()
        .and_then(|millis| PollTimeout::try_from(millis).ok())
        .unwrap_or(PollTimeout::MAX)
}

fn how(status: ExitStatus) -> Exit {
    match status.signal() {
        Some(signal) => Exit::Signal(signal),
        None => Exit::Code(status.code().unwrap_or_default()),
    }
}
