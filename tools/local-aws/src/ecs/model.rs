//! What ECS keeps: clusters, task definitions, services with their deployments, tasks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::elb::Target;
use crate::state::Document;

/// A logical group of services and tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cluster {
    pub name: String,
    pub tags: Value,
    pub settings: Value,
    pub active: bool,
}

/// One revision of a family. It is never changed, and its number is never given again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskDefinition {
    pub family: String,
    pub revision: u32,
    /// The members as registered, with ECS's defaults filled in.
    pub body: Value,
    pub tags: Value,
    pub status: DefinitionStatus,
    pub registered_ms: i64,
    pub deregistered_ms: Option<i64>,
}

/// Whether a task definition may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DefinitionStatus {
    Active,
    Inactive,
    DeleteInProgress,
}

/// A number of tasks that is kept running.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Service {
    pub cluster: String,
    pub name: String,
    pub status: ServiceStatus,
    pub desired: u32,
    pub settings: ServiceSettings,
    /// The primary one first; others only as long as they have tasks.
    pub deployments: Vec<Deployment>,
    /// Every deployment there was, oldest first.
    pub history: Vec<Rollout>,
    pub revisions: Vec<Revision>,
    /// Newest first, at most 100.
    pub events: Vec<ServiceEvent>,
    /// Whether the last pass found everything as it should be.
    pub steady: bool,
    pub tags: Value,
    pub created_ms: i64,
    pub backoff: Backoff,
}

/// What CreateService and UpdateService set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceSettings {
    pub task_definition: String,
    pub launch_type: String,
    pub load_balancers: Vec<ServiceBalancer>,
    pub minimum_healthy_percent: u32,
    pub maximum_percent: u32,
    pub breaker: bool,
    pub breaker_rollback: bool,
    pub alarms: Value,
    pub grace_seconds: i64,
    pub network: Value,
    /// Members that are kept and given back as they were set.
    pub others: BTreeMap<String, Value>,
}

/// A container port behind a target group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceBalancer {
    pub target_group_arn: String,
    pub container: String,
    pub port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceStatus {
    Active,
    Draining,
    Inactive,
}

/// One version of a service on its way to, or in, its place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deployment {
    /// `ecs-svc/` and 19 digits.
    pub id: String,
    pub task_definition: String,
    pub revision: String,
    pub rollout: RolloutState,
    pub reason: String,
    /// In a row, since a task last became healthy.
    pub failed_tasks: u32,
    /// The deployment that failed, if this one is a way back from it.
    pub back_from: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutState {
    InProgress,
    Completed,
    Failed,
}

/// What a deployment ran, with the digest that each image tag led to at the time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Revision {
    /// 19 digits.
    pub number: String,
    pub settings: ServiceSettings,
    pub digests: BTreeMap<String, String>,
    pub created_ms: i64,
}

/// A deployment as the service deployments API tells of it, also after it is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rollout {
    /// 21 characters, the end of its ARN.
    pub id: String,
    pub deployment: String,
    pub revision: String,
    pub sources: Vec<String>,
    pub status: RolloutStatus,
    pub reason: String,
    pub failures: u32,
    /// The revision that it was rolled back to, when, and why.
    pub rollback: Option<(String, i64, String)>,
    pub created_ms: i64,
    pub started_ms: i64,
    pub updated_ms: i64,
    pub finished_ms: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutStatus {
    InProgress,
    Successful,
    Stopped,
    RollbackRequested,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceEvent {
    pub id: String,
    pub at_ms: i64,
    pub message: String,
}

/// How long a service that cannot start its tasks waits before it tries again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// Tasks in a row that did not come to run.
    pub failures: u32,
    /// No start before this time.
    pub until_ms: i64,
}

/// One task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// 32 hexadecimal digits.
    pub id: String,
    pub cluster: String,
    /// `service:NAME` or `family:NAME`.
    pub group: String,
    pub started_by: String,
    pub task_definition: String,
    pub launch_type: String,
    pub overrides: Value,
    pub state: TaskState,
    pub stopping: Option<Stopping>,
    pub containers: Vec<Container>,
    /// Target group and target, as long as they are registered.
    pub targets: Vec<(String, Target)>,
    /// Image digests that its deployment has pinned.
    pub digests: BTreeMap<String, String>,
    pub healthy: bool,
    /// Whether its bad health was told in an event.
    pub reported: bool,
    /// Whether it was counted as failed already.
    pub counted: bool,
    pub cpu: u32,
    pub memory: u32,
    pub tags: Value,
    /// Where to go on reading the runtime's events.
    pub event_offset: u64,
    pub times: Times,
}

/// When things happened to a task, in milliseconds since 1970.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Times {
    pub created: i64,
    pub pull_started: Option<i64>,
    pub pull_stopped: Option<i64>,
    pub started: Option<i64>,
    pub stopping: Option<i64>,
    pub execution_stopped: Option<i64>,
    pub stopped: Option<i64>,
}

/// How a task comes to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopping {
    pub code: StopCode,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopCode {
    TaskFailedToStart,
    EssentialContainerExited,
    UserInitiated,
    ServiceSchedulerInitiated,
}

impl StopCode {
    pub fn as_str(self) -> &'static str {
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
pub enum TaskState {
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
    pub fn as_str(self) -> &'static str {
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
pub struct Container {
    pub name: String,
    pub image: String,
    pub essential: bool,
    pub digest: Option<String>,
    /// On the host, once it runs.
    pub pid: Option<i32>,
    pub ports: Vec<Binding>,
    pub running: bool,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    pub log: Option<LogPlace>,
    /// Where to go on reading its lines.
    pub log_offset: u64,
    pub health: ContainerHealth,
}

/// A container port and the port of this machine that leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    pub container_port: u16,
    pub host_port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPlace {
    pub group: String,
    pub stream: String,
}

/// What a container's own health check says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerHealth {
    /// None for a container without a check.
    pub state: Option<HealthState>,
    pub failures: u32,
    pub next_ms: i64,
    /// Whether one is running right now.
    #[serde(skip)]
    pub checking: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HealthState {
    Unknown,
    Healthy,
    Unhealthy,
}

impl HealthState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

impl Task {
    /// Whether it still has something to do or to undo.
    pub fn is_live(&self) -> bool {
        self.state != TaskState::Stopped
    }

    /// Whether it was told to stop, or stops by itself.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    pub fn service(&self) -> Option<&str> {
        self.group.strip_prefix("service:")
    }
}

impl Service {
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.first()
    }

    pub fn revision(&self, number: &str) -> Option<&Revision> {
        self.revisions
            .iter()
            .find(|revision| revision.number == number)
    }
}

/// The key of a service.
pub fn service_key(cluster: &str, name: &str) -> String {
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
