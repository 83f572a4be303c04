//! PutMetricAlarm and PutCompositeAlarm.

use std::collections::BTreeMap;

use serde_json::json;

use super::alarm::{Actions, Alarm, MetricWatch, Source, State, Watch};
use super::alarms::Entry;
use super::composite;
use super::evaluation::{Comparison, MissingData, Rule};
use super::history::{self, Item};
use super::query::{Queries, Stat, Window};
use super::request::{self, INVALID, combination, missing};
use super::{CloudWatch, nothing};
use crate::protocol::{Answer, AwsError, Input};
use crate::state::put_in;

const MOST_ACTIONS: usize = 5;
const DAY_S: i64 = 86_400;
/// What belongs to a single metric and stands in the queries otherwise.
const SINGLE: [&str; 7] = [
    "MetricName",
    "Namespace",
    "Dimensions",
    "Period",
    "Unit",
    "Statistic",
    "ExtendedStatistic",
];
/// What changes how an alarm decides, and is not offered: refused, so that no alarm decides otherwise than asked.
const NOT_OFFERED: [&str; 4] = [
    "ThresholdMetricId",
    "EvaluationCriteria",
    "EvaluationInterval",
    "WarmUpConfiguration",
];

impl CloudWatch {
    pub(super) fn put_metric_alarm(&self, input: Input<'_>) -> Answer {
        for member in NOT_OFFERED {
            if input.get(member).is_some() {
                return Err(validation(format!(
                    "local-aws does not offer the parameter {member} of PutMetricAlarm."
                )));
            }
        }
        if let Some(window) = input.structure("EvaluationWindow")?
            && window.get("WallClockWindow").is_some()
        {
            return Err(validation(
                "local-aws does not offer a WallClockWindow; its windows slide.",
            ));
        }
        let source = self.source(input)?;
        let rule = rule(input)?;
        check_range(&rule, source.period())?;
        let low_samples = one_of(
            input,
            "EvaluateLowSampleCountPercentile",
            &["evaluate", "ignore"],
        )?;
        self.configure(
            input,
            Watch::Metric(MetricWatch {
                source,
                rule,
                low_samples: low_samples.map(str::to_owned),
            }),
        )
    }

    pub(super) fn put_composite_alarm(&self, input: Input<'_>) -> Answer {
        if input.get("ActionsSuppressor").is_some() {
            return Err(validation(
                "local-aws does not offer the parameter ActionsSuppressor of PutCompositeAlarm.",
            ));
        }
        let text = request::required(input, "AlarmRule")?;
        let rule = composite::Rule::parse(text)
            .map_err(|error| validation(format!("Invalid alarm rule expression: {error}")))?;
        {
            let alarms = self.alarms();
            let unknown: Vec<&str> = rule
                .alarms()
                .into_iter()
                .filter(|alarm| !alarms.contains_key(self.name_of(alarm)))
                .collect();
            if !unknown.is_empty() {
                return Err(validation(format!(
                    "Could not save the composite alarm as alarms [{}] in the alarm rule do not exist",
                    unknown.join(", ")
                )));
            }
        }
        self.configure(input, Watch::Composite(text.to_owned()))
    }

    /// Replaces the whole configuration of an alarm and keeps its state, or makes a new one.
    fn configure(&self, input: Input<'_>, watch: Watch) -> Answer {
        let name = request::required(input, "AlarmName")?;
        if name.chars().count() > 255 || name.chars().any(|c| c.is_ascii_control()) {
            return Err(validation(
                "The parameter AlarmName must have at most 255 characters and no control characters.",
            ));
        }
        let now = self.clock.now_ms();
        let given_tags = request::tags(input)?;
        let mut alarms = self.alarms();
        let known = alarms.get(name).map(|entry| &entry.alarm);
        if let Some(known) = known
            && known.is_composite() != matches!(watch, Watch::Composite(_))
        {
            return Err(validation(format!(
                "An alarm of the other type has the name {name} already."
            )));
        }
        let (state, tags): (State, BTreeMap<String, String>) = match known {
            // Tags of an existing alarm change only by TagResource.
            Some(known) => (known.state.clone(), known.tags.clone()),
            None => (State::initial(now), given_tags),
        };
        let is_new = known.is_none();
        let alarm = Alarm {
            name: name.to_owned(),
            description: input.text("AlarmDescription")?.map(str::to_owned),
            actions_enabled: input.flag("ActionsEnabled")?.unwrap_or(true),
            actions: Actions {
                ok: actions(input, "OKActions")?,
                alarm: actions(input, "AlarmActions")?,
                insufficient_data: actions(input, "InsufficientDataActions")?,
            },
            watch,
            state,
            configured_ms: now,
            tags,
        };
        let (verb, data) = if is_new {
            ("created", "Create")
        } else {
            ("updated", "Update")
        };
        let item = Item::configuration(
            &alarm,
            now,
            format!("Alarm \"{name}\" {verb}"),
            &json!({ "version": "1.0", "type": data }),
        );
        self.store.transaction(|transaction| {
            put_in(transaction, &alarm)?;
            history::insert_in(transaction, &item)
        })?;
        alarms.insert(name.to_owned(), Entry::due_at(alarm, now));
        Ok(nothing())
    }

    fn source(&self, input: Input<'_>) -> Result<Source, AwsError> {
        let has_queries = !input.list("Metrics")?.is_empty();
        match (input.text("MetricName")?, has_queries) {
            (Some(_), true) => Err(combination(
                "The parameters MetricName and Metrics are mutually exclusive.",
            )),
            (None, false) => Err(validation(
                "Either MetricName or Metrics must be specified.",
            )),
            (Some(_), false) => single(input),
            (None, true) => self.queries(input),
        }
    }

