//! What has to be done about each thing that watches a service. Pure.

use std::collections::BTreeMap;

use contract::alarms::Change;

use crate::definition::{Composite, Definition};
use crate::set::{Filter, Set, Wanted};

/// What there is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    /// By name.
    pub(crate) alarms: BTreeMap<String, LiveAlarm>,
    /// By group and name: the pattern, and whether each match adds one to the metric of the filter's name.
    pub(crate) filters: BTreeMap<(String, String), LiveFilter>,
    /// The dashboard's body.
    pub(crate) dashboard: Option<String>,
}

/// An alarm of either type, with its state.
#[derive(Debug, Clone)]
pub(crate) struct LiveAlarm {
    pub(crate) arn: String,
    pub(crate) shape: Shape,
    pub(crate) state: String,
    pub(crate) reason: String,
    /// None where they were not asked for.
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Metric(Box<Definition>),
    Composite(Composite),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveFilter {
    pub(crate) pattern: String,
    pub(crate) counts: bool,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) alarms: Vec<Planned<Wanted>>,
    pub(crate) composite: Planned<Composite>,
    pub(crate) filters: Vec<Planned<Filter>>,
    pub(crate) dashboard: Planned<Dashboard>,
}

#[derive(Debug, Clone)]
pub(crate) struct Dashboard {
    pub(crate) name: String,
    /// JSON.
    pub(crate) body: String,
}

