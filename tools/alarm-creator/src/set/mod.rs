//! Which alarms watch a service, and why. Pure.
//!
//! Metrics, statistics and thresholds follow AWS's page of recommended alarms. What a minute without data means is
//! decided for each: the load balancer reports counts and times only while there is traffic, so silence at night must
//! not wake anybody; counts of hosts and tasks are always there, so their silence must.

mod cluster;
mod logs;
mod tasks;
mod traffic;

use aws_sdk_cloudwatch::types::ComparisonOperator;
use contract::config::{Alarms as Thresholds, Busy, Launch, Service};
use contract::names::Names;

use crate::definition::{Actions, Composite, Definition, Input, Measure, Missing};
use crate::learn::Learned;
use crate::math::Math;

pub(crate) use logs::{Filter, NAMESPACE};

/// What the set is made from.
#[derive(Debug, Clone)]
pub(crate) struct Subject<'a> {
    /// Short name of the service.
    pub(crate) service: &'a str,
    pub(crate) settings: &'a Service,
    pub(crate) thresholds: &'a Thresholds,
    pub(crate) names: &'a Names,
    /// None for a worker.
    pub(crate) balancer: Option<Balancer>,
    /// Whether the cluster counts its tasks by Container Insights.
    pub(crate) has_insights: bool,
    /// Whether the life of tasks is written to a log group.
    pub(crate) has_lifecycle: bool,
    /// What the service's history says thresholds should be.
    pub(crate) learned: Learned,
}

/// The load balancer in front of a service, as its metrics name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balancer {
    /// `app/NAME/ID`.
    pub(crate) load_balancer: String,
    /// `targetgroup/NAME/ID`.
    pub(crate) target_group: String,
}

/// Everything that watches one service.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub(crate) alarms: Vec<Wanted>,
    pub(crate) composite: Composite,
    pub(crate) filters: Vec<Filter>,
}

/// An alarm, and what it is called and based on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    /// For example `target-5xx`.
    pub(crate) kind: String,
    /// Where the threshold comes from.
    pub(crate) source: String,
    pub(crate) definition: Definition,
    /// The expression of its measure; none for a single metric.
    pub(crate) math: Option<Math>,
}

/// A threshold and where it comes from.
struct Threshold {
    value: f64,
    source: String,
}

/// The composite's kind.
pub(crate) const HEALTH: &str = "health";
/// Of an alarm that nobody chose a number for.
const FIXED: &str = "fixed";

/// The set for one service. `topics` are told.
pub(crate) fn set(subject: &Subject<'_>, topics: &[String]) -> Set {
    let mut alarms = Vec::new();
    if let Some(balancer) = &subject.balancer {
        alarms.extend(traffic::alarms(subject, balancer));
    }
    alarms.extend(tasks::alarms(subject));
    if subject.settings.launch == Launch::Ec2 {
        alarms.extend(cluster::alarms(subject));
    }
    let filters = logs::filters(subject);
    alarms.extend(logs::alarms(subject, &filters));
    let composite = composite(subject, &alarms, topics);
    for alarm in &mut alarms {
        alarm.definition.actions = actions(subject, alarm, topics);
    }
    Set {
        alarms,
        composite,
        filters,
    }
}

/// One message for each trouble, not one for each of its symptoms.
fn composite(subject: &Subject<'_>, alarms: &[Wanted], topics: &[String]) -> Composite {
    let rule: Vec<String> = alarms
        .iter()
        .filter(|alarm| alarm.is_of_the_service())
        .map(|alarm| format!("ALARM(\"{}\")", alarm.definition.name))
        .collect();
    let told = if subject.thresholds.notify_each {
        Vec::new()
    } else {
        topics.to_vec()
    };
    Composite {
        name: subject.names.alarm(subject.service, HEALTH),
        description: format!(
            "{}: at least one of its alarms rings",
            subject.names.service(subject.service)
        ),
        rule: rule.join(" OR "),
        actions: Actions {
            alarm: told.clone(),
            ok: told,
            insufficient: Vec::new(),
        },
    }
}

