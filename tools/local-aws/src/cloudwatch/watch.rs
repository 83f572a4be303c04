//! Evaluating alarms, again and again.
//!
//! AWS evaluates each minute, and every 10, 20 or 30 s where periods are so short; here that interval is divided by
//! the clock's speed, as are the periods. The periods of one evaluation end at the last full interval.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Value, json};

use super::alarm::{Alarm, MetricWatch, Source, Watch};
use super::composite;
use super::evaluation::{self, Datapoint, FURTHER_PERIODS, Verdict};
use super::expression::Series;
use super::query::Window;
use super::statistics::{Statistic, floor};
use super::{AlarmState, CloudWatch, text};
use crate::protocol::AwsError;

/// How often gathered samples are written.
const FLUSH_EVERY_MS: i64 = 1000;
/// How often old samples are rolled up.
const AGE_EVERY_MS: i64 = 60_000;
/// How often it is looked which alarms are due, at AWS's pace.
const TICK: Duration = Duration::from_secs(1);
const SHORTEST_TICK: Duration = Duration::from_millis(100);
/// AWS evaluates at least so often; seconds.
const LONGEST_INTERVAL: i64 = 60;
/// Datapoints named in StateReasonData, which AWS limits to 4,000 characters.
const MOST_REASON_DATAPOINTS: usize = 40;

