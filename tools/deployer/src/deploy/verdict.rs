//! What is noted of a release on its way to a verdict.

use std::time::Instant;

use contract::deployment::{Deployment, Event, Failure, Verdict};
use jiff::Timestamp;

use super::Request;
use super::begin::Begun;

/// The document in the making.
pub(super) struct Record {
    cluster: String,
    service: String,
    begun: Instant,
    verdict: Verdict,
    pub(super) reason: String,
    id: Option<String>,
    pub(super) definition: String,
    pub(super) previous: Option<String>,
    pub(super) serving: String,
    pub(super) registered: bool,
    pub(super) url: Option<String>,
    failures: Vec<Failure>,
    timeline: Vec<Event>,
}

impl Record {
    pub(super) fn new(request: &Request, begun: Instant) -> Self {
        Self {
            cluster: request.cluster.clone(),
            service: request.service.clone(),
            begun,
            verdict: Verdict::Failed,
            reason: String::new(),
            id: None,
            definition: String::new(),
            previous: None,
            serving: String::new(),
            registered: false,
            url: None,
            failures: Vec::new(),
            timeline: Vec::new(),
        }
    }

    pub(super) fn begun(&mut self, begun: &Begun, previous: Option<&str>) {
        self.id = Some(begun.id.clone());
        begun
            .definition
            .task_definition_arn()
            .unwrap_or_default()
            .clone_into(&mut self.definition);
        self.previous = previous.map(str::to_owned);
        self.note(&format!(
            "deployment {} of {} begun",
            begun.id,
            short(&self.definition)
        ));
    }

    pub(super) fn note(&mut self, text: &str) {
        self.timeline.push(Event {
            at: format!("{:.3}", Timestamp::now()),
            text: text.to_owned(),
        });
    }

    pub(super) fn unchanged(&mut self) {
        self.verdict = Verdict::Unchanged;
        self.reason = format!("{} already runs {}", self.service, short(&self.serving));
    }

    pub(super) fn planned(&mut self) {
        self.verdict = Verdict::Planned;
    }

    /// The end: what became of it, and why.
    pub(super) fn end(&mut self, verdict: Verdict, reason: String, failures: Vec<Failure>) {
        self.note(&reason);
        self.verdict = verdict;
        self.reason = reason;
        self.failures = failures;
    }

    pub(super) fn into_document(self) -> Deployment {
        Deployment {
            cluster: self.cluster,
            service: self.service,
            applied: !matches!(self.verdict, Verdict::Planned | Verdict::Unchanged),
            verdict: self.verdict,
            reason: self.reason,
            deployment_id: self.id,
            task_definition: self.definition,
            previous_task_definition: self.previous,
            serving_task_definition: self.serving,
            registered: self.registered,
            url: self.url,
            failures: self.failures,
            timeline: self.timeline,
            elapsed_ms: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// `family:revision` of an ARN.
pub(super) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
