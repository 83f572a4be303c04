//! Looking at what runs.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Project, get};

#[test]
fn follows_the_lines_of_both_tasks() {
    let project = Project::new("1");
    let url = project.deploy().url().to_owned();
    let mut tailer = project
        .command("xtask")
        .args([
            "logs",
            "--env",
            "local",
            "--follow",
            "--filter",
            "\"/slow\"",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut tasks = std::collections::BTreeSet::new();
    let mut lines = BufReader::new(tailer.stdout.take().unwrap()).lines();
    for visit in 0..200 {
        // Requests go round robin, so two in a row reach both tasks.
        for _ in 0..2 {
            assert_eq!(get(&format!("{url}slow?ms={visit}")).unwrap().0, 200);
        }
        let line = lines.next().unwrap().unwrap();
        tasks.insert(line.split(' ').nth(1).unwrap().to_owned());
        if tasks.len() == 2 {
            break;
        }
    }
    kill(Pid::from_raw(tailer.id().cast_signed()), Signal::SIGTERM).unwrap();
    tailer.wait().unwrap();
    assert_eq!(tasks.len(), 2, "{tasks:?}");
}

#[test]
fn shows_services_tasks_and_targets() {
    let project = Project::new("1");
    project.deploy().url();
    let outcome = project.xtask(&["status", "--env", "local"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("ludlow-local-api"), "{outcome:?}");
    let status = project.status();
    let service = &status["services"][0];
    assert_eq!(service["tasks"].as_array().unwrap().len(), 2, "{status:#}");
    let health: Vec<&str> = service["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target["state"].as_str().unwrap())
        .collect();
    assert_eq!(health, ["healthy", "healthy"], "{status:#}");
}
