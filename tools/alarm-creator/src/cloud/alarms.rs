//! Alarms, their tags, states and history.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws::explain;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, CompositeAlarm, HistoryItemType, MetricAlarm, ScanBy, StateValue, Statistic, Tag,
};
use contract::alarms::Change;

use super::Cloud;
use crate::definition::{Composite, Definition, Measure};
use crate::plan::{LiveAlarm, Plan, Planned, Shape};

/// DescribeAlarms and DeleteAlarms take this many names.
const NAMES_A_CALL: usize = 100;

/// What a history item says of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) succeeded: bool,
    /// CloudWatch's sentence, which names the action.
    pub(crate) summary: String,
}

impl Cloud {
    /// The alarms with these names, of either type, as far as they exist. Tags are asked for on request.
    pub(crate) async fn alarms(
        &self,
        names: &[String],
        with_tags: bool,
    ) -> anyhow::Result<BTreeMap<String, LiveAlarm>> {
        let mut alarms = BTreeMap::new();
        for names in names.chunks(NAMES_A_CALL) {
            let answer = self
                .cloudwatch
                .describe_alarms()
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .set_alarm_names(Some(names.to_vec()))
                .max_records(100)
                .send()
                .await
                .map_err(|error| {
                    explain(&format!("look at the alarms {}", names.join(", ")), error)
                })?;
            take(
                &mut alarms,
                answer.metric_alarms(),
                answer.composite_alarms(),
            );
        }
        if with_tags {
            self.add_tags(&mut alarms).await?;
        }
        Ok(alarms)
    }

