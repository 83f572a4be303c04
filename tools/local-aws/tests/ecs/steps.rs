//! Canary and linear deployments.

use serde_json::json;

use super::application::Mode;
use super::support::{Rig, only};

#[test]
fn a_canary_that_sings_gets_no_more_traffic() {
    let rig = Rig::new();
    let canary = json!({
        "strategy": "CANARY", "bakeTimeInMinutes": 0,
        "canaryConfiguration": { "canaryPercent": 10.0, "canaryBakeTimeInMinutes": 1440 },
    });
    rig.create_shifting(&canary);
    rig.alarm("errors", 60);
    let watched =
        json!({ "alarms": { "alarmNames": ["errors"], "enable": true, "rollback": true } });
    let arn = rig.deploy_with("v2", Mode::Works, &watched);
    let rollout = rig.await_rollout(&arn, "the first step", |rollout| {
        rollout["targetServiceRevision"]["requestedProductionTrafficWeight"] == 10.0
    });
    assert_eq!(rollout["lifecycleStage"], "PRODUCTION_TRAFFIC_SHIFT");
    assert_eq!(
        rollout["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"],
        90.0
    );
    assert_eq!(rig.weights(&rig.production_rule), [90, 10]);
    rig.set_alarm("errors", "ALARM");
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(rollout["alarms"]["triggeredAlarmNames"], json!(["errors"]));
    assert_eq!(rig.weights(&rig.production_rule), [100, 0]);
    assert_eq!(rig.weights(&rig.test_rule), [100, 0]);
    assert_eq!(rig.visits(80), only("v1"));
}

#[test]
fn a_linear_deployment_pauses_before_each_of_its_steps() {
    let rig = Rig::new();
    let linear = json!({
        "strategy": "LINEAR", "bakeTimeInMinutes": 0,
        "linearConfiguration": { "stepPercent": 40.0, "stepBakeTimeInMinutes": 0 },
    });
    rig.create_shifting(&linear);
    let hooks = json!({ "lifecycleHooks": [{
        "targetType": "PAUSE", "lifecycleStages": ["PRE_PRODUCTION_TRAFFIC_SHIFT"],
    }] });
    let arn = rig.deploy_with("v2", Mode::Works, &hooks);
    let mut seen = Vec::new();
    let mut hooks = Vec::new();
    for _ in 0..3 {
        hooks.push(rig.await_pause(&arn, "PRODUCTION_TRAFFIC_SHIFT"));
        seen.push(rig.weights(&rig.production_rule));
        rig.resume(&arn, hooks.last().unwrap(), "CONTINUE");
    }
    assert_eq!(seen, [[100, 0], [60, 40], [20, 80]]);
    hooks.dedup();
    assert_eq!(hooks.len(), 3);
    rig.await_status(&arn, "SUCCESSFUL");
    assert_eq!(rig.weights(&rig.production_rule), [0, 100]);
    assert_eq!(rig.visits(80), only("v2"));
}
