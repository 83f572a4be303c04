//! What a measurement found, as a document and for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::measure::Figures;

/// One thing to do, and how each program did it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Comparison {
    /// What was to be done.
    pub(crate) case: String,
    /// Ours first.
    pub(crate) entries: Vec<Entry>,
}

/// How one program did it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// Calls to AWS, where they are counted: the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) calls: Option<u64>,
    /// The same by service and operation, in the run with that many.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) operations: BTreeMap<String, u64>,
    /// Milliseconds from what happened to its verdict, where that is measured: the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lag_ms: Option<f64>,
    /// What it said of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) said: String,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Comparisons {
    kind: &'static str,
    schema: u32,
    subject: &'static str,
    pub(crate) comparisons: Vec<Comparison>,
}

impl Comparisons {
    pub(crate) fn of(subject: &'static str, comparisons: Vec<Comparison>) -> Self {
        Self {
            kind: "benchmark",
            schema: 1,
            subject,
            comparisons,
        }
    }
}

/// A table: figures, and in brackets how many times ours each is.
pub(crate) fn text(comparisons: &Comparisons) -> String {
    let mut text = String::new();
    for Comparison { case, entries } in &comparisons.comparisons {
        let mut rows = vec![vec![
            case.clone(),
            "wall".to_owned(),
            "CPU".to_owned(),
            "memory".to_owned(),
            "calls".to_owned(),
            "lag".to_owned(),
            String::new(),
        ]];
        let ours = entries.first();
        for entry in entries {
            let times = |of: fn(&Entry) -> Option<f64>| match (of(entry), ours.and_then(of)) {
                (Some(value), Some(base)) if base > 0.0 && entry.name != entries[0].name => {
                    format!(" ({:.1}x)", value / base)
                }
                _ => String::new(),
            };
            let figures = entry.figures;
            rows.push(vec![
                entry.name.clone(),
                milliseconds(figures.wall_ms) + &times(|entry| Some(entry.figures.wall_ms)),
                milliseconds(figures.cpu_ms) + &times(|entry| Some(entry.figures.cpu_ms)),
                format!("{:.0} MiB", figures.peak_mib)
                    + &times(|entry| Some(entry.figures.peak_mib)),
                entry.calls.map_or(String::new(), |calls| calls.to_string())
                    + &times(|entry| {
                        entry
                            .calls
                            .and_then(|calls| u32::try_from(calls).ok())
                            .map(f64::from)
                    }),
                entry.lag_ms.map_or(String::new(), milliseconds) + &times(|entry| entry.lag_ms),
                entry.said.clone(),
            ]);
        }
        text.push_str(&columns(&rows));
        text.push('\n');
    }
    text
}

fn milliseconds(time: f64) -> String {
    if time < 1000.0 {
        format!("{time:.1} ms")
    } else {
        format!("{:.2} s", time / 1000.0)
    }
}

fn columns(rows: &[Vec<String>]) -> String {
    let mut widths = vec![0; rows.first().map_or(0, Vec::len)];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            write!(line, "{cell:width$}  ").unwrap_or_else(|_| unreachable!("a String takes all"));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
