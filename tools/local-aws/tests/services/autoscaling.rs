//! Application Auto Scaling.

use serde_json::{Value, json};

use crate::support::{Reply, Server};

fn ecs(server: &Server, operation: &str, input: &Value) -> Value {
    let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
    let reply = server.json(&target, input);
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

fn scaling(server: &Server, operation: &str, more: Value) -> Reply {
    let mut input = json!({
        "ServiceNamespace": "ecs", "ResourceId": "service/c/web", "ScalableDimension": "ecs:service:DesiredCount",
    });
    let Value::Object(more) = more else {
        panic!("members are an object")
    };
    input.as_object_mut().unwrap().extend(more);
    server.json(&format!("AnyScaleFrontendService.{operation}"), &input)
}

fn begin(server: &Server) {
    ecs(server, "CreateCluster", &json!({ "clusterName": "c" }));
    let definition = json!({
        "family": "web", "cpu": "256", "memory": "512",
        "containerDefinitions": [{ "name": "web", "image": "web:1" }],
    });
    ecs(server, "RegisterTaskDefinition", &definition);
    let service =
        json!({ "cluster": "c", "serviceName": "web", "taskDefinition": "web", "desiredCount": 0 });
    ecs(server, "CreateService", &service);
}

#[test]
fn registers_a_target_and_shows_it_after_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    begin(&server);
    let registered = scaling(
        &server,
        "RegisterScalableTarget",
        json!({ "MinCapacity": 2, "MaxCapacity": 4 }),
    );
    assert_eq!(registered.status, 200);
    let arn = registered.json()["ScalableTargetARN"].clone();
    let services = ecs(
        &server,
        "DescribeServices",
        &json!({ "cluster": "c", "services": ["web"] }),
    );
    assert_eq!(services["services"][0]["desiredCount"], 2);
    drop(server);
    let server = Server::start(state.path());
    let mut shown = scaling(&server, "DescribeScalableTargets", json!({})).json();
    let created = shown["ScalableTargets"][0]["CreationTime"].take();
    assert!(created.is_f64());
    assert_eq!(
        shown,
        json!({ "ScalableTargets": [{
            "ServiceNamespace": "ecs",
            "ResourceId": "service/c/web",
            "ScalableDimension": "ecs:service:DesiredCount",
            "MinCapacity": 2,
            "MaxCapacity": 4,
            "RoleARN": "arn:aws:iam::000000000000:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
            "CreationTime": null,
            "SuspendedState": {
                "DynamicScalingInSuspended": false,
                "DynamicScalingOutSuspended": false,
                "ScheduledScalingSuspended": false,
            },
            "ScalableTargetARN": arn,
        }] })
    );
}

#[test]
fn refuses_step_scaling_by_name() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    begin(&server);
    scaling(
        &server,
        "RegisterScalableTarget",
        json!({ "MinCapacity": 0, "MaxCapacity": 4 }),
    );
    let refused = scaling(
        &server,
        "PutScalingPolicy",
        json!({ "PolicyName": "steps", "PolicyType": "StepScaling" }),
    );
    assert_eq!(refused.fault(), (400, "ValidationException".to_owned()));
    let unknown = scaling(&server, "PutScheduledAction", json!({}));
    assert_eq!(
        unknown.fault(),
        (501, "UnsupportedOperationException".to_owned())
    );
}
