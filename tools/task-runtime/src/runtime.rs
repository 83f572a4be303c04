//! Finds out how tasks can run on this machine, and starts them.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::unistd::Uid;
use serde::{Deserialize, Serialize};

use crate::control::{receive, send};
use crate::event::{EventKind, Exit, PortBinding, Stage};
use crate::failure::Failure;
use crate::ids::Ids;
use crate::remove;
use crate::spec::{ContainerSpec, SpecError, TaskSpec, Variables};
use crate::stage::{Isolation, STAGE_ARGUMENT};
use crate::task::{self, SPEC_FILE, Task, TaskError};

/// The calling executable, also after its file has been replaced by a newer build.
pub const THIS_EXECUTABLE: &str = "/proc/self/exe";

/// The supervisor's standard error: empty unless it panics.
const SUPERVISOR_LOG: &str = "supervisor.log";

/// How tasks run on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Tasks are isolated. Without `overlay` each container's file system is copied at its start.
    Namespaces { ids: Ids, overlay: bool },
    /// Tasks are plain processes with a copy of the file system: nothing is isolated, and the caller should say so.
    /// Without `change_root` (which needs root) a program finds the host's files, not its image's, and only one that
    /// is statically linked is sure to run.
    Process { reason: String, change_root: bool },
}

impl Capability {
    /// Whose the files of an image must be: what [`crate::layers::unpack`] is to be given.
    pub fn ids(&self) -> Ids {
        match self {
            Capability::Namespaces { ids, .. } => *ids,
            Capability::Process { .. } => Ids::Single,
        }
    }
}

/// A way to run tasks, found once and used for all of them.
#[derive(Debug, Clone)]
pub struct Runtime {
    executable: PathBuf,
    capability: Capability,
}

/// A task that has just been started: every host port accepts connections already.
#[derive(Debug, Clone)]
pub struct Started {
    pub task: Task,
    pub ports: Vec<PortBinding>,
    /// What is not as the spec asked, for people.
    pub warnings: Vec<String>,
}

/// Why a task could not be started. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Spec(#[from] SpecError),
    #[error("task directory {}: {source}", directory.display())]
    Directory {
        directory: PathBuf,
        source: io::Error,
    },
    /// Another process listens there, or may (a privileged port).
    #[error("listen on {address}: {reason}")]
    Port { address: SocketAddr, reason: String },
    #[error("{message}")]
    Failed { stage: Stage, message: String },
}

/// From the server to its new supervisor.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) spec: TaskSpec,
    pub(crate) isolation: Isolation,
    /// Do everything except running the container's program.
    pub(crate) probe: bool,
    /// Leave the task in the host's network.
    pub(crate) host_network: bool,
}

/// From the new supervisor to its server.
#[derive(Serialize, Deserialize)]
pub(crate) enum Notice {
    /// Write my id maps, then send an empty line.
    MapIds {
        pid: u32,
    },
    Ready {
        ports: Vec<PortBinding>,
        warnings: Vec<String>,
        overlay: bool,
    },
    PortTaken {
        address: SocketAddr,
        reason: String,
    },
    Failed(Failure),
}

impl Runtime {
    /// Finds the best way to run tasks below `scratch` (an existing directory of the file system that will hold
    /// them) by really running one. `executable` must call [`crate::entry`] first; normally [`THIS_EXECUTABLE`].
    pub fn detect(executable: &Path, scratch: &Path) -> Result<Runtime, StartError> {
        let refused = match Isolation::Namespaces(Ids::available()).probe(executable, scratch) {
            Ok(overlay) => {
                let capability = Capability::Namespaces {
                    ids: Ids::available(),
                    overlay,
                };
                return Ok(Runtime {
                    executable: executable.to_owned(),
                    capability,
                });
            }
            Err(refused) => refused,
        };
        let change_root = Uid::effective().is_root()
            && Isolation::Process { change_root: true }
                .probe(executable, scratch)
                .is_ok();
        if !change_root {
            Isolation::Process { change_root: false }.probe(executable, scratch)?;
        }
        let capability = Capability::Process {
            reason: refused.to_string(),
            change_root,
        };
        Ok(Runtime {
            executable: executable.to_owned(),
            capability,
        })
    }

