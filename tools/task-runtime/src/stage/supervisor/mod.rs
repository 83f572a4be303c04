//! One process a task: holds its network and its namespaces, starts and stops its containers, writes down what
//! happens. It lives on when its server dies.

mod conductor;
mod container;
mod copy;
mod events;
mod exec;
mod interface;
mod member;
mod network;
mod output;
mod relay;
mod requests;
mod scratch;

use std::fs;
use std::io::{self, BufRead, BufReader, Stdin, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::sync::mpsc;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, dup2_stdin, dup2_stdout};

use self::conductor::Conductor;
use self::events::EventLog;
use self::member::Member;
use self::network::Network;
use self::scratch::Scratch;
use super::Isolation;
use crate::control::{self, receive, send};
use crate::event::{EventKind, Stage};
use crate::failure::{Failure, failed};
use crate::ids::Ids;
use crate::lock::{Lock, LockProbe};
use crate::runtime::{Notice, Order, THIS_EXECUTABLE};
use crate::task::{ALIVE_FILE, EVENTS_FILE};

pub(super) use self::network::TASK_ADDRESS;

impl From<Failure> for Notice {
    fn from(failure: Failure) -> Notice {
        Notice::Failed(failure)
    }
}

pub(super) fn run() -> i32 {
    // A thread that panics would leave the others waiting for ever; as a whole, the end of this process is the end of
    // its containers, and every server sees it.
    std::panic::set_hook(Box::new(|panic| {
        writeln!(io::stderr(), "{panic}").ok();
        std::process::abort();
    }));
    match prepare() {
        Ok(Some(prepared)) => prepared.conduct(),
        Ok(None) => 1,
        Err(notice) => i32::from(send(io::stdout(), &notice).is_err()) + 1,
    }
}

/// A task whose every part is there, and nothing has started.
struct Prepared {
    conductor: Conductor,
    control: UnixListener,
    /// Released by the end of this process, which tells servers that the task is over.
    alive: Lock,
}

/// `None`: the server went away before it had said what to do.
fn prepare() -> Result<Option<Prepared>, Notice> {
    umask(Mode::from_bits_truncate(0o077));
    let mut server = BufReader::new(io::stdin());
    let order: Option<Order> =
        receive(&mut server).map_err(failed(Stage::Supervisor, "read the order"))?;
    let Some(order) = order else { return Ok(None) };
    // Whatever needs the host's rights or paths is opened before they are given up.
    let task = &order.spec.directory;
    let alive =
        Lock::hold(&task.join(ALIVE_FILE)).map_err(failed(Stage::Supervisor, "lock the task"))?;
    let events = EventLog::open(&task.join(EVENTS_FILE))
        .map_err(failed(Stage::Supervisor, "open the events"))?;
    let control =
        control::listen(task).map_err(failed(Stage::Supervisor, "listen for requests"))?;
    let lease = order
        .spec
        .lease
        .as_ref()
        .map(|lease| LockProbe::open(&lease.file))
        .transpose();
    let lease = lease.map_err(failed(Stage::Supervisor, "open the lease"))?;
    raise_file_limit().map_err(failed(Stage::Supervisor, "raise the limit of open files"))?;
    let mut warnings = Vec::new();
    let network = Network::listen(&order, &mut warnings)?;
    let scratches = isolate(&order, &mut server)?;
    warnings.extend(
        scratches
            .iter()
            .filter_map(|scratch| scratch.warning.clone()),
    );
    let overlay = scratches.iter().all(|scratch| scratch.overlay);
    let ports = network.bindings();
    if let (Isolation::Namespaces(_), false) = (order.isolation, order.host_network) {
        network.enter()?;
    }
    let mut members = Vec::new();
    for (spec, scratch) in order.spec.containers.iter().zip(scratches) {
        members.push(Member::new(spec, scratch, &ports)?);
    }
    events.write(EventKind::Created {
        supervisor: std::process::id().cast_signed(),
        ports: ports.clone(),
    });
    for message in &warnings {
        events.write(EventKind::Warned {
            container: None,
            message: message.clone(),
        });
    }
    let notice = Notice::Ready {
        ports,
        warnings,
        overlay,
    };
    send(io::stdout(), &notice).map_err(failed(Stage::Supervisor, "report to the server"))?;
    leave_server().map_err(failed(Stage::Supervisor, "leave the server"))?;
    Ok(Some(Prepared {
        conductor: Conductor::new(order, members, events, lease),
        control,
        alive,
    }))
}

