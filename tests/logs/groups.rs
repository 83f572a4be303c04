//! Log groups, written and read.

use std::fmt::Write as _;

use serde_json::json;

use crate::stage::Stage;
use crate::tail::{begin, put, run};

fn lines(from: usize, to: usize) -> String {
    let mut lines = String::new();
    for number in from..to {
        writeln!(lines, "line {number}").unwrap();
    }
    lines
}

#[test]
fn shows_what_was_put_and_goes_on_at_the_cursor() {
    let stage = Stage::new();
    let group = ["--group", "/builds/x", "--stream", "s"];
    let document = put(
        &stage,
        &[&group[..], &["--create-group"]].concat(),
        &lines(0, 25_000),
    );
    assert_eq!(document["events"], 25_000);
    assert_eq!(document["requests"], 3);
    assert_eq!(document["rejected"], 0);
    let cursor = stage.path().join("cursor");
    let read = || {
        let told = run(
            &stage,
            &["--group", "/builds/x", "--cursor", cursor.to_str().unwrap()],
        );
        assert_eq!(told.code, 0, "{}", told.stderr);
        let text: String = told
            .lines
            .iter()
            .map(|line| format!("{}\n", line["message"].as_str().unwrap()))
            .collect();
        text
    };
    assert_eq!(read(), lines(0, 25_000));
    assert_eq!(read(), "");
    put(&stage, &group, &lines(25_000, 25_003));
    assert_eq!(read(), lines(25_000, 25_003));
}

#[test]
fn stops_in_the_middle_and_loses_nothing() {
    let stage = Stage::new();
    put(
        &stage,
        &["--group", "/g", "--create-group"],
        &lines(0, 1_000),
    );
    let cursor = stage.path().join("cursor");
    let mut seen = Vec::new();
    for expected in [300, 300, 300, 100] {
        let told = run(
            &stage,
            &[
                "--group",
                "/g",
                "--cursor",
                cursor.to_str().unwrap(),
                "--lines",
                "300",
            ],
        );
        assert_eq!(told.lines.len(), expected, "{}", told.stderr);
        seen.extend(told.lines);
    }
    let text: String = seen
        .iter()
        .map(|line| format!("{}\n", line["message"].as_str().unwrap()))
        .collect();
    assert_eq!(text, lines(0, 1_000));
}

#[test]
fn waits_for_a_group() {
    let stage = Stage::new();
    let arguments = [
        "--group",
        "/late",
        "--follow",
        "--lines",
        "10",
        "--deadline",
        "60s",
    ];
    let mut tail = begin(&stage, &arguments);
    tail.warns("the log group /late does not exist yet; waiting for it");
    put(
        &stage,
        &["--group", "/late", "--create-group", "--quiet"],
        &lines(0, 10),
    );
    let told = tail.end();
    assert_eq!(
        (told.code, told.count("log", "line ")),
        (0, 10),
        "{}",
        told.stderr
    );
}

#[test]
fn bears_throttling_failures_and_cut_connections() {
    let stage = Stage::new();
    put(
        &stage,
        &["--group", "/g", "--create-group", "--quiet"],
        &lines(0, 10),
    );
    let fault = |fault: &str| json!({ "service": "logs", "operation": "FilterLogEvents", "fault": fault, "count": 2 });
    let rules = json!({ "rules": [fault("throttle"), fault("server-error"), fault("cut")] });
    let (status, body) = stage.send("POST", "/_local/faults", "", &rules.to_string());
    assert_eq!(status, 200, "{body}");
    let told = run(
        &stage,
        &[
            "--group",
            "/g",
            "--follow",
            "--lines",
            "10",
            "--deadline",
            "60s",
        ],
    );
    assert_eq!(
        (told.code, told.count("log", "line ")),
        (0, 10),
        "{}",
        told.stderr
    );
    assert!(
        told.stderr.starts_with(
            "warning: CloudWatch throttles this account; going on with 2.5 calls a second\n"
        ),
        "{}",
        told.stderr
    );
}

#[test]
fn merges_groups_by_time() {
    let stage = Stage::new();
    let timed = |from: i64| {
        let mut lines = String::new();
        let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
        for number in 0..50 {
            writeln!(
                lines,
                "{} {}",
                now - 60_000 + from + 2 * number,
                from + 2 * number
            )
            .unwrap();
        }
        lines
    };
    for (group, from) in [("/a", 0), ("/b", 1)] {
        put(
            &stage,
            &["--group", group, "--create-group", "--timed"],
            &timed(from),
        );
    }
    let told = run(&stage, &["--group", "/a", "--group", "/b"]);
    assert_eq!(told.lines.len(), 100);
    let times: Vec<&str> = told
        .lines
        .iter()
        .map(|line| line["timestamp"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let groups: std::collections::BTreeSet<&str> = told
        .lines
        .iter()
        .map(|line| line["group"].as_str().unwrap())
        .collect();
    assert_eq!(groups.len(), 2);
    assert!(told.lines.iter().all(|line| line["late"].is_null()));
}

#[test]
fn says_which_end_it_was() {
    let stage = Stage::new();
    put(&stage, &["--group", "/g", "--create-group"], &lines(0, 20));
    let table: [(&[&str], i32, usize); 6] = [
        (&["--until-pattern", "line 7"], 0, 8),
        (&["--until-pattern", "line 7", "--lines", "30"], 10, 8),
        (&["--until-pattern", "line 7", "--lines", "3"], 11, 3),
        (&["--until-pattern", "absent"], 3, 20),
        (&["--follow", "--deadline", "2s"], 6, 20),
        (&["--match", "line 1.", "--invert"], 0, 10),
    ];
    for (arguments, code, count) in table {
        let told = run(&stage, &[&["--group", "/g"], arguments].concat());
        assert_eq!(
            (told.code, told.lines.len()),
            (code, count),
            "{arguments:?}: {}",
            told.stderr
        );
    }
}
