//! RUN: a command in the file system of its stage, run by the embedded task runtime.

mod changed;
mod mounts;

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context as _, bail};
use contract::exit;
use task_runtime::layers::{self, Layer, Limits};
use task_runtime::{
    Capability, ContainerSpec, EventKind, Exit, Ids, Lease, Lock, Runtime, THIS_EXECUTABLE, Task,
    TaskSpec, Variables,
};
use tempfile::TempDir;
use toolkit::console::{Verbosity, printable};
use toolkit::{Console, Fault};

pub(super) use mounts::PART;

use super::secret::Secret;
use crate::dockerfile::Network;
use crate::image::layout::Layout;
use crate::image::manifest::layer_type;
use crate::image::platform::Platform;
use crate::layer::Written;
use crate::rootfs::tree::Tree;
use crate::stage::Command;

/// The container's name in the runtime's files.
const CONTAINER: &str = "run";
/// The host name that a command sees: the same everywhere, as everything else that it sees.
const HOST_NAME: &str = "build";
/// A command whose build is gone ends after so long.
const LEASE_SECONDS: u64 = 5;
/// How often a running command's output is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Lines that are shown of a command that failed where its output was not wanted.
const LAST_LINES: usize = 30;

/// Runs the commands of one build.
pub(super) struct Runner<'a> {
    layout: &'a Layout,
    console: &'a Console,
    secrets: &'a [Secret],
    /// Where the work is done: absolute.
    directory: PathBuf,
    runtime: OnceCell<Runtime>,
    lease: OnceCell<Lock>,
    used: Vec<Vec<Layer>>,
}

/// A command that has ended well, with what it left. The files go when this does.
pub(super) struct Done {
    /// What it changed, as a layer.
    pub(super) tree: Tree,
    _files: Files,
}

/// A command's directory, which goes with whatever rights the command has left there.
struct Files(TempDir);

impl Files {
    fn task(&self) -> PathBuf {
        self.0.path().join("task")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Ok(task) = Task::attach(&self.task()) {
            // What stays is removed before the next command.
            task.remove().ok();
        }
    }
}

impl<'a> Runner<'a> {
    pub(super) fn new(
        layout: &'a Layout,
        console: &'a Console,
        secrets: &'a [Secret],
    ) -> anyhow::Result<Self> {
        let cache = layout.cache();
        let cache = cache
            .canonicalize()
            .with_context(|| format!("cannot find {}", cache.display()))?;
        Ok(Self {
            layout,
            console,
            secrets,
            directory: cache.join("run"),
            runtime: OnceCell::new(),
            lease: OnceCell::new(),
            used: Vec::new(),
        })
    }

    /// Runs a command over these layers, whose file system is `tree`. `sources` are what its mounts show, by number.
    pub(super) fn run(
        &mut self,
        command: &Command,
        platform: &Platform,
        layers: &[Written],
        tree: &Tree,
        sources: &[(usize, Tree)],
    ) -> anyhow::Result<Done> {
        check_platform(platform)?;
        self.prepare()?;
        let files = TempDir::with_prefix_in("task-", &self.directory)
            .with_context(|| format!("cannot write into {}", self.directory.display()))?;
        let files = Files(files);
        let ids = self.ids()?;
        let root = self.root(layers, ids)?;
        let mut container = ContainerSpec::new(CONTAINER, vec![root], command.argv.clone());
        container.env = Variables(command.environment.clone());
        container.usual_variables = true;
        container.workdir.clone_from(&command.directory);
        container.user.clone_from(&command.user);
        container.hostname = Some(HOST_NAME.to_owned());
        container.no_new_privileges = false;
        let scope = mounts::Scope {
            directory: files.0.path(),
            caches: &self.directory.join("caches"),
            secrets: self.secrets,
            ids,
        };
        scope.add(command, sources, &mut container)?;
        let targets: Vec<String> = container
            .mounts
            .iter()
            .map(|mount| mount.target.clone())
            .collect();
        let spec = TaskSpec {
            id: "build".to_owned(),
            directory: files.task(),
            containers: vec![container],
            host_services: Vec::new(),
            lease: Some(Lease {
                file: self.lease_file(),
                timeout_seconds: LEASE_SECONDS,
            }),
        };
        let started = match command.network {
            Network::Host => self.runtime()?.start_on_host_network(&spec),
            Network::None => self.runtime()?.start(&spec),
        };
        let task = started.context("cannot start the command")?.task;
        self.follow(&task)?;
        let changes = task_runtime::changes(&task, CONTAINER, ids)
            .context("cannot see what the command changed")?;
        let tree = changed::tree(changes, tree, ids, &targets)?;
        Ok(Done {
            tree,
            _files: files,
        })
    }

