//! What a task is made of, as the caller describes it, and the checks that a description must pass.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::user::UserSpec;

/// A task: containers that share one network, with `localhost` in common, and each its own files and processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskSpec {
    /// Shown in process listings; the first 12 characters are the default host name.
    pub id: String,
    /// The task's own directory. It must not exist yet (its parent must); `Task::remove` deletes it.
    pub directory: PathBuf,
    pub containers: Vec<ContainerSpec>,
    /// Services on the host that the task may reach although its network is its own.
    #[serde(default)]
    pub host_services: Vec<HostService>,
    /// Without a lease the task runs until it ends or is stopped.
    #[serde(default)]
    pub lease: Option<Lease>,
}

/// The supervisor stops its task by itself once nobody has held the lock on `file` for `timeout_seconds`.
///
/// One file serves all tasks of a server: the server holds it with [`crate::Lock`] for as long as it lives.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lease {
    pub file: PathBuf,
    pub timeout_seconds: u64,
}

impl Lease {
    /// A lease on `file` that runs out after ten minutes without a holder.
    pub fn on(file: PathBuf) -> Lease {
        Lease {
            file,
            timeout_seconds: 600,
        }
    }
}

/// One container of a task. Build it with [`ContainerSpec::new`] and set what differs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Letters, digits, `-` and `_`, at most 255; unique in the task. Names its log file.
    pub name: String,
    /// Unpacked file systems, lowest first. They are never written to.
    pub layers: Vec<PathBuf>,
    /// Entry point and command in one: the program and its arguments. A program without `/` is looked up in `PATH`.
    pub argv: Vec<String>,
    /// The whole environment of the program; nothing is inherited. Of several with one name the last counts.
    pub env: Variables,
    /// Adds `PATH`, `HOSTNAME` and `HOME` where `env` lacks them, as Docker does.
    pub usual_variables: bool,
    /// Absolute path inside the container; created if the image lacks it.
    pub workdir: String,
    /// `user[:group]`, by name or number, as in an image's configuration; empty means root.
    pub user: String,
    pub ports: Vec<PortMapping>,
    pub stop_signal: StopSignal,
    /// Host name inside the container; by default from the task's id.
    pub hostname: Option<String>,
    pub read_only_root: bool,
    pub mounts: Vec<Mount>,
    pub limits: Vec<ResourceLimit>,
    /// Keeps set-user-id programs (`sudo`) from gaining rights.
    pub no_new_privileges: bool,
    /// `false`: the container waits for `Task::start_container`.
    pub starts_with_task: bool,
}

impl ContainerSpec {
    /// A container that runs `argv` as root in `/`, with an empty environment and no ports.
    pub fn new(name: &str, layers: Vec<PathBuf>, argv: Vec<String>) -> ContainerSpec {
        ContainerSpec {
            name: name.to_owned(),
            layers,
            argv,
            env: Variables::default(),
            usual_variables: false,
            workdir: "/".to_owned(),
            user: String::new(),
            ports: Vec::new(),
            stop_signal: StopSignal::default(),
            hostname: None,
            read_only_root: false,
            mounts: Vec::new(),
            limits: Vec::new(),
            no_new_privileges: true,
            starts_with_task: true,
        }
    }
}

/// Environment variables. `Debug` shows names only, because values may be secrets.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variables(pub Vec<(String, String)>);

impl Variables {
    /// The value of the last variable of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Sets a variable, in place of all of that name.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(key, _)| key != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Variables(variables.into_iter().collect())
    }
}

/// A TCP port of the container that the host can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMapping {
    pub container_port: u16,
    /// 0: any free port, see [`crate::PortBinding`].
    pub host_port: u16,
    /// An address of 127.0.0.0/8 or `::1`; a task never listens beyond this machine.
    pub host_address: IpAddr,
}

impl PortMapping {
    /// `container_port` on a free port of 127.0.0.1.
    pub fn dynamic(container_port: u16) -> PortMapping {
        PortMapping {
            container_port,
            host_port: 0,
            host_address: Ipv4Addr::LOCALHOST.into(),
        }
    }
}