    /// Runs tasks as plain processes although namespaces may work.
    pub fn process(executable: &Path, reason: &str, change_root: bool) -> Runtime {
        let capability = Capability::Process {
            reason: reason.to_owned(),
            change_root,
        };
        Runtime {
            executable: executable.to_owned(),
            capability,
        }
    }

    pub fn capability(&self) -> &Capability {
        &self.capability
    }

    /// Starts a task. Returns once its ports accept, within milliseconds, before its containers have started: their
    /// success or failure comes as events.
    pub fn start(&self, spec: &TaskSpec) -> Result<Started, StartError> {
        self.launch(spec, false)
    }

    /// As [`Runtime::start`], with the host's network and name servers instead of a network of the task's own. Ports
    /// and host services have no meaning there.
    pub fn start_on_host_network(&self, spec: &TaskSpec) -> Result<Started, StartError> {
        self.launch(spec, true)
    }

    fn launch(&self, spec: &TaskSpec, host_network: bool) -> Result<Started, StartError> {
        let isolation = match &self.capability {
            Capability::Namespaces { ids, .. } => Isolation::Namespaces(*ids),
            Capability::Process { change_root, .. } => Isolation::Process {
                change_root: *change_root,
            },
        };
        launch(
            &self.executable,
            Order {
                spec: spec.clone(),
                isolation,
                probe: false,
                host_network,
            },
        )
        .map(|(started, _)| started)
    }
}

impl Isolation {
    /// Runs an empty task; the answer says whether an overlay file system held its files.
    fn probe(self, executable: &Path, scratch: &Path) -> Result<bool, StartError> {
        static PROBES: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "probe-{}-{}",
            std::process::id(),
            PROBES.fetch_add(1, Ordering::Relaxed)
        );
        let base = scratch.join(name);
        let directory_error = |source| StartError::Directory {
            directory: base.clone(),
            source,
        };
        let layer = base.join("layer");
        DirBuilder::new()
            .mode(0o700)
            .create(&base)
            .map_err(directory_error)?;
        fs::create_dir(&layer).map_err(directory_error)?;
        let outcome = self.run_probe(executable, &base, layer);
        remove::tree(&base).map_err(directory_error)?;
        outcome
    }

    fn run_probe(self, executable: &Path, base: &Path, layer: PathBuf) -> Result<bool, StartError> {
        let spec = TaskSpec {
            id: "probe".to_owned(),
            directory: base.join("task"),
            containers: vec![ContainerSpec::new(
                "probe",
                vec![layer],
                vec!["probe".to_owned()],
            )],
            host_services: Vec::new(),
            lease: None,
        };
        let failed = |stage, message| StartError::Failed { stage, message };
        let unreadable = |error: TaskError| failed(Stage::Supervisor, error.to_string());
        let (started, overlay) = launch(
            executable,
            Order {
                spec,
                isolation: self,
                probe: true,
                host_network: false,
            },
        )?;
        started.task.wait().map_err(unreadable)?;
        for event in started.task.events(0).map_err(unreadable)?.events {
            match event.what {
                EventKind::Failed { stage, message, .. } => return Err(failed(stage, message)),
                EventKind::Exited {
                    exit: Exit::Code(0),
                    ..
                } => return Ok(overlay),
                _ => {}
            }
        }
        let report = task::head(&started.task.directory().join(SUPERVISOR_LOG)).unwrap_or_default();
        Err(failed(
            Stage::Supervisor,
            format!("the probe ended without a result {report}"),
        ))
    }
}

