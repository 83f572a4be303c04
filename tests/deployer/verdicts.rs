//! What becomes of a release by itself.

use serde_json::json;

use crate::stage::{SERVICE, Stage};

#[test]
fn completes_a_release_that_works() {
    let (stage, good) = Stage::with_service();
    let file = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let outcome = stage.deploy(&file, &[]);
    outcome.is(0, "completed", "runs ludlow-local-api:2");
    let document = &outcome.document;
    assert_eq!(document["previous_task_definition"], good);
    assert_eq!(document["registered"], true);
    assert_eq!(document["failures"], json!([]));
    assert_eq!(
        document["deployment_id"],
        stage.service()["deployments"][0]["id"]
    );
    let record = document["service_deployment"].as_str().unwrap();
    let described = stage.call(
        "DescribeServiceDeployments",
        &json!({ "serviceDeploymentArns": [record] }),
    );
    let described = &described["serviceDeployments"][0];
    assert_eq!(described["status"], "SUCCESSFUL");
    assert_eq!(
        described["targetServiceRevision"]["arn"],
        document["service_revision"]
    );
    stage.serves(document["task_definition"].as_str().unwrap());
}

/// Deploys a version that must not stay; gives the outcome once the good one serves again.
fn rejects(
    variables: &[(&str, &str)],
    more: &[&str],
    reason: &str,
) -> (Stage, crate::stage::Outcome) {
    let (stage, good) = Stage::with_service();
    rejects_on(stage, &good, variables, more, reason)
}

fn rejects_on(
    stage: Stage,
    good: &str,
    variables: &[(&str, &str)],
    more: &[&str],
    reason: &str,
) -> (Stage, crate::stage::Outcome) {
    let file = stage.write("bad", &stage.definition(variables));
    let outcome = stage.deploy(&file, more);
    outcome.is(4, "rolled-back", reason);
    assert_eq!(outcome.document["serving_task_definition"], good);
    assert_eq!(outcome.document["rollback"]["task_definition"], good);
    stage.serves(good);
    (stage, outcome)
}

#[test]
fn goes_back_from_a_crash_loop_that_ecs_would_let_go_on() {
    let (stage, good) = Stage::with_service();
    stage.without_breaker();
    let (_stage, outcome) = rejects_on(
        stage,
        &good,
        &[("LUDLOW_CRASH", "start")],
        &[],
        "tasks failed: Essential container in task exited (container api, exit code 1)",
    );
    let failure = &outcome.document["failures"][0];
    assert_eq!(failure["stop_code"], "EssentialContainerExited");
    assert_eq!(failure["exit_code"], 1);
    assert_eq!(failure["log"]["group"], "/ecs/ludlow/local");
    let lines = failure["last_lines"].as_array().unwrap();
    assert!(
        lines.iter().any(|line| line
            .as_str()
            .unwrap()
            .contains("crash at start, as LUDLOW_CRASH=start asks")),
        "{lines:?}"
    );
    assert!(outcome.stderr.contains("crash at start"));
    assert_eq!(outcome.document["rollback"]["by"], "stop");
}

#[test]
fn goes_back_from_a_version_whose_targets_are_unhealthy() {
    let (_stage, outcome) = rejects(
        &[("LUDLOW_UNHEALTHY", "1")],
        &[],
        "Health checks failed with these codes: [500]",
    );
    assert!(outcome.document["failures"][0]["count"].as_u64().unwrap() >= 1);
}

#[test]
fn goes_back_from_an_image_that_is_not_there_at_the_first_failure() {
    let (stage, good) = Stage::with_service();
    let mut definition = stage.definition(&[]);
    let image = format!("{}/ludlow:no-such-tag", stage.address);
    definition["containerDefinitions"][0]["image"] = json!(image);
    let outcome = stage.deploy(&stage.write("bad", &definition), &[]);
    outcome.is(4, "rolled-back", "CannotPullContainerError");
    outcome.is(4, "rolled-back", "no-such-tag: not found");
    assert_eq!(
        outcome.document["failures"][0]["stop_code"],
        "TaskFailedToStart"
    );
    stage.serves(&good);
}

