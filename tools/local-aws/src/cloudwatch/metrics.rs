//! PutMetricData and ListMetrics.

use serde_json::{Value, json};

use super::query::dimension_members;
use super::request::{self, INVALID, combination, missing};
use super::series::{KEPT_MS, Metric};
use super::statistics::Aggregate;
use super::{CloudWatch, nothing};
use crate::protocol::{Answer, AwsError, Input};

const HOUR_MS: i64 = 3_600_000;
const MOST_DATA: usize = 1000;
const MOST_VALUES: usize = 150;
const MOST_LISTED: usize = 500;
/// AWS's bounds: 2^360 either way.
const HIGHEST: f64 = 2.348_542_582_773_833e108;

impl CloudWatch {
    pub(super) fn put_metric_data(&self, input: Input<'_>) -> Answer {
        let namespace = request::required(input, "Namespace")?;
        if namespace.len() > 255 || namespace.starts_with(':') {
            return Err(input.refuse(format!(
                "The value {namespace} for parameter Namespace is invalid."
            )));
        }
        let mut data = input.structures("MetricData")?;
        for entity in input.structures("EntityMetricData")? {
            data.extend(entity.structures("MetricData")?);
        }
        if data.is_empty() {
            return Err(missing("MetricData"));
        }
        if data.len() > MOST_DATA {
            return Err(input.refuse(format!(
                "The collection MetricData must not have a size greater than {MOST_DATA}."
            )));
        }
        // All of a request or nothing of it.
        let parsed = data
            .into_iter()
            .enumerate()
            .map(|(index, datum)| self.datum(namespace, datum, index + 1))
            .collect::<Result<Vec<_>, AwsError>>()?;
        for datum in parsed {
            for aggregate in &datum.aggregates {
                self.samples
                    .add(&datum.metric, &datum.unit, datum.time_ms, aggregate);
            }
        }
        Ok(nothing())
    }

    fn datum(&self, namespace: &str, input: Input<'_>, number: usize) -> Result<Datum, AwsError> {
        let place = format!("MetricData.member.{number}");
        let name = input
            .text("MetricName")?
            .filter(|name| !name.is_empty())
            .ok_or_else(|| missing(&format!("{place}.MetricName")))?;
        let now = self.clock.now_ms();
        let time_ms = request::time(input, "Timestamp")?.unwrap_or(now);
        if time_ms < now - 14 * 24 * HOUR_MS {
            return Err(input.refuse(format!(
                "The parameter {place}.Timestamp must specify a time no more than two weeks in the past."
            )));
        }
        if time_ms > now + 2 * HOUR_MS {
            return Err(input.refuse(format!(
                "The parameter {place}.Timestamp must specify a time no more than two hours in the future."
            )));
        }
        Ok(Datum {
            metric: Metric::new(namespace, name, request::dimensions(input)?),
            unit: request::unit(input)?.unwrap_or("None").to_owned(),
            time_ms,
            aggregates: aggregates(input, &place)?,
        })
    }

    pub(super) fn list_metrics(&self, input: Input<'_>) -> Answer {
        let namespace = input.text("Namespace")?;
        let name = input.text("MetricName")?;
        let filters = input
            .structures("Dimensions")?
            .into_iter()
            .map(|filter| Ok((request::required(filter, "Name")?, filter.text("Value")?)))
            .collect::<Result<Vec<_>, AwsError>>()?;
        let now = self.clock.now_ms();
        let since = match input.text("RecentlyActive")? {
            None => now - KEPT_MS,
            Some("PT3H") => now - 3 * HOUR_MS,
            Some(other) => {
                return Err(input.refuse(format!(
                    "The value {other} for parameter RecentlyActive is invalid."
                )));
            }
        };
        let after = request::after_token(input)?;
        let mut metrics: Vec<Metric> = self
            .samples
            .list()
            .into_iter()
            .filter(|listed| listed.last_ms >= since)
            .map(|listed| listed.metric)
            .filter(|metric| {
                namespace.is_none_or(|namespace| metric.namespace == namespace)
                    && name.is_none_or(|name| metric.name == name)
                    && filters.iter().all(|filter| has(metric, filter))
            })
            .collect();
        metrics.sort();
        metrics.dedup();
        let metrics: Vec<Metric> = metrics
            .into_iter()
            .filter(|metric| after.as_ref().is_none_or(|after| key(metric) > *after))
            .collect();
        let page: Vec<Value> = metrics.iter().take(MOST_LISTED).map(members).collect();
        let mut answer = json!({ "Metrics": page });
        if metrics.len() > MOST_LISTED {
            answer["NextToken"] = request::token(&key(&metrics[MOST_LISTED - 1]));
        }
        Ok(answer)
    }
}

struct Datum {
    metric: Metric,
    unit: String,
    time_ms: i64,
    aggregates: Vec<Aggregate>,
}

