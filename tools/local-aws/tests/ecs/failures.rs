//! Deployments with traffic to shift that fail.

use serde_json::{Value, json};

use super::application::Mode;
use super::support::{Rig, only};

fn shifting() -> Value {
    json!({
        "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1440,
        "deploymentCircuitBreaker": { "enable": true, "rollback": true },
    })
}

/// A service whose next deployments would bake for longer than a test lasts.
fn rig() -> Rig {
    let rig = Rig::new();
    let mut first = shifting();
    first["bakeTimeInMinutes"] = json!(0);
    rig.create_shifting(&first);
    rig
}

#[test]
fn green_tasks_that_crash_never_see_traffic() {
    let rig = rig();
    let arn = rig.deploy_with("v2", Mode::Crashes, &shifting());
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(rollout["lifecycleStage"], "SCALE_UP");
    assert_eq!(rollout["deploymentCircuitBreaker"]["status"], "TRIGGERED");
    assert_eq!(rig.weights(&rig.production_rule), [100, 0]);
    assert_eq!(rig.visits(80), only("v1"));
}

#[test]
fn a_stop_in_the_bake_time_gives_the_traffic_back() {
    let rig = rig();
    let arn = rig.deploy_with("v2", Mode::Works, &shifting());
    rig.await_rollout(&arn, "the bake time", |rollout| {
        rollout["lifecycleStage"] == "BAKE_TIME"
    });
    assert_eq!(rig.visits(80), only("v2"));
    rig.server.ecs(
        "StopServiceDeployment",
        &json!({ "serviceDeploymentArn": arn }),
    );
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        rollout["targetServiceRevision"]["requestedProductionTrafficWeight"],
        0.0
    );
    assert_eq!(rig.weights(&rig.production_rule), [100, 0]);
    assert_eq!(rig.visits(80), only("v1"));
}

#[test]
fn a_rule_that_serves_both_target_groups_ends_the_deployment() {
    let rig = rig();
    rig.set_weights(&rig.production_rule, [1, 1]);
    let arn = rig.deploy_with("v2", Mode::Works, &shifting());
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        rollout["statusReason"],
        format!(
            "Service deployment rolled back because of invalid networking configuration. productionListenerRule {} should \
             have exactly one target group serving traffic but found 2 target groups which are serving traffic",
            rig.production_rule
        )
    );
    assert_eq!(rig.visits(80), only("v1"));
}
