//! What an alarm is, as it is kept and as clients see it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::AlarmState;
use super::evaluation::Rule;
use super::query::{Queries, Stat, dimension_members};
use crate::account::Account;
use crate::protocol::timestamp;
use crate::state::Document;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Alarm {
    pub name: String,
    pub description: Option<String>,
    pub actions_enabled: bool,
    pub actions: Actions,
    pub watch: Watch,
    pub state: State,
    pub configured_ms: i64,
    pub tags: BTreeMap<String, String>,
}

impl Document for Alarm {
    const KIND: &'static str = "alarm";
    fn key(&self) -> String {
        self.name.clone()
    }
}

/// ARNs by the state whose arrival they are for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Actions {
    pub ok: Vec<String>,
    pub alarm: Vec<String>,
    pub insufficient_data: Vec<String>,
}

impl Actions {
    pub(super) fn on(&self, state: AlarmState) -> &[String] {
        match state {
            AlarmState::Ok => &self.ok,
            AlarmState::Alarm => &self.alarm,
            AlarmState::InsufficientData => &self.insufficient_data,
        }
    }

    pub(super) fn any_begins_with(&self, prefix: &str) -> bool {
        [&self.ok, &self.alarm, &self.insufficient_data]
            .into_iter()
            .flatten()
            .any(|action| action.starts_with(prefix))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Watch {
    Metric(MetricWatch),
    /// The rule's text, known to be one.
    Composite(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct MetricWatch {
    pub source: Source,
    pub rule: Rule,
    /// `evaluate` or `ignore`; absent means `evaluate`.
    pub low_samples: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Source {
    Stat {
        stat: Stat,
        is_extended: bool,
    },
    /// Exactly one of the queries returns data.
    Queries(Queries),
}

impl Source {
    /// Seconds.
    pub(super) fn period(&self) -> i64 {
        match self {
            Self::Stat { stat, .. } => stat.period,
            Self::Queries(queries) => queries.period(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub value: AlarmState,
    pub reason: String,
    pub reason_data: Option<String>,
    pub updated_ms: i64,
    pub transitioned_ms: i64,
}

impl State {
    pub(super) fn initial(now_ms: i64) -> Self {
        Self {
            value: AlarmState::InsufficientData,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            reason_data: None,
            updated_ms: now_ms,
            transitioned_ms: now_ms,
        }
    }
}

impl Alarm {
    pub(super) fn is_composite(&self) -> bool {
        matches!(self.watch, Watch::Composite(_))
    }

    /// `MetricAlarm` or `CompositeAlarm`.
    pub(super) fn kind(&self) -> &'static str {
        if self.is_composite() {
            "CompositeAlarm"
        } else {
            "MetricAlarm"
        }
    }

    pub(super) fn arn(&self, account: &Account) -> String {
        account.arn("cloudwatch", &format!("alarm:{}", self.name))
    }

    /// The members of `MetricAlarm` or `CompositeAlarm`.
    pub(super) fn members(&self, account: &Account) -> Value {
        let mut members = json!({
            "AlarmName": self.name,
            "AlarmArn": self.arn(account),
            "AlarmDescription": self.description,
            "AlarmConfigurationUpdatedTimestamp": timestamp(self.configured_ms),
            "ActionsEnabled": self.actions_enabled,
            "OKActions": self.actions.ok,
            "AlarmActions": self.actions.alarm,
            "InsufficientDataActions": self.actions.insufficient_data,
            "StateValue": self.state.value.as_str(),
            "StateReason": self.state.reason,
            "StateReasonData": self.state.reason_data,
            "StateUpdatedTimestamp": timestamp(self.state.updated_ms),
            "StateTransitionedTimestamp": timestamp(self.state.transitioned_ms),
        });
        match &self.watch {
            Watch::Composite(rule) => members["AlarmRule"] = rule.clone().into(),
            Watch::Metric(watch) => watch.add_members(&mut members),
        }
        if let Some(members) = members.as_object_mut() {
            members.retain(|_, member| !member.is_null());
        }
        members
    }
}

impl MetricWatch {
    fn add_members(&self, members: &mut Value) {
        match &self.source {
            Source::Stat { stat, is_extended } => {
                members["MetricName"] = stat.name.clone().into();
                members["Namespace"] = stat.namespace.clone().into();
                let member = if *is_extended {
                    "ExtendedStatistic"
                } else {
                    "Statistic"
                };
                members[member] = stat.statistic.clone().into();
                members["Dimensions"] = dimension_members(&stat.dimensions);
                members["Period"] = stat.period.into();
                members["Unit"] = stat.unit.clone().into();
            }
            Source::Queries(queries) => {
                members["Dimensions"] = json!([]);
                members["Metrics"] = queries.all().iter().map(|query| query.members()).collect();
            }
        }
        members["EvaluationPeriods"] = self.rule.periods.into();
        members["DatapointsToAlarm"] = self.rule.to_alarm.into();
        members["Threshold"] = self.rule.threshold.into();
        members["ComparisonOperator"] = self.rule.comparison.as_str().into();
        members["TreatMissingData"] = self
            .rule
            .missing_data
            .map(|missing| missing.as_str())
            .into();
        members["EvaluateLowSampleCountPercentile"] = self.low_samples.clone().into();
    }
}
