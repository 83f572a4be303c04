//! Health checks as targets and clients see them.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use http::Request;
use hyper::body::Incoming;
use local_aws::elb::{TargetHealth, TargetState};
use serde_json::json;

use crate::support::{App, Local, answer, forward, free_port, target};

#[tokio::test]
async fn the_first_success_makes_a_target_healthy_and_failures_tell_why() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, _) = local.simple();
    local.call(
        "ModifyTargetGroup",
        &json!({ "TargetGroupArn": group, "Matcher": { "HttpCode": "200-204" }, "HealthyThresholdCount": 2 }),
    );
    let status = Arc::new(AtomicU16::new(204));
    let current = Arc::clone(&status);
    let app = App::serve(move |_request| {
        let status = current.load(Ordering::SeqCst);
        async move { answer(status, "") }
    })
    .await;
    local.bring_in(&group, &app).await;
    status.store(502, Ordering::SeqCst);
    local
        .until(&group, &app.target(), Some(TargetState::Unhealthy))
        .await;
    assert_eq!(
        local.elb.target_health(&group, &app.target()),
        Some(TargetHealth {
            state: TargetState::Unhealthy,
            reason: Some("Target.ResponseCodeMismatch"),
            description: Some("Health checks failed with these codes: [502]".to_owned()),
        })
    );
    status.store(200, Ordering::SeqCst);
    local
        .until(&group, &app.target(), Some(TargetState::Healthy))
        .await;
}

#[tokio::test]
async fn a_target_that_nobody_listens_for_fails_its_checks() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, _) = local.simple();
    let nobody = target(([127, 0, 0, 1], free_port()).into());
    local.elb.register(&group, &nobody).unwrap();
    local
        .until(&group, &nobody, Some(TargetState::Unhealthy))
        .await;
    let described = local.call("DescribeTargetHealth", &json!({ "TargetGroupArn": group }));
    assert_eq!(
        described,
        json!({ "TargetHealthDescriptions": [{
            "Target": { "Id": "127.0.0.1", "Port": nobody.port },
            "HealthCheckPort": nobody.port.to_string(),
            "TargetHealth": {
                "State": "unhealthy",
                "Reason": "Target.FailedHealthChecks",
                "Description": "Health checks failed",
            },
            "AnomalyDetection": { "Result": "normal", "MitigationInEffect": "no" },
        }] })
    );
}

#[tokio::test]
async fn probes_are_those_of_aws() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let (group, _) = local.simple();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heard);
    let checks = App::serve(move |request: Request<Incoming>| {
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        let note = [
            request.uri().to_string(),
            header("host"),
            header("user-agent"),
            header("connection"),
        ];
        notes.lock().unwrap().push(note);
        async { answer(200, "") }
    })
    .await;
    let port = checks.address.port();
    local.call(
        "ModifyTargetGroup",
        &json!({ "TargetGroupArn": group, "HealthCheckPath": "/alive?deep=1", "HealthCheckPort": port.to_string() }),
    );
    let traffic = App::start("traffic").await;
    local.bring_in(&group, &traffic).await;
    assert_eq!(
        heard.lock().unwrap()[0],
        [
            "/alive?deep=1".to_owned(),
            format!("127.0.0.1:{port}"),
            "ELB-HealthChecker/2.0".to_owned(),
            "close".to_owned(),
        ]
    );
}

#[tokio::test]
async fn targets_of_a_group_without_traffic_are_not_probed() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let group = local.group("web");
    let app = App::start("app").await;
    local.register(&group, &app);
    assert_eq!(
        local.elb.target_health(&group, &app.target()),
        Some(TargetHealth {
            state: TargetState::Unused,
            reason: Some("Target.NotInUse"),
            description: Some(
                "Target group is not configured to receive traffic from the load balancer"
                    .to_owned()
            ),
        })
    );
    assert!(!local.elb.is_used(&group));
    let balancer = local.balancer("web");
    let (listener, _) = local.listener(&balancer, &json!([forward(&group)]));
    assert!(local.elb.is_used(&group));
    local
        .until(&group, &app.target(), Some(TargetState::Healthy))
        .await;
    local.call("DeleteListener", &json!({ "ListenerArn": listener }));
    local
        .until(&group, &app.target(), Some(TargetState::Unused))
        .await;
}

#[tokio::test]
async fn instances_are_reached_on_this_machine() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let created = local.call(
        "CreateTargetGroup",
        &json!({ "Name": "ec2", "Protocol": "HTTP", "Port": 80 }),
    );
    let group = created["TargetGroups"][0]["TargetGroupArn"]
        .as_str()
        .unwrap();
    let balancer = local.balancer("ec2");
    local.listener(&balancer, &json!([forward(group)]));
    let app = App::start("app").await;
    local.call(
        "RegisterTargets",
        &json!({ "TargetGroupArn": group, "Targets": [{ "Id": "i-0123456789abcdef0", "Port": app.address.port() }] }),
    );
    let instance = local_aws::elb::Target {
        id: "i-0123456789abcdef0".to_owned(),
        port: app.address.port(),
    };
    local
        .until(group, &instance, Some(TargetState::Healthy))
        .await;
    let error = local.elb.register(group, &app.target()).unwrap_err();
    assert_eq!(error.code, "InvalidTarget");
}
