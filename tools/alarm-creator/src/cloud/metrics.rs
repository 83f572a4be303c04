//! Metrics over time.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use aws::explain;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{DimensionFilter, ScanBy};

use super::Cloud;
use crate::definition::Input;
use crate::history::{History, Selector, Series};

/// Metrics a call: GetMetricData gives at most 100,800 datapoints, and two weeks have 20,160 minutes.
const METRICS_A_CALL: usize = 5;

/// What to ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// Seconds of one period.
    pub(crate) period: i32,
    pub(crate) periods: usize,
}

impl Cloud {
    /// What metrics were until now.
    pub(crate) async fn history(&self, inputs: &[Input], span: Span) -> anyhow::Result<History> {
        let period_ms = i64::from(span.period) * 1000;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let now_ms = i64::try_from(now.as_millis()).context("the clock is beyond all times")?;
        // The period that is going on is not whole.
        let to_ms = now_ms.div_euclid(period_ms) * period_ms;
        let from_ms = to_ms - period_ms * i64::try_from(span.periods).unwrap_or(0);
        let mut series = Vec::new();
        for inputs in inputs.chunks(METRICS_A_CALL) {
            series.extend(self.points(inputs, span.period, from_ms, to_ms).await?);
        }
        Ok(History {
            period_ms,
            from_ms,
            periods: span.periods,
            series,
        })
    }

    async fn points(
        &self,
        inputs: &[Input],
        period: i32,
        from_ms: i64,
        to_ms: i64,
    ) -> anyhow::Result<Vec<Series>> {
        let id = |place: usize| format!("m{place}");
        let queries = inputs
            .iter()
            .enumerate()
            .map(|(place, input)| input.query(&id(place), period, true))
            .collect();
        let mut pages = self
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries))
            .start_time(moment(from_ms))
            .end_time(moment(to_ms))
            .scan_by(ScanBy::TimestampAscending)
            .into_paginator()
            .send();
        let mut found: BTreeMap<String, BTreeMap<usize, f64>> = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                let names: Vec<&str> = inputs.iter().map(|input| input.metric.as_str()).collect();
                explain(&format!("read the metrics {}", names.join(", ")), error)
            })?;
            for result in page.metric_data_results() {
                let points = found
                    .entry(result.id().unwrap_or_default().to_owned())
                    .or_default();
                for (time, value) in result.timestamps().iter().zip(result.values()) {
                    let since = time.to_millis()? - from_ms;
                    if let Ok(place) = usize::try_from(since / (i64::from(period) * 1000)) {
                        points.insert(place, *value);
                    }
                }
            }
        }
        Ok(inputs
            .iter()
            .enumerate()
            .map(|(place, input)| Series {
                of: Selector::of(input),
                points: found.remove(&id(place)).unwrap_or_default(),
            })
            .collect())
    }

    /// Whether CloudWatch has ever heard of the metric within the last two weeks.
    pub(crate) async fn knows(&self, input: &Input) -> anyhow::Result<bool> {
        let dimensions = input
            .dimensions
            .iter()
            .map(|(name, value)| DimensionFilter::builder().name(name).value(value).build())
            .collect();
        let answer = self
            .cloudwatch
            .list_metrics()
            .namespace(&input.namespace)
            .metric_name(&input.metric)
            .set_dimensions(Some(dimensions))
            .send()
            .await
            .map_err(|error| explain(&format!("look for the metric {}", input.metric), error))?;
        Ok(!answer.metrics().is_empty())
    }
}

fn moment(milliseconds: i64) -> DateTime {
    let since = Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
    DateTime::from(UNIX_EPOCH + since)
}
