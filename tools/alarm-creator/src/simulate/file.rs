//! Metrics in files: what `--save` writes, a CSV table, or the answer of GetMetricStatistics.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolkit::Fault;

use crate::history::{History, Selector, Series};

/// More than CloudWatch gives in one answer, and than this program looks at in a reasonable time.
const MOST_PERIODS: usize = 200_000;
const STATISTICS: [&str; 5] = ["Sum", "Average", "Maximum", "Minimum", "SampleCount"];

/// What `--save` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// Seconds.
    period: i64,
    /// Beginning of the first period.
    from: String,
    /// How many periods there are.
    periods: usize,
    series: Vec<SavedSeries>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SavedSeries {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    namespace: Option<String>,
    metric: String,
    statistic: String,
    /// Names of the dimensions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    dimensions: Option<BTreeSet<String>>,
    /// Place of the period from 0 on, and value; a period without data is left out.
    points: Vec<(usize, f64)>,
}

impl contract::Document for Saved {
    const KIND: &'static str = "metric-history";
    const SCHEMA: u32 = 1;
}

impl Saved {
    pub(crate) fn of(history: &History) -> Self {
        Self {
            period: history.period_ms / 1000,
            from: moment(history.from_ms),
            periods: history.periods,
            series: history
                .series
                .iter()
                .map(|series| SavedSeries {
                    namespace: series.of.namespace.clone(),
                    metric: series.of.metric.clone(),
                    statistic: series.of.statistic.clone(),
                    dimensions: series.of.dimensions.clone(),
                    points: series
                        .points
                        .iter()
                        .map(|(place, value)| (*place, *value))
                        .collect(),
                })
                .collect(),
        }
    }
}

/// `2026-11-24T10:00:00Z`.
pub(crate) fn moment(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds)
        .unwrap_or_default()
        .to_string()
}

/// One metric with its datapoints by time.
struct Column {
    of: Selector,
    points: BTreeMap<i64, f64>,
}

/// Reads the files into one history. `period` is that of the alarms' minute in seconds.
pub(crate) fn read(files: &[PathBuf], period: i32) -> anyhow::Result<History> {
    let mut columns = Vec::new();
    let mut span: Option<(i64, i64)> = None;
    let period_ms = i64::from(period) * 1000;
    for file in files {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Fault::usage(format!("cannot read {}: {error}", file.display())))?;
        let (found, first, last) = columns_of(file, &text, period_ms)
            .map_err(|error| Fault::usage(format!("{}: {error:#}", file.display())))?;
        columns.extend(found);
        span = Some(match span {
            None => (first, last),
            Some((from, to)) => (from.min(first), to.max(last)),
        });
    }
    let (first, last) = span.context("no file was named")?;
    let from_ms = first.div_euclid(period_ms) * period_ms;
    let place = |time: i64| usize::try_from((time - from_ms) / period_ms).unwrap_or(usize::MAX);
    let periods = place(last).saturating_add(1);
    if periods > MOST_PERIODS {
        return Err(Fault::usage(format!(
            "the history is {periods} periods of {period} s long; {MOST_PERIODS} are looked at"
        ))
        .into());
    }
    let series = columns
        .into_iter()
        .map(|column| Series {
            of: column.of,
            points: column
                .points
                .into_iter()
                .map(|(time, value)| (place(time), value))
                .collect(),
        })
        .collect();
    Ok(History {
        period_ms,
        from_ms,
        periods,
        series,
    })
}

type Found = (Vec<Column>, i64, i64);

