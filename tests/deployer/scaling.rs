//! The number of tasks, and who may set it.

use serde_json::{Value, json};

use crate::stage::{CLUSTER, SERVICE, Stage};

fn scaling(stage: &Stage, operation: &str, more: Value) -> Value {
    let mut input = json!({ "ServiceNamespace": "ecs" });
    input
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    stage.call(&format!("AnyScaleFrontendService.{operation}"), &input)
}

/// A service that is scaled automatically between one and four tasks.
fn automatic() -> (Stage, String) {
    let (stage, good) = Stage::with_service();
    scaling(
        &stage,
        "RegisterScalableTarget",
        json!({
            "ResourceId": format!("service/{CLUSTER}/{SERVICE}"), "ScalableDimension": "ecs:service:DesiredCount",
            "MinCapacity": 1, "MaxCapacity": 4,
            "SuspendedState": { "ScheduledScalingSuspended": true },
        }),
    );
    (stage, good)
}

/// Minimum, maximum, and what of it is held up: in, out, on schedule.
fn target(stage: &Stage) -> (Value, Value, [bool; 3]) {
    let described = scaling(stage, "DescribeScalableTargets", json!({}));
    let target = &described["ScalableTargets"][0];
    let state = &target["SuspendedState"];
    let is = |name: &str| state[name].as_bool().unwrap();
    (
        target["MinCapacity"].clone(),
        target["MaxCapacity"].clone(),
        [
            is("DynamicScalingInSuspended"),
            is("DynamicScalingOutSuspended"),
            is("ScheduledScalingSuspended"),
        ],
    )
}

const AS_BEFORE: [bool; 3] = [false, false, true];

#[test]
fn sets_the_number_and_waits_for_it() {
    let (stage, good) = Stage::with_service();
    let outcome = stage.run("scale", &["3"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(
        outcome.document,
        json!({
            "kind": "scale", "schema": 1, "cluster": CLUSTER, "service": SERVICE,
            "before": 2, "desired": 3, "running": 3, "reached": true,
        })
    );
    stage.serves(&good);
    assert_eq!(stage.service()["runningCount"], 3);
}

#[test]
fn moves_the_limits_and_refuses_what_they_would_undo() {
    let (stage, _good) = automatic();
    let outcome = stage.run("scale", &["9"]);
    assert_eq!(outcome.code, 2, "{outcome:?}");
    let words = "autoscaling keeps ludlow-local-api between 1 and 4 tasks and would undo 9";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    let outcome = stage.run("scale", &["--min", "3", "--max", "2"]);
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert_eq!(target(&stage), (json!(1), json!(4), AS_BEFORE));
    assert_eq!(stage.service()["desiredCount"], 2);
    let outcome = stage.run("scale", &["5", "--min", "2", "--max", "6"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(outcome.document["running"], 5);
    assert_eq!(target(&stage), (json!(2), json!(6), AS_BEFORE));
}

#[test]
fn holds_autoscaling_up_and_lets_it_go_on() {
    let (stage, _good) = automatic();
    let outcome = stage.run("scale", &["--suspend"]);
    assert_eq!(
        (outcome.code, &outcome.document["suspended"]),
        (0, &json!(true))
    );
    assert_eq!(target(&stage).2, [true; 3]);
    let outcome = stage.run("scale", &["--resume"]);
    assert_eq!(
        (outcome.code, &outcome.document["suspended"]),
        (0, &json!(false))
    );
    assert_eq!(target(&stage).2, [false; 3]);
}

#[test]
fn leaves_autoscaling_after_a_release_as_it_was_before() {
    let (stage, good) = automatic();
    let bad = stage.write("bad", &stage.definition(&[("LUDLOW_CRASH", "start")]));
    let mut running = stage.begin(&bad, &["--suspend-autoscaling"]);
    running.says("deployment ecs-svc/");
    assert_eq!(target(&stage).2, [true; 3]);
    running.end().is(4, "rolled-back", "exit code 1");
    assert_eq!(target(&stage), (json!(1), json!(4), AS_BEFORE));
    stage.serves(&good);
}

#[test]
fn leaves_autoscaling_as_it_was_when_it_is_interrupted() {
    let (stage, _good) = automatic();
    stage.without_breaker();
    let endless = stage.write("endless", &stage.definition(&[("LUDLOW_UNHEALTHY", "1")]));
    let mut running = stage.begin(&endless, &["--suspend-autoscaling", "--failures", "99"]);
    running.says("deployment ecs-svc/");
    running.interrupt();
    running.end().is(130, "interrupted", "goes on");
    assert_eq!(target(&stage).2, AS_BEFORE);
}

#[test]
fn says_that_a_service_is_not_scaled_automatically() {
    let (stage, _good) = Stage::with_service();
    let outcome = stage.run("scale", &["--min", "1"]);
    assert_eq!(outcome.code, 2, "{outcome:?}");
    let words = "ludlow-local-api is not scaled automatically";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
}
