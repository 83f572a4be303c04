//! `alarms.json`: the alarms that watch a service.

use serde::{Deserialize, Serialize};

use crate::Document;

/// The alarms of one service in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarms {
    /// Every alarm of the set, by name.
    pub alarms: Vec<Alarm>,
    /// False for a dry run.
    pub applied: bool,
    /// What else belongs to them: the topic, metric filters, the dashboard.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub resources: Vec<Resource>,
    /// Who is told, as far as they are subscribed to the environment's own topic.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subscriptions: Vec<Subscription>,
    /// What this program made once and no longer wants: `prune` deletes it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub orphans: Vec<Resource>,
    /// What the next deployment does about alarms; none where there is no service yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub protection: Option<Protection>,
}

/// Something that is no alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// `topic`, `metric-filter`, `dashboard` or `alarm`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What this run did (or would do, in a dry run).
    pub change: Change,
}

/// A recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// `email`, `http` or `https`.
    pub protocol: String,
    /// The address, without what a webhook's address has after its host.
    pub endpoint: String,
    /// `confirmed`, `pending` or `absent`.
    pub state: String,
}

/// Whether alarms protect the next deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Names of the alarms that the service's deployments watch.
    pub watched: Vec<String>,
    /// Whether a deployment that started now would be stopped by them.
    pub on: bool,
    /// Whether it would be rolled back too.
    pub rollback: bool,
    /// Why it is off, or weaker than it looks: one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub problems: Vec<String>,
}

/// One alarm and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// For example `ludlow-prod-api-target-5xx`.
    pub name: String,
    /// What it watches and why, for people.
    pub reason: String,
    /// What this run did (or would do, in a dry run).
    pub change: Change,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`, where CloudWatch was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state: Option<String>,
    /// Where its threshold comes from: longshore.toml, the default, or the service's history.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// What differs, of an update: `threshold 5 → 2`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub differences: Vec<String>,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there.
    Create,
    /// It was there and different.
    Update,
    /// It was there and the same.
    Unchanged,
    /// It is there and no longer wanted.
    Delete,
}

impl Document for Alarms {
    const KIND: &'static str = "alarms";
    const SCHEMA: u32 = 1;
}
