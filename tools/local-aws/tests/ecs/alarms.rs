//! Alarms that watch over a deployment.

use serde_json::{Value, json};

use super::application::Mode;
use super::support::{Rig, deployments, only};

fn watched() -> Value {
    json!({ "alarms": { "alarmNames": ["errors"], "enable": true, "rollback": true } })
}

#[test]
fn an_alarm_in_the_bake_time_rolls_back() {
    let rig = Rig::new();
    rig.create(&json!({}));
    // At the test's speed the bake time is longer than any test lasts.
    rig.alarm("errors", 86_400);
    let arn = rig.deploy_with("v2", Mode::Works, &watched());
    let service = super::server::until("the bake time", || {
        let service = rig.described();
        let old = &service["deployments"][1];
        if old["runningCount"] == 0 && rig.visit(80).1 == "v2" {
            Ok(service)
        } else {
            Err(service.to_string())
        }
    });
    assert_eq!(
        deployments(&service),
        [
            ("PRIMARY".to_owned(), "IN_PROGRESS".to_owned(), 1),
            ("ACTIVE".to_owned(), "COMPLETED".to_owned(), 0),
        ]
    );
    let rollout = rig.rollout(&arn);
    assert_eq!(rollout["status"], "IN_PROGRESS");
    assert_eq!(
        rollout["alarms"],
        json!({ "status": "MONITORING", "alarmNames": ["errors"], "triggeredAlarmNames": [] })
    );
    rig.set_alarm("errors", "ALARM");
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        rollout["statusReason"],
        "Service deployment rolled back because of alarms in ALARM state: errors."
    );
    assert_eq!(
        rollout["alarms"],
        json!({ "status": "TRIGGERED", "alarmNames": ["errors"], "triggeredAlarmNames": ["errors"] })
    );
    assert_eq!(rig.visits(80), only("v1"));
    let events = rig.events();
    assert!(
        events
            .iter()
            .any(|event| event.ends_with("deployment failed: alarm detected.")),
        "{events:#?}"
    );
    assert!(
        !events
            .iter()
            .any(|event| event.contains("tasks failed to start")),
        "{events:#?}"
    );
}

#[test]
fn quiet_alarms_let_a_deployment_end() {
    let rig = Rig::new();
    rig.alarm("errors", 60);
    rig.create(&watched());
    let arn = rig.deploy("v2", Mode::Works);
    let rollout = rig.await_status(&arn, "SUCCESSFUL");
    assert_eq!(rollout["alarms"]["status"], "MONITORING_COMPLETE");
    assert_eq!(
        deployments(&rig.described()),
        [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 1)]
    );
}

#[test]
fn an_alarm_that_was_there_before_says_nothing() {
    let rig = Rig::new();
    rig.create(&json!({}));
    rig.alarm("errors", 86_400);
    rig.set_alarm("errors", "ALARM");
    let arn = rig.deploy_with("v2", Mode::Works, &watched());
    let rollout = rig.await_status(&arn, "SUCCESSFUL");
    assert_eq!(
        rollout["alarms"],
        json!({ "status": "DISABLED", "alarmNames": ["errors"], "triggeredAlarmNames": [] })
    );
    assert_eq!(rig.visits(80), only("v2"));
}
