//! Queries over metrics: a statistic of a metric, or an expression over other queries.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::expression::{Data, Expression, Scope, Series};
use super::request::{self, missing};
use super::series::{Metric, Samples};
use super::statistics::{Aggregate, Statistic, buckets};
use crate::protocol::{AwsError, Input};

/// What is read of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stat {
    pub namespace: String,
    pub name: String,
    pub dimensions: Vec<(String, String)>,
    /// Seconds.
    pub period: i64,
    /// A statistic's name, known to be one.
    pub statistic: String,
    pub unit: Option<String>,
}

/// One query of several, known by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Query {
    pub id: String,
    pub source: Source,
    pub label: Option<String>,
    pub return_data: Option<bool>,
    /// Seconds; of an expression.
    pub period: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Source {
    Stat(Stat),
    Expression(String),
}

/// The time that is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Where the first period begins; milliseconds since 1970.
    pub from_ms: i64,
    /// Where the last one ends.
    pub to_ms: i64,
    /// How many seconds of a period pass in a real second: 1 for clients, the clock's speed for alarms.
    pub speed: f64,
}

impl Window {
    /// How long a period of so many seconds really is; milliseconds, at least one.
    pub(super) fn width_ms(&self, period: i64) -> i64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "periods are at most a week"
        )]
        let width = (period as f64 * 1000.0 / self.speed).round() as i64;
        width.max(1)
    }

    fn times(&self, width_ms: i64) -> Vec<i64> {
        let step = usize::try_from(width_ms).unwrap_or(usize::MAX);
        (self.from_ms..self.to_ms).step_by(step).collect()
    }
}

impl Stat {
    /// Reads `MetricStat`.
    fn read(input: Input<'_>) -> Result<Self, AwsError> {
        let metric = request::metric(
            input
                .structure("Metric")?
                .ok_or_else(|| missing("Metric"))?,
        )?;
        let statistic = request::required(input, "Stat")?;
        request::statistic(input, statistic)?;
        let period = request::period(input)?.ok_or_else(|| missing("Period"))?;
        Ok(Self::new(metric, period, statistic, request::unit(input)?))
    }

    pub(super) fn new(metric: Metric, period: i64, statistic: &str, unit: Option<&str>) -> Self {
        Self {
            namespace: metric.namespace,
            name: metric.name,
            dimensions: metric.dimensions,
            period,
            statistic: statistic.to_owned(),
            unit: unit.map(str::to_owned),
        }
    }

    pub(super) fn metric(&self) -> Metric {
        Metric::new(&self.namespace, &self.name, self.dimensions.clone())
    }

    /// The periods of the window that have data.
    pub(super) fn periods(
        &self,
        samples: &Samples,
        window: Window,
    ) -> rusqlite::Result<BTreeMap<i64, Aggregate>> {
        let points = samples.read(
            &self.metric(),
            self.unit.as_deref(),
            window.from_ms,
            window.to_ms,
        )?;
        let all = points.into_iter().flat_map(|points| points.points);
        Ok(buckets(all, window.width_ms(self.period), window.from_ms))
    }

    pub(super) fn value(&self, period: &Aggregate) -> Option<f64> {
        Statistic::parse(&self.statistic).and_then(|statistic| statistic.of(period))
    }

    fn series(&self, samples: &Samples, window: Window) -> rusqlite::Result<Series> {
        Ok(self
            .periods(samples, window)?
            .into_iter()
            .filter_map(|(start, period)| self.value(&period).map(|value| (start, value)))
            .collect())
    }

    /// The member `Metric`.
    pub(super) fn metric_member(&self) -> Value {
        json!({
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": dimension_members(&self.dimensions),
        })
    }
}

/// The member `Dimensions`.
pub(super) fn dimension_members(dimensions: &[(String, String)]) -> Value {
    dimensions
        .iter()
        .map(|(name, value)| json!({ "Name": name, "Value": value }))
        .collect()
}

impl Query {
    /// Reads one `MetricDataQuery`.
    fn read(input: Input<'_>) -> Result<Self, AwsError> {
        let id = request::required(input, "Id")?;
        let is_valid = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_valid {
            return Err(invalid(format!(
                "The value '{id}' for the Id of a query must begin with a lower-case letter and have only letters, digits and underscores."
            )));
        }
        let source = match (input.structure("MetricStat")?, input.text("Expression")?) {
            (Some(stat), None) => Source::Stat(Stat::read(stat)?),
            (None, Some(text)) => {
                Expression::parse(text)
                    .map_err(|error| invalid(format!("Error in expression '{id}': {error}")))?;
                Source::Expression(text.to_owned())
            }
            _ => {
                return Err(invalid(format!(
                    "The query '{id}' must have either MetricStat or Expression."
                )));
            }
        };
        Ok(Self {
            id: id.to_owned(),
            source,
            label: input.text("Label")?.map(str::to_owned),
            return_data: input.flag("ReturnData")?,
            period: request::period(input)?,
        })
    }

    pub(super) fn returns_data(&self) -> bool {
        self.return_data.unwrap_or(true)
    }

