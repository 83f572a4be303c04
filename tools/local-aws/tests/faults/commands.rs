//! `local-aws fault`.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::Server;

fn fault(state: &Path, command: &str, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_local-aws"))
        .args(["fault", command, "--state"])
        .arg(state)
        .args(more)
        .output()
        .unwrap()
}

fn rules(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["rules"].clone()
}

#[test]
fn adds_lists_and_clears_rules() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let arguments = [
        "--service",
        "ssm",
        "--fault",
        "delay",
        "--delay-ms",
        "1",
        "--skip",
        "2",
        "--count",
        "3",
        "--for-ms",
        "600000",
        "--probability",
        "0.5",
        "--seed",
        "7",
    ];
    let rule = json!({
        "id": 1, "service": "ssm", "operation": "*", "fault": "delay", "delayMs": 1, "skip": 2, "count": 3,
        "forMs": 600_000, "probability": 0.5, "seed": 7, "after": false, "seen": 0, "applied": 0, "active": true,
    });
    assert_eq!(
        rules(&fault(state.path(), "add", &arguments)),
        json!([rule])
    );
    server.json("AmazonSSM.DescribeParameters", &json!({}));
    let listed = rules(&fault(state.path(), "list", &[]));
    assert_eq!(listed[0]["seen"], 1);
    assert_eq!(rules(&fault(state.path(), "clear", &[])), json!([]));
}

#[test]
fn says_what_is_wrong_with_a_rule() {
    let state = tempfile::tempdir().unwrap();
    let arguments = ["--service", "ecs", "--fault", "delay"];
    let refused = fault(state.path(), "add", &arguments);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        "error: the fault delay needs delayMs, from 1 to 600000\n"
    );
}

#[test]
fn needs_a_server() {
    let state = tempfile::tempdir().unwrap();
    let absent = state.path().join("absent");
    let refused = fault(&absent, "list", &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(refused.stdout, b"");
    let complaint = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(
        complaint.lines().next().unwrap(),
        format!("error: no local AWS runs in {}", absent.display())
    );
}
