//! The circuit breaker.

use serde_json::{Value, json};

use super::application::Mode;
use super::server::until;
use super::support::{Rig, only, text};

fn breaker(threshold: &Value) -> Value {
    json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true, "thresholdConfiguration": threshold } })
}

#[test]
fn rolls_back_after_three_failed_tasks() {
    let rig = Rig::new();
    rig.create(&breaker(&json!({ "type": "BOUNDED_PERCENT", "value": 50 })));
    let old = rig.described();
    let arn = rig.deploy("v2", Mode::Crashes);
    let reason = until("the way back", || {
        let service = rig.described();
        let reason = text(&service["deployments"][0]["rolloutStateReason"]);
        let is_back = service["deployments"][0]["id"] == old["deployments"][0]["id"];
        if is_back { Ok(reason) } else { Err(reason) }
    });
    let old_id = text(&old["deployments"][0]["id"]);
    let expected = [
        format!("ECS deployment circuit breaker: rolling back to deploymentId {old_id}."),
        format!("ECS deployment {old_id} completed."),
    ];
    assert!(expected.contains(&reason), "{reason}");
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    let reason =
        "Service deployment rolled back because the circuit breaker threshold was exceeded.";
    assert_eq!(rollout["statusReason"], reason);
    assert_eq!(rollout["rollback"]["reason"], reason);
    assert_eq!(
        rollout["deploymentCircuitBreaker"],
        json!({ "status": "TRIGGERED", "failureCount": 3, "threshold": 3 })
    );
    assert_eq!(rig.visits(80), only("v1"));
    assert_eq!(rig.described()["taskDefinition"], old["taskDefinition"]);
    let events = rig.events();
    let failed = events
        .iter()
        .position(|event| event.ends_with("deployment failed: tasks failed to start."));
    assert_eq!(
        events[failed.unwrap() + 1],
        format!("(service web) rolling back to deployment {old_id}.")
    );
}

#[test]
fn counts_as_far_as_it_is_told() {
    let rig = Rig::new();
    rig.create(&breaker(&json!({ "type": "COUNT", "value": 1 })));
    let configured = &rig.described()["deploymentConfiguration"]["deploymentCircuitBreaker"];
    assert_eq!(
        *configured,
        json!({
            "enable": true, "rollback": true, "resetOnHealthyTask": true,
            "thresholdConfiguration": { "type": "COUNT", "value": 1 },
        })
    );
    let arn = rig.deploy("v2", Mode::Crashes);
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        rollout["deploymentCircuitBreaker"],
        json!({ "status": "TRIGGERED", "failureCount": 1, "threshold": 1 })
    );
}

#[test]
fn counts_tasks_that_were_replaced_for_their_health() {
    let rig = Rig::new();
    let mut input = rig.service(&breaker(&json!({ "type": "COUNT", "value": 2 })));
    input["healthCheckGracePeriodSeconds"] = json!(150);
    // Without a breaker, so that a slow machine may take more than one attempt.
    input["deploymentConfiguration"] = json!({});
    rig.server.ecs("CreateService", &input);
    rig.await_status(&rig.latest(), "SUCCESSFUL");
    let arn = rig.deploy_with(
        "v2",
        Mode::Fails,
        &breaker(&json!({ "type": "COUNT", "value": 2 })),
    );
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(rollout["deploymentCircuitBreaker"]["failureCount"], 2);
    assert_eq!(rig.visits(80), only("v1"));
}

#[test]
fn stops_where_it_shall_not_roll_back() {
    let rig = Rig::new();
    rig.create(&json!({}));
    let breaker = json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": false } });
    let arn = rig.deploy_with("v2", Mode::Crashes, &breaker);
    let rollout = rig.await_status(&arn, "STOPPED");
    assert_eq!(
        rollout["statusReason"],
        "Service deployment stopped because the circuit breaker threshold was exceeded."
    );
    let service = rig.described();
    assert_eq!(service["deployments"][0]["rolloutState"], "FAILED");
    assert_eq!(
        service["deployments"][0]["rolloutStateReason"],
        "ECS deployment circuit breaker: tasks failed to start."
    );
    assert_eq!(rig.visits(80), only("v1"));
}

/// The failures that a deployment shows after one task has ended and another one is healthy.
fn failures_after_recovery(rig: &Rig, resets: bool) -> (String, Value) {
    let configuration = json!({
        "deploymentCircuitBreaker": {
            "enable": true, "rollback": true, "resetOnHealthyTask": resets,
            "thresholdConfiguration": { "type": "COUNT", "value": 2 },
        },
        "lifecycleHooks": [{ "targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"] }],
    });
    let arn = rig.deploy_with("v2", Mode::Works, &configuration);
    rig.await_pause(&arn, "POST_SCALE_UP");
    rig.end_a_task();
    rig.await_rollout(&arn, "the failure", |rollout| {
        rollout["deploymentCircuitBreaker"]["failureCount"] == 1
    });
    until("another healthy task", || {
        let service = rig.described();
        let is_there = service["runningCount"] == 1 && rig.visit(80) == (200, "v2".to_owned());
        if is_there {
            Ok(())
        } else {
            Err(service.to_string())
        }
    });
    if resets {
        rig.await_rollout(&arn, "the reset", |rollout| {
            rollout["deploymentCircuitBreaker"]["failureCount"] == 0
        });
    }
    let rollout = rig.rollout(&arn);
    (
        arn,
        rollout["deploymentCircuitBreaker"]["failureCount"].clone(),
    )
}

#[test]
fn forgets_failures_when_a_task_is_healthy() {
    let rig = Rig::new();
    rig.create(&json!({}));
    let (arn, failures) = failures_after_recovery(&rig, true);
    assert_eq!(failures, 0);
    rig.end_a_task();
    let rollout = rig.await_rollout(&arn, "one failure", |rollout| {
        rollout["deploymentCircuitBreaker"]["failureCount"] == 1
    });
    assert_eq!(rollout["status"], "IN_PROGRESS");
}

#[test]
fn remembers_failures_if_it_shall() {
    let rig = Rig::new();
    rig.create(&json!({}));
    let (arn, failures) = failures_after_recovery(&rig, false);
    assert_eq!(failures, 1);
    rig.end_a_task();
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(rollout["deploymentCircuitBreaker"]["failureCount"], 2);
}
