//! Which deployment is whose, and what there is to do at all.

use serde_json::json;

use crate::stage::{CLUSTER, SERVICE, Stage};

#[test]
fn does_nothing_for_what_runs_already() {
    let (stage, good) = Stage::with_service();
    let file = stage.write("same", &stage.definition(&[("APP_VERSION", "1")]));
    let before = stage.service()["deployments"][0]["id"].clone();
    let outcome = stage.deploy(&file, &[]);
    outcome.is(0, "unchanged", "it runs ludlow-local-api:1");
    assert_eq!(outcome.document["registered"], false);
    assert_eq!(stage.revisions(), 1);
    assert_eq!(stage.service()["deployments"][0]["id"], before);
    stage.serves(&good);
}

#[test]
fn deploys_a_revision_that_exists_without_registering_another() {
    let (stage, good) = Stage::with_service();
    let file = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    stage.deploy(&file, &[]).is(0, "completed", "");
    let outcome = stage.deploy(&good, &[]);
    outcome.is(0, "completed", "runs ludlow-local-api:1");
    assert_eq!(outcome.document["registered"], false);
    assert_eq!(stage.revisions(), 2);
    stage.serves(&good);
}

#[test]
fn is_superseded_by_somebody_elses_deployment() {
    let (stage, _good) = Stage::with_service();
    // It never becomes healthy, so that it is still under way.
    let file = stage.write("next", &stage.definition(&[("LUDLOW_UNHEALTHY", "1")]));
    let running = stage.begin(&file, &["--failures", "99"]);
    stage.until("a second deployment", |service| {
        service["deployments"].as_array().unwrap().len() == 2
    });
    let other = stage.definition(&[("APP_VERSION", "3")]);
    let registered = stage.call("RegisterTaskDefinition", &other);
    let theirs = registered["taskDefinition"]["taskDefinitionArn"].clone();
    stage.call(
        "UpdateService",
        &json!({ "cluster": CLUSTER, "service": SERVICE, "taskDefinition": theirs }),
    );
    let outcome = running.end();
    outcome.is(5, "superseded", "took its place");
    assert_eq!(outcome.document["serving_task_definition"], theirs);
    stage.serves(theirs.as_str().unwrap());
}

#[test]
fn tells_somebody_elses_stop_from_success() {
    let (stage, good) = Stage::with_service();
    let file = stage.write("next", &stage.definition(&[("LUDLOW_UNHEALTHY", "1")]));
    let running = stage.begin(&file, &["--failures", "99"]);
    let service = stage.until("a second deployment", |service| {
        service["deployments"].as_array().unwrap().len() == 2
            && service["currentServiceDeployment"].is_string()
    });
    stage.call(
        "StopServiceDeployment",
        &json!({ "serviceDeploymentArn": service["currentServiceDeployment"], "stopType": "ROLLBACK" }),
    );
    let outcome = running.end();
    outcome.is(4, "rolled-back", "is back on ludlow-local-api:1");
    assert_eq!(outcome.document["rollback"]["by"], "ecs");
    stage.serves(&good);
}

#[test]
fn refuses_while_another_deployment_is_in_progress() {
    let (stage, _good) = Stage::with_service();
    let slow = stage.write("slow", &stage.definition(&[("LUDLOW_UNHEALTHY", "1")]));
    stage
        .deploy(&slow, &["--no-wait", "--no-lock"])
        .is(0, "started", "nobody follows it");
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let outcome = stage.deploy(&next, &[]);
    outcome.is(
        3,
        "refused",
        "another deployment of ludlow-local-api is in progress",
    );
    assert!(outcome.stderr.contains("--supersede"), "{outcome:?}");
    assert_eq!(stage.revisions(), 2);
    let outcome = stage.deploy(&next, &["--supersede"]);
    outcome.is(0, "completed", "runs ludlow-local-api:3");
    stage.serves(outcome.document["task_definition"].as_str().unwrap());
}

#[test]
fn goes_back_to_what_worked_and_not_to_the_revision_before() {
    let (stage, good) = Stage::with_service();
    let bad = stage.write("bad", &stage.definition(&[("LUDLOW_CRASH", "start")]));
    stage.deploy(&bad, &[]).is(4, "rolled-back", "");
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "3")]));
    stage
        .deploy(&next, &[])
        .is(0, "completed", "runs ludlow-local-api:3");
    // Revision 2 comes before 3, and never worked.
    let outcome = stage.run("rollback", &[]);
    outcome.is(0, "completed", "runs ludlow-local-api:1");
    stage.serves(&good);
}

#[test]
fn stops_what_is_in_progress_on_request() {
    let (stage, good) = Stage::with_service();
    let refused = stage.run("stop", &[]);
    assert_eq!(refused.code, 3);
    assert!(
        refused
            .stderr
            .contains("no deployment of ludlow-local-api is in progress")
    );
    let slow = stage.write("slow", &stage.definition(&[("LUDLOW_UNHEALTHY", "1")]));
    stage.deploy(&slow, &["--no-wait"]).is(0, "started", "");
    let outcome = stage.run("stop", &[]);
    outcome.is(0, "rolled-back", "stopped on request");
    stage.serves(&good);
}

#[test]
fn replaces_the_tasks_of_what_runs() {
    let (stage, good) = Stage::with_service();
    let before = stage.service()["deployments"][0]["id"].clone();
    let outcome = stage.run("refresh", &[]);
    outcome.is(0, "completed", "runs ludlow-local-api:1");
    assert_ne!(outcome.document["deployment_id"], before);
    assert_eq!(stage.revisions(), 1);
    stage.serves(&good);
}

#[test]
fn changes_settings_without_new_tasks() {
    let (stage, good) = Stage::with_service();
    let before = stage.service()["deployments"][0]["id"].clone();
    let outcome = stage.deploy(&good, &["--minimum-healthy-percent", "50"]);
    outcome.is(0, "completed", "minimumHealthyPercent 100 → 50");
    let service = stage.service();
    assert_eq!(service["deployments"][0]["id"], before);
    let configuration = &service["deploymentConfiguration"];
    assert_eq!(configuration["minimumHealthyPercent"], 50);
    assert_eq!(configuration["deploymentCircuitBreaker"]["enable"], true);
}

#[test]
fn keeps_the_number_of_tasks_that_somebody_has_set() {
    let (stage, _good) = Stage::with_service();
    let next = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let mut running = stage.begin(&next, &[]);
    running.says("deployment ecs-svc/");
    stage.call(
        "UpdateService",
        &json!({ "cluster": CLUSTER, "service": SERVICE, "desiredCount": 3 }),
    );
    let outcome = running.end();
    outcome.is(0, "completed", "runs ludlow-local-api:2");
    let service = stage.until("three tasks", |service| service["runningCount"] == 3);
    assert_eq!(service["desiredCount"], 3);
}
