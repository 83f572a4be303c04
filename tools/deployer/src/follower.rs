//! What becomes of one deployment, told from a series of descriptions of its service. It calls nobody.
//!
//! Success is that the deployment with this id completed, and nothing else: a service that is steady may
//! be steady on another revision. Where ECS keeps a record of the deployment, its word decides; elsewhere the
//! rollout states do.

use std::collections::HashSet;

use contract::deployment::RollbackBy;

use crate::record::{Course, Pause, Record};
use crate::service::{Event, Rollout, Service, State, short};

/// ECS marks a deployment FAILED a moment before it makes the one that returns, and its record may lag behind
/// the rollout state; this many descriptions are waited for it.
const PATIENCE: u32 = 5;

/// Follows one deployment.
#[derive(Debug)]
pub(crate) struct Follower {
    /// The deployment that was asked for.
    id: String,
    /// Events that have been told, or were there before.
    told: HashSet<String>,
    counts: Option<(i32, i32, i32)>,
    progress: String,
    /// The task definition that the service ran before, where known.
    previous: Option<String>,
    /// Why the deployment failed, once it did.
    failed: Option<String>,
    /// The deployment that returns to the revision that worked, once there is one.
    return_id: Option<String>,
    /// Who sends the service back, once somebody does.
    by: Option<RollbackBy>,
    since_failure: u32,
    /// Descriptions in a row in which the record was behind the rollouts.
    behind: u32,
    paused: HashSet<String>,
}

/// What one description adds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Observation {
    /// Events of the service that are new.
    pub(crate) events: Vec<Event>,
    /// A line on the tasks or the stage, when they have changed.
    pub(crate) counts: Option<String>,
    /// Something that changes where this goes.
    pub(crate) turn: Option<String>,
    /// Hooks that newly wait for somebody's word.
    pub(crate) pauses: Vec<Pause>,
    /// How it ended, if it has.
    pub(crate) end: Option<End>,
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It completed.
    Completed,
    /// It failed, for this reason, and its service is back on the revision that worked.
    RolledBack(String),
    /// It failed, for this reason, and nothing brought the service back.
    Failed(String),
    /// The deployment with this id took its place.
    Superseded(String),
}

impl Follower {
    /// Follows the deployment `id` of a service that ran `previous`; the events in `before` are old.
    pub(crate) fn new(id: &str, previous: Option<&str>, before: &[Event]) -> Self {
        Self {
            id: id.to_owned(),
            told: before.iter().map(|event| event.id.clone()).collect(),
            counts: None,
            progress: String::new(),
            previous: previous.map(str::to_owned),
            failed: None,
            return_id: None,
            by: None,
            since_failure: 0,
            behind: 0,
            paused: HashSet::new(),
        }
    }

    /// The service is sent back by the deployment `return_id`, for `reason`.
    pub(crate) fn returns_by(&mut self, return_id: &str, reason: &str) {
        self.failed = Some(reason.to_owned());
        self.return_id = Some(return_id.to_owned());
        self.by = Some(RollbackBy::Update);
        self.counts = None;
    }

    /// ECS was told to stop the deployment and to send the service back, for `reason`.
    pub(crate) fn is_stopped(&mut self, reason: &str) {
        self.failed = Some(reason.to_owned());
        self.by = Some(RollbackBy::Stop);
        self.since_failure = 0;
        self.counts = None;
    }

    /// The deployment to look at now.
    pub(crate) fn current(&self) -> &str {
        self.return_id.as_deref().unwrap_or(&self.id)
    }

    /// Whether the service is on its way back.
    pub(crate) fn is_returning(&self) -> bool {
        self.return_id.is_some() || self.by.is_some()
    }

    /// Who sends the service back, and by which deployment where one is known.
    pub(crate) fn way_back(&self) -> Option<(RollbackBy, Option<&str>)> {
        Some((self.by?, self.return_id.as_deref()))
    }