/// Inside the task, 127.0.0.1:`port` leads to `target` on the host. No meaning for a plain process, which shares the
/// host's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostService {
    pub port: u16,
    pub target: SocketAddr,
}

/// Something mounted over the container's file system. Refused for a plain process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Absolute path inside the container; created if the image lacks it.
    pub target: String,
    pub source: MountSource,
    pub read_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountSource {
    /// Memory, at most so many bytes.
    Tmpfs { bytes: u64 },
    /// An empty directory that the task's containers share by name and that goes with the task.
    Volume(String),
    /// A directory or file of the host. With shifted ids the task sees it as nobody's: what "others" may do, it may do.
    Host(PathBuf),
}

/// One `ulimit`. A hard limit above the host's own is lowered to it, with a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLimit {
    pub resource: LimitedResource,
    pub soft: u64,
    pub hard: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitedResource {
    Core,
    Cpu,
    Data,
    Fsize,
    Locks,
    Memlock,
    Msgqueue,
    Nice,
    Nofile,
    Nproc,
    Rss,
    Rtprio,
    Rttime,
    Sigpending,
    Stack,
}

/// The signal that asks a container to end, as an image's STOPSIGNAL writes it: `SIGTERM`, `TERM` or `15`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StopSignal(pub(crate) Signal);

impl Default for StopSignal {
    fn default() -> Self {
        StopSignal(Signal::SIGTERM)
    }
}

impl FromStr for StopSignal {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let unknown = || SpecError(format!("unknown signal `{text}`"));
        let signal = match text.parse::<i32>() {
            Ok(number) => Signal::try_from(number).ok(),
            Err(_) => {
                let name = text.to_ascii_uppercase();
                let bare = name.strip_prefix("SIG").unwrap_or(&name);
                Signal::from_str(&format!("SIG{bare}")).ok()
            }
        };
        signal.map(StopSignal).ok_or_else(unknown)
    }
}

impl TryFrom<String> for StopSignal {
    type Error = SpecError;

    fn try_from(text: String) -> Result<Self, SpecError> {
        text.parse()
    }
}

impl From<StopSignal> for String {
    fn from(signal: StopSignal) -> String {
        signal.0.as_str().to_owned()
    }
}

/// Why a description cannot be run; names the container and the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SpecError(pub(crate) String);

impl TaskSpec {
    /// Refuses what could not run, before anything is created.
    pub fn validate(&self) -> Result<(), SpecError> {
        if self.containers.is_empty() {
            return Err(SpecError(format!("task {} has no containers", self.id)));
        }
        if !self.directory.is_absolute() {
            return Err(SpecError(format!(
                "task directory {} is not absolute",
                self.directory.display()
            )));
        }
        let mut names = BTreeSet::new();
        for container in &self.containers {
            if !names.insert(&container.name) {
                return Err(SpecError(format!(
                    "container name `{}` is used twice",
                    container.name
                )));
            }
            container.validate().map_err(|problem| {
                SpecError(format!("container `{}`: {}", container.name, problem.0))
            })?;
        }
        Ok(())
    }
}

