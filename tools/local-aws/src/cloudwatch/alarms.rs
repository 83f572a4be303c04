//! Operations on alarms that exist.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::alarm::{Alarm, Source, State, Watch};
use super::composite;
use super::history::{self, Item};
use super::request::{self, missing};
use super::{AlarmState, CloudWatch, nothing};
use crate::protocol::{Answer, AwsError, Input};
use crate::state::{delete_in, put_in};

/// An alarm in memory.
pub(super) struct Entry {
    pub alarm: Alarm,
    /// When it is evaluated next; milliseconds since 1970.
    pub due_ms: i64,
    /// What a composite's rule said last. Its state follows only when this changes, so that SetAlarmState lasts.
    pub last_verdict: Option<bool>,
}

impl Entry {
    pub(super) fn due_at(alarm: Alarm, due_ms: i64) -> Self {
        Self {
            alarm,
            due_ms,
            last_verdict: None,
        }
    }
}

/// Alarms by name.
pub(super) type Alarms = BTreeMap<String, Entry>;

impl CloudWatch {
    /// The states of those of the named alarms that exist.
    pub fn alarm_states(&self, names: &[String]) -> Vec<(String, AlarmState)> {
        let alarms = self.alarms();
        names
            .iter()
            .filter_map(|name| Some((name.clone(), alarms.get(name)?.alarm.state.value)))
            .collect()
    }