    /// Why the deployment failed, if it has.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Whether ECS's record should be looked at beside this description: always where traffic is shifted, and
    /// otherwise once something has happened that it has the last word on.
    pub(crate) fn needs_record(&self, service: &Service) -> bool {
        let is_turning = || {
            let primary = service.primary().map(|primary| primary.id.as_str());
            let state = service.rollout(&self.id).map(|rollout| rollout.state);
            primary != Some(&self.id) || state != Some(State::InProgress)
        };
        self.by != Some(RollbackBy::Update) && (service.shifts_traffic() || is_turning())
    }

    pub(crate) fn observe(&mut self, service: &Service, record: Option<&Record>) -> Observation {
        let mut observation = Observation::default();
        for event in &service.events {
            if self.told.insert(event.id.clone()) {
                observation.events.push(event.clone());
            }
        }
        if service.status != "ACTIVE" {
            let reason = format!("the service {} is {}", service.name, service.status);
            observation.end = Some(End::Failed(reason));
            return observation;
        }
        // After UpdateService has replaced the deployment, its record says no more than that.
        let record = record.filter(|_| self.by != Some(RollbackBy::Update));
        observation.turn = self
            .notice_record(record)
            .or_else(|| self.notice_return(service, &observation.events));
        observation.counts = match record.filter(|_| service.shifts_traffic()) {
            Some(record) => self.staged(record),
            None => service
                .rollout(self.current())
                .and_then(|rollout| self.count(rollout)),
        };
        observation.pauses = self.new_pauses(record);
        observation.end = self.end(service, record);
        observation
    }

    fn new_pauses(&mut self, record: Option<&Record>) -> Vec<Pause> {
        let waiting = record.map(|record| record.waiting.as_slice());
        waiting
            .unwrap_or_default()
            .iter()
            .filter(|pause| self.paused.insert(pause.id.clone()))
            .cloned()
            .collect()
    }

    fn staged(&mut self, record: &Record) -> Option<String> {
        let progress = record.progress();
        if progress.is_empty() || progress == self.progress {
            return None;
        }
        self.progress.clone_from(&progress);
        Some(progress)
    }

    /// Sees in the record that ECS sends the service back.
    fn notice_record(&mut self, record: Option<&Record>) -> Option<String> {
        let record = record?;
        let is_back = matches!(
            record.state,
            Course::Back | Course::RolledBack | Course::RollbackFailed
        );
        if !is_back || self.by.is_some() {
            return None;
        }
        let mut reason = match record.reason.as_str() {
            "" => format!("the deployment is {}", record.status),
            reason => reason.trim_end_matches('.').to_owned(),
        };
        if !record.alarms.is_empty() {
            reason = format!("{reason} (in ALARM: {})", record.alarms.join(", "));
        }
        // What the rollout said of itself comes first: it names the cause.
        let reason = self.failed.get_or_insert(reason).clone();
        self.by = Some(RollbackBy::Ecs);
        self.counts = None;
        Some(format!("ECS sends the service back: {reason}"))
    }

    /// Sees whether ECS sends the service back.
    fn notice_return(&mut self, service: &Service, events: &[Event]) -> Option<String> {
        if self.return_id.is_some() {
            return None;
        }
        if let Some(ours) = service.rollout(&self.id)
            && ours.state == State::Failed
        {
            self.since_failure += 1;
            self.failed.get_or_insert_with(|| ours.reason.clone());
        }
        let primary = service.primary().filter(|primary| primary.id != self.id)?;
        let says_so = |text: &str| text.contains("rolling back to deployment");
        let is_return = says_so(&primary.reason)
            || (self.failed.is_some() && self.previous.as_ref() == Some(&primary.task_definition))
            || events
                .iter()
                .any(|event| says_so(&event.text) && event.text.contains(&primary.id));
        if !is_return {
            return None;
        }
        let told = events
            .iter()
            .find_map(|event| event.text.split_once(" deployment failed: "));
        let reason = self.failed.get_or_insert_with(|| match told {
            Some((_, reason)) => format!("ECS: {}", reason.trim_end_matches('.')),
            None if says_so(&primary.reason) => primary.reason.clone(),
            None => "ECS rolled the deployment back".to_owned(),
        });
        let turn = format!(
            "ECS rolls back to {} by {}: {reason}",
            short(&primary.task_definition),
            primary.id
        );
        self.return_id = Some(primary.id.clone());
        self.counts = None;
        let is_news = self.by.is_none();
        self.by.get_or_insert(RollbackBy::Ecs);
        is_news.then_some(turn)
    }

