//! 200,000 events of 20 streams, with everything going wrong that may.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;

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

/// What was shown.
struct Shown {
    /// How often each event was.
    times: Vec<u32>,
    late: usize,
    newest: i64,
}

impl Shown {
    /// Notes a line; the order that is promised is by time, and what is not so is marked.
    fn note(&mut self, line: &str) {
        let line: Value = serde_json::from_str(line).unwrap();
        let number = line["message"].as_str().unwrap().split(' ').nth(1).unwrap();
        self.times[number.parse::<usize>().unwrap()] += 1;
        let timestamp = milliseconds(&line);
        let is_late = timestamp < self.newest;
        assert_eq!(
            is_late,
            line["late"] == true,
            "{line} after {}",
            self.newest
        );
        self.late += usize::from(is_late);
        self.newest = self.newest.max(timestamp);
    }
}

fn follow(server: &Server) -> Child {
    let lines = EVENTS.to_string();
    server
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
        .unwrap()
}

#[test]
fn shows_every_event_once_and_in_order_with_constant_memory() {
    let feed = Arc::new(Feed::new(7));
    let source = Arc::clone(&feed);
    let server = Server::start(move |operation, input| source.answer(operation, input));
    let mut child = follow(&server);
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut shown = Shown {
        times: vec![0; EVENTS],
        late: 0,
        newest: i64::MIN,
    };
    let mut peaks = Vec::new();
    for (position, line) in output.lines().enumerate() {
        shown.note(&line.unwrap());
        if position == EVENTS / 4 || position == EVENTS - EVENTS / 50 {
            peaks.push(peak(&child));
        }
    }
    let output = child.wait_with_output().unwrap();
    let wrong: Vec<(usize, u32)> = shown
        .times
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, times)| *times != 1)
        .take(10)
        .collect();
    assert_eq!(wrong, [], "event and how often it was shown");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(shown.late > 0, "no event was late");
    feed.faults().all_happened();
    // All events together are 40 MB.
    let [early, late] = peaks[..] else {
        panic!("{peaks:?}");
    };
    assert!(
        late <= early + 4 * 1024,
        "{early} KiB after a quarter, {late} KiB at the end"
    );
    eprintln!(
        "{:?}; {} late; {early} KiB after a quarter, {late} KiB at the end",
        feed.faults(),
        shown.late
    );
}