impl Prepared {
    fn conduct(self) -> i32 {
        let (mailbox, inbox) = mpsc::channel();
        let listening = requests::listen(self.control, mailbox.clone());
        let code = self.conductor.run(listening, mailbox, &inbox);
        drop(self.alive);
        code
    }
}

fn leave_server() -> io::Result<()> {
    let nothing = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    dup2_stdin(&nothing)?;
    dup2_stdout(&nothing)?;
    Ok(())
}

/// Each connection through the relay takes two descriptors.
fn raise_file_limit() -> nix::Result<()> {
    /// What Fargate gives a container.
    const ENOUGH: u64 = 65_535;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < ENOUGH {
        setrlimit(Resource::RLIMIT_NOFILE, hard.min(ENOUGH), hard)?;
    }
    Ok(())
}

/// Enters a user namespace and a mount namespace and makes the containers' file systems there.
///
/// Root mounts first, while it may read everything; a user can only mount once root of a namespace of its own.
fn isolate(order: &Order, server: &mut BufReader<Stdin>) -> Result<Vec<Scratch>, Failure> {
    let at = Stage::Isolation;
    match order.isolation {
        Isolation::Process { .. } => scratch::prepare(order),
        Isolation::Namespaces(ids @ Ids::Single) => {
            let (uid, gid) = (Uid::effective().as_raw(), Gid::effective().as_raw());
            unshare(CloneFlags::CLONE_NEWUSER).map_err(failed(at, "create a user namespace"))?;
            ids.map("self", uid, gid)
                .map_err(failed(at, "map user ids"))?;
            private_mounts()?;
            scratch::prepare(order)
        }
        Isolation::Namespaces(Ids::Shifted { .. }) => {
            executable_by_all()?;
            private_mounts()?;
            let scratches = scratch::prepare(order)?;
            unshare(CloneFlags::CLONE_NEWUSER).map_err(failed(at, "create a user namespace"))?;
            let notice = Notice::MapIds {
                pid: std::process::id(),
            };
            let mut mapped = String::new();
            send(io::stdout(), &notice)
                .and_then(|()| server.read_line(&mut mapped))
                .map_err(failed(at, "have user ids mapped"))?;
            if mapped.is_empty() {
                return Err(Failure {
                    stage: at,
                    message: "the server went away".to_owned(),
                });
            }
            Ok(scratches)
        }
    }
}

fn private_mounts() -> Result<(), Failure> {
    unshare(CloneFlags::CLONE_NEWNS)
        .map_err(failed(Stage::Isolation, "create a mount namespace"))?;
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None::<&str>,
    )
    .map_err(failed(Stage::Isolation, "keep mounts private"))
}

/// With shifted ids a container's first process is nobody on the host, and executes this file all the same.
fn executable_by_all() -> Result<(), Failure> {
    let metadata = fs::metadata(THIS_EXECUTABLE)
        .map_err(failed(Stage::Isolation, "look at this executable"))?;
    if metadata.permissions().mode() & 0o005 == 0o005 {
        return Ok(());
    }
    let path = fs::read_link(THIS_EXECUTABLE).unwrap_or_default();
    let message = format!(
        "{} must be executable by all: chmod o+rx it",
        path.display()
    );
    Err(Failure {
        stage: Stage::Isolation,
        message,
    })
}
