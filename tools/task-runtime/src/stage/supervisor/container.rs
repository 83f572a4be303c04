//! One container of the task, from its first process on.
//!
//! A thread of its own starts it and stays until it has ended: the process namespace is chosen by the thread that
//! starts a process, and the kernel kills the container when that thread ends.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::chdir;

use super::conductor::Message;
use super::output;
use super::scratch::Scratch;
use crate::control::{receive, send};
use crate::event::{Exit, PortBinding, Stage};
use crate::failure::{Failure, failed};
use crate::spec::{ContainerSpec, StopSignal};
use crate::stage::again;
use crate::stage::wire::{ContainerOrder, FromInit, Place, Program};
use crate::task::log_file;

/// A container before it is started.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) ports: Vec<PortBinding>,
    pub(super) stop_signal: StopSignal,
    pub(super) starts_with_task: bool,
    pub(super) program: Program,
    /// Whether its first process has to become root of the user namespace.
    pub(super) becomes_root: bool,
    parts: Option<Parts>,
}

/// What the start uses up.
struct Parts {
    order: ContainerOrder,
    scratch: PathBuf,
    log: File,
}

impl Member {
    /// `task` is the task's directory and `id` what its host name is made of.
    pub(super) fn new(
        task: &Path,
        id: &str,
        probe: bool,
        spec: &ContainerSpec,
        scratch: Scratch,
        ports: &[PortBinding],
    ) -> Result<Member, Failure> {
        let path = task.join(log_file(&spec.name));
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path);
        let log = log.map_err(failed(
            Stage::Supervisor,
            format!("open {}", path.display()),
        ))?;
        let ports: Vec<PortBinding> = ports
            .iter()
            .filter(|port| port.container == spec.name)
            .cloned()
            .collect();
        let hostname = spec
            .hostname
            .clone()
            .unwrap_or_else(|| id.chars().take(12).collect());
        let mut env = spec.env.clone();
        if let (Place::Process { .. }, Some(first)) = (&scratch.place, ports.first()) {
            // A plain process shares the host's ports: it must listen where the port mapping leads.
            env.set("PORT", &first.host.port().to_string());
        }
        let program = Program {
            argv: spec.argv.clone(),
            env,
            usual_variables: spec.usual_variables,
            hostname: hostname.clone(),
            workdir: PathBuf::from(&spec.workdir),
            user: spec.user.clone(),
            limits: spec.limits.clone(),
            no_new_privileges: spec.no_new_privileges,
            place: scratch.place,
            probe,
        };
        let order = ContainerOrder {
            hostname,
            read_only_root: spec.read_only_root,
            mounts: scratch.mounts,
            program: program.clone(),
        };
        Ok(Member {
            name: spec.name.clone(),
            ports,
            stop_signal: spec.stop_signal,
            starts_with_task: spec.starts_with_task,
            program,
            becomes_root: scratch.becomes_root,
            parts: Some(Parts {
                order,
                scratch: scratch.directory,
                log,
            }),
        })
    }

    /// Starts the container; everything that happens to it comes to the mailbox, its end last.
    pub(super) fn start(&mut self, index: usize, mailbox: Sender<Message>) -> io::Result<()> {
        let parts = self
            .parts
            .take()
            .ok_or_else(|| io::Error::other("it was started already"))?;
        let (name, becomes_root) = (self.name.clone(), self.becomes_root);
        thread::Builder::new().name(name.clone()).spawn(move || {
            let exit = match parts.live(&name, becomes_root, index, &mailbox) {
                Ok(exit) => exit,
                Err(failure) => {
                    // The conductor lives as long as any container.
                    mailbox
                        .send(Message::Told(index, FromInit::Failed(failure)))
                        .ok();
                    None
                }
            };
            mailbox.send(Message::Ended(index, exit)).ok();
        })?;
        Ok(())
    }
}

impl Parts {
    /// From the start to the end. `None` is the exit of a container that never ran.
    fn live(
        self,
        name: &str,
        becomes_root: bool,
        index: usize,
        mailbox: &Sender<Message>,
    ) -> Result<Option<Exit>, Failure> {
        let isolated = matches!(self.order.program.place, Place::Namespaces { .. });
        if isolated {
            let own = CloneFlags::CLONE_NEWPID
                | CloneFlags::CLONE_NEWNS
                | CloneFlags::CLONE_NEWUTS
                | CloneFlags::CLONE_NEWIPC
                | CloneFlags::CLONE_NEWCGROUP;
            unshare(own).map_err(failed(
                Stage::Isolation,
                "create the container's namespaces",
            ))?;
            // This thread's alone since it left the others' mount namespace. As nobody of the host, the first process
            // could not find the way here by itself.
            chdir(&self.scratch).map_err(failed(
                Stage::FileSystem,
                format!("go to {}", self.scratch.display()),
            ))?;
        }
        let (channel, theirs) =
            UnixStream::pair().map_err(failed(Stage::Supervisor, "make a socket"))?;
        let (mut child, stdout, stderr) = spawn(name, becomes_root, theirs).map_err(failed(
            Stage::Supervisor,
            "start the container's first process",
        ))?;
        let log = self.log;
        let capture = thread::spawn(move || output::capture(stdout, stderr, log));
        let reached = send(&channel, &self.order).and_then(|()| channel.try_clone());
        let mut exit = None;
        match reached {
            Ok(reports) => {
                let pid = child.id().cast_signed();
                mailbox.send(Message::Spawned(index, pid, channel)).ok();
                listen(reports, index, mailbox, &mut exit);
            }
            Err(error) => {
                child.kill().map_err(failed(
                    Stage::Supervisor,
                    "end the container's first process",
                ))?;
                mailbox
                    .send(Message::Told(
                        index,
                        FromInit::Warned(format!("the first process cannot be reached: {error}")),
                    ))
                    .ok();
            }
        }
        let status = child.wait().map_err(failed(
            Stage::Supervisor,
            "wait for the container's first process",
        ))?;
        // With the first process everything that could still write has gone.
        match capture.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                mailbox
                    .send(Message::Told(
                        index,
                        FromInit::Warned(format!("its log is incomplete: {error}")),
                    ))
                    .ok();
            }
            Err(_panic) => {
                mailbox
                    .send(Message::Told(
                        index,
                        FromInit::Warned("its log is incomplete".to_owned()),
                    ))
                    .ok();
            }
        }
        Ok(exit.or_else(|| status.signal().map(Exit::Signal)))
    }
}

/// Passes on what the first process says, until it says no more.
fn listen(reports: UnixStream, index: usize, mailbox: &Sender<Message>, exit: &mut Option<Exit>) {
    let mut reports = BufReader::new(reports);
    while let Ok(Some(report)) = receive::<FromInit>(&mut reports) {
        match report {
            FromInit::Exited(code) => *exit = Some(code),
            other => {
                mailbox.send(Message::Told(index, other)).ok();
            }
        }
    }
}

fn spawn(
    name: &str,
    becomes_root: bool,
    channel: UnixStream,
) -> io::Result<(Child, PipeReader, PipeReader)> {
    let (stdout, stdout_end) = io::pipe()?;
    let (stderr, stderr_end) = io::pipe()?;
    let mut command = again(&OsString::from(name), "init");
    command
        .stdin(Stdio::from(OwnedFd::from(channel)))
        .stdout(stdout_end)
        .stderr(stderr_end);
    if becomes_root {
        command.uid(0).gid(0);
    }
    Ok((command.spawn()?, stdout, stderr))
}
