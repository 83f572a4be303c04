//! Blue/green deployments that go as they should.

use serde_json::{Value, json};

use super::application::Mode;
use super::support::{Rig, Visitor, deployments, only};

fn paused_at(stages: &[&str]) -> Value {
    json!({
        "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0,
        "lifecycleHooks": [{ "targetType": "PAUSE", "lifecycleStages": stages }],
    })
}

/// Tasks asked for, shares of production and of test traffic.
fn summary(revision: &Value) -> (i64, f64, f64) {
    (
        revision["requestedTaskCount"].as_i64().unwrap(),
        revision["requestedProductionTrafficWeight"]
            .as_f64()
            .unwrap(),
        revision["requestedTestTrafficWeight"].as_f64().unwrap(),
    )
}

fn sides(rollout: &Value) -> [(i64, f64, f64); 2] {
    [
        summary(&rollout["sourceServiceRevisions"][0]),
        summary(&rollout["targetServiceRevision"]),
    ]
}

#[test]
fn shifts_first_the_test_traffic_and_then_all() {
    let rig = Rig::new();
    rig.create_shifting(&json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 }));
    assert_eq!(rig.weights(&rig.production_rule), [100, 0]);
    assert_eq!(rig.visits(80), only("v1"));
    let stages = [
        "PRE_SCALE_UP",
        "POST_SCALE_UP",
        "POST_TEST_TRAFFIC_SHIFT",
        "POST_PRODUCTION_TRAFFIC_SHIFT",
    ];
    let arn = rig.deploy_with("v2", Mode::Works, &paused_at(&stages));

    let hook = rig.await_pause(&arn, "PRE_SCALE_UP");
    assert_eq!(
        sides(&rig.rollout(&arn)),
        [(1, 100.0, 100.0), (0, 0.0, 0.0)]
    );
    rig.resume(&arn, &hook, "CONTINUE");

    let hook = rig.await_pause(&arn, "POST_SCALE_UP");
    assert_eq!(rig.visits(80), only("v1"));
    assert_eq!(rig.visits(81), only("v1"));
    let rollout = rig.rollout(&arn);
    assert_eq!(sides(&rollout), [(1, 100.0, 100.0), (1, 0.0, 0.0)]);
    assert_eq!(rollout["targetServiceRevision"]["runningTaskCount"], 1);
    rig.resume(&arn, &hook, "CONTINUE");

    let hook = rig.await_pause(&arn, "POST_TEST_TRAFFIC_SHIFT");
    assert_eq!(rig.visits(80), only("v1"));
    assert_eq!(rig.visits(81), only("v2"));
    assert_eq!(rig.weights(&rig.test_rule), [0, 100]);
    assert_eq!(
        sides(&rig.rollout(&arn)),
        [(1, 100.0, 0.0), (1, 0.0, 100.0)]
    );
    rig.resume(&arn, &hook, "CONTINUE");

    let hook = rig.await_pause(&arn, "POST_PRODUCTION_TRAFFIC_SHIFT");
    assert_eq!(rig.visits(80), only("v2"));
    assert_eq!(rig.weights(&rig.production_rule), [0, 100]);
    assert_eq!(
        deployments(&rig.described()),
        [
            ("PRIMARY".to_owned(), "IN_PROGRESS".to_owned(), 1),
            ("ACTIVE".to_owned(), "COMPLETED".to_owned(), 1),
        ]
    );
    rig.resume(&arn, &hook, "CONTINUE");

    let rollout = rig.await_status(&arn, "SUCCESSFUL");
    assert_eq!(rollout["lifecycleStage"], "CLEAN_UP");
    assert_eq!(sides(&rollout), [(0, 0.0, 0.0), (1, 100.0, 100.0)]);
    let ended: Vec<&str> = rollout["lifecycleHookDetails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hook| hook["status"].as_str().unwrap())
        .collect();
    assert_eq!(ended, ["SUCCEEDED"; 4]);
    assert_eq!(
        deployments(&rig.described()),
        [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 1)]
    );
    assert_eq!(rig.visits(80), only("v2"));
}

#[test]
fn target_groups_change_places_with_each_deployment() {
    let rig = Rig::new();
    rig.create_shifting(&json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 }));
    for (name, weights) in [("v2", [0, 100]), ("v3", [100, 0])] {
        let arn = rig.deploy(name, Mode::Works);
        rig.await_status(&arn, "SUCCESSFUL");
        assert_eq!(rig.weights(&rig.production_rule), weights, "{name}");
        assert_eq!(rig.visits(80), only(name));
    }
}

