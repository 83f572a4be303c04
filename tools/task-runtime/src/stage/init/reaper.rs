//! Waits for every process of the container, and knows when a process id may still be sent a signal.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};
use rustix::process::{WaitId, WaitIdOptions, WaitOptions, wait, waitid};

use crate::event::Exit;

#[derive(Clone)]
pub(super) struct Reaper {
    /// The program, until it has been waited for.
    program: Arc<Mutex<Option<i32>>>,
}

impl Reaper {
    pub(super) fn new(program: u32) -> Reaper {
        Reaper {
            program: Arc::new(Mutex::new(Some(program.cast_signed()))),
        }
    }

    fn program(&self) -> MutexGuard<'_, Option<i32>> {
        self.program.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reaps whatever ends, until the program does.
    pub(super) fn wait(&self) -> io::Result<Exit> {
        loop {
            // First without reaping: while the lock is not held, the program's id must stay taken.
            match waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let mut program = self.program();
            while let Some((ended, status)) = wait(WaitOptions::NOHANG)? {
                if *program == Some(ended.as_raw_pid()) {
                    *program = None;
                    let signal = status.terminating_signal().map(Exit::Signal);
                    return Ok(
                        signal.unwrap_or(Exit::Code(status.exit_status().unwrap_or_default()))
                    );
                }
            }
        }
    }

    /// Sends a signal to the program, unless it has ended.
    pub(super) fn signal(&self, signal: i32) {
        if let (Some(pid), Ok(signal)) = (*self.program(), Signal::try_from(signal)) {
            // Fails only if the program runs as a user that this process may not signal, and then the grace runs out.
            kill(Pid::from_raw(pid), signal).ok();
        }
    }
}

/// Kills and reaps all children, among them the orphans that come to this process as a subreaper. For where no
/// process namespace does it.
pub(super) fn end_descendants() -> io::Result<()> {
    loop {
        for pid in children()? {
            match kill(pid, Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CHILD) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn children() -> io::Result<Vec<Pid>> {
    let own = getpid().to_string();
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process that ended meanwhile has no file any more.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        // "pid (name) state parent ...", where the name may contain anything.
        let parent = stat
            .rsplit_once(") ")
            .and_then(|(_, fields)| fields.split(' ').nth(1));
        if parent == Some(own.as_str()) {
            children.push(Pid::from_raw(pid));
        }
    }
    Ok(children)
}
