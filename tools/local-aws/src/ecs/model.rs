//! What ECS keeps: clusters, task definitions, services with their deployments, tasks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::elb::Target;
use crate::state::Document;

pub(crate) use super::rollout::{Deployment, Revision, Rollout, RolloutState, RolloutStatus};
pub(crate) use super::service_settings::{Advanced, Hook, ServiceBalancer, ServiceSettings};

/// A logical group of services and tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) tags: Value,
    pub(crate) settings: Value,
    pub(crate) active: bool,
}

/// One revision of a family. It is never changed, and its number is never given again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TaskDefinition {
    pub(crate) family: String,
    pub(crate) revision: u32,
    /// The members as registered, with ECS's defaults filled in.
    pub(crate) body: Value,
    pub(crate) tags: Value,
    pub(crate) status: DefinitionStatus,
    pub(crate) registered_ms: i64,
    pub(crate) deregistered_ms: Option<i64>,
}

/// Whether a task definition may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DefinitionStatus {
    Active,
    Inactive,
    DeleteInProgress,
}

/// A number of tasks that is kept running.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) cluster: String,
    pub(crate) name: String,
    pub(crate) status: ServiceStatus,
    pub(crate) desired: u32,
    pub(crate) settings: ServiceSettings,
    /// The primary one first; others only as long as they have tasks.
    pub(crate) deployments: Vec<Deployment>,
    /// Every deployment there was, oldest first.
    pub(crate) history: Vec<Rollout>,
    pub(crate) revisions: Vec<Revision>,
    /// Newest first, at most 100.
    pub(crate) events: Vec<ServiceEvent>,
    /// Whether the last pass found everything as it should be.
    pub(crate) steady: bool,
    pub(crate) tags: Value,
    pub(crate) created_ms: i64,
    pub(crate) backoff: Backoff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ServiceStatus {
    Active,
    Draining,
    Inactive,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServiceEvent {
    pub(crate) id: String,
    pub(crate) at_ms: i64,
    pub(crate) message: String,
}

/// How long a service that cannot start its tasks waits before it tries again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backoff {
    /// Tasks in a row that did not come to run.
    pub(crate) failures: u32,
    /// No start before this time.
    pub(crate) until_ms: i64,
}

/// One task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) cluster: String,
    /// `service:NAME` or `family:NAME`.
    pub(crate) group: String,
    pub(crate) started_by: String,
    pub(crate) task_definition: String,
    pub(crate) launch_type: String,
    pub(crate) overrides: Value,
    pub(crate) state: TaskState,
    pub(crate) stopping: Option<Stopping>,
    pub(crate) containers: Vec<Container>,
    /// Target group and target, as long as they are registered.
    pub(crate) targets: Vec<(String, Target)>,
    /// Image digests that its deployment has pinned.
    pub(crate) digests: BTreeMap<String, String>,
    pub(crate) healthy: bool,
    /// Whether its bad health was told in an event.
    pub(crate) reported: bool,
    /// Whether it was counted as failed already.
    pub(crate) counted: bool,
    pub(crate) cpu: u32,
    pub(crate) memory: u32,
    pub(crate) tags: Value,
    /// Where to go on reading the runtime's events.
    pub(crate) event_offset: u64,
    pub(crate) times: Times,
}

/// When things happened to a task, in milliseconds since 1970.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Times {
    pub(crate) created: i64,
    pub(crate) pull_started: Option<i64>,
    pub(crate) pull_stopped: Option<i64>,
    pub(crate) started: Option<i64>,
    pub(crate) stopping: Option<i64>,
    pub(crate) execution_stopped: Option<i64>,
    pub(crate) stopped: Option<i64>,
}

/// How a task comes to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stopping {
    pub(crate) code: StopCode,
    pub(crate) reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StopCode {
    TaskFailedToStart,
    EssentialContainerExited,
    UserInitiated,
    ServiceSchedulerInitiated,
}

impl StopCode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::TaskFailedToStart => "TaskFailedToStart",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::UserInitiated => "UserInitiated",
            Self::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
        }
    }
}

/// The states of a task, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum TaskState {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl TaskState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// One container of a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) essential: bool,
    pub(crate) digest: Option<String>,
    /// On the host, once it runs.
    pub(crate) pid: Option<i32>,
    pub(crate) ports: Vec<Binding>,
    pub(crate) running: bool,
    pub(crate) exit_code: Option<i32>,
    pub(crate) reason: Option<String>,
    pub(crate) log: Option<LogPlace>,
    /// Where to go on reading its lines.
    pub(crate) log_offset: u64,
    pub(crate) health: ContainerHealth,
    /// CPU units of its own, as its definition has them.
    #[serde(default)]
    pub(crate) cpu: u32,
    /// Limit and reservation in MiB, where its definition has them.
    #[serde(default)]
    pub(crate) memory: Option<u32>,
    #[serde(default)]
    pub(crate) memory_reservation: Option<u32>,
}

/// A container port and the port of this machine that leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Binding {
    pub(crate) container_port: u16,
    pub(crate) host_port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogPlace {
    pub(crate) group: String,
    pub(crate) stream: String,
}

/// What a container's own health check says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContainerHealth {
    /// None for a container without a check.
    pub(crate) state: Option<HealthState>,
    pub(crate) failures: u32,
    pub(crate) next_ms: i64,
    /// Whether one is running right now.
    #[serde(skip)]
    pub(crate) checking: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HealthState {
    Unknown,
    Healthy,
    Unhealthy,
}

impl HealthState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

impl Task {
    /// Whether it still has something to do or to undo.
    pub(crate) fn is_live(&self) -> bool {
        self.state != TaskState::Stopped
    }

    /// Whether it was told to stop, or stops by itself.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    pub(crate) fn service(&self) -> Option<&str> {
        self.group.strip_prefix("service:")
    }
}

/// The key of a service.
pub(crate) fn service_key(cluster: &str, name: &str) -> String {
    format!("{cluster}/{name}")
}

impl Document for Cluster {
    const KIND: &'static str = "ecs-cluster";
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Document for TaskDefinition {
    const KIND: &'static str = "ecs-task-definition";
    fn key(&self) -> String {
        format!("{}:{:09}", self.family, self.revision)
    }
}

impl Document for Service {
    const KIND: &'static str = "ecs-service";
    fn key(&self) -> String {
        service_key(&self.cluster, &self.name)
    }
}

impl Document for Task {
    const KIND: &'static str = "ecs-task";
    fn key(&self) -> String {
        self.id.clone()
    }
}