#[test]
fn goes_back_from_a_secret_that_is_not_there() {
    let (stage, good) = Stage::with_service();
    let mut definition = stage.definition(&[]);
    definition["executionRoleArn"] = json!("arn:aws:iam::000000000000:role/execution");
    definition["containerDefinitions"][0]["secrets"] = json!([{
        "name": "TOKEN", "valueFrom": "arn:aws:ssm:us-east-1:000000000000:parameter/no/such",
    }]);
    let outcome = stage.deploy(&stage.write("bad", &definition), &[]);
    outcome.is(4, "rolled-back", "ResourceInitializationError");
    stage.serves(&good);
}

#[test]
fn tells_a_rollback_by_the_circuit_breaker_from_success() {
    let (stage, outcome) = rejects(
        &[("LUDLOW_CRASH", "start")],
        &["--failures", "99"],
        "Service deployment rolled back because the circuit breaker threshold was exceeded",
    );
    assert_eq!(outcome.document["rollback"]["by"], "ecs");
    // Nothing was deregistered: the way back is open again.
    assert_eq!(stage.revisions(), 2);
}

#[test]
fn fails_where_it_may_not_go_back() {
    let (stage, good) = Stage::with_service();
    let configuration = json!({
        "deploymentCircuitBreaker": { "enable": true, "rollback": false },
        "minimumHealthyPercent": 100, "maximumPercent": 200,
    });
    stage.call(
        "UpdateService",
        &json!({ "cluster": "ludlow", "service": SERVICE, "deploymentConfiguration": configuration }),
    );
    let file = stage.write("bad", &stage.definition(&[("LUDLOW_CRASH", "start")]));
    let outcome = stage.deploy(&file, &["--no-rollback"]);
    outcome.is(1, "failed", "exit code 1");
    // The old tasks serve on, though the service is on the new definition.
    let service = stage.service();
    assert_eq!(
        service["taskDefinition"],
        outcome.document["task_definition"]
    );
    let old = service["deployments"].as_array().unwrap();
    assert!(
        old.iter()
            .any(|one| one["taskDefinition"] == good && one["runningCount"] == 2),
        "{service:#}"
    );
}

#[test]
fn fails_for_the_first_release_of_a_service() {
    let stage = Stage::new();
    let file = stage.write("bad", &stage.definition(&[("LUDLOW_CRASH", "start")]));
    let outcome = stage.deploy(&file, &["--create", "--desired-count", "1"]);
    outcome.is(1, "failed", "there is no release that worked to go back to");
}

#[test]
fn goes_back_from_a_release_that_answers_wrongly() {
    let (stage, good) = Stage::with_service();
    let file = stage.write("next", &stage.definition(&[("APP_VERSION", "2")]));
    let smoke = [
        "--smoke",
        "/version=200:\"version\":\"3\"",
        "--smoke-timeout",
        "1s",
    ];
    let outcome = stage.deploy(&file, &smoke);
    outcome.is(4, "rolled-back", "the smoke check failed");
    assert_eq!(outcome.document["smoke"][0]["passed"], false);
    assert_eq!(outcome.document["rollback"]["by"], "update");
    stage.serves(&good);
    let smoke = [
        "--smoke",
        "/version=200:\"version\":\"2\"",
        "--smoke",
        "/nothing=404",
    ];
    let outcome = stage.deploy(&file, &smoke);
    outcome.is(0, "completed", "runs");
    assert_eq!(outcome.document["smoke"][1]["answer"], "status 404");
}

#[test]
fn gives_up_when_there_is_no_room() {
    let (stage, good) = Stage::with_service();
    let mut definition = stage.definition(&[]);
    definition["containerDefinitions"][0]["memory"] = json!(100_000_000);
    let outcome = stage.deploy(
        &stage.write("big", &definition),
        &["--placement-timeout", "2s"],
    );
    outcome.is(
        4,
        "rolled-back",
        "was unable to place a task because no container instance met all of its requirements",
    );
    stage.serves(&good);
}