    /// The `MetricDataQuery` again.
    pub(super) fn members(&self) -> Value {
        let mut members = json!({ "Id": self.id });
        match &self.source {
            Source::Stat(stat) => {
                members["MetricStat"] = json!({
                    "Metric": stat.metric_member(),
                    "Period": stat.period,
                    "Stat": stat.statistic,
                });
                if let Some(unit) = &stat.unit {
                    members["MetricStat"]["Unit"] = unit.clone().into();
                }
            }
            Source::Expression(text) => members["Expression"] = text.clone().into(),
        }
        if let Some(label) = &self.label {
            members["Label"] = label.clone().into();
        }
        if let Some(flag) = self.return_data {
            members["ReturnData"] = flag.into();
        }
        if let Some(period) = self.period {
            members["Period"] = period.into();
        }
        members
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationError", message)
}

/// Queries whose ids are unique and whose expressions refer to no others, not even in a circle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Queries(Vec<Query>);

impl Queries {
    /// Reads a list of `MetricDataQuery`.
    pub(super) fn read(input: Input<'_>, name: &str) -> Result<Self, AwsError> {
        let queries: Vec<Query> = input
            .structures(name)?
            .into_iter()
            .map(Query::read)
            .collect::<Result<_, _>>()?;
        let mut known = BTreeSet::new();
        for query in &queries {
            if !known.insert(query.id.as_str()) {
                return Err(invalid(format!(
                    "The values for parameter Id in {name} are not unique: '{}'.",
                    query.id
                )));
            }
        }
        for query in &queries {
            for referred in query.names()? {
                if !known.contains(referred.as_str()) {
                    return Err(invalid(format!(
                        "Error in expression '{}': no query has the id '{referred}'",
                        query.id
                    )));
                }
            }
        }
        let queries = Self(queries);
        queries.order()?;
        Ok(queries)
    }

    pub(super) fn all(&self) -> &[Query] {
        &self.0
    }

    /// The length of the expressions' periods: the shortest of the metrics', in seconds.
    pub(super) fn period(&self) -> i64 {
        let stats = self.0.iter().filter_map(|query| match &query.source {
            Source::Stat(stat) => Some(stat.period),
            Source::Expression(_) => query.period,
        });
        stats.min().unwrap_or(60)
    }

    /// The queries in an order in which each comes after those that it refers to.
    fn order(&self) -> Result<Vec<&Query>, AwsError> {
        let mut ordered: Vec<&Query> = Vec::new();
        let mut waiting: Vec<(&Query, Vec<String>)> = self
            .0
            .iter()
            .map(|query| Ok((query, query.names()?)))
            .collect::<Result<_, AwsError>>()?;
        while !waiting.is_empty() {
            let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, names)| {
                names
                    .iter()
                    .all(|name| ordered.iter().any(|query| query.id == *name))
            });
            if ready.is_empty() {
                return Err(invalid(
                    "Error in expressions: they refer to each other in a circle",
                ));
            }
            ordered.extend(ready.into_iter().map(|(query, _)| query));
            waiting = rest;
        }
        Ok(ordered)
    }

    /// The value of every query over the window.
    pub(super) fn compute(
        &self,
        samples: &Samples,
        window: Window,
    ) -> Result<BTreeMap<String, Data>, AwsError> {
        let metrics: Vec<String> = self
            .0
            .iter()
            .filter(|query| matches!(query.source, Source::Stat(_)))
            .map(|query| query.id.clone())
            .collect();
        let period_ms = window.width_ms(self.period());
        let times = window.times(period_ms);
        let mut values = BTreeMap::new();
        // Metrics come first, because METRICS() refers to them without naming them.
        for query in &self.0 {
            if let Source::Stat(stat) = &query.source {
                let series = stat.series(samples, window)?;
                values.insert(query.id.clone(), Data::Series(series));
            }
        }
        for query in self.order()? {
            if let Source::Expression(text) = &query.source {
                let scope = Scope {
                    values: &values,
                    metrics: &metrics,
                    times: &times,
                    period_ms,
                };
                let value = Expression::parse(text)
                    .and_then(|expression| expression.evaluate(&scope))
                    .map_err(|error| {
                        invalid(format!("Error in expression '{}': {error}", query.id))
                    })?;
                values.insert(query.id.clone(), value);
            }
        }
        Ok(values)
    }

    /// A value as series: a number stands for itself in every period.
    pub(super) fn as_series(&self, data: Data, window: Window) -> Vec<Series> {
        match data {
            Data::Series(series) => vec![series],
            Data::List(list) => list,
            Data::Scalar(value) => {
                let times = window.times(window.width_ms(self.period()));
                vec![
                    times
                        .into_iter()
                        .filter(|_| value.is_finite())
                        .map(|time| (time, value))
                        .collect(),
                ]
            }
        }
    }
}

impl Query {
    /// The ids that the query refers to.
    fn names(&self) -> Result<Vec<String>, AwsError> {
        match &self.source {
            Source::Stat(_) => Ok(Vec::new()),
            Source::Expression(text) => Expression::parse(text)
                .map(|expression| expression.names().into_iter().map(str::to_owned).collect())
                .map_err(|error| invalid(format!("Error in expression '{}': {error}", self.id))),
        }
    }
}
