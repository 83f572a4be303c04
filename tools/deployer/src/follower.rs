//! What becomes of one deployment, told from a series of descriptions of its service. It calls nobody.
//!
//! Success is that the deployment with this id completed, and nothing else: a service that is steady may
//! be steady on another revision.

use std::collections::HashSet;

use crate::service::{Event, Rollout, Service, State, short};

/// ECS marks a deployment FAILED a moment before it makes the one that returns; this many descriptions are
/// waited for it.
const PATIENCE: u32 = 5;

/// Follows one deployment.
#[derive(Debug)]
pub(crate) struct Follower {
    /// The deployment that was asked for.
    id: String,
    /// Events that have been told, or were there before.
    told: HashSet<String>,
    counts: Option<(i32, i32, i32)>,
    /// The task definition that the service ran before, where known.
    previous: Option<String>,
    /// Why the deployment failed, once it did.
    failed: Option<String>,
    /// The deployment that returns to the revision that worked, once there is one.
    return_id: Option<String>,
    since_failure: u32,
}

/// What one description adds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Observation {
    /// Events of the service that are new.
    pub(crate) events: Vec<Event>,
    /// A line on the tasks, when their numbers have changed.
    pub(crate) counts: Option<String>,
    /// Something that changes where this goes.
    pub(crate) turn: Option<String>,
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
            previous: previous.map(str::to_owned),
            failed: None,
            return_id: None,
            since_failure: 0,
        }
    }

    /// The service is sent back by the deployment `return_id`, for `reason`.
    pub(crate) fn returns_by(&mut self, return_id: &str, reason: &str) {
        self.failed = Some(reason.to_owned());
        self.return_id = Some(return_id.to_owned());
        self.counts = None;
    }

    /// The deployment to look at now.
    pub(crate) fn current(&self) -> &str {
        self.return_id.as_deref().unwrap_or(&self.id)
    }

    /// Whether the service is on its way back.
    pub(crate) fn is_returning(&self) -> bool {
        self.return_id.is_some()
    }

    pub(crate) fn observe(&mut self, service: &Service) -> Observation {
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
        observation.turn = self.notice_return(service, &observation.events);
        observation.counts = service
            .rollout(self.current())
            .and_then(|rollout| self.count(rollout));
        observation.end = self.end(service);
        observation
    }

    /// Sees whether ECS sends the service back.
    fn notice_return(&mut self, service: &Service, events: &[Event]) -> Option<String> {
        if self.is_returning() {
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
        let reason = self.failed.get_or_insert_with(|| primary.reason.clone());
        let turn = format!(
            "ECS rolls back to {} by {}: {reason}",
            short(&primary.task_definition),
            primary.id
        );
        self.return_id = Some(primary.id.clone());
        self.counts = None;
        Some(turn)
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

    fn end(&self, service: &Service) -> Option<End> {
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
        self.failed.clone().filter(|_| self.is_returning())
    }

    fn superseded(&self, service: &Service) -> Option<End> {
        let primary = service.primary()?;
        (primary.id != self.current()).then(|| End::Superseded(primary.id.clone()))
    }
}

#[cfg(test)]
mod tests;
