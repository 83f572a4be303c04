//! What is shown of services, and what is tidied up after them.

use serde_json::{Value, json};

use crate::stage::{CLUSTER, Outcome, SERVICE, Stage};

/// A stage on which versions 1 and 3 worked, and 2 did not.
fn with_past() -> (Stage, String) {
    let (stage, good) = Stage::with_service();
    let bad = stage.write("bad", &stage.definition(&[("LUDLOW_CRASH", "start")]));
    stage.deploy(&bad, &[]).is(4, "rolled-back", "");
    let mut definition = stage.definition(&[("APP_VERSION", "3")]);
    definition["tags"] = json!([
        { "key": "longshore:commit", "value": "0123456789abcdef" },
        { "key": "longshore:build", "value": "42" },
        { "key": "longshore:who", "value": "ann" },
    ]);
    stage
        .deploy(&stage.write("next", &definition), &[])
        .is(0, "completed", "");
    (stage, good)
}

fn column(outcome: &Outcome, list: &str, member: &str) -> Vec<Value> {
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    outcome.document[list]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item[member].clone())
        .collect()
}

#[test]
fn tells_the_history_from_ecs_itself() {
    let (stage, _good) = with_past();
    let history = stage.run("history", &[]);
    assert_eq!(
        column(&history, "releases", "verdict"),
        ["SUCCESSFUL", "ROLLBACK_SUCCESSFUL", "SUCCESSFUL"]
    );
    let newest = &history.document["releases"][0];
    assert_eq!(newest["commit"], "0123456789abcdef");
    assert_eq!(
        (&newest["build"], &newest["who"]),
        (&json!("42"), &json!("ann"))
    );
    assert!(
        newest["images"][0]
            .as_str()
            .unwrap()
            .contains("/ludlow@sha256:")
    );
    let reason = history.document["releases"][1]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("Service deployment rolled back because"),
        "{reason}"
    );
    let limited = stage.run("history", &["--limit", "1"]);
    assert_eq!(column(&limited, "releases", "commit"), ["0123456789abcdef"]);
}

#[test]
fn shows_tasks_that_stopped_with_their_reasons() {
    let (stage, _good) = with_past();
    let tasks = stage.run("tasks", &[]);
    assert_eq!(column(&tasks, "tasks", "status"), ["RUNNING", "RUNNING"]);
    let all = stage.run("tasks", &["--stopped"]);
    let reasons = column(&all, "tasks", "stoppedReason");
    assert!(
        reasons.contains(&json!("Essential container in task exited")),
        "{reasons:?}"
    );
}

#[test]
fn prunes_only_what_nothing_refers_to() {
    let (stage, _good) = with_past();
    let plan = stage.run("prune", &["--keep", "2"]);
    let surplus = |outcome: &Outcome| {
        let arns = outcome.document["deregistered"].as_array().unwrap();
        let short = |arn: &Value| arn.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        arns.iter().map(short).collect::<Vec<String>>()
    };
    assert_eq!(surplus(&plan), ["ludlow-local-api:2"]);
    assert_eq!(stage.revisions(), 3);
    // One release is kept: the one that serves.
    let done = stage.run("prune", &["--keep", "1", "--apply", "--delete"]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert_eq!(surplus(&done), ["ludlow-local-api:2", "ludlow-local-api:1"]);
    assert_eq!(done.document["deleted"], true);
    assert_eq!(stage.revisions(), 1);
}

#[test]
fn shows_the_difference_and_the_least_time() {
    let (stage, good) = Stage::with_service();
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let diff = stage.run("diff", &["--task-definition", &next]);
    assert_eq!(diff.code, 3);
    assert_eq!(
        diff.document["changes"],
        json!([{ "path": "containerDefinitions.api.environment.APP_VERSION.value", "before": "1", "after": "2" }])
    );
    assert_eq!(stage.run("diff", &["--task-definition", &good]).code, 0);
    let plan = stage.run("plan", &["--task-definition", &next]);
    assert_eq!(plan.code, 0, "{plan:#?}");
    let forecast = &plan.document["forecast"];
    // One batch of a 10 s health check interval, and 30 s in which the old ones drain.
    assert_eq!(forecast["minimumSeconds"], 40);
    assert_eq!(
        (&forecast["peakTasks"], &forecast["peakMemory"]),
        (&json!(4), &json!(128))
    );
    let text = stage.run("plan", &["--task-definition", &next, "--format", "text"]);
    assert_eq!(text.code, 0);
    assert_eq!(stage.revisions(), 1);
}

#[test]
fn writes_down_what_runs_so_that_it_can_be_deployed() {
    let (stage, good) = Stage::with_service();
    let file = stage.path().join("live.json");
    let file = file.to_str().unwrap();
    let init = stage.run("init", &["--file", file]);
    assert_eq!(init.code, 0, "{init:#?}");
    stage.deploy(file, &[]).is(0, "unchanged", "");
    let again = stage.run("init", &["--file", file]);
    assert_eq!(again.code, 2, "{again:#?}");
    stage.serves(&good);
}

#[test]
fn shows_and_removes_the_lock() {
    let (stage, _good) = Stage::with_service();
    assert_eq!(stage.run("lock", &[]).document["held"], false);
    let record = json!({
        "owner": "bob", "message": "", "token": "t",
        "acquiredAt": "2026-01-01T00:00:00Z", "expiresAt": "2999-01-01T00:00:00Z",
    });
    let name = format!("/longshore/locks/{CLUSTER}/{SERVICE}");
    stage.call(
        "AmazonSSM.PutParameter",
        &json!({ "Name": name, "Value": record.to_string(), "Type": "String" }),
    );
    let held = stage.run("lock", &[]);
    assert_eq!(
        (&held.document["held"], &held.document["owner"]),
        (&json!(true), &json!("bob"))
    );
    assert_eq!(stage.run("lock", &["--remove"]).code, 0);
    assert_eq!(stage.run("lock", &[]).document["held"], false);
}
