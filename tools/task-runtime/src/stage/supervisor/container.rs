//! A running container as its supervisor holds it: the first process, the socket to it, and its output.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::unistd::fchdir;

use super::conductor::Message;
use super::output;
use crate::control::{receive, send};
use crate::event::{Exit, Stage};
use crate::failure::{Failure, failed};
use crate::stage::again;
use crate::stage::wire::{ContainerOrder, FromInit, ToInit};

/// What it takes to start a container.
pub(super) struct Launch {
    /// Names the container in messages to the conductor.
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) order: ContainerOrder,
    pub(super) scratch: OwnedFd,
    pub(super) log: File,
    pub(super) namespaces: bool,
}

pub(super) struct Running {
    orders: UnixStream,
    init: Arc<Mutex<Init>>,
    namespaces: bool,
}

/// The container's first process.
#[derive(Default)]
struct Init {
    /// `None` before its start.
    child: Option<Child>,
    /// To be killed as soon as there is something to kill.
    doomed: bool,
}

impl Launch {
    /// Everything further comes as messages, [`Message::Ended`] last.
    pub(super) fn start(self, mailbox: Sender<Message>) -> io::Result<Running> {
        let (orders, theirs) = UnixStream::pair()?;
        let (stdout, their_stdout) = io::pipe()?;
        let (stderr, their_stderr) = io::pipe()?;
        let running = Running {
            orders: orders.try_clone()?,
            init: Arc::default(),
            namespaces: self.namespaces,
        };
        let init = running.init.clone();
        let log = self.log.try_clone()?;
        // Before the thread below, which can start no other once it has left for a new process namespace.
        let logger = thread::Builder::new().spawn(move || output::capture(stdout, stderr, log))?;
        let streams = [
            OwnedFd::from(theirs),
            their_stdout.into(),
            their_stderr.into(),
        ];
        thread::Builder::new().spawn(move || {
            let ended = self.run(streams, &orders, &init, &mailbox);
            let logged = logger
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the log's thread panicked")));
            if let Err(error) = logged {
                let lost = FromInit::Warned(format!(
                    "some of its output is lost: write the log: {error}"
                ));
                mailbox.send(Message::Heard(self.index, lost)).ok();
            }
            // Fails only if the conductor has ended, and the process with it.
            mailbox.send(Message::Ended(self.index, ended)).ok();
        })?;
        Ok(running)
    }

    fn run(
        &self,
        streams: [OwnedFd; 3],
        orders: &UnixStream,
        init: &Mutex<Init>,
        mailbox: &Sender<Message>,
    ) -> Result<Exit, Failure> {
        self.spawn(streams, init)?;
        let ended = self.follow(orders, mailbox);
        // The socket is closed, so the process is at its end, and everything in its namespace is dead once it is.
        if let Some(child) = &mut lock(init).child {
            child.wait().map_err(failed(
                Stage::Supervisor,
                "wait for the container's first process",
            ))?;
        }
        ended
    }

    fn spawn(
        &self,
        [socket, stdout, stderr]: [OwnedFd; 3],
        init: &Mutex<Init>,
    ) -> Result<(), Failure> {
        let at = Stage::Isolation;
        let mut command = again(&OsString::from(format!("container-{}", self.name)), "init");
        if self.namespaces {
            unshare(CloneFlags::CLONE_FS)
                .map_err(failed(at, "leave the shared working directory"))?;
            // The only place that is found again in the new mount namespace without a way there by path.
            fchdir(&self.scratch).map_err(failed(at, "go to the scratch directory"))?;
            unshare(
                CloneFlags::CLONE_NEWPID
                    | CloneFlags::CLONE_NEWNS
                    | CloneFlags::CLONE_NEWUTS
                    | CloneFlags::CLONE_NEWIPC
                    | CloneFlags::CLONE_NEWCGROUP,
            )
            .map_err(failed(at, "create namespaces"))?;
            // Root in the task's user namespace.
            command.uid(0).gid(0);
        }
        command
            .stdin(Stdio::from(socket))
            .stdout(Stdio::from(stdout))
            .stderr(Stdio::from(stderr));
        let child = command
            .spawn()
            .map_err(failed(at, "start the container's first process"))?;
        let mut init = lock(init);
        let is_doomed = init.doomed;
        let child = init.child.insert(child);
        let killed = if is_doomed { child.kill() } else { Ok(()) };
        killed.map_err(failed(at, "kill the container's first process"))
    }

    /// Until the first process closes its socket.
    fn follow(&self, mut orders: &UnixStream, mailbox: &Sender<Message>) -> Result<Exit, Failure> {
        // A process that has died already cannot read, and shows as an end of the stream below.
        send(&mut orders, &self.order).ok();
        let mut ended = Ok(Exit::Signal(Signal::SIGKILL as i32));
        let mut reports = BufReader::new(orders);
        while let Ok(Some(report)) = receive(&mut reports) {
            match report {
                FromInit::Exited(exit) => ended = Ok(exit),
                FromInit::Failed(failure) => ended = Err(failure),
                other => {
                    mailbox.send(Message::Heard(self.index, other)).ok();
                }
            }
        }
        ended
    }
}

impl Running {
    /// Process id of the container's first process, once there is one.
    pub(super) fn pid(&self) -> Option<i32> {
        lock(&self.init)
            .child
            .as_ref()
            .map(|child| child.id().cast_signed())
    }

    pub(super) fn signal(&self, signal: Signal) {
        // Fails only if the container has ended.
        send(&self.orders, &ToInit::Signal(signal as i32)).ok();
    }

    /// Kills everything in the container.
    pub(super) fn kill(&self) {
        if !self.namespaces {
            // The first process has to see to it; its own death would set the others free.
            send(&self.orders, &ToInit::Kill).ok();
            return;
        }
        let mut init = lock(&self.init);
        init.doomed = true;
        if let Some(child) = &mut init.child {
            // Does nothing to a child that has been waited for.
            child.kill().ok();
        }
    }
}

fn lock(init: &Mutex<Init>) -> MutexGuard<'_, Init> {
    init.lock().unwrap_or_else(PoisonError::into_inner)
}