impl CloudWatch {
    /// Starts the evaluation of alarms and the writing of samples; both end when the service is dropped.
    /// Needs a tokio runtime.
    pub fn start(service: &Arc<Self>) {
        let tick = service.clock.wait(TICK).clamp(SHORTEST_TICK, TICK);
        let service = Arc::downgrade(service);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(tick);
            let mut next = Next::default();
            loop {
                ticks.tick().await;
                let Some(service) = Weak::upgrade(&service) else {
                    return;
                };
                // The database may make this wait, which must not keep others from running.
                let turn = tokio::task::spawn_blocking(move || {
                    service.turn(&mut next);
                    next
                });
                match turn.await {
                    Ok(after) => next = after,
                    // A panic of one turn, already reported: the next one begins afresh.
                    Err(_) => next = Next::default(),
                }
            }
        });
    }

    fn turn(&self, next: &mut Next) {
        let now = self.clock.now_ms();
        match self.evaluate_due(now) {
            Ok(lines) => lines.iter().for_each(|line| self.console.status(line)),
            Err(error) => self.console.error(&format!("evaluating alarms: {error}")),
        }
        if now >= next.flush_ms {
            next.flush_ms = now + FLUSH_EVERY_MS;
            if let Err(error) = self.samples.flush() {
                self.console.error(&format!("writing metrics: {error}"));
            }
        }
        if now >= next.age_ms {
            next.age_ms = now + AGE_EVERY_MS;
            if let Err(error) = self.samples.age(now) {
                self.console.error(&format!("rolling up metrics: {error}"));
            }
        }
    }

    /// Evaluates the alarms whose turn it is; returns a line for people for each that changed its state.
    pub(super) fn evaluate_due(&self, now_ms: i64) -> Result<Vec<String>, AwsError> {
        let mut lines = Vec::new();
        for (alarm, end_ms) in self.take_due(now_ms) {
            let Watch::Metric(watch) = &alarm.watch else {
                continue;
            };
            if let Some((verdict, data)) = self.judge(&alarm, watch, end_ms, now_ms)? {
                self.settle(&alarm, verdict, data, &mut lines)?;
            }
        }
        self.evaluate_composites(&mut lines)?;
        Ok(lines)
    }

    /// The metric alarms that are due, each with the end of its last period.
    fn take_due(&self, now_ms: i64) -> Vec<(Alarm, i64)> {
        let mut alarms = self.alarms();
        let mut due = Vec::new();
        for entry in alarms.values_mut() {
            let Watch::Metric(watch) = &entry.alarm.watch else {
                continue;
            };
            if entry.due_ms <= now_ms {
                let interval = self.width_ms(watch.source.period().min(LONGEST_INTERVAL));
                let end = floor(now_ms, interval);
                entry.due_ms = end + interval;
                due.push((entry.alarm.clone(), end));
            }
        }
        due
    }

    fn width_ms(&self, period: i64) -> i64 {
        self.window(0, 0).width_ms(period)
    }

    fn window(&self, from_ms: i64, to_ms: i64) -> Window {
        Window {
            from_ms,
            to_ms,
            speed: self.clock.speed(),
        }
    }

    /// What the alarm's datapoints say, with `StateReasonData`; absent where the state is to be kept.
    fn judge(
        &self,
        alarm: &Alarm,
        watch: &MetricWatch,
        end_ms: i64,
        now_ms: i64,
    ) -> Result<Option<(Verdict, Value)>, AwsError> {
        let count = watch.rule.periods + FURTHER_PERIODS;
        let width = self.width_ms(watch.source.period());
        let starts: Vec<i64> = (1..)
            .take(count)
            .map(|age: i64| end_ms - age * width)
            .collect();
        let from = starts.last().copied().unwrap_or(end_ms);
        let window = self.window(from, end_ms);
        let found = self.datapoints(&watch.source, window)?;
        let periods: Vec<Option<Datapoint>> = starts
            .iter()
            .map(|start| found.iter().find(|point| point.start_ms == *start).copied())
            .collect();
        if has_too_few_samples(watch, &periods) {
            return Ok(None);
        }
        let Some(verdict) = evaluation::evaluate(&watch.rule, &periods) else {
            return Ok(None);
        };
        if verdict.state == alarm.state.value {
            return Ok(None);
        }
        let data = reason_data(watch, &verdict, now_ms);
        Ok(Some((verdict, data)))
    }

    fn datapoints(&self, source: &Source, window: Window) -> Result<Vec<Datapoint>, AwsError> {
        match source {
            Source::Stat { stat, .. } => {
                let periods = stat.periods(&self.samples, window)?;
                Ok(periods
                    .into_iter()
                    .filter_map(|(start_ms, period)| {
                        Some(Datapoint {
                            start_ms,
                            value: stat.value(&period)?,
                            samples: Some(period.count),
                        })
                    })
                    .collect())
            }
            Source::Queries(queries) => {
                let mut values = queries.compute(&self.samples, window)?;
                let returned = queries.all().iter().find(|query| query.returns_data());
                let value = returned.and_then(|query| values.remove(&query.id));
                let series: Series = value
                    .map(|value| queries.as_series(value, window))
                    .and_then(|all| all.into_iter().next())
                    .unwrap_or_default();
                Ok(series
                    .into_iter()
                    .map(|(start_ms, value)| Datapoint {
                        start_ms,
                        value,
                        samples: None,
                    })
                    .collect())
            }
        }
    }

    /// Gives an alarm the state of its verdict, unless it was changed or deleted meanwhile.
    fn settle(
        &self,
        alarm: &Alarm,
        verdict: Verdict,
        data: Value,
        lines: &mut Vec<String>,
    ) -> Result<(), AwsError> {
        let mut alarms = self.alarms();
        match alarms.get_mut(&alarm.name) {
            Some(entry) if entry.alarm == *alarm => {
                lines.push(told(alarm, verdict.state, &verdict.reason));
                self.enter(entry, verdict.state, verdict.reason, Some(data.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Composites follow the alarms that they refer to, which may be composites; a circle is left after some rounds.
    fn evaluate_composites(&self, lines: &mut Vec<String>) -> Result<(), AwsError> {
        let mut alarms = self.alarms();
        let composites = alarms.values().filter(|entry| entry.alarm.is_composite());
        for _ in 0..composites.count() {
            let mut is_changed = false;
            let names: Vec<String> = alarms.keys().cloned().collect();
            for name in names {
                let Some(Watch::Composite(rule)) =
                    alarms.get(&name).map(|entry| &entry.alarm.watch)
                else {
                    continue;
                };
                let rule = composite::Rule::parse(rule).map_err(AwsError::internal)?;
                let state = |alarm: &str| {
                    let entry = alarms.get(self.name_of(alarm))?;
                    Some(entry.alarm.state.value)
                };
                let verdict = rule.holds(&state);
                let causes = self.causes(&rule, verdict, &state);
                let Some(entry) = alarms.get_mut(&name) else {
                    continue;
                };
                if entry.last_verdict == Some(verdict) {
                    continue;
                }
                entry.last_verdict = Some(verdict);
                let value = if verdict {
                    AlarmState::Alarm
                } else {
                    AlarmState::Ok
                };
                if entry.alarm.state.value != value {
                    is_changed = true;
                    lines.push(told(&entry.alarm, value, &causes));
                    self.enter(entry, value, causes, None)?;
                }
            }
            if !is_changed {
                break;
            }
        }
        Ok(())
    }

    /// AWS's sentence for a composite's state.
    fn causes(
        &self,
        rule: &composite::Rule,
        verdict: bool,
        state: &impl Fn(&str) -> Option<AlarmState>,
    ) -> String {
        let is_cause = |alarm: &&str| (state(alarm) == Some(AlarmState::Alarm)) == verdict;
        let moment = text::long_moment(self.clock.now_ms());
        match rule.alarms().into_iter().find(is_cause) {
            Some(alarm) => {
                let value = state(alarm).unwrap_or(AlarmState::InsufficientData);
                let arn = self
                    .account
                    .arn("cloudwatch", &format!("alarm:{}", self.name_of(alarm)));
                format!("{arn} transitioned to {} at {moment}", value.as_str())
            }
            None => format!("The alarm rule evaluates to {verdict} at {moment}"),
        }
    }
}

/// When things are done next; milliseconds since 1970.
#[derive(Default)]
struct Next {
    flush_ms: i64,
    age_ms: i64,
}

/// What people are told of a change.
fn told(alarm: &Alarm, state: AlarmState, reason: &str) -> String {
    format!(
        "alarm {}: {} -> {}: {reason}",
        alarm.name,
        alarm.state.value.as_str(),
        state.as_str()
    )
}

/// Whether the alarm is to leave its state alone because a percentile of so few samples says nothing.
fn has_too_few_samples(watch: &MetricWatch, periods: &[Option<Datapoint>]) -> bool {
    let Source::Stat { stat, .. } = &watch.source else {
        return false;
    };
    let Some(Statistic::Percentile(percent)) = Statistic::parse(&stat.statistic) else {
        return false;
    };
    if watch.low_samples.as_deref() != Some("ignore") {
        return false;
    }
    // AWS: fewer than 10 / (1 - p) samples for p from 0.5 on, fewer than 10 / p below.
    let needed = 1000.0
        / if percent >= 50.0 {
            100.0 - percent
        } else {
            percent
        };
    let evaluated = periods.iter().flatten().take(watch.rule.periods);
    evaluated
        .filter_map(|point| point.samples)
        .any(|samples| samples < needed)
}

/// `StateReasonData`, as AWS writes it.
fn reason_data(watch: &MetricWatch, verdict: &Verdict, now_ms: i64) -> Value {
    let evaluated = &verdict.evaluated[..verdict.evaluated.len().min(MOST_REASON_DATAPOINTS)];
    let mut data = json!({ "version": "1.0", "queryDate": text::iso(now_ms) });
    if let Some(oldest) = evaluated.last() {
        data["startDate"] = text::iso(oldest.start_ms).into();
    }
    if let Source::Stat { stat, .. } = &watch.source {
        if let Some(unit) = &stat.unit {
            data["unit"] = unit.clone().into();
        }
        data["statistic"] = stat.statistic.clone().into();
    }
    data["period"] = watch.source.period().into();
    data["recentDatapoints"] = evaluated.iter().rev().map(|point| point.value).collect();
    data["threshold"] = watch.rule.threshold.into();
    data["evaluatedDatapoints"] = evaluated
        .iter()
        .map(|point| {
            let mut members = json!({ "timestamp": text::iso(point.start_ms) });
            if let Some(samples) = point.samples {
                members["sampleCount"] = samples.into();
            }
            members["value"] = point.value.into();
            members
        })
        .collect();
    data
}