fn columns_of(file: &Path, text: &str, period_ms: i64) -> anyhow::Result<Found> {
    if !text.trim_start().starts_with('{') {
        return table(text);
    }
    let document: Value = serde_json::from_str(text)?;
    if document.get("Datapoints").is_some() {
        return statistics(&document);
    }
    let saved: Saved = contract::document::parse(text)
        .with_context(|| format!("{} is no history of metrics", file.display()))?;
    anyhow::ensure!(
        saved.period * 1000 == period_ms,
        "its periods have {} s, and the alarms look at {} s",
        saved.period,
        period_ms / 1000
    );
    let from_ms = time(&saved.from)?;
    let at = |place: usize| from_ms + i64::try_from(place).unwrap_or(0) * period_ms;
    let last = at(saved.periods.clamp(1, MOST_PERIODS + 1) - 1);
    let columns = saved
        .series
        .into_iter()
        .map(|series| Column {
            of: Selector {
                namespace: series.namespace,
                metric: series.metric,
                statistic: series.statistic,
                dimensions: series.dimensions,
            },
            points: series
                .points
                .into_iter()
                .filter(|(place, _)| *place < saved.periods)
                .map(|(place, value)| (at(place), value))
                .collect(),
        })
        .collect();
    Ok((columns, from_ms, last))
}

/// A CSV table: `time,RequestCount:Sum,…`. An empty cell, and a row that is left out, is a period without data.
fn table(text: &str) -> anyhow::Result<Found> {
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let (_, head) = lines.next().context("it is empty")?;
    let mut names = head.split(',').map(str::trim);
    anyhow::ensure!(
        names.next() == Some("time"),
        "the first column of line 1 must be called time"
    );
    let mut columns = names.map(column).collect::<anyhow::Result<Vec<_>>>()?;
    anyhow::ensure!(!columns.is_empty(), "it has no metric");
    let mut span: Option<(i64, i64)> = None;
    for (number, line) in lines {
        let place = number + 1;
        let mut cells = line.split(',').map(str::trim);
        let at = time(cells.next().unwrap_or_default()).with_context(|| format!("line {place}"))?;
        span = Some(span.map_or((at, at), |(from, to)| (from.min(at), to.max(at))));
        let cells: Vec<&str> = cells.collect();
        anyhow::ensure!(
            cells.len() <= columns.len(),
            "line {place} has more cells than line 1"
        );
        for (column, cell) in columns.iter_mut().zip(cells) {
            if cell.is_empty() {
                continue;
            }
            let value: f64 = cell
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .with_context(|| format!("line {place}: {cell:?} is no number"))?;
            column.points.insert(at, value);
        }
    }
    let (from, to) = span.context("it has no rows")?;
    Ok((columns, from, to))
}

/// `RequestCount:Sum` or `AWS/ApplicationELB/RequestCount:Sum`.
fn column(name: &str) -> anyhow::Result<Column> {
    let (metric, statistic) = name.rsplit_once(':').with_context(|| {
        format!("the column {name:?} must be called METRIC:STATISTIC, such as RequestCount:Sum")
    })?;
    let (namespace, metric) = match metric.rsplit_once('/') {
        Some((namespace, metric)) => (Some(namespace.to_owned()), metric),
        None => (None, metric),
    };
    Ok(Column {
        of: Selector {
            namespace,
            metric: metric.to_owned(),
            statistic: statistic.to_owned(),
            dimensions: None,
        },
        points: BTreeMap::new(),
    })
}

/// The answer of `aws cloudwatch get-metric-statistics`.
fn statistics(document: &Value) -> anyhow::Result<Found> {
    let metric = document["Label"].as_str().context("it has no Label")?;
    let datapoints = document["Datapoints"]
        .as_array()
        .context("its Datapoints are no list")?;
    let mut columns: BTreeMap<String, Column> = BTreeMap::new();
    let mut span: Option<(i64, i64)> = None;
    for point in datapoints {
        let at = time(
            point["Timestamp"]
                .as_str()
                .context("a datapoint has no Timestamp")?,
        )?;
        span = Some(span.map_or((at, at), |(from, to)| (from.min(at), to.max(at))));
        let plain = STATISTICS
            .iter()
            .filter_map(|name| Some((*name, point[*name].as_f64()?)));
        let extended = point["ExtendedStatistics"].as_object();
        let extended = extended
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_f64()?)));
        for (statistic, value) in plain.chain(extended) {
            let column = match columns.entry(statistic.to_owned()) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(column(&format!("{metric}:{statistic}"))?)
                }
            };
            column.points.insert(at, value);
        }
    }
    let (from, to) = span.context("it has no datapoints")?;
    Ok((columns.into_values().collect(), from, to))
}

