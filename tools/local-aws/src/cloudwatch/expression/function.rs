//! The functions of metric math.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::evaluate::{Scope, finite, map};
use super::{Data, ExpressionError, Node, Series};

/// Every function with the least and the most arguments that it takes.
const FUNCTIONS: [(&str, usize, usize); 28] = [
    ("ABS", 1, 1),
    ("AVG", 1, 1),
    ("CEIL", 1, 1),
    ("DATAPOINT_COUNT", 1, 1),
    ("DATE", 1, 1),
    ("DAY", 1, 1),
    ("DIFF", 1, 1),
    ("EPOCH", 1, 1),
    ("FILL", 2, 2),
    ("FIRST", 1, 1),
    ("FLOOR", 1, 1),
    ("HOUR", 1, 1),
    ("IF", 2, 3),
    ("LAST", 1, 1),
    ("LOG", 1, 1),
    ("LOG10", 1, 1),
    ("MAX", 1, 1),
    ("METRICS", 0, 1),
    ("METRIC_COUNT", 1, 1),
    ("MIN", 1, 1),
    ("MINUTE", 1, 1),
    ("MONTH", 1, 1),
    ("PERIOD", 1, 1),
    ("RATE", 1, 1),
    ("RUNNING_SUM", 1, 1),
    ("SUM", 1, 1),
    ("TIME_SERIES", 1, 1),
    ("YEAR", 1, 1),
];

/// The names that may stand for FILL's second argument.
pub(super) fn is_fill_mode(name: &str) -> bool {
    matches!(name, "REPEAT" | "LINEAR")
}

/// Refuses an unknown function and a wrong number of arguments.
pub(super) fn check(name: &str, arguments: usize) -> Result<(), ExpressionError> {
    match FUNCTIONS.iter().find(|(known, ..)| *known == name) {
        None => Err(ExpressionError::new(format!(
            "local-aws has no function '{name}'"
        ))),
        Some((_, least, most)) if !(*least..=*most).contains(&arguments) => {
            Err(ExpressionError::new(format!(
                "the function '{name}' does not take {arguments} arguments"
            )))
        }
        Some(_) => Ok(()),
    }
}

pub(super) fn call(
    scope: &Scope<'_>,
    name: &str,
    arguments: &[Node],
) -> Result<Data, ExpressionError> {
    match (name, arguments) {
        ("METRICS", []) => metrics(scope, ""),
        ("METRICS", [Node::Text(part)]) => metrics(scope, part),
        ("FILL", [data, with]) => fill(scope, scope.evaluate(data)?, with),
        ("IF", [condition, then]) => choose(
            &scope.evaluate(condition)?,
            &scope.evaluate(then)?,
            &Data::Series(Series::new()),
        ),
        ("IF", [condition, then, otherwise]) => choose(
            &scope.evaluate(condition)?,
            &scope.evaluate(then)?,
            &scope.evaluate(otherwise)?,
        ),
        (_, [argument]) => unary(scope, name, scope.evaluate(argument)?),
        _ => Err(ExpressionError::new(format!(
            "the function '{name}' does not take these arguments"
        ))),
    }
}

fn unary(scope: &Scope<'_>, name: &str, data: Data) -> Result<Data, ExpressionError> {
    Ok(match name {
        "ABS" => map(data, f64::abs),
        "CEIL" => map(data, f64::ceil),
        "FLOOR" => map(data, f64::floor),
        "LOG" => map(data, f64::ln),
        "LOG10" => map(data, f64::log10),
        "SUM" => fold(data, |values| values.iter().sum()),
        "AVG" => fold(data, mean),
        "MIN" => fold(data, |values| {
            values.iter().copied().fold(f64::INFINITY, f64::min)
        }),
        "MAX" => fold(data, |values| {
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        }),
        "DATE" | "DAY" | "EPOCH" | "HOUR" | "MINUTE" | "MONTH" | "YEAR" => {
            each(data, |series| calendar(name, series))?
        }
        "DIFF" => each(data, |series| steps(series, |_, change| change))?,
        // Per real second, whatever the speed of the clock.
        "RATE" => each(data, |series| {
            steps(series, |seconds, change| change / seconds)
        })?,
        "RUNNING_SUM" => each(data, running_sum)?,
        "DATAPOINT_COUNT" => fold_each(data, count)?,
        "FIRST" => fold_each(data, |series| {
            series.values().next().copied().unwrap_or(f64::NAN)
        })?,
        "LAST" => fold_each(data, |series| {
            series.values().next_back().copied().unwrap_or(f64::NAN)
        })?,
        #[expect(clippy::cast_precision_loss, reason = "a handful of metrics")]
        "METRIC_COUNT" => Data::Scalar(match data {
            Data::List(list) => list.len() as f64,
            Data::Scalar(_) | Data::Series(_) => 1.0,
        }),
        #[expect(clippy::cast_precision_loss, reason = "periods are far below 2^53 ms")]
        "PERIOD" => Data::Scalar(scope.period_ms as f64 / 1000.0),
        "TIME_SERIES" => match data {
            Data::Scalar(value) => Data::Series(scope.constant(value)),
            other => other,
        },
        other => {
            return Err(ExpressionError::new(format!(
                "the function '{other}' does not take one argument"
            )));
        }
    })
}

fn metrics(scope: &Scope<'_>, part: &str) -> Result<Data, ExpressionError> {
    let mut list = Vec::new();
    for id in scope.metrics.iter().filter(|id| id.contains(part)) {
        match scope.values.get(id) {
            Some(Data::Series(series)) => list.push(series.clone()),
            _ => {
                return Err(ExpressionError::new(format!("no metric has the id '{id}'")));
            }
        }
    }
    Ok(Data::List(list))
}

