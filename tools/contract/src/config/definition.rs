//! What a task definition says beside size, port and command: `[services.NAME]` and `[tasks.NAME]` in depth.

mod read;

use std::collections::BTreeMap;

use super::{Secret, Variable};

pub(super) use read::read;

/// The parts of a task definition that most services leave alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Definition {
    /// Of the service's or task's own container.
    pub container: Container,
    /// Containers beside it, by name.
    pub sidecars: BTreeMap<String, Sidecar>,
    /// What containers mount, by name.
    pub volumes: BTreeMap<String, Volume>,
    /// GiB of the task's own disk on Fargate, 21 to 200; none means the 20 that come with each task.
    pub ephemeral_storage: Option<u32>,
    /// None means bridge on instances and awsvpc on Fargate.
    pub network: Option<Network>,
}

/// How the containers of a task reach the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Docker's own bridge of the instance.
    Bridge,
    /// An interface of the task's own.
    Awsvpc,
    /// The instance's.
    Host,
}

/// Settings that every container may have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// Instead of the image's; empty means the image's.
    pub entry_point: Vec<String>,
    /// Instead of the image's.
    pub working_directory: Option<String>,
    /// `USER`, `UID`, `USER:GROUP` or `UID:GID`, instead of the image's.
    pub user: Option<String>,
    /// Whether an init process reaps children and forwards signals.
    pub init: bool,
    /// Whether the root file system cannot be written.
    pub read_only: bool,
    /// File systems in memory.
    pub tmpfs: Vec<Tmpfs>,
    /// In the order of the file.
    pub ulimits: Vec<Ulimit>,
    /// Volumes of the task in this container.
    pub mounts: Vec<Mount>,
    /// Containers that must have come so far before this one starts.
    pub depends_on: Vec<Dependency>,
    /// How ECS asks the container itself whether it is well.
    pub health_check: Option<HealthCheck>,
    /// Where its output goes.
    pub logging: Logging,
    /// MiB that are kept for it on an instance; `memory` then is the upper limit.
    pub memory_reservation: Option<u32>,
    /// Seconds that ECS waits for what this container depends on.
    pub start_timeout: Option<u32>,
    /// Linux capabilities beside Docker's own set.
    pub add_capabilities: Vec<String>,
    /// Linux capabilities taken from Docker's own set.
    pub drop_capabilities: Vec<String>,
    /// Labels of the container, for agents on the instance.
    pub labels: BTreeMap<String, String>,
}

/// `PATH:MIB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tmpfs {
    /// Where it is mounted.
    pub path: String,
    /// MiB.
    pub size: u32,
}

/// `NAME=SOFT[:HARD]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimit {
    /// For example `nofile`.
    pub name: String,
    /// What a process starts with; -1 is no limit.
    pub soft: i32,
    /// How far it may raise it; -1 is no limit.
    pub hard: i32,
}

/// `VOLUME:PATH[:ro]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// One of the task's volumes.
    pub volume: String,
    /// Path in the container.
    pub path: String,
    /// Whether the container may only read.
    pub read_only: bool,
}

/// `CONTAINER[:CONDITION]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The container that goes first.
    pub container: String,
    /// How far it must have come.
    pub condition: Condition,
}

/// How far a container must have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It runs.
    Start,
    /// It ended, whatever its exit code.
    Complete,
    /// It ended with exit code 0.
    Success,
    /// Its health check passes.
    Healthy,
}

/// How ECS asks a container whether it is well. What the image itself says is ignored by ECS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// `CMD` and arguments, or `CMD-SHELL` and one line for the shell.
    pub command: Vec<String>,
    /// Seconds between two questions.
    pub interval: Option<u32>,
    /// Seconds that an answer may take.
    pub timeout: Option<u32>,
    /// Failures in a row that make the container unhealthy.
    pub retries: Option<u32>,
    /// Seconds in which failures do not count.
    pub start_period: Option<u32>,
}

/// Where a container's output goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logging {
    /// By which way.
    pub driver: LogDriver,
    /// First part of the log streams' names; none means the service's name.
    pub prefix: Option<String>,
    /// What waits in memory while the log is slow, for example `25m`.
    pub buffer: Option<String>,
    /// Whether a slow log stops the container rather than losing lines.
    pub blocking: bool,
    /// Options of the driver as they are; for FireLens, those of its output.
    pub options: BTreeMap<String, String>,
    /// Options whose values are secrets.
    pub secrets: BTreeMap<String, Secret>,
}

/// By which way output is collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogDriver {
    /// CloudWatch Logs.
    #[default]
    Awslogs,
    /// A sidecar with Fluent Bit or Fluentd.
    Firelens,
    /// The instance's own default; Fargate keeps nothing.
    None,
}

/// A container beside the service's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar {
    /// Full reference.
    pub image: String,
    /// Instead of the image's; empty means the image's.
    pub command: Vec<String>,
    /// Whether its end is the end of the task.
    pub essential: bool,
    /// Container port.
    pub port: Option<u16>,
    /// CPU units that are kept for it.
    pub cpu: Option<u32>,
    /// MiB that it may use.
    pub memory: Option<u32>,
    /// Seconds between the stop signal and the kill.
    pub stop_timeout: Option<u32>,
    /// Its own plain variables; it does not get those of the service.
    pub variables: BTreeMap<String, Variable>,
    /// Its own secrets.
    pub secrets: BTreeMap<String, Secret>,
    /// It collects the logs of the others.
    pub firelens: Option<Firelens>,
    /// The rest.
    pub container: Container,
}

/// Which log router a sidecar is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firelens {
    /// What runs in it.
    pub router: Router,
    /// For example `enable-ecs-log-metadata`.
    pub options: BTreeMap<String, String>,
}

/// A log router that ECS can configure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Router {
    /// Fluent Bit.
    Fluentbit,
    /// Fluentd.
    Fluentd,
}

/// What containers mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Volume {
    /// Empty at the start, gone with the task.
    Task,
    /// A path of the instance.
    Host(String),
    /// A volume of Docker on the instance.
    Docker {
        /// For example `local`.
        driver: String,
        /// Whether it outlives the task; it is then made when it is missing.
        shared: bool,
        /// Options of the driver.
        options: BTreeMap<String, String>,
    },
    /// A file system of EFS, its traffic encrypted.
    Efs {
        /// `fs-…`.
        file_system: String,
        /// Directory in it; none means its root, or that of the access point.
        root: Option<String>,
        /// `fsap-…`.
        access_point: Option<String>,
        /// Whether the task's role decides about access.
        iam: bool,
    },
}

#[cfg(test)]
mod tests;