    fn count(&mut self, rollout: &Rollout) -> Option<String> {
        let counts = (rollout.running, rollout.pending, rollout.failed);
        if self.counts.replace(counts) == Some(counts) {
            return None;
        }
        let mut line = format!(
            "{}: {} of {} running",
            short(&rollout.task_definition),
            rollout.running,
            rollout.desired
        );
        if rollout.pending > 0 {
            line.push_str(&format!(", {} pending", rollout.pending));
        }
        if rollout.failed > 0 {
            line.push_str(&format!(", {} failed", rollout.failed));
        }
        Some(line)
    }

    fn end(&mut self, service: &Service, record: Option<&Record>) -> Option<End> {
        let by_rollouts = self.end_by_rollouts(service);
        let Some(record) = record else {
            return by_rollouts;
        };
        let reason = || self.failed.clone().unwrap_or_else(|| record.reason.clone());
        match record.state {
            Course::Successful => return Some(End::Completed),
            Course::RolledBack => return Some(End::RolledBack(reason())),
            Course::RollbackFailed => {
                let why = match record.reason.as_str() {
                    "" => "the way back failed",
                    reason if reason.starts_with("No rollback candidate") => {
                        "there is no release that worked to go back to"
                    }
                    reason => reason.trim_end_matches('.'),
                };
                let reason = reason();
                let reason = if reason.contains(why) {
                    reason
                } else {
                    format!("{reason}; {why}")
                };
                return Some(End::Failed(reason));
            }
            Course::Stopped => {
                return match by_rollouts {
                    Some(End::Completed) | None => self.superseded(service),
                    end => end,
                }
                .or_else(|| self.failed.clone().map(End::Failed));
            }
            Course::Forward | Course::Back => {}
        }
        // The record says that it goes on. It may be a moment behind, but where traffic is shifted only it knows.
        self.behind = if by_rollouts.is_some() {
            self.behind + 1
        } else {
            0
        };
        by_rollouts.filter(|_| self.behind > PATIENCE && !service.shifts_traffic())
    }

    fn end_by_rollouts(&self, service: &Service) -> Option<End> {
        let rollout = service.rollout(self.current());
        if let (Some(rollout), Some(reason)) = (rollout, self.return_reason()) {
            return match rollout.state {
                State::Completed => Some(End::RolledBack(reason)),
                State::Failed => Some(End::Failed(format!(
                    "{reason}; the return to {} failed too: {}",
                    short(&rollout.task_definition),
                    rollout.reason
                ))),
                State::InProgress => self.superseded(service),
            };
        }
        match rollout.map(|rollout| rollout.state) {
            // Told to stop, and the way back has not begun.
            _ if self.by.is_some() && self.return_id.is_none() => None,
            Some(State::Completed) => Some(End::Completed),
            Some(State::Failed) if self.superseded(service).is_some() => self.superseded(service),
            Some(State::Failed)
                if !service.rolls_back_by_itself() || self.since_failure > PATIENCE =>
            {
                self.failed.clone().map(End::Failed)
            }
            Some(State::Failed) => None,
            Some(State::InProgress) | None => self.superseded(service),
        }
    }

    fn return_reason(&self) -> Option<String> {
        self.failed.clone().filter(|_| self.return_id.is_some())
    }

    fn superseded(&self, service: &Service) -> Option<End> {
        let primary = service.primary()?;
        (primary.id != self.current()).then(|| End::Superseded(primary.id.clone()))
    }
}

#[cfg(test)]
mod tests;
