//! Pauses that end otherwise than by going on.

use serde_json::{Value, json};

use super::application::Mode;
use super::support::{Rig, deployments, only};

fn pause(stage: &str, timeout: &Value) -> Value {
    json!({ "lifecycleHooks": [{
        "targetType": "PAUSE", "lifecycleStages": [stage], "timeoutConfiguration": timeout,
    }] })
}

fn shifting() -> Value {
    json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 })
}

#[test]
fn goes_back_on_request() {
    let rig = Rig::new();
    rig.create_shifting(&shifting());
    let arn = rig.deploy_with(
        "v2",
        Mode::Works,
        &pause("POST_PRODUCTION_TRAFFIC_SHIFT", &json!({})),
    );
    let hook = rig.await_pause(&arn, "POST_PRODUCTION_TRAFFIC_SHIFT");
    assert_eq!(rig.visits(80), only("v2"));
    rig.resume(&arn, &hook, "ROLLBACK");
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        rollout["statusReason"],
        "Service deployment rolled back because POST_PRODUCTION_TRAFFIC_SHIFT lifecycle hook(s) failed."
    );
    assert_eq!(rollout["lifecycleHookDetails"][0]["status"], "FAILED");
    assert_eq!(rig.visits(80), only("v1"));
    assert_eq!(
        deployments(&rig.described()),
        [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 1)]
    );
    let input = json!({ "serviceDeploymentArn": arn, "hookId": hook });
    let (code, message) = rig.server.ecs_refusal("ContinueServiceDeployment", &input);
    assert_eq!(code, "InvalidParameterException");
    assert_eq!(
        message,
        "Continuing a service deployment is not allowed for service deployment in terminal states."
    );
}

#[test]
fn goes_back_when_nobody_says_anything() {
    let rig = Rig::new();
    rig.create_shifting(&shifting());
    let timeout = json!({ "timeoutInMinutes": 1 });
    let arn = rig.deploy_with("v2", Mode::Works, &pause("POST_SCALE_UP", &timeout));
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        rollout["statusReason"],
        "Service deployment rolled back because POST_SCALE_UP pause hook timed out."
    );
    assert_eq!(rollout["lifecycleHookDetails"][0]["status"], "TIMED_OUT");
    assert_eq!(rig.visits(80), only("v1"));
}

#[test]
fn goes_on_when_nobody_says_anything_if_it_shall() {
    let rig = Rig::new();
    rig.create_shifting(&shifting());
    let timeout = json!({ "timeoutInMinutes": 1, "action": "CONTINUE" });
    let arn = rig.deploy_with("v2", Mode::Works, &pause("POST_SCALE_UP", &timeout));
    let rollout = rig.await_status(&arn, "SUCCESSFUL");
    assert_eq!(
        rollout["lifecycleHookDetails"][0]["timeoutAction"],
        "CONTINUE"
    );
    assert_eq!(rollout["lifecycleHookDetails"][0]["status"], "TIMED_OUT");
}

#[test]
fn pauses_a_rolling_deployment_before_it_starts_anything() {
    let rig = Rig::new();
    rig.create(&json!({}));
    let arn = rig.deploy_with("v2", Mode::Works, &pause("PRE_SCALE_UP", &json!({})));
    let hook = rig.await_pause(&arn, "PRE_SCALE_UP");
    assert_eq!(
        deployments(&rig.described()),
        [
            ("PRIMARY".to_owned(), "IN_PROGRESS".to_owned(), 0),
            ("ACTIVE".to_owned(), "COMPLETED".to_owned(), 1),
        ]
    );
    assert_eq!(rig.visits(80), only("v1"));
    rig.resume(&arn, &hook, "CONTINUE");
    rig.await_status(&arn, "SUCCESSFUL");
    assert_eq!(rig.visits(80), only("v2"));
}

#[test]
fn knows_its_hooks() {
    let rig = Rig::new();
    rig.create(&json!({}));
    let arn = rig.deploy_with("v2", Mode::Works, &pause("PRE_SCALE_UP", &json!({})));
    rig.await_pause(&arn, "PRE_SCALE_UP");
    let refusal = |arn: &str, hook: &str| {
        let input = json!({ "serviceDeploymentArn": arn, "hookId": hook });
        rig.server.ecs_refusal("ContinueServiceDeployment", &input)
    };
    assert_eq!(
        refusal(&arn, "pause-1").1,
        "Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}"
    );
    assert_eq!(
        refusal(&arn, "ecs-pause-1").1,
        "Provided hookId is either completed, unavailable, or not associated with the given Resource ARN"
    );
    assert_eq!(
        refusal(&format!("{arn}0"), "ecs-pause-1"),
        (
            "ServiceDeploymentNotFoundException".to_owned(),
            "The service deployment does not exist.".to_owned()
        )
    );
}
