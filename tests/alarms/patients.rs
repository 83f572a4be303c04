//! The service that falls ill: its program, and where its tasks answer.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use e2e::local_aws::send;
use e2e::programs::workspace;

use crate::stage::{CLUSTER, SERVICE};

/// Where the running tasks of the service answer; none while the server is not there.
pub(crate) fn patients(address: &str) -> Vec<String> {
    let ask = |operation: &str, input: &Value| -> Option<Value> {
        let headers = format!(
            "X-Amz-Target: AmazonEC2ContainerServiceV20141113.{operation}\r\nContent-Type: application/x-amz-json-1.1\r\n"
        );
        let (_, body) = send(address, "POST", "/", &headers, &input.to_string()).ok()?;
        serde_json::from_str(&body).ok()
    };
    let listed = ask(
        "ListTasks",
        &json!({ "cluster": CLUSTER, "family": SERVICE }),
    );
    let arns = listed.map_or(Value::Null, |listed| listed["taskArns"].clone());
    if arns.as_array().is_none_or(Vec::is_empty) {
        return Vec::new();
    }
    let described = ask(
        "DescribeTasks",
        &json!({ "cluster": CLUSTER, "tasks": arns }),
    );
    let tasks = described.map_or(Value::Null, |described| described["tasks"].clone());
    tasks
        .as_array()
        .into_iter()
        .flatten()
        .filter(|task| task["lastStatus"] == "RUNNING")
        .filter_map(|task| {
            let port = task["containers"][0]["networkBindings"][0]["hostPort"].as_u64()?;
            Some(format!("127.0.0.1:{port}"))
        })
        .collect()
}

/// The patient's program, compiled once.
pub(crate) fn patient() -> PathBuf {
    static PROGRAM: OnceLock<TempDir> = OnceLock::new();
    let directory = PROGRAM.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let status = Command::new("rustc")
            .args([
                "--edition",
                "2024",
                "-O",
                "-C",
                "target-feature=+crt-static",
                "-o",
            ])
            .arg(directory.path().join("patient"))
            .arg(workspace().join("tests/alarms/patient.rs"))
            .status()
            .unwrap();
        assert!(status.success(), "rustc ended with {status}");
        directory
    });
    directory.path().join("patient")
}
