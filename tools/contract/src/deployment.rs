//! `deployment.json`: what became of a release.

use serde::{Deserialize, Serialize};

use crate::Document;

/// The outcome of one deployment of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Cluster name.
    pub cluster: String,
    /// Service name.
    pub service: String,
    /// What became of it.
    pub verdict: Verdict,
    /// One sentence for people: why the verdict is what it is.
    pub reason: String,
    /// `ecs-svc/…` as UpdateService answered; absent when nothing was deployed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deployment_id: Option<String>,
    /// ARN of ECS's own record of that deployment, where the service deployments API told it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service_deployment: Option<String>,
    /// ARN of the service revision that it went to, where that API told it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service_revision: Option<String>,
    /// The task definition that this release asked for, as ARN.
    pub task_definition: String,
    /// The task definition that the service ran before, as ARN.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous_task_definition: Option<String>,
    /// The task definition that the service is on when this was written, as ARN.
    pub serving_task_definition: String,
    /// Whether a new revision was registered.
    pub registered: bool,
    /// How the service went back, if it did or tried to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rollback: Option<Rollback>,
    /// One-off tasks that ran before the service was touched, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tasks: Vec<OneOffTask>,
    /// What was asked of the released service over HTTP, and how it answered.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub smoke: Vec<SmokeResult>,
    /// Where the service answers, if it is behind a load balancer and the address was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// Causes of failed tasks, the most frequent first.
    #[serde(default)]
    pub failures: Vec<Failure>,
    /// What happened, in order.
    #[serde(default)]
    pub timeline: Vec<Event>,
    /// From the first call to the verdict, in milliseconds.
    pub elapsed_ms: u64,
    /// False for a dry run: what would be done, and nothing was.
    pub applied: bool,
}

/// What became of a release. Each has an exit code of its own in [`crate::exit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The deployment with this id completed.
    Completed,
    /// The service already runs exactly this; nothing was called that changes anything.
    Unchanged,
    /// A dry run: what would be deployed.
    Planned,
    /// Nothing was begun: another deployment is in progress, or somebody holds the deploy lock.
    Refused,
    /// The deployment was begun and, as asked, not followed.
    Started,
    /// It failed, and the service is not back on a revision that worked.
    Failed,
    /// It failed, and the service is back on the revision that worked.
    RolledBack,
    /// Another deployment took its place.
    Superseded,
    /// The time limit passed first.
    TimedOut,
    /// Interrupted; the deployment goes on without an observer.
    Interrupted,
}

impl Verdict {
    /// The exit code that stands for it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Completed | Self::Unchanged | Self::Planned | Self::Started => crate::exit::DONE,
            Self::Refused => crate::exit::NEGATIVE,
            Self::Failed => crate::exit::FAILED,
            Self::RolledBack => crate::exit::ROLLED_BACK,
            Self::Superseded => crate::exit::SUPERSEDED,
            Self::TimedOut => crate::exit::TIMED_OUT,
            Self::Interrupted => crate::exit::INTERRUPTED,
        }
    }
}

/// The way back from a failed release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// Who brought it about.
    pub by: RollbackBy,
    /// What was wrong with the release.
    pub reason: String,
    /// `ecs-svc/…` of the deployment that went back, where there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deployment_id: Option<String>,
    /// The task definition gone back to, as ARN, where known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_definition: Option<String>,
}

/// Who sends a service back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollbackBy {
    /// ECS by itself: its circuit breaker, an alarm, a hook, or somebody's StopServiceDeployment.
    Ecs,
    /// The deployer, by StopServiceDeployment.
    Stop,
    /// The deployer, by UpdateService.
    Update,
}

/// A task that ran once before the service was touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneOffTask {
    /// ARN of the task.
    pub task: String,
    /// ARN of its task definition.
    pub task_definition: String,
    /// Whether its essential containers ended well.
    pub succeeded: bool,
    /// Why it ended.
    pub reason: String,
    /// Exit code of the essential container that ended first, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_code: Option<i32>,
    /// Where its lines are, where known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log: Option<LogPlace>,
}

/// One expectation of the released service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmokeResult {
    /// What was requested.
    pub url: String,
    /// Whether the answer was as expected.
    pub passed: bool,
    /// What came back instead, or the status.
    pub answer: String,
}

/// One cause for which tasks of the deployment failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// How many tasks failed for it.
    pub count: u32,
    /// ECS's stop code, for example `EssentialContainerExited`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stop_code: Option<String>,
    /// ECS's stopped reason, or the target's health reason.
    pub reason: String,
    /// The container that ended the task.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub container: Option<String>,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_code: Option<i32>,
    /// The newest task that failed so, as ARN.
    pub task: String,
    /// That task's log group and stream, where known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log: Option<LogPlace>,
    /// That task's last lines, oldest first.
    #[serde(default)]
    pub last_lines: Vec<String>,
}

/// Where a container's lines are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPlace {
    /// Log group name.
    pub group: String,
    /// Log stream name, `prefix/container/task id`.
    pub stream: String,
}

/// One entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// RFC 3339, UTC.
    pub at: String,
    /// What happened, as ECS or the deployer says it.
    pub text: String,
}

impl Document for Deployment {
    const KIND: &'static str = "deployment";
    const SCHEMA: u32 = 1;
}