impl ContainerSpec {
    fn validate(&self) -> Result<(), SpecError> {
        let refuse = |problem: &str| Err(SpecError(problem.to_owned()));
        if !is_name(&self.name) {
            return refuse("the name is not 1 to 255 letters, digits, `-` or `_`");
        }
        if self.layers.is_empty() || self.layers.iter().any(|layer| !layer.is_absolute()) {
            return refuse("layers must be one or more absolute paths");
        }
        if self.argv.first().is_none_or(String::is_empty) {
            return refuse(
                "no command: the image has neither entry point nor command, and none was given",
            );
        }
        if self.argv.iter().any(|argument| argument.contains('\0')) {
            return refuse("an argument contains a NUL byte");
        }
        for (name, value) in &self.env.0 {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(SpecError(format!(
                    "environment variable `{name}` is not a NAME=VALUE pair"
                )));
            }
        }
        if !is_path(&self.workdir) {
            return refuse("the working directory is not an absolute path");
        }
        UserSpec::parse(&self.user)?;
        for port in &self.ports {
            if port.container_port == 0 {
                return refuse("container port 0");
            }
            if !port.host_address.is_loopback() {
                return Err(SpecError(format!(
                    "host address {} is not a loopback address",
                    port.host_address
                )));
            }
        }
        for mount in &self.mounts {
            if !is_path(&mount.target) || mount.target.split('/').all(str::is_empty) {
                return Err(SpecError(format!(
                    "mount target `{}` is not an absolute path below /",
                    mount.target
                )));
            }
            match &mount.source {
                MountSource::Volume(name) if !is_name(name) => {
                    return Err(SpecError(format!(
                        "volume name `{name}` is not letters, digits, `-` or `_`"
                    )));
                }
                MountSource::Host(path) if !path.is_absolute() => {
                    return Err(SpecError(format!(
                        "mount source {} is not absolute",
                        path.display()
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut ContainerSpec), problem: &str) {
        let layers = vec![PathBuf::from("/image")];
        let mut container = ContainerSpec::new("app", layers, vec!["/app".to_owned()]);
        change(&mut container);
        let expected = if problem.is_empty() {
            Ok(())
        } else {
            Err(SpecError(problem.to_owned()))
        };
        assert_eq!(container.validate(), expected);
    }

    #[test]
    fn refuses_what_cannot_run() {
        check(|_| {}, "");
        let name = "the name is not 1 to 255 letters, digits, `-` or `_`";
        check(|container| container.name = "../app".to_owned(), name);
        check(|container| container.name = String::new(), name);
        let layers = "layers must be one or more absolute paths";
        check(|container| container.layers.clear(), layers);
        check(
            |container| container.layers = vec![PathBuf::from("image")],
            layers,
        );
        let command =
            "no command: the image has neither entry point nor command, and none was given";
        check(|container| container.argv.clear(), command);
        check(
            |container| container.argv.push("a\0b".to_owned()),
            "an argument contains a NUL byte",
        );
        let pair = "environment variable `A=B` is not a NAME=VALUE pair";
        check(|container| container.env.set("A=B", ""), pair);
        let workdir = "the working directory is not an absolute path";
        check(|container| container.workdir = "srv".to_owned(), workdir);
        let user = "user `a:` is not USER or USER:GROUP";
        check(|container| container.user = "a:".to_owned(), user);
        check(
            |container| container.ports = vec![PortMapping::dynamic(0)],
            "container port 0",
        );
        let public = PortMapping {
            host_address: Ipv4Addr::UNSPECIFIED.into(),
            ..PortMapping::dynamic(80)
        };
        check(
            |container| container.ports = vec![public],
            "host address 0.0.0.0 is not a loopback address",
        );
    }

    #[test]
    fn refuses_mounts_that_lead_nowhere() {
        let mount = |target: &str, source| {
            let target = target.to_owned();
            move |container: &mut ContainerSpec| {
                container.mounts = vec![Mount {
                    target,
                    source,
                    read_only: false,
                }];
            }
        };
        let memory = || MountSource::Tmpfs { bytes: 1 };
        check(mount("/run", memory()), "");
        check(
            mount("run", memory()),
            "mount target `run` is not an absolute path below /",
        );
        check(
            mount("//", memory()),
            "mount target `//` is not an absolute path below /",
        );
        let volume = "volume name `../x` is not letters, digits, `-` or `_`";
        check(mount("/v", MountSource::Volume("../x".to_owned())), volume);
        let relative = MountSource::Host(PathBuf::from("x"));
        check(mount("/v", relative), "mount source x is not absolute");
    }

    #[test]
    fn reads_stop_signals_as_images_write_them() {
        for (text, signal) in [
            ("SIGQUIT", Signal::SIGQUIT),
            ("term", Signal::SIGTERM),
            ("9", Signal::SIGKILL),
        ] {
            assert_eq!(text.parse(), Ok(StopSignal(signal)), "{text}");
        }
        for text in ["", "SIGNONE", "0", "999"] {
            let problem = SpecError(format!("unknown signal `{text}`"));
            assert_eq!(text.parse::<StopSignal>(), Err(problem));
        }
    }

    #[test]
    fn shows_no_value_of_a_variable() {
        let mut variables = Variables::default();
        variables.set("KEY", "secret");
        assert_eq!(format!("{variables:?}"), "[\"KEY\"]");
    }
}