/// Something with what happens to it.
#[derive(Debug, Clone)]
pub(crate) struct Planned<T> {
    pub(crate) wanted: T,
    pub(crate) change: Change,
    /// What differs, of an update.
    pub(crate) differences: Vec<String>,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`, of an alarm that exists.
    pub(crate) state: Option<String>,
    /// Whether the tags alone are wrong: PutMetricAlarm leaves those of a live alarm as they are.
    pub(crate) retag: bool,
}

impl<T> Planned<T> {
    fn new(wanted: T, exists: bool, differences: Vec<String>) -> Self {
        let change = match (exists, differences.is_empty()) {
            (false, _) => Change::Create,
            (true, true) => Change::Unchanged,
            (true, false) => Change::Update,
        };
        Self {
            wanted,
            change,
            differences: if exists { differences } else { Vec::new() },
            state: None,
            retag: false,
        }
    }

    fn of_alarm(
        wanted: T,
        live: Option<&LiveAlarm>,
        mut differences: Vec<String>,
        tags: &BTreeMap<String, String>,
    ) -> Self {
        let is_tagged = |live: &LiveAlarm| {
            live.tags
                .as_ref()
                .is_none_or(|live| tags.iter().all(|(key, value)| live.get(key) == Some(value)))
        };
        let retag = live.is_some_and(|live| !is_tagged(live));
        if retag {
            differences.push("tags".to_owned());
        }
        Self {
            state: live.map(|live| live.state.clone()),
            retag,
            ..Self::new(wanted, live.is_some(), differences)
        }
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.change != Change::Unchanged
    }
}

impl Plan {
    /// Compares what is wanted with what there is.
    pub(crate) fn new(
        set: Set,
        dashboard: Dashboard,
        live: &Live,
        tags: &BTreeMap<String, String>,
    ) -> Self {
        let alarms = set
            .alarms
            .into_iter()
            .map(|wanted| {
                let found = live.alarms.get(&wanted.definition.name);
                let differences = match found.map(|found| &found.shape) {
                    Some(Shape::Metric(before)) => wanted.definition.differences(before),
                    Some(Shape::Composite(_)) => vec!["a composite alarm until now".to_owned()],
                    None => Vec::new(),
                };
                Planned::of_alarm(wanted, found, differences, tags)
            })
            .collect();
        let found = live.alarms.get(&set.composite.name);
        let differences = match found.map(|found| &found.shape) {
            Some(Shape::Composite(before)) => set.composite.differences(before),
            Some(Shape::Metric(_)) => vec!["a metric alarm until now".to_owned()],
            None => Vec::new(),
        };
        let composite = Planned::of_alarm(set.composite, found, differences, tags);
        let filters = set
            .filters
            .into_iter()
            .map(|wanted| {
                let key = (wanted.group.clone(), wanted.name.clone());
                let found = live.filters.get(&key);
                let differences = found.map(|found| filter_differences(&wanted, found));
                Planned::new(wanted, found.is_some(), differences.unwrap_or_default())
            })
            .collect();
        let is_same = live
            .dashboard
            .as_ref()
            .is_some_and(|body| is_same_json(body, &dashboard.body));
        let differences = if is_same {
            Vec::new()
        } else {
            vec!["widgets".to_owned()]
        };
        Self {
            alarms,
            composite,
            filters,
            dashboard: Planned::new(dashboard, live.dashboard.is_some(), differences),
        }
    }

    /// Whether anything is to be done.
    pub(crate) fn is_changed(&self) -> bool {
        self.alarms.iter().any(Planned::is_changed)
            || self.composite.is_changed()
            || self.filters.iter().any(Planned::is_changed)
            || self.dashboard.is_changed()
    }

    /// Names of all alarms, the composite last.
    pub(crate) fn names(&self) -> Vec<String> {
        self.alarms
            .iter()
            .map(|planned| planned.wanted.definition.name.clone())
            .chain([self.composite.wanted.name.clone()])
            .collect()
    }
}

fn filter_differences(wanted: &Filter, found: &LiveFilter) -> Vec<String> {
    let mut differences = Vec::new();
    if wanted.pattern != found.pattern {
        differences.push(format!("pattern {} → {}", found.pattern, wanted.pattern));
    }
    if !found.counts {
        differences.push("metric".to_owned());
    }
    differences
}

/// CloudWatch gives a body back as it was put, but other programs may have laid it out anew.
fn is_same_json(one: &str, other: &str) -> bool {
    let read = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    one == other || read(one).is_some_and(|one| Some(one) == read(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::{balancer, subject, with_subject};

    fn tags() -> BTreeMap<String, String> {
        BTreeMap::from([("service".to_owned(), "api".to_owned())])
    }

    fn dashboard() -> Dashboard {
        Dashboard {
            name: "ludlow-prod-api".to_owned(),
            body: "{\"widgets\":[]}".to_owned(),
        }
    }

    fn planned(change: impl FnOnce(&mut Live)) -> Plan {
        with_subject("port = 8080", "", |parts| {
            let set = crate::set::set(&subject(parts, Some(balancer())), &[]);
            let mut live = Live {
                dashboard: Some("{ \"widgets\": [] }".to_owned()),
                ..Live::default()
            };
            let mut add = |name: &str, shape: Shape| {
                let alarm = LiveAlarm {
                    arn: format!("arn:{name}"),
                    shape,
                    state: "OK".to_owned(),
                    reason: String::new(),
                    tags: Some(tags()),
                };
                live.alarms.insert(name.to_owned(), alarm);
            };
            for wanted in &set.alarms {
                let shape = Shape::Metric(Box::new(wanted.definition.clone()));
                add(&wanted.definition.name, shape);
            }
            add(&set.composite.name, Shape::Composite(set.composite.clone()));
            for filter in &set.filters {
                let found = LiveFilter {
                    pattern: filter.pattern.clone(),
                    counts: true,
                };
                live.filters
                    .insert((filter.group.clone(), filter.name.clone()), found);
            }
            change(&mut live);
            Plan::new(set, dashboard(), &live, &tags())
        })
    }

    #[test]
    fn leaves_alone_what_is_as_it_should_be() {
        let plan = planned(|_| {});
        assert!(!plan.is_changed(), "{plan:#?}");
        assert_eq!(plan.alarms[0].state.as_deref(), Some("OK"));
    }

    #[test]
    fn says_what_differs() {
        let plan = planned(|live| {
            let alarm = live.alarms.get_mut("ludlow-prod-api-cpu").unwrap();
            let Shape::Metric(definition) = &mut alarm.shape else {
                panic!("cpu is a metric alarm");
            };
            definition.threshold = 90.0;
            definition.missing = crate::definition::Missing::Unknown;
            live.alarms.remove("ludlow-prod-api-memory");
            live.alarms.get_mut("ludlow-prod-api-running").unwrap().tags = Some(BTreeMap::new());
            live.dashboard = Some("{}".to_owned());
        });
        let changed: Vec<(&str, Change, &[String])> = plan
            .alarms
            .iter()
            .filter(|planned| planned.is_changed())
            .map(|planned| {
                (
                    planned.wanted.kind.as_str(),
                    planned.change,
                    planned.differences.as_slice(),
                )
            })
            .collect();
        assert_eq!(
            changed,
            [
                (
                    "cpu",
                    Change::Update,
                    [
                        "threshold 90 → 80".to_owned(),
                        "missing data missing → notBreaching".to_owned()
                    ]
                    .as_slice()
                ),
                ("memory", Change::Create, &[]),
                ("running", Change::Update, &["tags".to_owned()]),
            ]
        );
        assert_eq!(plan.dashboard.change, Change::Update);
        assert!(!plan.composite.is_changed());
    }
}
