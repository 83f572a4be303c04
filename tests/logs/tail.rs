//! A log-tailer at work, and what it said.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;

use crate::stage::Stage;

pub(crate) const TARGET: &str = "ludlow/ludlow-local-api";

/// How it ended.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) lines: Vec<Value>,
    pub(crate) stderr: String,
}

/// One that is still at work.
pub(crate) struct Tail {
    child: Child,
    lines: BufReader<ChildStdout>,
    read: Vec<Value>,
}

/// Starts one that writes JSON.
pub(crate) fn begin(stage: &Stage, arguments: &[&str]) -> Tail {
    let mut child = stage
        .command("log-tailer")
        .args(arguments)
        .args(["--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    Tail {
        child,
        lines,
        read: Vec::new(),
    }
}

/// Runs one to its end.
pub(crate) fn run(stage: &Stage, arguments: &[&str]) -> Told {
    begin(stage, arguments).end()
}

/// Sends lines by `log-tailer put`.
pub(crate) fn put(stage: &Stage, arguments: &[&str], lines: &str) -> Value {
    let mut child = stage
        .command("log-tailer")
        .arg("put")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

impl Tail {
    /// Reads up to a line whose message has these words.
    pub(crate) fn says(&mut self, words: &str) -> &Value {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).unwrap();
            assert!(read > 0, "it never said {words}: {:#?}", self.read);
            let line: Value = serde_json::from_str(&line).unwrap();
            let is_it = line["message"].as_str().unwrap().contains(words);
            self.read.push(line);
            if is_it {
                return self.read.last().unwrap();
            }
        }
    }

    /// Reads stderr up to a line with these words.
    pub(crate) fn warns(&mut self, words: &str) {
        let stderr = self.child.stderr.as_mut().unwrap();
        let mut said = Vec::new();
        let mut byte = [0];
        while stderr.read(&mut byte).unwrap() == 1 {
            said.push(byte[0]);
            if byte == *b"\n" && String::from_utf8_lossy(&said).contains(words) {
                return;
            }
        }
        panic!("it never said {words}: {}", String::from_utf8_lossy(&said));
    }

    /// Reads to the end.
    pub(crate) fn end(mut self) -> Told {
        let rest = self.lines.lines();
        self.read
            .extend(rest.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()));
        let output = self.child.wait_with_output().unwrap();
        Told {
            code: output.status.code().unwrap_or(-1),
            lines: self.read,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Told {
    /// The lines of a kind, `log` being those of containers.
    pub(crate) fn of<'t>(&'t self, kind: &'t str) -> impl Iterator<Item = &'t Value> {
        self.lines
            .iter()
            .filter(move |line| line["kind"].as_str().unwrap_or("log") == kind)
    }

    /// How many lines of a kind have these words.
    pub(crate) fn count(&self, kind: &str, words: &str) -> usize {
        self.of(kind)
            .filter(|line| line["message"].as_str().unwrap().contains(words))
            .count()
    }
}
