//! An event that comes after newer ones: what others lose.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{Answer, Server, aws_cli_2};

/// Now, since the CLI reckons from the machine's clock.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A group in which FIRST can be read at once, LATE (15 s older, of another task) from the second reading on, and
/// LAST from the third on.
fn server() -> Server {
    let readings = AtomicUsize::new(0);
    let first = now() - 20_000;
    Server::start(move |_, input| {
        let seen = readings.fetch_add(1, Ordering::SeqCst);
        let events = [
            ("1", "api/api/a", first, "FIRST"),
            ("2", "api/api/b", first - 15_000, "LATE"),
            ("3", "api/api/a", first + 1_000, "LAST"),
        ];
        let since = input["startTime"].as_i64().unwrap_or(0);
        let mut found: Vec<_> = events
            .into_iter()
            .take(seen + 1)
            .filter(|(_, _, timestamp, _)| *timestamp >= since)
            .collect();
        found.sort_by_key(|(_, _, timestamp, _)| *timestamp);
        let events: Vec<Value> = found
            .into_iter()
            .map(|(id, stream, timestamp, message)| {
                json!({
                    "eventId": id, "logStreamName": stream, "timestamp": timestamp,
                    "ingestionTime": now(), "message": message,
                })
            })
            .collect();
        Answer::Body(json!({ "events": events }).to_string(), Some(now()))
    })
}

/// The last words of the lines up to LAST.
fn words(mut child: Child) -> Vec<String> {
    let mut words = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let word = line.rsplit(' ').next().unwrap().to_owned();
        let is_last = word == "LAST";
        words.push(if line.contains("(late)") {
            format!("{word} (late)")
        } else {
            word
        });
        if is_last {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    words
}

#[test]
fn shows_a_late_event_and_marks_it() {
    let server = server();
    let child = server
        .log_tailer(&[
            "--group", "/g", "--follow", "--format", "text", "--poll", "1ms", "--rate", "1000",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(words(child), ["FIRST", "LATE (late)", "LAST"]);
}

#[test]
fn the_aws_cli_loses_it() {
    let Some(program) = aws_cli_2() else {
        eprintln!(
            "SKIPPED: there is no AWS CLI 2, which alone has `aws logs tail`, among the clients or on the path"
        );
        return;
    };
    let server = server();
    let mut command = Command::new(program);
    command
        .args([
            "logs",
            "tail",
            "/g",
            "--follow",
            "--format",
            "short",
            "--endpoint-url",
            &server.endpoint,
        ])
        // Or it writes nothing before its buffer is full.
        .env("PYTHONUNBUFFERED", "1")
        .stdout(Stdio::piped());
    server.reached_by(&mut command);
    assert_eq!(words(command.spawn().unwrap()), ["FIRST", "LAST"]);
}