    /// Whose the files of commands are; an error where the machine allows no commands.
    fn ids(&self) -> anyhow::Result<Ids> {
        match self.runtime()?.capability() {
            Capability::Namespaces { ids, overlay: true } => Ok(*ids),
            Capability::Namespaces { .. } => Err(no_namespaces(
                "overlay file systems cannot be mounted where the layout is",
            )),
            Capability::Process { reason, .. } => Err(no_namespaces(reason)),
        }
    }

    /// The stage's file system on disk.
    fn root(&mut self, layers: &[Written], ids: Ids) -> anyhow::Result<PathBuf> {
        let layers = layers
            .iter()
            .map(|layer| self.layer(layer))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let roots = self.directory.join("roots");
        let root = layers::unpack(&roots, &layers, ids, &Limits::default())
            .context("cannot unpack the stage's file system")?;
        self.used.push(layers);
        Ok(root)
    }

    fn runtime(&self) -> anyhow::Result<&Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let found = Runtime::detect(Path::new(THIS_EXECUTABLE), &self.directory)
            .context("cannot find out how to run commands on this machine")?;
        Ok(self.runtime.get_or_init(|| found))
    }

    fn lease_file(&self) -> PathBuf {
        self.directory.join("lease")
    }

    /// Clears what an interrupted build left. The layout's lock is held: nothing else is at work here.
    fn prepare(&self) -> anyhow::Result<()> {
        if self.lease.get().is_some() {
            return Ok(());
        }
        let what = || format!("cannot clean up {}", self.directory.display());
        fs::create_dir_all(&self.directory).with_context(what)?;
        for entry in fs::read_dir(&self.directory).with_context(what)? {
            let entry = entry.with_context(what)?;
            if !entry.file_name().to_string_lossy().starts_with("task-") {
                continue;
            }
            if let Ok(task) = Task::attach(&entry.path().join("task")) {
                // One that has ended cannot be killed, and need not be.
                task.kill().ok();
                task.wait().with_context(what)?;
                task.remove().with_context(what)?;
            }
            fs::remove_dir_all(entry.path()).with_context(what)?;
        }
        let lease = Lock::hold(&self.lease_file()).with_context(what)?;
        self.lease.get_or_init(|| lease);
        Ok(())
    }

    fn layer(&self, written: &Written) -> anyhow::Result<Layer> {
        let (compression, _) = layer_type(&written.descriptor.media_type)?;
        Ok(Layer {
            blob: self.layout.blob(&written.descriptor.digest),
            compression: compression.of_runtime(),
            diff_id: written.diff_id.to_string(),
        })
    }

    /// Shows what the command says, until it ends; an error unless it ended well.
    fn follow(&self, task: &Task) -> anyhow::Result<()> {
        let (ended, over) = channel();
        let waiting = task.clone();
        std::thread::spawn(move || ended.send(waiting.wait()));
        let mut output = Output {
            console: self.console,
            offset: 0,
            last: Vec::new(),
        };
        loop {
            let waited = over.recv_timeout(LOOK);
            output.show(task)?;
            match waited {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("the command got lost"),
                Ok(result) => {
                    result.context("cannot wait for the command")?;
                    break;
                }
            }
        }
        output.show(task)?;
        let events = task
            .events(0)
            .context("cannot read how the command ended")?;
        let verdict = events
            .events
            .into_iter()
            .find_map(|event| match event.what {
                EventKind::Exited { exit, .. } => Some(Ok(exit)),
                EventKind::Failed { message, .. } => Some(Err(message)),
                _ => None,
            });
        let message = match verdict {
            Some(Ok(Exit::Code(0))) => return Ok(()),
            Some(Ok(Exit::Code(code))) => format!("the command ended with exit code {code}"),
            Some(Ok(Exit::Signal(signal))) => format!("the command was ended by signal {signal}"),
            Some(Err(message)) => format!("the command could not be started: {message}"),
            None => "the command's supervisor ended early".to_owned(),
        };
        if self.console.verbosity() == Verbosity::Quiet {
            self.console.untrusted(&output.last);
        }
        Err(Fault::new(exit::FAILED, message).into())
    }

    /// Forgets file systems that this build did not use, if it used any.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        if self.used.is_empty() {
            return Ok(());
        }
        let Some(ids) = self.runtime.get().map(|runtime| runtime.capability().ids()) else {
            return Ok(());
        };
        layers::retain(&self.directory.join("roots"), &self.used, ids)
            .context("cannot clean up unpacked file systems")
    }
}