/// ISO 8601, or seconds since 1970.
fn time(text: &str) -> anyhow::Result<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return seconds.checked_mul(1000).context("it is beyond all times");
    }
    text.parse::<Timestamp>()
        .map(Timestamp::as_millisecond)
        .with_context(|| {
            format!("{text:?} is no time; write 2026-11-24T10:00:00Z or seconds since 1970")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<History, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("history");
        std::fs::write(&file, text).unwrap();
        read(&[file], 60).map_err(|error| {
            let text = format!("{error:#}");
            text.rsplit("history: ")
                .next()
                .unwrap_or_default()
                .to_owned()
        })
    }

    #[test]
    fn reads_a_table_with_gaps() {
        let history = read_text(
            "time,RequestCount:Sum,AWS/ECS/CPUUtilization:Average\n\
             2026-11-24T10:00:30Z,5,\n1795514520,,7.5\n",
        )
        .unwrap();
        assert_eq!((history.from_ms, history.periods), (1_795_514_400_000, 3));
        let points: Vec<Vec<(usize, f64)>> = history
            .series
            .iter()
            .map(|series| series.points.clone().into_iter().collect())
            .collect();
        assert_eq!(points, [vec![(0, 5.0)], vec![(2, 7.5)]]);
        assert_eq!(history.series[1].of.namespace.as_deref(), Some("AWS/ECS"));
    }

    #[test]
    fn reads_what_it_has_saved() {
        let history = read_text("time,p:p99\n60,1\n240,2\n").unwrap();
        let saved = Saved::of(&history);
        let text = serde_json::to_string(&contract::document::labelled(&saved)).unwrap();
        assert_eq!(read_text(&text), Ok(history));
    }

    #[test]
    fn reads_the_answer_of_get_metric_statistics() {
        let history = read_text(
            r#"{ "Label": "TargetResponseTime", "Datapoints": [
                { "Timestamp": "2026-11-24T10:01:00+00:00", "ExtendedStatistics": { "p99": 0.5 }, "Unit": "Seconds" },
                { "Timestamp": "2026-11-24T10:00:00+00:00", "Average": 0.25, "Unit": "Seconds" } ] }"#,
        )
        .unwrap();
        let names: Vec<&str> = history
            .series
            .iter()
            .map(|series| series.of.statistic.as_str())
            .collect();
        assert_eq!((names, history.periods), (vec!["Average", "p99"], 2));
    }

    #[test]
    fn says_where_a_file_is_wrong() {
        let table = [
            ("", "it is empty"),
            (
                "when,a:Sum\n",
                "the first column of line 1 must be called time",
            ),
            (
                "time,a\n",
                "the column \"a\" must be called METRIC:STATISTIC, such as RequestCount:Sum",
            ),
            ("time,a:Sum\n", "it has no rows"),
            ("time,a:Sum\n60,x\n", "line 2: \"x\" is no number"),
            ("time,a:Sum\n60,1,2\n", "line 2 has more cells than line 1"),
            (
                "time,a:Sum\nnoon,1\n",
                "line 2: \"noon\" is no time; write 2026-11-24T10:00:00Z or seconds since 1970: ",
            ),
            (
                "time,a:Sum\n0,1\n99999999999,1\n",
                "the history is 1666666667 periods of 60 s long; 200000 are looked at",
            ),
        ];
        for (text, expected) in table {
            let error = read_text(text).unwrap_err();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
