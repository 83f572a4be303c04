//! Writes what a container says to its log.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::events::now_ms;
use crate::log::{LineCutter, Stream};

/// Until both streams have ended. The container must never wait for its log, so after an error the rest is read and
/// dropped; the error is the answer.
pub(super) fn capture(stdout: PipeReader, stderr: PipeReader, mut log: File) -> io::Result<()> {
    let mut sources = vec![
        (stdout, LineCutter::new(Stream::Stdout)),
        (stderr, LineCutter::new(Stream::Stderr)),
    ];
    let mut buffer = vec![0; 64 * 1024];
    let mut outcome = Ok(());
    while !sources.is_empty() {
        let ready = readable(sources.iter().map(|(pipe, _)| pipe))?;
        let mut records = Vec::new();
        let mut index = 0;
        for is_ready in ready {
            if !is_ready {
                index += 1;
                continue;
            }
            let (pipe, lines) = &mut sources[index];
            match pipe.read(&mut buffer)? {
                0 => {
                    lines.finish(now_ms(), &mut records);
                    sources.remove(index);
                }
                length => {
                    lines.push(&buffer[..length], now_ms(), &mut records);
                    index += 1;
                }
            }
        }
        if outcome.is_ok() {
            outcome = log.write_all(&records);
        }
    }
    outcome
}

/// Waits until one of the pipes has something to read, or has ended.
fn readable<'a>(pipes: impl Iterator<Item = &'a PipeReader>) -> io::Result<Vec<bool>> {
    let mut waiting: Vec<PollFd<'_>> = pipes
        .map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN))
        .collect();
    loop {
        match poll(&mut waiting, PollTimeout::NONE) {
            Ok(_) => {
                return Ok(waiting
                    .iter()
                    .map(|pipe| pipe.any().unwrap_or(true))
                    .collect());
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
