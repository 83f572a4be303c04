//! Services and tasks: their streams are found, and followed from one release to the next.

use std::collections::BTreeSet;

use serde_json::json;

use crate::stage::{CLUSTER, SERVICE, Stage};
use crate::tail::{TARGET, begin, run};

#[test]
fn follows_the_tasks_of_a_release_until_it_is_complete() {
    let (stage, _) = Stage::with_service();
    let mut tail = begin(
        &stage,
        &[
            TARGET,
            "--events",
            "--since",
            "0s",
            "--until-released",
            "--grace",
            "8s",
        ],
    );
    // The tasks of the first release answer health checks.
    assert_eq!(tail.says("/healthz")["revision"], "1");
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    assert_eq!(stage.deploy(&next, &[]).code, 0);
    let told = tail.end();
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(
        told.stderr.contains("ended: the release ecs-svc/") && told.stderr.contains("is complete"),
        "{}",
        told.stderr
    );
    let listening: BTreeSet<(&str, &str)> = told
        .of("log")
        .filter(|line| line["message"].as_str().unwrap().contains("listening"))
        .map(|line| {
            (
                line["task"].as_str().unwrap(),
                line["revision"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(listening.len(), 2, "{listening:?}");
    assert!(
        listening.iter().all(|(_, revision)| *revision == "2"),
        "{listening:?}"
    );
    assert_eq!(told.count("service-event", "has started 2 tasks"), 1);
    assert_eq!(
        told.count("deployment", "is PRIMARY COMPLETED: 2 of 2 tasks run"),
        1
    );
    // The old tasks ended, and their last words are there once as lines and once with the reason.
    assert_eq!(told.count("log", "\"event\":\"stopped\""), 2);
    let stopped: Vec<_> = told.of("task-stopped").collect();
    assert_eq!(stopped.len(), 2, "{stopped:?}");
    for stopped in stopped {
        let last = stopped["last_lines"].as_array().unwrap().last().unwrap();
        assert!(
            last.as_str().unwrap().contains("\"event\":\"stopped\""),
            "{stopped}"
        );
    }
}

#[test]
fn says_that_a_release_failed_and_why() {
    let (stage, _) = Stage::with_service();
    let mut tail = begin(
        &stage,
        &[
            TARGET,
            "--events",
            "--since",
            "0s",
            "--until-released",
            "--deadline",
            "60s",
        ],
    );
    tail.says("/healthz");
    let next = stage.write("next", &stage.definition(&[("LUDLOW_CRASH", "start")]));
    assert_eq!(stage.deploy(&next, &[]).code, 4);
    let told = tail.end();
    assert_eq!(told.code, 3, "{}", told.stderr);
    assert!(told.count("log", "crash at start") >= 2);
    let stopped: Vec<_> = told
        .of("task-stopped")
        .filter(|line| {
            line["message"]
                .as_str()
                .unwrap()
                .contains("api exited with 1")
        })
        .collect();
    assert!(stopped.len() >= 2, "{stopped:?}");
    for stopped in stopped {
        let last = stopped["last_lines"].as_array().unwrap().last().unwrap();
        assert!(
            last.as_str().unwrap().contains("crash at start"),
            "{stopped}"
        );
    }
}

#[test]
fn ends_with_a_task_and_shows_its_last_lines_alone() {
    let (stage, _) = Stage::with_service();
    let tasks = stage.call("ListTasks", &json!({ "cluster": CLUSTER }));
    let arn = tasks["taskArns"][0].as_str().unwrap();
    let id = arn.rsplit('/').next().unwrap();
    let mut tail = begin(&stage, &[arn, "--until-stopped", "--grace", "1s"]);
    tail.says("listening");
    stage.call(
        "StopTask",
        &json!({ "cluster": CLUSTER, "task": arn, "reason": "by hand" }),
    );
    let told = tail.end();
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stderr.contains("stopped: by hand"), "{}", told.stderr);
    assert_eq!(told.count("log", "\"event\":\"stopped\""), 1);
    assert!(told.lines.iter().all(|line| line["task"] == id));
}

#[test]
fn leaves_out_the_tasks_of_others_that_share_its_streams() {
    let (stage, good) = Stage::with_service();
    let alone = stage.call(
        "RunTask",
        &json!({ "cluster": CLUSTER, "taskDefinition": good }),
    );
    let arn = alone["tasks"][0]["taskArn"].as_str().unwrap();
    let id = arn.rsplit('/').next().unwrap();
    let group = "/ecs/ludlow/local";
    // It writes to the same group, under the same prefix and container.
    let whole = run(
        &stage,
        &[
            "--group",
            group,
            "--task",
            id,
            "--follow",
            "--until-pattern",
            "listening",
            "--deadline",
            "60s",
        ],
    );
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    let told = run(&stage, &[TARGET]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert_eq!(told.count("log", "listening"), 2);
    assert!(
        told.lines
            .iter()
            .all(|line| line["task"] != id && line["service"] == SERVICE)
    );
}

#[test]
fn waits_for_a_service_that_is_still_to_come() {
    let stage = Stage::new();
    let mut tail = begin(
        &stage,
        &[
            TARGET,
            "--follow",
            "--until-pattern",
            "listening",
            "--deadline",
            "60s",
        ],
    );
    stage.good();
    assert_eq!(tail.says("listening")["service"], SERVICE);
    let told = tail.end();
    assert_eq!(told.code, 0, "{}", told.stderr);
    let missing = run(&stage, &["ludlow/absent"]);
    assert_eq!(missing.code, 1);
    assert!(
        missing
            .stderr
            .contains("there is no service absent in the cluster ludlow"),
        "{}",
        missing.stderr
    );
}