    fn queries(&self, input: Input<'_>) -> Result<Source, AwsError> {
        for member in SINGLE {
            let is_given = match member {
                "Dimensions" => !input.list(member)?.is_empty(),
                _ => input.get(member).is_some(),
            };
            if is_given {
                return Err(combination(format!(
                    "The parameters {member} and Metrics are mutually exclusive."
                )));
            }
        }
        let queries = Queries::read(input, "Metrics")?;
        let returned: Vec<_> = queries
            .all()
            .iter()
            .filter(|query| query.returns_data())
            .collect();
        let [returned] = returned.as_slice() else {
            return Err(validation(
                "Exactly one element of the metrics list should return data.",
            ));
        };
        // An expression that cannot have a value is refused now, not found out at every evaluation.
        let now = self.clock.now_ms();
        let window = Window {
            from_ms: now - 60_000,
            to_ms: now,
            speed: 1.0,
        };
        let value = queries
            .compute(&self.samples, window)?
            .remove(&returned.id)
            .ok_or_else(|| AwsError::internal("a query has no value"))?;
        if queries.as_series(value, window).len() != 1 {
            return Err(validation(format!(
                "The expression '{}' must return a single time series.",
                returned.id
            )));
        }
        Ok(Source::Queries(queries))
    }
}

fn validation(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationError", message)
}

fn single(input: Input<'_>) -> Result<Source, AwsError> {
    let metric = request::metric(input)?;
    let period = request::period(input)?.ok_or_else(|| missing("Period"))?;
    if !matches!(period, 10 | 20 | 30) && period % 60 != 0 {
        return Err(validation(
            "The parameter Period of an alarm must be 10, 20, 30 or any multiple of 60.",
        ));
    }
    let unit = request::unit(input)?;
    let (statistic, is_extended) =
        match (input.text("Statistic")?, input.text("ExtendedStatistic")?) {
            (Some(statistic), None) => {
                let plain = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"];
                if !plain.contains(&statistic) {
                    return Err(AwsError::new(
                        INVALID,
                        format!("The value {statistic} for parameter Statistic is invalid."),
                    ));
                }
                (statistic, false)
            }
            (None, Some(statistic)) => (statistic, true),
            _ => {
                return Err(validation(
                    "Exactly one of Statistic and ExtendedStatistic must be specified.",
                ));
            }
        };
    request::statistic(input, statistic)?;
    Ok(Source::Stat {
        stat: Stat::new(metric, period, statistic, unit),
        is_extended,
    })
}

fn rule(input: Input<'_>) -> Result<Rule, AwsError> {
    let periods =
        positive(input, "EvaluationPeriods")?.ok_or_else(|| missing("EvaluationPeriods"))?;
    let to_alarm = positive(input, "DatapointsToAlarm")?;
    if to_alarm.is_some_and(|to_alarm| to_alarm > periods) {
        return Err(validation(
            "The parameter DatapointsToAlarm must be less than or equal to EvaluationPeriods.",
        ));
    }
    let comparison = Comparison::ALL.map(Comparison::as_str);
    let comparison = one_of(input, "ComparisonOperator", &comparison)?
        .and_then(|name| {
            Comparison::ALL
                .into_iter()
                .find(|known| known.as_str() == name)
        })
        .ok_or_else(|| missing("ComparisonOperator"))?;
    let treatments = MissingData::ALL.map(MissingData::as_str);
    let missing_data = one_of(input, "TreatMissingData", &treatments)?.and_then(|name| {
        MissingData::ALL
            .into_iter()
            .find(|known| known.as_str() == name)
    });
    let threshold = input
        .number("Threshold")?
        .ok_or_else(|| missing("Threshold"))?;
    if !threshold.is_finite() {
        return Err(AwsError::new(
            INVALID,
            format!("The value {threshold} for parameter Threshold is invalid."),
        ));
    }
    Ok(Rule {
        comparison,
        threshold,
        periods,
        to_alarm,
        missing_data,
    })
}

fn check_range(rule: &Rule, period: i64) -> Result<(), AwsError> {
    let range = i64::try_from(rule.periods)
        .unwrap_or(i64::MAX)
        .saturating_mul(period);
    let (longest, words) = if period >= 3600 {
        (7 * DAY_S, "seven days")
    } else {
        (DAY_S, "a day")
    };
    if range > longest {
        return Err(validation(format!(
            "Metrics cannot be checked across more than {words} (EvaluationPeriods * Period must be <= {longest})."
        )));
    }
    Ok(())
}

fn positive(input: Input<'_>, name: &str) -> Result<Option<usize>, AwsError> {
    input
        .integer(name)?
        .map(|number| {
            usize::try_from(number)
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| {
                    validation(format!(
                        "The value {number} for parameter {name} must be greater than or equal to 1."
                    ))
                })
        })
        .transpose()
}

fn one_of<'a>(input: Input<'a>, name: &str, allowed: &[&str]) -> Result<Option<&'a str>, AwsError> {
    match input.text(name)? {
        Some(value) if !allowed.contains(&value) => Err(validation(format!(
            "The value {value} for parameter {name} must be one of {}.",
            allowed.join(", ")
        ))),
        value => Ok(value),
    }
}

fn actions(input: Input<'_>, name: &str) -> Result<Vec<String>, AwsError> {
    let actions = input.texts(name)?;
    if actions.len() > MOST_ACTIONS {
        return Err(validation(format!(
            "The parameter {name} must have no more than {MOST_ACTIONS} members."
        )));
    }
    if let Some(wrong) = actions.iter().find(|action| !action.starts_with("arn:")) {
        return Err(validation(format!("Invalid arn syntax: {wrong}")));
    }
    Ok(actions.into_iter().map(str::to_owned).collect())
}
