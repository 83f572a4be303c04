//! What one run of a program took.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use wait4::Wait4 as _;

/// One run. Processor time and memory are those of the program and of the children that it waited for, as the
/// kernel counts them (getrusage).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// Largest resident set, bytes.
    pub(crate) peak: u64,
    /// None for a program that a signal ended.
    pub(crate) code: Option<i32>,
}

/// Several runs of the same.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    pub(crate) runs: usize,
    /// Milliseconds, the median.
    pub(crate) wall_ms: f64,
    /// Milliseconds, the median.
    pub(crate) cpu_ms: f64,
    /// MiB, the largest.
    pub(crate) peak_mib: f64,
}

/// Runs a program to its end. Its output goes where the command says; it reads nothing.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<Run> {
    let begun = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let used = child
        .wait4()
        .with_context(|| format!("cannot wait for {}", command.get_program().display()))?;
    Ok(Run {
        wall: begun.elapsed(),
        cpu: used.rusage.utime + used.rusage.stime,
        peak: used.rusage.maxrss,
        code: used.status.code(),
    })
}

impl Figures {
    /// None if there was no run.
    pub(crate) fn of(runs: &[Run]) -> Option<Self> {
        let peak = runs.iter().map(|run| run.peak).max()?;
        Some(Self {
            runs: runs.len(),
            wall_ms: median(runs.iter().map(|run| run.wall)),
            cpu_ms: median(runs.iter().map(|run| run.cpu)),
            #[expect(
                clippy::cast_precision_loss,
                reason = "no program has that much memory"
            )]
            peak_mib: peak as f64 / f64::from(1 << 20),
        })
    }
}

/// Milliseconds; the lower one of two in the middle.
pub(crate) fn median(times: impl Iterator<Item = Duration>) -> f64 {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    let middle = times.len().saturating_sub(1) / 2;
    times
        .get(middle)
        .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