#[test]
fn takes_the_place_of_a_deployment_that_is_under_way() {
    let rig = Rig::new();
    rig.create_shifting(&json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 }));
    let first = rig.deploy_with("v2", Mode::Works, &paused_at(&["POST_TEST_TRAFFIC_SHIFT"]));
    rig.await_pause(&first, "POST_TEST_TRAFFIC_SHIFT");
    let second = rig.deploy_with("v3", Mode::Works, &json!({ "lifecycleHooks": [] }));
    rig.await_status(&second, "SUCCESSFUL");
    assert_eq!(rig.rollout(&first)["status"], "STOPPED");
    assert_eq!(rig.visits(80), only("v3"));
    assert_eq!(
        deployments(&rig.described()),
        [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 1)]
    );
}

#[test]
fn nobody_notices_a_deployment_nor_the_way_back() {
    let rig = Rig::new();
    rig.create_shifting(&json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 }));
    let visitor = Visitor::of(&rig);
    let arn = rig.deploy("v2", Mode::Works);
    rig.await_status(&arn, "SUCCESSFUL");
    let arn = rig.deploy_with("v3", Mode::Works, &json!({ "bakeTimeInMinutes": 1440 }));
    rig.await_rollout(&arn, "the bake time", |rollout| {
        rollout["lifecycleStage"] == "BAKE_TIME"
    });
    rig.server.ecs(
        "StopServiceDeployment",
        &json!({ "serviceDeploymentArn": arn }),
    );
    rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(visitor.failures(), [""; 0]);
    assert_eq!(rig.visits(80), only("v2"));
}

#[test]
fn comes_to_its_end_however_often_the_server_is_killed() {
    let mut rig = Rig::new();
    let canary = json!({
        "strategy": "CANARY", "bakeTimeInMinutes": 1,
        "canaryConfiguration": { "canaryPercent": 20.0, "canaryBakeTimeInMinutes": 1 },
    });
    rig.create_shifting(&canary);
    let arn = rig.deploy("v2", Mode::Works);
    let stages = [
        "SCALE_UP",
        "PRODUCTION_TRAFFIC_SHIFT",
        "BAKE_TIME",
        "CLEAN_UP",
    ];
    for stage in stages {
        let is_there = |rollout: &Value| {
            let now = rollout["lifecycleStage"].as_str().unwrap();
            // It may have gone on before anybody looked.
            now == stage || rollout["status"] == "SUCCESSFUL" || place(now) > place(stage)
        };
        rig.await_rollout(&arn, stage, is_there);
        rig = rig.restart();
    }
    rig.await_status(&arn, "SUCCESSFUL");
    assert_eq!(rig.weights(&rig.production_rule), [0, 100]);
    assert_eq!(rig.visits(80), only("v2"));
    assert_eq!(
        deployments(&rig.described()),
        [("PRIMARY".to_owned(), "COMPLETED".to_owned(), 1)]
    );
}

/// Where a stage is in the order of all.
fn place(stage: &str) -> Option<usize> {
    let order = [
        "PRE_SCALE_UP",
        "SCALE_UP",
        "POST_SCALE_UP",
        "TEST_TRAFFIC_SHIFT",
        "POST_TEST_TRAFFIC_SHIFT",
        "PRODUCTION_TRAFFIC_SHIFT",
        "POST_PRODUCTION_TRAFFIC_SHIFT",
        "BAKE_TIME",
        "CLEAN_UP",
    ];
    order.iter().position(|name| *name == stage)
}

#[test]
fn goes_on_where_a_killed_server_left_it() {
    let rig = Rig::new();
    rig.create_shifting(&json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 }));
    let arn = rig.deploy_with("v2", Mode::Works, &paused_at(&["POST_TEST_TRAFFIC_SHIFT"]));
    let hook = rig.await_pause(&arn, "POST_TEST_TRAFFIC_SHIFT");
    let rig = rig.restart();
    assert_eq!(rig.await_pause(&arn, "POST_TEST_TRAFFIC_SHIFT"), hook);
    rig.resume(&arn, &hook, "CONTINUE");
    rig.await_status(&arn, "SUCCESSFUL");
    assert_eq!(rig.visits(80), only("v2"));
}
