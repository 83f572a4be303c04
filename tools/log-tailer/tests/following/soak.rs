//! 200,000 events of 20 streams, with everything going wrong that may.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::feed::{EVENTS, Feed};
use crate::support::{Server, milliseconds};

/// The largest memory that the process has had, in KiB.
fn peak(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn shows_every_event_once_and_in_order_with_constant_memory() {
    let feed = Arc::new(Feed::new(7));
    let source = Arc::clone(&feed);
    let server = Server::start(move |operation, input| source.answer(operation, input));
    let lines = EVENTS.to_string();
    let mut child = server
        .log_tailer(&[
            "--group",
            "/ecs/soak",
            "--follow",
            "--since",
            "2026-11-24T08:50:00Z",
            "--format",
            "json",
            "--lines",
            &lines,
            "--rate",
            "10000",
            "--poll",
            "0s",
            "--quiet",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut times = vec![0_u32; EVENTS];
    let mut newest = i64::MIN;
    let mut late = 0;
    let mut early_peak = 0;
    let mut peak_at_end = 0;
    for (position, line) in output.lines().enumerate() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let number = line["message"].as_str().unwrap().split(' ').nth(1).unwrap();
        times[number.parse::<usize>().unwrap()] += 1;
        let timestamp = milliseconds(&line);
        // The order that is promised: by time, and what is not so is marked.
        assert_eq!(
            timestamp < newest,
            line["late"] == true,
            "{line} after {newest}"
        );
        late += usize::from(timestamp < newest);
        newest = newest.max(timestamp);
        if position == EVENTS / 4 {
            early_peak = peak(&child);
        }
        if position == EVENTS - EVENTS / 50 {
            peak_at_end = peak(&child);
        }
        // Whoever lost an event would wait for it for ever.
        if feed.is_over() {
            kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
        }
    }
    let output = child.wait_with_output().unwrap();
    let wrong: Vec<(usize, u32)> = times
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, times)| *times != 1)
        .collect();
    assert_eq!(wrong, [], "event and how often it was shown");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(late > 0 && late < EVENTS, "{late} late events");
    let faults = feed.faults();
    for count in [
        faults.throttled,
        faults.failed,
        faults.cut,
        faults.expired,
        faults.empty,
        faults.swapped,
        faults.repeated,
    ] {
        assert!(count > 0, "{faults:?}");
    }
    // All events together are 40 MB.
    assert!(
        peak_at_end <= early_peak + 4 * 1024,
        "{early_peak} KiB after a quarter, {peak_at_end} KiB at the end"
    );
    eprintln!(
        "{faults:?}; {late} late; {early_peak} KiB after a quarter, {peak_at_end} KiB at the end"
    );
}