    /// All alarms whose names begin like this, without their tags.
    pub(crate) async fn alarms_by_prefix(
        &self,
        prefix: &str,
    ) -> anyhow::Result<BTreeMap<String, LiveAlarm>> {
        let mut pages = self
            .cloudwatch
            .describe_alarms()
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .alarm_name_prefix(prefix)
            .into_paginator()
            .send();
        let mut alarms = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| explain(&format!("list the alarms {prefix}*"), error))?;
            take(&mut alarms, page.metric_alarms(), page.composite_alarms());
        }
        Ok(alarms)
    }

    /// Asks for the tags of each, side by side.
    pub(crate) async fn add_tags(
        &self,
        alarms: &mut BTreeMap<String, LiveAlarm>,
    ) -> anyhow::Result<()> {
        let mut asked = tokio::task::JoinSet::new();
        for (name, alarm) in alarms.iter() {
            let call = self
                .cloudwatch
                .list_tags_for_resource()
                .resource_arn(&alarm.arn);
            let name = name.clone();
            asked.spawn(async move { (name, call.send().await) });
        }
        while let Some(answered) = asked.join_next().await {
            let (name, answer) = answered?;
            let answer = answer.map_err(|error| {
                explain(&format!("look at the tags of the alarm {name}"), error)
            })?;
            let tags = answer.tags().iter();
            let tags = tags
                .map(|tag| {
                    (
                        tag.key().unwrap_or_default().to_owned(),
                        tag.value().unwrap_or_default().to_owned(),
                    )
                })
                .collect();
            if let Some(alarm) = alarms.get_mut(&name) {
                alarm.tags = Some(tags);
            }
        }
        Ok(())
    }

    /// Writes every alarm that is not as it should be; the composite after those that it refers to.
    pub(crate) async fn write_alarms(
        &self,
        plan: &Plan,
        live: &BTreeMap<String, LiveAlarm>,
        tags: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        for planned in plan.alarms.iter().filter(|planned| planned.is_changed()) {
            let definition = &planned.wanted.definition;
            self.put(definition, planned.change, tags).await?;
            self.retag(planned, live.get(&definition.name), tags)
                .await?;
        }
        let planned = &plan.composite;
        if planned.is_changed() {
            self.put_composite(&planned.wanted, planned.change, tags)
                .await?;
            self.retag(planned, live.get(&planned.wanted.name), tags)
                .await?;
        }
        Ok(())
    }

    async fn put(
        &self,
        definition: &Definition,
        change: Change,
        tags: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let actions = definition.actions.clone();
        let call = self
            .cloudwatch
            .put_metric_alarm()
            .alarm_name(&definition.name)
            .alarm_description(&definition.description)
            .comparison_operator(definition.comparison.clone())
            .threshold(definition.threshold)
            .evaluation_periods(definition.periods)
            .datapoints_to_alarm(definition.datapoints)
            .treat_missing_data(definition.missing.as_str())
            .set_alarm_actions(Some(actions.alarm))
            .set_ok_actions(Some(actions.ok))
            .set_insufficient_data_actions(Some(actions.insufficient))
            .set_tags((change == Change::Create).then(|| tag_list(tags)));
        let call = match &definition.measure {
            Measure::Metric(input) => {
                let call = call
                    .namespace(&input.namespace)
                    .metric_name(&input.metric)
                    .set_dimensions(Some(input.to_dimensions()))
                    .period(definition.period);
                // Percentiles have a member of their own.
                match Statistic::try_parse(&input.statistic) {
                    Ok(statistic) => call.statistic(statistic),
                    Err(_percentile) => call.extended_statistic(&input.statistic),
                }
            }
            Measure::Expression { .. } => call.set_metrics(Some(definition.queries())),
            Measure::Foreign => {
                anyhow::bail!("the alarm {} has nothing to look at", definition.name)
            }
        };
        call.send()
            .await
            .map_err(|error| explain(&format!("write the alarm {}", definition.name), error))?;
        Ok(())
    }

    async fn put_composite(
        &self,
        composite: &Composite,
        change: Change,
        tags: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let actions = composite.actions.clone();
        self.cloudwatch
            .put_composite_alarm()
            .alarm_name(&composite.name)
            .alarm_description(&composite.description)
            .alarm_rule(&composite.rule)
            .set_alarm_actions(Some(actions.alarm))
            .set_ok_actions(Some(actions.ok))
            .set_insufficient_data_actions(Some(actions.insufficient))
            .set_tags((change == Change::Create).then(|| tag_list(tags)))
            .send()
            .await
            .map_err(|error| explain(&format!("write the alarm {}", composite.name), error))?;
        Ok(())
    }

    /// PutMetricAlarm leaves the tags of an alarm that exists as they are.
    async fn retag<T>(
        &self,
        planned: &Planned<T>,
        live: Option<&LiveAlarm>,
        tags: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let Some(live) = live.filter(|_| planned.retag) else {
            return Ok(());
        };
        self.cloudwatch
            .tag_resource()
            .resource_arn(&live.arn)
            .set_tags(Some(tag_list(tags)))
            .send()
            .await
            .map_err(|error| explain(&format!("tag {}", live.arn), error))?;
        Ok(())
    }

    /// Deletes alarms. One call may have one composite, and none may go before the composite that refers to it.
    pub(crate) async fn delete_alarms(&self, alarms: &[(String, bool)]) -> anyhow::Result<()> {
        let (composites, metrics): (Vec<_>, Vec<_>) =
            alarms.iter().partition(|(_, is_composite)| *is_composite);
        let mut batches: Vec<Vec<String>> = composites
            .into_iter()
            .map(|(name, _)| vec![name.clone()])
            .collect();
        let metrics: Vec<String> = metrics.into_iter().map(|(name, _)| name.clone()).collect();
        batches.extend(metrics.chunks(NAMES_A_CALL).map(<[String]>::to_vec));
        for names in batches {
            self.cloudwatch
                .delete_alarms()
                .set_alarm_names(Some(names.clone()))
                .send()
                .await
                .map_err(|error| {
                    explain(&format!("delete the alarms {}", names.join(", ")), error)
                })?;
        }
        Ok(())
    }

    pub(crate) async fn set_state(
        &self,
        alarm: &str,
        state: &str,
        reason: &str,
    ) -> anyhow::Result<()> {
        self.cloudwatch
            .set_alarm_state()
            .alarm_name(alarm)
            .state_value(StateValue::from(state))
            .state_reason(reason)
            .send()
            .await
            .map_err(|error| explain(&format!("set the state of the alarm {alarm}"), error))?;
        Ok(())
    }

    /// What came of the actions of an alarm since a time.
    pub(crate) async fn told_since(
        &self,
        alarm: &str,
        since: SystemTime,
    ) -> anyhow::Result<Vec<Told>> {
        let mut pages = self
            .cloudwatch
            .describe_alarm_history()
            .alarm_name(alarm)
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .history_item_type(HistoryItemType::Action)
            .start_date(DateTime::from(since))
            .scan_by(ScanBy::TimestampAscending)
            .into_paginator()
            .send();
        let mut told = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                explain(&format!("look at the history of the alarm {alarm}"), error)
            })?;
            for item in page.alarm_history_items() {
                let summary = item.history_summary().unwrap_or_default().to_owned();
                told.push(Told {
                    succeeded: summary.starts_with("Successfully"),
                    summary,
                });
            }
        }
        Ok(told)
    }
}

fn take(
    alarms: &mut BTreeMap<String, LiveAlarm>,
    metrics: &[MetricAlarm],
    composites: &[CompositeAlarm],
) {
    for alarm in metrics {
        let live = LiveAlarm {
            arn: alarm.alarm_arn().unwrap_or_default().to_owned(),
            shape: Shape::Metric(Box::new(Definition::of_live(alarm))),
            state: state(alarm.state_value()),
            reason: alarm.state_reason().unwrap_or_default().to_owned(),
            tags: None,
        };
        alarms.insert(alarm.alarm_name().unwrap_or_default().to_owned(), live);
    }
    for alarm in composites {
        let live = LiveAlarm {
            arn: alarm.alarm_arn().unwrap_or_default().to_owned(),
            shape: Shape::Composite(Composite::of_live(alarm)),
            state: state(alarm.state_value()),
            reason: alarm.state_reason().unwrap_or_default().to_owned(),
            tags: None,
        };
        alarms.insert(alarm.alarm_name().unwrap_or_default().to_owned(), live);
    }
}

fn state(value: Option<&StateValue>) -> String {
    value
        .unwrap_or(&StateValue::InsufficientData)
        .as_str()
        .to_owned()
}

fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
