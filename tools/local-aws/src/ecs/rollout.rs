//! Deployments of a service: the running ones, and what is remembered of all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::{Service, ServiceSettings};
use super::scheduler::hooks::HookRun;
use super::scheduler::stages::{Stop, Strategy};

/// One version of a service on its way to, or in, its place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deployment {
    /// `ecs-svc/` and 19 digits.
    pub(crate) id: String,
    pub(crate) task_definition: String,
    pub(crate) revision: String,
    pub(crate) rollout: RolloutState,
    pub(crate) reason: String,
    /// In a row, since a task last became healthy; all of them where the circuit breaker does not reset.
    pub(crate) failed_tasks: u32,
    /// The deployment that failed, if this one is a way back from it.
    pub(crate) back_from: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RolloutState {
    InProgress,
    Completed,
    Failed,
}

/// What a deployment ran, with the digest that each image tag led to at the time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Revision {
    /// 19 digits.
    pub(crate) number: String,
    pub(crate) settings: ServiceSettings,
    pub(crate) digests: BTreeMap<String, String>,
    /// The target group of each of its load balancers; those of the settings where there are none.
    #[serde(default)]
    pub(crate) groups: Vec<String>,
    pub(crate) created_ms: i64,
}

impl Revision {
    /// The target group in which tasks register for the load balancer at this place of the settings.
    pub(crate) fn group(&self, place: usize) -> Option<&str> {
        let of_settings = self.settings.load_balancers.get(place);
        self.groups
            .get(place)
            .or(of_settings.map(|balancer| &balancer.target_group_arn))
            .map(String::as_str)
    }
}

/// A deployment as the service deployments API tells of it, also after it is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Rollout {
    /// 21 characters, the end of its ARN.
    pub(crate) id: String,
    pub(crate) deployment: String,
    pub(crate) revision: String,
    pub(crate) sources: Vec<String>,
    pub(crate) status: RolloutStatus,
    pub(crate) reason: String,
    pub(crate) failures: u32,
    /// The revision that it was rolled back to, when, and why.
    pub(crate) rollback: Option<(String, i64, String)>,
    #[serde(default)]
    pub(crate) strategy: Strategy,
    /// Its stages. Empty for one that an older local-aws began: it is a rolling one without pauses.
    #[serde(default)]
    pub(crate) course: Vec<Stop>,
    /// Where on its course it is, and since when.
    #[serde(default)]
    pub(crate) stop: usize,
    #[serde(default)]
    pub(crate) stop_since_ms: i64,
    /// The deployment whose place it takes; after a failure the one that gets its place back.
    #[serde(default)]
    pub(crate) blue: Option<String>,
    /// Whether that one had all its tasks when the way back began, and could take the traffic at once.
    #[serde(default)]
    pub(crate) blue_is_whole: bool,
    #[serde(default)]
    pub(crate) hooks: Vec<HookRun>,
    /// An alarm was in ALARM when the deployment began: alarms say nothing about it.
    #[serde(default)]
    pub(crate) alarms_ignored: bool,
    /// The alarms that ended it.
    #[serde(default)]
    pub(crate) triggered: Vec<String>,
    /// Whether the circuit breaker ended it.
    #[serde(default)]
    pub(crate) tripped: bool,
    /// The new revision's share of production traffic as last set, in tenths of a percent.
    #[serde(default)]
    pub(crate) production: u16,
    /// Whether the new revision was given the test traffic.
    #[serde(default)]
    pub(crate) test: bool,
    pub(crate) created_ms: i64,
    pub(crate) started_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) finished_ms: Option<i64>,
}

impl Rollout {
    /// Where it is; none before there were courses.
    pub(crate) fn current_stop(&self) -> Option<Stop> {
        self.course.get(self.stop).or(self.course.last()).copied()
    }

    /// Ends it. Of its course only the stop is kept at which it ended: a service remembers many of them.
    pub(crate) fn finish(&mut self, status: RolloutStatus, now_ms: i64) {
        self.status = status;
        self.finished_ms = Some(now_ms);
        self.updated_ms = now_ms;
        self.course = Vec::from_iter(self.current_stop());
        self.stop = 0;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.finished_ms.is_some()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RolloutStatus {
    InProgress,
    Successful,
    Stopped,
    RollbackRequested,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

impl Service {
    pub(crate) fn primary(&self) -> Option<&Deployment> {
        self.deployments.first()
    }

    pub(crate) fn revision(&self, number: &str) -> Option<&Revision> {
        self.revisions
            .iter()
            .find(|revision| revision.number == number)
    }

    pub(crate) fn deployment(&self, id: &str) -> Option<&Deployment> {
        self.deployments
            .iter()
            .find(|deployment| deployment.id == id)
    }

    pub(crate) fn deployment_mut(&mut self, id: &str) -> Option<&mut Deployment> {
        self.deployments
            .iter_mut()
            .find(|deployment| deployment.id == id)
    }

    /// The revision that a deployment of this service runs.
    pub(crate) fn revision_of(&self, deployment: &str) -> Option<&Revision> {
        self.revision(&self.deployment(deployment)?.revision)
    }

    /// The rollout that is not over yet.
    pub(crate) fn running(&self) -> Option<&Rollout> {
        self.history.last().filter(|rollout| !rollout.is_over())
    }

    pub(crate) fn running_mut(&mut self) -> Option<&mut Rollout> {
        self.history.last_mut().filter(|rollout| !rollout.is_over())
    }

    /// The rollout that decides how many tasks each revision has: one that runs, or one that shifts traffic and was
    /// left where it failed.
    pub(crate) fn governing(&self) -> Option<&Rollout> {
        let is_settled = self
            .primary()
            .is_some_and(|primary| primary.rollout == RolloutState::Completed);
        self.history.last().filter(|rollout| {
            !rollout.is_over() || (rollout.strategy != Strategy::Rolling && !is_settled)
        })
    }
}