/// Exactly one of `Value`, `Values` and `StatisticValues`.
fn aggregates(input: Input<'_>, place: &str) -> Result<Vec<Aggregate>, AwsError> {
    let value = number(input, "Value", place)?;
    let values = input.list("Values")?;
    let set = input.structure("StatisticValues")?;
    match (value, values.is_empty(), set) {
        (Some(value), true, None) => Ok(vec![Aggregate::of(value, 1.0)]),
        (None, false, None) => distribution(input, place),
        (None, true, Some(set)) => statistic_set(set, place).map(|set| vec![set]),
        (None, true, None) => Err(missing(&format!("{place}.Value"))),
        _ => Err(combination(format!(
            "The parameters {place}.Value, {place}.Values and {place}.StatisticValues are mutually exclusive and you have specified more than one."
        ))),
    }
}

fn statistic_set(set: Input<'_>, place: &str) -> Result<Aggregate, AwsError> {
    let place = format!("{place}.StatisticValues");
    let required =
        |name: &str| number(set, name, &place)?.ok_or_else(|| missing(&format!("{place}.{name}")));
    let (count, sum) = (required("SampleCount")?, required("Sum")?);
    let (minimum, maximum) = (required("Minimum")?, required("Maximum")?);
    if count <= 0.0 || minimum > maximum {
        return Err(set.refuse(format!("The values of parameter {place} are inconsistent.")));
    }
    Ok(Aggregate::of_set(count, sum, minimum, maximum))
}

fn distribution(input: Input<'_>, place: &str) -> Result<Vec<Aggregate>, AwsError> {
    let values = numbers(input, "Values", place)?;
    let counts = match numbers(input, "Counts", place)? {
        counts if counts.is_empty() => vec![1.0; values.len()],
        counts => counts,
    };
    if values.len() > MOST_VALUES {
        return Err(input.refuse(format!(
            "The collection {place}.Values must not have a size greater than {MOST_VALUES}."
        )));
    }
    if values.len() != counts.len() {
        return Err(input.refuse(format!(
            "The parameters {place}.Values and {place}.Counts must have the same size."
        )));
    }
    let is_positive = |count: &f64| *count > 0.0;
    if !counts.iter().all(is_positive) {
        return Err(input.refuse(format!("The counts of {place}.Counts must be positive.")));
    }
    Ok(values
        .into_iter()
        .zip(counts)
        .map(|(value, count)| Aggregate::of(value, count))
        .collect())
}

fn number(input: Input<'_>, name: &str, place: &str) -> Result<Option<f64>, AwsError> {
    input
        .number(name)?
        .map(|value| checked(value, &format!("{place}.{name}")))
        .transpose()
}

fn numbers(input: Input<'_>, name: &str, place: &str) -> Result<Vec<f64>, AwsError> {
    input
        .list(name)?
        .iter()
        .map(|value| {
            let number = match value {
                Value::String(digits) => digits.parse().ok(),
                number => number.as_f64(),
            };
            let place = format!("{place}.{name}");
            let number = number
                .ok_or_else(|| input.refuse(format!("The parameter {place} must be numbers.")))?;
            checked(number, &place)
        })
        .collect()
}

fn checked(value: f64, place: &str) -> Result<f64, AwsError> {
    if value.is_finite() && value.abs() <= HIGHEST {
        Ok(value)
    } else {
        Err(AwsError::new(
            INVALID,
            format!("The value {value} for parameter {place} is invalid."),
        ))
    }
}

fn has(metric: &Metric, (name, value): &(&str, Option<&str>)) -> bool {
    metric
        .dimensions
        .iter()
        .any(|(known, own)| known == name && value.is_none_or(|value| own == value))
}

/// In the order of metrics.
fn key(metric: &Metric) -> String {
    let mut key = format!("{}\0{}", metric.namespace, metric.name);
    for (name, value) in &metric.dimensions {
        key.push('\0');
        key.push_str(name);
        key.push('\0');
        key.push_str(value);
    }
    key
}

fn members(metric: &Metric) -> Value {
    json!({
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": dimension_members(&metric.dimensions),
    })
}

/// The unit in which AWS publishes the metrics of its own services.
pub(super) fn unit_of(namespace: &str, metric: &str) -> &'static str {
    match namespace {
        "AWS/ECS" if metric.ends_with("Utilization") || metric.ends_with("Reservation") => {
            "Percent"
        }
        "AWS/ApplicationELB" if metric == "TargetResponseTime" => "Seconds",
        "AWS/ApplicationELB" if metric.ends_with("Bytes") => "Bytes",
        "AWS/ApplicationELB" if metric.contains("Count") => "Count",
        "ECS/ContainerInsights" if metric.ends_with("Count") => "Count",
        _ => "None",
    }
}
