//! The program under test, started.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A server on this state, with what it says when it is ready, and `127.0.0.1:PORT`.
pub(crate) fn serve(state: &Path, more: &[&str]) -> (Child, Value, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_local-aws"))
        .args(["serve", "--runtime", "process"])
        .args(more)
        .arg("--state")
        .arg(state)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let endpoint = ready["endpoint"].as_str().unwrap();
    let address = endpoint.strip_prefix("http://").unwrap().to_owned();
    (child, ready, address)
}