/// Alarms of the cluster tell by themselves, those of the service through the composite, or each by itself if it is
/// so wished. Only where no data is news of its own does anybody hear of it.
fn actions(subject: &Subject<'_>, alarm: &Wanted, topics: &[String]) -> Actions {
    if alarm.is_of_the_service() && !subject.thresholds.notify_each {
        return Actions::default();
    }
    Actions {
        alarm: topics.to_vec(),
        ok: topics.to_vec(),
        insufficient: match alarm.definition.missing {
            Missing::Unknown => topics.to_vec(),
            Missing::NotBreaching | Missing::Breaching | Missing::Ignore => Vec::new(),
        },
    }
}

impl Wanted {
    fn is_of_the_service(&self) -> bool {
        !self.kind.ends_with("-reservation")
    }

    /// Several datapoints in a row, or so many of so many.
    fn within(mut self, datapoints: i32, periods: i32) -> Self {
        self.definition.datapoints = datapoints;
        self.definition.periods = periods;
        self
    }

    fn missing(mut self, missing: Missing) -> Self {
        self.definition.missing = missing;
        self
    }

    fn compared(mut self, comparison: ComparisonOperator) -> Self {
        self.definition.comparison = comparison;
        self
    }
}

impl Subject<'_> {
    /// The usual alarm: above the threshold for five minutes in a row, and quiet without data.
    fn alarm(&self, kind: &str, reason: &str, threshold: Threshold, measure: Measured) -> Wanted {
        let (measure, math) = match measure {
            Measured::Metric(input) => (Measure::Metric(input), None),
            Measured::Expression(math, inputs) => {
                let expression = math.to_string();
                let inputs = inputs
                    .into_iter()
                    .map(|(id, input)| (id.to_owned(), input))
                    .collect();
                (Measure::Expression { expression, inputs }, Some(math))
            }
        };
        Wanted {
            kind: kind.to_owned(),
            source: threshold.source,
            definition: Definition {
                name: self.names.alarm(self.service, kind),
                description: format!("{}: {reason}", self.names.service(self.service)),
                measure,
                comparison: ComparisonOperator::GreaterThanThreshold,
                threshold: threshold.value,
                datapoints: 5,
                periods: 5,
                period: crate::definition::MINUTE,
                missing: Missing::NotBreaching,
                actions: Actions::default(),
            },
            math,
        }
    }

    /// The threshold under a key of longshore.toml: what the file states, else what the history says, else the default.
    fn threshold(&self, key: &str, value: f64) -> Threshold {
        if self.thresholds.stated.contains(key) {
            return Threshold {
                value,
                source: format!("longshore.toml: alarms.{key}"),
            };
        }
        match self.learned.threshold(key) {
            Some(learned) => Threshold {
                value: learned.value,
                source: learned.source.clone(),
            },
            None => Threshold {
                value,
                source: self.learned.excuse().map_or_else(
                    || "default".to_owned(),
                    |excuse| format!("default ({excuse})"),
                ),
            },
        }
    }

    fn fixed(&self, value: f64) -> Threshold {
        Threshold {
            value,
            source: FIXED.to_owned(),
        }
    }

    /// When requests always come, and where that is known from.
    fn busy(&self) -> Option<(Busy, String)> {
        match (self.thresholds.busy, self.learned.busy()) {
            (Some(busy), _) => Some((busy, "longshore.toml: alarms.busy-hours".to_owned())),
            (None, Some((busy, source))) => Some((*busy, source.clone())),
            (None, None) => None,
        }
    }
}

/// What an alarm is to look at.
enum Measured {
    Metric(Input),
    Expression(Math, Vec<(&'static str, Input)>),
}

#[cfg(test)]
pub(crate) mod tests;