    /// The name in an alarm's ARN; a name is itself.
    pub(super) fn name_of<'a>(&self, name_or_arn: &'a str) -> &'a str {
        let prefix = self.account.arn("cloudwatch", "alarm:");
        name_or_arn.strip_prefix(&prefix).unwrap_or(name_or_arn)
    }

    pub(super) fn describe_alarms(&self, input: Input<'_>) -> Answer {
        let most = request::most_records(input, 50)?;
        let alarms = self.alarms();
        let wanted = Wanted::of(self, input, &alarms)?;
        let after = request::after_token(input)?;
        let mut matching = alarms
            .values()
            .map(|entry| &entry.alarm)
            .filter(|alarm| after.as_ref().is_none_or(|after| alarm.name > *after))
            .filter(|alarm| wanted.takes(alarm));
        let page: Vec<&Alarm> = matching.by_ref().take(most).collect();
        let members = |composite: bool| -> Vec<Value> {
            page.iter()
                .filter(|alarm| alarm.is_composite() == composite)
                .map(|alarm| alarm.members(&self.account))
                .collect()
        };
        let mut answer =
            json!({ "CompositeAlarms": members(true), "MetricAlarms": members(false) });
        if let (Some(last), Some(_)) = (page.last(), matching.next()) {
            answer["NextToken"] = request::token(&last.name);
        }
        Ok(answer)
    }

    pub(super) fn describe_alarms_for_metric(&self, input: Input<'_>) -> Answer {
        let metric = request::metric(input)?;
        let period = input.integer("Period")?;
        let unit = request::unit(input)?;
        let statistic = input
            .text("Statistic")?
            .or(input.text("ExtendedStatistic")?);
        let alarms = self.alarms();
        let found: Vec<Value> = alarms
            .values()
            .filter(|entry| match &entry.alarm.watch {
                Watch::Metric(watch) => match &watch.source {
                    Source::Stat { stat, .. } => {
                        stat.metric() == metric
                            && period.is_none_or(|period| stat.period == period)
                            && statistic.is_none_or(|statistic| stat.statistic == statistic)
                            && unit.is_none_or(|unit| stat.unit.as_deref() == Some(unit))
                    }
                    Source::Queries(_) => false,
                },
                Watch::Composite(_) => false,
            })
            .map(|entry| entry.alarm.members(&self.account))
            .collect();
        Ok(json!({ "MetricAlarms": found }))
    }

    pub(super) fn delete_alarms(&self, input: Input<'_>) -> Answer {
        let names = alarm_names(input)?;
        let mut alarms = self.alarms();
        // AWS deletes those that it knows and says nothing of the others.
        let known: Vec<&str> = names
            .into_iter()
            .filter(|name| alarms.contains_key(*name))
            .collect();
        let composites = known
            .iter()
            .filter(|name| alarms[**name].alarm.is_composite());
        if composites.count() > 1 {
            return Err(AwsError::new(
                "ValidationError",
                "Only one composite alarm can be deleted in one request.",
            ));
        }
        for name in &known {
            let is_needed = alarms.values().any(|entry| {
                !known.contains(&entry.alarm.name.as_str()) && self.refers(&entry.alarm, name)
            });
            if is_needed {
                return Err(AwsError::new(
                    "ValidationError",
                    format!(
                        "Cannot delete {name} as there are composite alarm(s) depending on it."
                    ),
                ));
            }
        }
        let now = self.clock.now_ms();
        self.store.transaction(|transaction| {
            known.iter().try_for_each(|name| {
                let item = Item::configuration(
                    &alarms[*name].alarm,
                    now,
                    format!("Alarm \"{name}\" deleted"),
                    &json!({ "version": "1.0", "type": "Delete" }),
                );
                delete_in::<Alarm>(transaction, name)?;
                history::insert_in(transaction, &item)
            })
        })?;
        alarms.retain(|name, _| !known.contains(&name.as_str()));
        Ok(nothing())
    }

    fn refers(&self, alarm: &Alarm, name: &str) -> bool {
        match &alarm.watch {
            Watch::Composite(rule) => composite::Rule::parse(rule).is_ok_and(|rule| {
                rule.alarms()
                    .into_iter()
                    .any(|referred| self.name_of(referred) == name)
            }),
            Watch::Metric(_) => false,
        }
    }

    /// Holds until the alarm is evaluated next.
    pub(super) fn set_alarm_state(&self, input: Input<'_>) -> Answer {
        let name = request::required(input, "AlarmName")?;
        let value = request::required(input, "StateValue")?;
        let reason = input
            .text("StateReason")?
            .ok_or_else(|| missing("StateReason"))?;
        let data = input
            .text("StateReasonData")?
            .filter(|data| !data.is_empty());
        if data.is_some_and(|data| serde_json::from_str::<Value>(data).is_err()) {
            return Err(AwsError::new(
                "InvalidFormat",
                "The parameter StateReasonData is not valid JSON.",
            ));
        }
        let Some(value) = AlarmState::parse(value) else {
            return Err(AwsError::new(
                "ValidationError",
                format!(
                    "The value {value} for parameter StateValue must be one of OK, ALARM, INSUFFICIENT_DATA."
                ),
            ));
        };
        let mut alarms = self.alarms();
        let entry = alarms.get_mut(name).ok_or_else(|| unknown(name))?;
        let (reason, data) = (reason.to_owned(), data.map(str::to_owned));
        self.enter(entry, value, reason, data)?;
        Ok(nothing())
    }

    /// Gives an alarm a state; a change is written down together with the actions that it calls for.
    pub(super) fn enter(
        &self,
        entry: &mut Entry,
        value: AlarmState,
        reason: String,
        reason_data: Option<String>,
    ) -> Result<(), AwsError> {
        let now = self.clock.now_ms();
        let before = entry.alarm.state.clone();
        let mut alarm = entry.alarm.clone();
        let is_change = before.value != value;
        alarm.state = State {
            value,
            reason,
            reason_data,
            updated_ms: now,
            transitioned_ms: if is_change {
                now
            } else {
                before.transitioned_ms
            },
        };
        let done = if is_change && alarm.actions_enabled {
            self.act(&alarm, &before)
        } else {
            Vec::new()
        };
        self.store.transaction(|transaction| {
            put_in(transaction, &alarm)?;
            if is_change {
                history::insert_in(transaction, &Item::state(&alarm, &before))?;
                for (action, outcome) in &done {
                    history::insert_in(transaction, &Item::action(&alarm, action, outcome))?;
                }
            }
            Ok(())
        })?;
        entry.alarm = alarm;
        Ok(())
    }

    pub(super) fn enable_alarm_actions(&self, input: Input<'_>, enabled: bool) -> Answer {
        let names = alarm_names(input)?;
        let mut alarms = self.alarms();
        for name in names {
            let Some(entry) = alarms.get_mut(name) else {
                continue;
            };
            let mut alarm = entry.alarm.clone();
            alarm.actions_enabled = enabled;
            alarm.configured_ms = self.clock.now_ms();
            self.store.put(&alarm)?;
            entry.alarm = alarm;
        }
        Ok(nothing())
    }

    pub(super) fn tag_resource(&self, input: Input<'_>) -> Answer {
        let tags = request::tags(input)?;
        self.change_tags(input, |own| own.extend(tags))
    }

    pub(super) fn untag_resource(&self, input: Input<'_>) -> Answer {
        let gone = input.texts("TagKeys")?;
        self.change_tags(input, |own| {
            own.retain(|key, _| !gone.contains(&key.as_str()))
        })
    }

    pub(super) fn list_tags_for_resource(&self, input: Input<'_>) -> Answer {
        let alarms = self.alarms();
        let name = self.resource(input)?;
        let entry = alarms.get(name).ok_or_else(|| no_resource(name))?;
        let tags: Vec<Value> = entry
            .alarm
            .tags
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect();
        Ok(json!({ "Tags": tags }))
    }

    fn change_tags(
        &self,
        input: Input<'_>,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Answer {
        let name = self.resource(input)?;
        let mut alarms = self.alarms();
        let entry = alarms.get_mut(name).ok_or_else(|| no_resource(name))?;
        let mut alarm = entry.alarm.clone();
        change(&mut alarm.tags);
        request::check_tags(&alarm.tags)?;
        self.store.put(&alarm)?;
        entry.alarm = alarm;
        Ok(json!({}))
    }

    fn resource<'a>(&self, input: Input<'a>) -> Result<&'a str, AwsError> {
        let arn = request::required(input, "ResourceARN")?;
        match self.name_of(arn) {
            name if name == arn => Err(no_resource(arn)),
            name => Ok(name),
        }
    }
}

