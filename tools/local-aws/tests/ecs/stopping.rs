//! StopServiceDeployment.

use serde_json::{Value, json};

use super::application::Mode;
use super::support::{Rig, only};

fn stop(rig: &Rig, arn: &str) -> Value {
    rig.server.ecs(
        "StopServiceDeployment",
        &json!({ "serviceDeploymentArn": arn, "stopType": "ROLLBACK" }),
    )
}

#[test]
fn rolls_back_without_being_set_up_for_it() {
    let rig = Rig::new();
    rig.create(&json!({}));
    let arn = rig.deploy("v2", Mode::Crashes);
    assert_eq!(stop(&rig, &arn), json!({ "serviceDeploymentArn": arn }));
    let rollout = rig.await_status(&arn, "ROLLBACK_SUCCESSFUL");
    assert_eq!(
        rollout["statusReason"],
        "Service deployment rolled back because of a StopServiceDeployment request."
    );
    assert_eq!(rollout["deploymentCircuitBreaker"]["status"], "DISABLED");
    assert_eq!(rig.visits(80), only("v1"));
    let events = rig.events();
    assert!(
        !events.iter().any(|event| event.contains("circuit breaker")),
        "{events:#?}"
    );
    let again = rig.server.ecs_refusal(
        "StopServiceDeployment",
        &json!({ "serviceDeploymentArn": arn }),
    );
    assert_eq!(again.0, "ConflictException");
}

#[test]
fn fails_where_there_is_nothing_to_go_back_to() {
    let rig = Rig::new();
    let mut input = rig.service(&json!({}));
    input["taskDefinition"] = json!(rig.define("v0", Mode::Crashes));
    rig.server.ecs("CreateService", &input);
    let arn = rig.latest();
    stop(&rig, &arn);
    let rollout = rig.await_status(&arn, "ROLLBACK_FAILED");
    assert_eq!(
        rollout["statusReason"],
        "No rollback candidate was found to run the rollback."
    );
    assert_eq!(rig.described()["deployments"][0]["rolloutState"], "FAILED");
}

#[test]
fn a_service_that_never_worked_can_be_mended() {
    let rig = Rig::new();
    let mut input = rig.service(&json!({ "strategy": "CANARY", "bakeTimeInMinutes": 0 }));
    input["loadBalancers"] = json!([rig.shifting_balancer()]);
    input["taskDefinition"] = json!(rig.define("v0", Mode::Crashes));
    rig.server.ecs("CreateService", &input);
    let arn = rig.latest();
    stop(&rig, &arn);
    rig.await_status(&arn, "ROLLBACK_FAILED");
    let arn = rig.deploy("v1", Mode::Works);
    rig.await_status(&arn, "SUCCESSFUL");
    assert_eq!(rig.weights(&rig.production_rule), [100, 0]);
    assert_eq!(rig.visits(80), only("v1"));
}

#[test]
fn the_deletion_of_a_service_stops_its_deployment() {
    let rig = Rig::new();
    rig.create(&json!({}));
    let arn = rig.deploy("v2", Mode::Crashes);
    rig.server.ecs(
        "DeleteService",
        &json!({ "cluster": "c", "service": "web", "force": true }),
    );
    let rollout = rig.rollout(&arn);
    assert_eq!(rollout["status"], "STOPPED");
    assert_eq!(
        rollout["statusReason"],
        "Service deployment stopped because the service was deleted."
    );
}