/// A command's output on its way to the console.
struct Output<'a> {
    console: &'a Console,
    offset: u64,
    last: Vec<String>,
}

impl Output<'_> {
    fn show(&mut self, task: &Task) -> anyhow::Result<()> {
        loop {
            let page = task
                .logs(CONTAINER, self.offset)
                .context("cannot read what the command says")?;
            if page.records.is_empty() {
                return Ok(());
            }
            self.offset = page.next;
            let lines: Vec<String> = page
                .records
                .iter()
                .map(|record| printable(&String::from_utf8_lossy(&record.text)))
                .collect();
            if self.console.verbosity() != Verbosity::Quiet {
                self.console.untrusted(&lines);
            }
            self.last.extend(lines);
            let surplus = self.last.len().saturating_sub(LAST_LINES);
            self.last.drain(..surplus);
        }
    }
}

/// Why no command can be run here, if that is so. `directory` is that of the layout.
pub(super) fn obstacle(directory: &Path, platform: &Platform) -> anyhow::Result<Option<String>> {
    if let Err(error) = check_platform(platform) {
        return Ok(Some(error.to_string()));
    }
    let what = || format!("cannot find {}", directory.display());
    let place = directory.canonicalize().with_context(what)?.join("cache");
    let runtime = Runtime::detect(Path::new(THIS_EXECUTABLE), &place)
        .context("cannot find out how to run commands on this machine")?;
    Ok(match runtime.capability() {
        Capability::Namespaces { overlay: true, .. } => None,
        Capability::Namespaces { .. } => {
            Some("overlay file systems cannot be mounted here".to_owned())
        }
        Capability::Process { reason, .. } => Some(format!(
            "the embedded engine cannot RUN on this machine: {reason}"
        )),
    })
}

/// A program of another processor runs only where the kernel hands it to an emulator.
fn check_platform(platform: &Platform) -> anyhow::Result<()> {
    let host = Platform::host();
    if platform.accepts(&host) || platform.architecture == host.architecture {
        return Ok(());
    }
    let emulator = match platform.architecture.as_str() {
        "arm64" => "qemu-aarch64",
        "amd64" => "qemu-x86_64",
        other => other,
    };
    if Path::new("/proc/sys/fs/binfmt_misc")
        .join(emulator)
        .exists()
    {
        return Ok(());
    }
    Err(Fault::new(
        exit::FAILED,
        format!("RUN for {platform} needs a machine of that kind; this one is {host}"),
    )
    .with_hint("build on such a machine, or install qemu-user-static; COPY works everywhere")
    .into())
}

fn no_namespaces(reason: &str) -> anyhow::Error {
    Fault::new(
        exit::FAILED,
        format!("the embedded engine cannot RUN on this machine: {reason}"),
    )
    .with_hint("use --engine docker, podman or buildah; or run the command before the build, and COPY what it makes")
    .into()
}