fn alarm_names(input: Input<'_>) -> Result<Vec<&str>, AwsError> {
    let names = input.texts("AlarmNames")?;
    if names.is_empty() {
        return Err(missing("AlarmNames"));
    }
    if names.len() > 100 {
        return Err(
            input.refuse("The collection AlarmNames must not have a size greater than 100.")
        );
    }
    Ok(names)
}

fn unknown(name: &str) -> AwsError {
    AwsError::new("ResourceNotFound", format!("Unknown alarm: {name}")).with_status(404)
}

fn no_resource(name: &str) -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        format!("Unknown resource: {name}"),
    )
    .with_status(404)
}

/// What DescribeAlarms is asked for.
struct Wanted<'a> {
    names: Vec<&'a str>,
    prefix: Option<&'a str>,
    state: Option<&'a str>,
    types: Vec<&'a str>,
    action: Option<&'a str>,
    /// Names of the alarms that a composite refers to, or that refer to an alarm.
    related: Option<Vec<String>>,
}

impl<'a> Wanted<'a> {
    fn of(service: &CloudWatch, input: Input<'a>, alarms: &Alarms) -> Result<Self, AwsError> {
        let names = input.texts("AlarmNames")?;
        if names.len() > 100 {
            return Err(
                input.refuse("The collection AlarmNames must not have a size greater than 100.")
            );
        }
        let prefix = input.text("AlarmNamePrefix")?;
        if prefix.is_some() && !names.is_empty() {
            return Err(request::combination(
                "The parameters AlarmNames and AlarmNamePrefix are mutually exclusive.",
            ));
        }
        let related = match (
            input.text("ChildrenOfAlarmName")?,
            input.text("ParentsOfAlarmName")?,
        ) {
            (Some(parent), _) => {
                let parent = alarms.get(parent).ok_or_else(|| unknown(parent))?;
                let is_child = |name: &&String| service.refers(&parent.alarm, name);
                Some(alarms.keys().filter(is_child).cloned().collect())
            }
            (None, Some(child)) => {
                let is_parent = |entry: &&Entry| service.refers(&entry.alarm, child);
                let parents = alarms.values().filter(is_parent);
                Some(parents.map(|entry| entry.alarm.name.clone()).collect())
            }
            (None, None) => None,
        };
        let types = match input.texts("AlarmTypes")? {
            // Without the parameter AWS lists metric alarms only; relations are of both types.
            types if types.is_empty() && related.is_none() => vec!["MetricAlarm"],
            types => types,
        };
        Ok(Self {
            names,
            prefix,
            state: input.text("StateValue")?,
            types,
            action: input.text("ActionPrefix")?,
            related,
        })
    }

    fn takes(&self, alarm: &Alarm) -> bool {
        (self.names.is_empty() || self.names.contains(&alarm.name.as_str()))
            && self
                .prefix
                .is_none_or(|prefix| alarm.name.starts_with(prefix))
            && self
                .state
                .is_none_or(|state| alarm.state.value.as_str() == state)
            && (self.types.is_empty() || self.types.contains(&alarm.kind()))
            && self
                .action
                .is_none_or(|action| alarm.actions.any_begins_with(action))
            && self
                .related
                .as_ref()
                .is_none_or(|related| related.contains(&alarm.name))
    }
}
