//! `deployer update`, in place of `ecs deploy`.

use serde_json::{Value, json};

use crate::stage::{CLUSTER, SERVICE, Stage};

/// A task definition with its tags.
fn described(stage: &Stage, reference: &str) -> Value {
    let input = json!({ "taskDefinition": reference, "include": ["TAGS"] });
    stage.call("DescribeTaskDefinition", &input)
}

fn variables(definition: &Value) -> &Value {
    &definition["taskDefinition"]["containerDefinitions"][0]["environment"]
}

#[test]
fn releases_the_live_definition_with_one_variable_changed() {
    let (stage, good) = Stage::with_service();
    let before = described(&stage, &good);
    let outcome = stage.update(&["--region", "us-east-1", "-e", "api", "APP_VERSION", "2"]);
    outcome.is(0, "completed", "runs ludlow-local-api:2");
    let serving = outcome.document["serving_task_definition"]
        .as_str()
        .unwrap();
    stage.serves(serving);
    let after = described(&stage, serving);
    assert_eq!(
        variables(&after),
        &json!([{ "name": "APP_VERSION", "value": "2" }])
    );
    // All else is as it was.
    let mut expected = before["taskDefinition"].clone();
    let mut found = after["taskDefinition"].clone();
    for definition in [&mut expected, &mut found] {
        let members = definition.as_object_mut().unwrap();
        for own in ["taskDefinitionArn", "revision", "registeredAt"] {
            members.remove(own);
        }
        definition["containerDefinitions"][0]["environment"] = json!([]);
    }
    assert_eq!(found, expected);
    assert_eq!(after["tags"].as_array().unwrap()[0]["key"], "longshore:who");
    assert!(
        outcome
            .stderr
            .contains("containerDefinitions.api.environment.APP_VERSION: changed"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn replaces_the_tasks_when_no_change_is_asked_for() {
    let (stage, good) = Stage::with_service();
    let before = stage.service()["deployments"][0]["id"].clone();
    let outcome = stage.update(&[]);
    outcome.is(0, "completed", "runs ludlow-local-api:1");
    assert_ne!(outcome.document["deployment_id"], before);
    assert_eq!(outcome.document["registered"], false);
    assert_eq!(stage.revisions(), 1);
    stage.serves(&good);
}

#[test]
fn leaves_a_service_alone_that_has_what_is_asked_for() {
    let (stage, good) = Stage::with_service();
    let before = stage.service()["deployments"][0]["id"].clone();
    let outcome = stage.update(&["-e", "api", "APP_VERSION", "1"]);
    outcome.is(0, "unchanged", "it runs ludlow-local-api:1");
    assert_eq!(stage.service()["deployments"][0]["id"], before);
    assert_eq!(stage.revisions(), 1);
    let again = stage.update(&["-e", "api", "APP_VERSION", "1", "--force-new-deployment"]);
    again.is(0, "completed", "runs ludlow-local-api:1");
    assert_ne!(again.document["deployment_id"], before);
    stage.serves(&good);
}

#[test]
fn goes_back_unless_told_to_leave_it() {
    let (stage, good) = Stage::with_service();
    stage.without_breaker();
    let crash = ["-e", "api", "LUDLOW_CRASH", "start"];
    let outcome = stage.update(&crash);
    outcome.is(4, "rolled-back", "exit code 1");
    stage.serves(&good);
    let outcome = stage.update(&[&crash[..], &["--no-rollback"]].concat());
    outcome.is(1, "failed", "exit code 1");
    assert_ne!(stage.service()["taskDefinition"], good);
}

#[test]
fn shows_what_it_would_do_and_does_not_wait_where_told_so() {
    let (stage, good) = Stage::with_service();
    let change = ["-e", "api", "APP_VERSION", "2"];
    let outcome = stage.update(&[&change[..], &["--dry-run"]].concat());
    outcome.is(
        0,
        "planned",
        "would register a revision of ludlow-local-api",
    );
    assert_eq!(stage.revisions(), 1);
    assert_eq!(stage.service()["taskDefinition"], good);
    let outcome = stage.update(&[&change[..], &["--timeout", "-1"]].concat());
    outcome.is(0, "started", "nobody follows it");
    stage.serves(outcome.document["task_definition"].as_str().unwrap());
}

#[test]
fn takes_an_existing_revision_and_a_number_of_tasks() {
    let (stage, good) = Stage::with_service();
    let outcome = stage.update(&["-e", "api", "APP_VERSION", "2", "--desired-count", "3"]);
    outcome.is(0, "completed", "runs ludlow-local-api:2");
    assert_eq!(stage.service()["desiredCount"], 3);
    let outcome = stage.update(&["--task", "ludlow-local-api:1"]);
    outcome.is(0, "completed", "runs ludlow-local-api:1");
    assert_eq!(outcome.document["registered"], false);
    assert_eq!(stage.revisions(), 2);
    stage.serves(&good);
}

#[test]
fn names_every_problem_and_touches_nothing() {
    let (stage, good) = Stage::with_service();
    let outcome = stage.update(&["-i", "wrong", "x:1", "--deregister", "--cpu", "api", "much"]);
    assert_eq!(outcome.code, 2, "{outcome:?}");
    for words in [
        "--deregister is refused",
        "deployer prune",
        "--cpu api: \"much\" is not a whole number",
    ] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    let outcome = stage.update(&["-i", "wrong", "x:1"]);
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.stderr.contains("wrong"), "{}", outcome.stderr);
    let input = json!({ "cluster": CLUSTER, "services": [SERVICE] });
    let service = stage.call("DescribeServices", &input)["services"][0].clone();
    assert_eq!(service["taskDefinition"], good);
    assert_eq!(stage.revisions(), 1);
}