fn launch(executable: &Path, order: Order) -> Result<(Started, bool), StartError> {
    order.spec.validate()?;
    let directory = order.spec.directory.clone();
    let directory_error = |source| StartError::Directory {
        directory: directory.clone(),
        source,
    };
    DirBuilder::new()
        .mode(0o700)
        .create(&directory)
        .map_err(directory_error)?;
    let launched = write_spec(&order.spec)
        .and_then(|()| Supervisor::spawn(executable, &order))
        .map_err(directory_error)
        .and_then(|supervisor| supervisor.converse(&order));
    match launched {
        Ok((ports, warnings, overlay)) => {
            let task = Task::attach(&directory).map_err(|error| StartError::Failed {
                stage: Stage::Supervisor,
                message: error.to_string(),
            })?;
            Ok((
                Started {
                    task,
                    ports,
                    warnings,
                },
                overlay,
            ))
        }
        Err(error) => {
            remove::tree(&directory).map_err(directory_error)?;
            Err(error)
        }
    }
}

/// Keeps what later servers may want to know, without the values of variables.
fn write_spec(spec: &TaskSpec) -> io::Result<()> {
    let mut kept = spec.clone();
    for container in &mut kept.containers {
        let names = container
            .env
            .0
            .iter()
            .map(|(name, _)| (name.clone(), String::new()));
        container.env = Variables(names.collect());
    }
    let mut file = private_file(&spec.directory.join(SPEC_FILE))?;
    file.write_all(&serde_json::to_vec(&kept)?)
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// The conversation with a supervisor that is starting.
struct Supervisor {
    orders: std::process::ChildStdin,
    notices: BufReader<ChildStdout>,
    directory: PathBuf,
}

impl Supervisor {
    /// By way of a launcher that ends at once, so that the supervisor is nobody's zombie when its time comes.
    fn spawn(executable: &Path, order: &Order) -> io::Result<Supervisor> {
        let directory = order.spec.directory.clone();
        let mut name = OsString::from("task-");
        name.push(&order.spec.id);
        let mut launcher = Command::new(executable)
            .arg0(name)
            .args([STAGE_ARGUMENT, "launch"])
            .env_clear()
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(private_file(&directory.join(SUPERVISOR_LOG))?)
            .spawn()?;
        let pipes = launcher.stdin.take().zip(launcher.stdout.take());
        let status = launcher.wait()?;
        match pipes {
            Some((orders, notices)) if status.success() => Ok(Supervisor {
                orders,
                notices: BufReader::new(notices),
                directory,
            }),
            _ => Err(io::Error::other(format!(
                "start the supervisor with {}: {status}",
                executable.display()
            ))),
        }
    }

    fn converse(
        mut self,
        order: &Order,
    ) -> Result<(Vec<PortBinding>, Vec<String>, bool), StartError> {
        let failed = |message: String| StartError::Failed {
            stage: Stage::Supervisor,
            message,
        };
        send(&mut self.orders, order)
            .map_err(|error| failed(format!("order the supervisor: {error}")))?;
        loop {
            match receive(&mut self.notices)
                .map_err(|error| failed(format!("hear the supervisor: {error}")))?
            {
                Some(Notice::MapIds { pid }) => self.map_ids(order, pid)?,
                Some(Notice::Ready {
                    ports,
                    warnings,
                    overlay,
                }) => return Ok((ports, warnings, overlay)),
                Some(Notice::PortTaken { address, reason }) => {
                    return Err(StartError::Port { address, reason });
                }
                Some(Notice::Failed(Failure { stage, message })) => {
                    return Err(StartError::Failed { stage, message });
                }
                None => {
                    let report =
                        task::head(&self.directory.join(SUPERVISOR_LOG)).unwrap_or_default();
                    return Err(failed(format!(
                        "the supervisor ended before the task was ready {report}"
                    )));
                }
            }
        }
    }

    fn map_ids(&mut self, order: &Order, pid: u32) -> Result<(), StartError> {
        let Isolation::Namespaces(ids) = order.isolation else {
            return Ok(());
        };
        ids.map(&pid.to_string(), 0, 0)
            .and_then(|()| self.orders.write_all(b"\n"))
            .map_err(|error| StartError::Failed {
                stage: Stage::Isolation,
                message: format!("map the ids of process {pid}: {error}"),
            })
    }
}
