//! What metrics were, a period at a time, and what an alarm would have made of it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::{Input, Measure};
use crate::math::Values;
use crate::set::Wanted;

/// Datapoints of several metrics over one span of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct History {
    /// Length of a period in milliseconds.
    pub(crate) period_ms: i64,
    /// Beginning of the first period; milliseconds since 1970.
    pub(crate) from_ms: i64,
    /// How many periods there are.
    pub(crate) periods: usize,
    pub(crate) series: Vec<Series>,
}

/// One metric's datapoints.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) of: Selector,
    /// By the place of their period.
    pub(crate) points: BTreeMap<usize, f64>,
}

/// Which metric a series is: what is not said fits anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) namespace: Option<String>,
    pub(crate) metric: String,
    pub(crate) statistic: String,
    /// The names of its dimensions. Their values differ from one account to the other.
    pub(crate) dimensions: Option<BTreeSet<String>>,
}

impl Selector {
    pub(crate) fn of(input: &Input) -> Self {
        Self {
            namespace: Some(input.namespace.clone()),
            metric: input.metric.clone(),
            statistic: input.statistic.clone(),
            dimensions: Some(names(input)),
        }
    }

    pub(crate) fn fits(&self, input: &Input) -> bool {
        self.metric == input.metric
            && self.statistic.eq_ignore_ascii_case(&input.statistic)
            && self
                .namespace
                .as_ref()
                .is_none_or(|namespace| *namespace == input.namespace)
            && self
                .dimensions
                .as_ref()
                .is_none_or(|dimensions| *dimensions == names(input))
    }
}

fn names(input: &Input) -> BTreeSet<String> {
    input
        .dimensions
        .iter()
        .map(|(name, _)| name.clone())
        .collect()
}

impl History {
    /// When the period at a place begins; milliseconds since 1970.
    pub(crate) fn time(&self, place: usize) -> i64 {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        self.from_ms + place.saturating_mul(self.period_ms)
    }

    pub(crate) fn series(&self, input: &Input) -> Option<&Series> {
        self.series.iter().find(|series| series.of.fits(input))
    }

    /// How many of this history's periods make one of the alarm's.
    pub(crate) fn width(&self, wanted: &Wanted) -> usize {
        let minutes = wanted.definition.period / crate::definition::MINUTE;
        usize::try_from(minutes).unwrap_or(1).max(1)
    }

    /// The alarm's datapoint of the period that begins at each place; none where CloudWatch would have none. A metric
    /// that is not in the history at all has no datapoint.
    pub(crate) fn values(&self, wanted: &Wanted) -> Vec<Option<f64>> {
        let width = self.width(wanted);
        let inputs: Vec<(&str, Vec<Option<f64>>)> = wanted
            .definition
            .measure
            .inputs()
            .into_iter()
            .map(|(id, input)| (id, self.joined(input, width)))
            .collect();
        (0..self.periods)
            .map(|place| {
                let values: Values<'_> = inputs
                    .iter()
                    .filter_map(|(id, points)| Some((*id, points[place]?)))
                    .collect();
                match (&wanted.math, &wanted.definition.measure) {
                    (Some(math), _) => math.value(&values, self.time(place)),
                    (None, Measure::Metric(_)) => values.get("").copied(),
                    (None, Measure::Expression { .. } | Measure::Foreign) => None,
                }
            })
            .collect()
    }

    /// `width` datapoints made one, from each place on.
    fn joined(&self, input: &Input, width: usize) -> Vec<Option<f64>> {
        let points = self.series(input).map(|series| &series.points);
        (0..self.periods)
            .map(|place| {
                let found: Vec<f64> = points?
                    .range(place..place + width)
                    .map(|(_, value)| *value)
                    .collect();
                join(&input.statistic, &found)
            })
            .collect()
    }
}

/// One datapoint of a longer period. An average of averages is that of equally many samples; a percentile is at most
/// the greatest one.
#[expect(clippy::cast_precision_loss, reason = "a handful of datapoints")]
fn join(statistic: &str, points: &[f64]) -> Option<f64> {
    let first = *points.first()?;
    Some(match statistic {
        "Sum" | "SampleCount" => points.iter().sum(),
        "Minimum" => points.iter().copied().fold(first, f64::min),
        "Average" => points.iter().sum::<f64>() / points.len() as f64,
        _ => points.iter().copied().fold(first, f64::max),
    })
}
