//! GetMetricStatistics and GetMetricData.

use serde_json::{Map, Value, json};

use super::CloudWatch;
use super::query::{Queries, Query, Source, Stat, Window};
use super::request::{self, combination, missing};
use super::statistics::{Aggregate, Statistic, buckets, floor};
use crate::protocol::{Answer, AwsError, Input, map, timestamp};

/// Datapoints of one GetMetricStatistics.
const MOST_STATISTICS: i64 = 1440;
/// Datapoints of one page of GetMetricData.
const MOST_DATAPOINTS: usize = 100_800;
const MOST_QUERIES: usize = 500;

impl CloudWatch {
    pub(super) fn get_metric_statistics(&self, input: Input<'_>) -> Answer {
        let metric = request::metric(input)?;
        let period = request::period(input)?.ok_or_else(|| missing("Period"))?;
        let window = window(input, period)?;
        let width = window.width_ms(period);
        let asked = (window.to_ms - window.from_ms + width - 1) / width;
        if asked > MOST_STATISTICS {
            return Err(combination(format!(
                "You have requested up to {asked} datapoints, which exceeds the limit of {MOST_STATISTICS}. \
                 You may reduce the datapoints requested by increasing Period, or decreasing the time range."
            )));
        }
        let plain = statistics(input, "Statistics")?;
        let extended = statistics(input, "ExtendedStatistics")?;
        if plain.is_empty() && extended.is_empty() {
            return Err(combination(
                "At least one of Statistics and ExtendedStatistics must be given.",
            ));
        }
        let label = metric.name.clone();
        let mut datapoints = Vec::new();
        for points in
            self.samples
                .read(&metric, request::unit(input)?, window.from_ms, window.to_ms)?
        {
            for (start, bucket) in buckets(points.points, width, window.from_ms) {
                datapoints.push(datapoint(start, &bucket, &points.unit, &plain, &extended));
            }
        }
        Ok(json!({ "Label": label, "Datapoints": datapoints }))
    }

    pub(super) fn get_metric_data(&self, input: Input<'_>) -> Answer {
        let queries = Queries::read(input, "MetricDataQueries")?;
        if queries.all().is_empty() {
            return Err(missing("MetricDataQueries"));
        }
        if queries.all().len() > MOST_QUERIES {
            return Err(input.refuse(format!(
                "The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}."
            )));
        }
        let window = window(input, queries.period())?;
        let is_ascending = match input.text("ScanBy")? {
            None | Some("TimestampDescending") => false,
            Some("TimestampAscending") => true,
            Some(other) => {
                return Err(input.refuse(format!(
                    "The value {other} for parameter ScanBy is invalid."
                )));
            }
        };
        let mut page = Page::of(input)?;
        let mut values = queries.compute(&self.samples, window)?;
        let mut results = Vec::new();
        for query in queries.all().iter().filter(|query| query.returns_data()) {
            let Some(value) = values.remove(&query.id) else {
                continue;
            };
            for series in queries.as_series(value, window) {
                let mut points: Vec<(i64, f64)> = series.into_iter().collect();
                if !is_ascending {
                    points.reverse();
                }
                results.push(page.result(query, &points));
            }
        }
        let mut answer = json!({ "MetricDataResults": results, "Messages": [] });
        if let Some(token) = page.token() {
            answer["NextToken"] = token;
        }
        Ok(answer)
    }
}

/// `StartTime` to before `EndTime`, the start at a whole minute or, for shorter periods, at a whole period.
fn window(input: Input<'_>, period: i64) -> Result<Window, AwsError> {
    let start = request::required_time(input, "StartTime")?;
    let end = request::required_time(input, "EndTime")?;
    if start >= end {
        return Err(
            input.refuse("The parameter StartTime must be less than the parameter EndTime.")
        );
    }
    Ok(Window {
        from_ms: floor(start, period.min(60) * 1000),
        to_ms: end,
        speed: 1.0,
    })
}

type Named = Vec<(String, Statistic)>;

fn statistics(input: Input<'_>, member: &str) -> Result<Named, AwsError> {
    input
        .texts(member)?
        .into_iter()
        .map(|text| Ok((text.to_owned(), request::statistic(input, text)?)))
        .collect()
}

fn datapoint(start: i64, bucket: &Aggregate, unit: &str, plain: &Named, extended: &Named) -> Value {
    let read = |named: &Named| -> Map<String, Value> {
        named
            .iter()
            .filter_map(|(name, statistic)| Some((name.clone(), json!(statistic.of(bucket)?))))
            .collect()
    };
    let mut members = json!({ "Timestamp": timestamp(start), "Unit": unit });
    if let Some(members) = members.as_object_mut() {
        members.extend(read(plain));
    }
    if !extended.is_empty() {
        members["ExtendedStatistics"] = map(read(extended));
    }
    members
}

/// How many datapoints of all results were returned before, and how many may be now.
struct Page {
    skipped: usize,
    left: usize,
    /// Datapoints returned in this page and before it, and whether any were left out after it.
    returned: usize,
    is_cut: bool,
}

impl Page {
    fn of(input: Input<'_>) -> Result<Self, AwsError> {
        let skipped = match request::after_token(input)? {
            None => 0,
            Some(number) => match number.parse() {
                Ok(number) => number,
                Err(_) => {
                    return Err(AwsError::new(
                        "InvalidNextToken",
                        "The value for NextToken is invalid.",
                    ));
                }
            },
        };
        let most = input
            .integer("MaxDatapoints")?
            .and_then(|most| usize::try_from(most).ok())
            .filter(|most| *most > 0)
            .unwrap_or(MOST_DATAPOINTS);
        Ok(Self {
            skipped,
            left: most.min(MOST_DATAPOINTS),
            returned: skipped,
            is_cut: false,
        })
    }

    fn result(&mut self, query: &Query, points: &[(i64, f64)]) -> Value {
        let skipped = self.skipped.min(points.len());
        self.skipped -= skipped;
        let rest = &points[skipped..];
        let taken = &rest[..self.left.min(rest.len())];
        self.left -= taken.len();
        self.returned += taken.len();
        let is_complete = taken.len() == rest.len();
        self.is_cut |= !is_complete;
        json!({
            "Id": query.id,
            "Label": label(query),
            "Timestamps": taken.iter().map(|(time, _)| timestamp(*time)).collect::<Vec<_>>(),
            "Values": taken.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            "StatusCode": if is_complete { "Complete" } else { "PartialData" },
        })
    }

    fn token(&self) -> Option<Value> {
        self.is_cut
            .then(|| request::token(&self.returned.to_string()))
    }
}

fn label(query: &Query) -> &str {
    match (&query.label, &query.source) {
        (Some(label), _) => label,
        (None, Source::Stat(Stat { name, .. })) => name,
        (None, Source::Expression(_)) => &query.id,
    }
}
