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