/// One value from all of a series, or one series from several: at each time over those that have a point.
fn fold(data: Data, join: impl Fn(&[f64]) -> f64) -> Data {
    match data {
        Data::Scalar(value) => Data::Scalar(value),
        Data::Series(series) => {
            let values: Vec<f64> = series.into_values().collect();
            Data::Scalar(join(&values))
        }
        Data::List(list) => {
            let mut by_time: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
            for (time, value) in list.into_iter().flatten() {
                by_time.entry(time).or_default().push(value);
            }
            Data::Series(finite(
                by_time
                    .into_iter()
                    .map(|(time, values)| (time, join(&values))),
            ))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful of datapoints")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[expect(clippy::cast_precision_loss, reason = "a handful of datapoints")]
fn count(series: &Series) -> f64 {
    series.len() as f64
}

fn each(data: Data, change: impl Fn(&Series) -> Series) -> Result<Data, ExpressionError> {
    match data {
        Data::Series(series) => Ok(Data::Series(change(&series))),
        Data::List(list) => Ok(Data::List(list.iter().map(change).collect())),
        Data::Scalar(_) => Err(ExpressionError::new(
            "a number stands where a series is needed",
        )),
    }
}

fn fold_each(data: Data, read: impl Fn(&Series) -> f64) -> Result<Data, ExpressionError> {
    match data {
        Data::Series(series) => Ok(Data::Scalar(read(&series))),
        Data::Scalar(_) | Data::List(_) => {
            Err(ExpressionError::new("exactly one series is needed"))
        }
    }
}

/// A part of each point's own time, in UTC.
fn calendar(part: &str, series: &Series) -> Series {
    let read = |time: i64| {
        let timestamp = Timestamp::from_millisecond(time).unwrap_or_default();
        let moment = Offset::UTC.to_datetime(timestamp);
        match part {
            "DATE" => f64::from(moment.day()),
            // Monday is 1.
            "DAY" => f64::from(moment.weekday().to_monday_one_offset()),
            "HOUR" => f64::from(moment.hour()),
            "MINUTE" => f64::from(moment.minute()),
            "MONTH" => f64::from(moment.month()),
            "YEAR" => f64::from(moment.year()),
            #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
            _ => timestamp.as_second() as f64,
        }
    };
    series.keys().map(|time| (*time, read(*time))).collect()
}

/// From each point to the next: `change` gets the seconds between them and the difference of their values.
fn steps(series: &Series, change: impl Fn(f64, f64) -> f64) -> Series {
    let points: Vec<(i64, f64)> = series.iter().map(|(time, value)| (*time, *value)).collect();
    finite(points.windows(2).map(|pair| {
        let (before, after) = (pair[0], pair[1]);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53 ms")]
        let seconds = (after.0 - before.0) as f64 / 1000.0;
        (after.0, change(seconds, after.1 - before.1))
    }))
}

fn running_sum(series: &Series) -> Series {
    let mut sum = 0.0;
    series
        .iter()
        .map(|(time, value)| {
            sum += value;
            (*time, sum)
        })
        .collect()
}

/// At every time that the condition has, one of the two.
fn choose(condition: &Data, then: &Data, otherwise: &Data) -> Result<Data, ExpressionError> {
    match condition {
        Data::Scalar(value) => Ok(if *value == 0.0 { otherwise } else { then }.clone()),
        Data::Series(condition) => {
            let mut chosen = Series::new();
            for (time, value) in condition {
                let from = if *value == 0.0 { otherwise } else { then };
                if let Some(value) = at(from, *time)? {
                    chosen.insert(*time, value);
                }
            }
            Ok(Data::Series(finite(chosen.into_iter())))
        }
        Data::List(_) => Err(ExpressionError::new(
            "IF needs one series as its condition, not an array",
        )),
    }
}

fn at(data: &Data, time: i64) -> Result<Option<f64>, ExpressionError> {
    match data {
        Data::Scalar(value) => Ok(Some(*value)),
        Data::Series(series) => Ok(series.get(&time).copied()),
        Data::List(_) => Err(ExpressionError::new(
            "IF needs numbers or single series to choose from, not an array",
        )),
    }
}

fn fill(scope: &Scope<'_>, data: Data, with: &Node) -> Result<Data, ExpressionError> {
    match with {
        Node::Name(mode) if mode == "REPEAT" => each(data, |series| repeat(scope, series)),
        Node::Name(mode) if mode == "LINEAR" => each(data, |series| linear(scope, series)),
        value => match scope.evaluate(value)? {
            Data::Scalar(value) => each(data, |series| {
                let mut filled = scope.constant(value);
                filled.extend(series);
                filled
            }),
            Data::Series(values) => each(data, |series| {
                let mut filled = values.clone();
                filled.extend(series);
                filled
            }),
            Data::List(_) => Err(ExpressionError::new(
                "FILL needs a number or a single series to fill with, not an array",
            )),
        },
    }
}

/// Fills with the last value before.
fn repeat(scope: &Scope<'_>, series: &Series) -> Series {
    let mut last = None;
    let mut filled = Series::new();
    for time in scope.times {
        last = series.get(time).copied().or(last);
        if let Some(value) = last {
            filled.insert(*time, value);
        }
    }
    filled
}

/// Fills on the straight line between the points before and after.
fn linear(scope: &Scope<'_>, series: &Series) -> Series {
    let mut filled = series.clone();
    for time in scope.times {
        let before = series.range(..time).next_back();
        let after = series.range(time..).next();
        if let (Some((start, from)), Some((end, to))) = (before, after) {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53 ms")]
            let part = (time - start) as f64 / (end - start) as f64;
            filled.insert(*time, from + (to - from) * part);
        }
    }
    filled
}
