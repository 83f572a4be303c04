//! Rolling deployments that go as they should.

use serde_json::{Value, json};

use super::application::Mode;
use super::support::{Rig, deployments, only, text};

#[test]
fn replaces_the_tasks_and_says_so() {
    let rig = Rig::new();
    rig.create(&json!({}));
    assert_eq!(rig.visits(80), only("v1"));
    let arn = rig.deploy("v2", Mode::Works);
    let rollout = rig.await_status(&arn, "SUCCESSFUL");
    assert_eq!(rollout["statusReason"], "");
    assert_eq!(
        rollout["deploymentCircuitBreaker"],
        json!({ "status": "DISABLED", "failureCount": 0, "threshold": 3 })
    );
    assert_eq!(
        rollout["alarms"],
        json!({ "status": "DISABLED", "alarmNames": [], "triggeredAlarmNames": [] })
    );
    assert_eq!(rollout.get("lifecycleStage"), None);
    assert_eq!(rig.visits(80), only("v2"));
    let listed = |range: &Value| {
        let input = json!({ "cluster": "c", "service": "web", "createdAt": range });
        let answer = rig.server.ecs("ListServiceDeployments", &input);
        answer["serviceDeployments"].as_array().unwrap().len()
    };
    let created = &rollout["createdAt"];
    assert_eq!(listed(&json!({})), 2);
    assert_eq!(listed(&json!({ "after": created })), 1);
    assert_eq!(listed(&json!({ "before": 1.5 })), 0);
    let service = rig.described();
    assert_eq!(
        deployments(&service),
        [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 1)]
    );
    let id = text(&service["deployments"][0]["id"]);
    let events = rig.events();
    assert_eq!(
        events[events.len() - 2..],
        [
            format!("(service web) (deployment {id}) deployment completed."),
            "(service web) has reached a steady state.".to_owned(),
        ]
    );
}

#[test]
fn gives_up_a_deployment_that_a_newer_one_replaces() {
    let rig = Rig::new();
    rig.create(&json!({}));
    let hooks = json!({ "lifecycleHooks": [{ "targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"] }] });
    let first = rig.deploy_with("v2", Mode::Works, &hooks);
    rig.await_pause(&first, "PRE_SCALE_UP");
    let second = rig.deploy_with("v3", Mode::Works, &json!({ "lifecycleHooks": [] }));
    rig.await_status(&second, "SUCCESSFUL");
    let rollout = rig.rollout(&first);
    assert_eq!(rollout["status"], "STOPPED");
    assert_eq!(
        rollout["statusReason"],
        "Service deployment stopped because a newer service deployment replaced it."
    );
    assert_eq!(rollout["stoppedAt"], rollout["finishedAt"]);
    assert_eq!(rig.visits(80), only("v3"));
}
