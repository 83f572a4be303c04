//! Scaling with a real ECS and a real CloudWatch in which nothing moves by itself.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use task_runtime::Runtime;
use toolkit::Console;
use toolkit::console::Verbosity;

use crate::account::Account;
use crate::clock::Clock;
use crate::cloud::{Cloud, Settings};
use crate::protocol::AwsError;
use crate::state::Store;

const MINUTE_MS: i64 = 60_000;

struct Local {
    cloud: Cloud,
    /// The time of the next look; looks are a minute apart.
    now_ms: i64,
}

impl Local {
    /// A local AWS with the service `web` in the cluster `c`.
    fn new(directory: &Path, desired: i64) -> Self {
        let local = Self::open(directory);
        local.ecs("CreateCluster", &json!({ "clusterName": "c" }));
        local.ecs(
            "RegisterTaskDefinition",
            &json!({
                "family": "web", "cpu": "256", "memory": "512",
                "containerDefinitions": [{ "name": "web", "image": "web:1" }],
            }),
        );
        local.ecs(
            "CreateService",
            &json!({ "cluster": "c", "serviceName": "web", "taskDefinition": "web", "desiredCount": desired }),
        );
        local
    }

    fn open(directory: &Path) -> Self {
        let clock = Clock::new(1.0);
        let settings = Settings {
            account: Account {
                id: "000000000000".to_owned(),
                region: "us-east-1".to_owned(),
            },
            clock,
            endpoint_host: "127.0.0.1:1".to_owned(),
            runtime: Runtime::process(Path::new("/nonexistent"), "a test", false),
            console: Arc::new(Console::new(Verbosity::from_flags(true, false))),
        };
        let store = Arc::new(Store::open(&directory.join("state.db")).unwrap());
        Self {
            cloud: Cloud::open(store, directory, settings).unwrap(),
            now_ms: clock.now_ms(),
        }
    }

    fn ecs(&self, operation: &str, input: &Value) -> Value {
        self.cloud.ecs.call(operation, input).unwrap()
    }

    fn desired(&self) -> i64 {
        let input = json!({ "cluster": "c", "services": ["web"] });
        self.ecs("DescribeServices", &input)["services"][0]["desiredCount"]
            .as_i64()
            .unwrap()
    }

    fn try_call(&self, operation: &str, more: Value) -> Result<Value, AwsError> {
        let mut input = json!({
            "ServiceNamespace": "ecs", "ResourceId": "service/c/web", "ScalableDimension": "ecs:service:DesiredCount",
        });
        let Value::Object(more) = more else {
            panic!("members are an object")
        };
        input.as_object_mut().unwrap().extend(more);
        self.cloud.autoscaling.call(operation, &input)
    }

    fn call(&self, operation: &str, more: Value) -> Value {
        self.try_call(operation, more).unwrap()
    }

    fn register(&self, min: i64, max: i64) {
        self.call(
            "RegisterScalableTarget",
            json!({ "MinCapacity": min, "MaxCapacity": max }),
        );
    }

    fn track_cpu(&self, target: f64) {
        self.call("PutScalingPolicy", cpu_policy(target));
    }

    fn use_cpu(&self, percent: f64) {
        let dimensions = [("ClusterName", "c"), ("ServiceName", "web")];
        self.cloud
            .cloudwatch
            .record("AWS/ECS", "CPUUtilization", &dimensions, percent);
    }

    /// As many looks; the metric is what was recorded within two minutes before.
    fn minutes(&mut self, count: u32) {
        for _ in 0..count {
            // The samples' times are real, so the looks' must stay near.
            self.cloud.autoscaling.turn(self.now_ms);
        }
    }
}

fn cpu_policy(target: f64) -> Value {
    json!({
        "PolicyName": "cpu", "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": target,
            "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageCPUUtilization" },
            "ScaleOutCooldown": 60, "ScaleInCooldown": 60,
        },
    })
}

fn code(outcome: Result<Value, AwsError>) -> String {
    outcome.unwrap_err().code
}

#[test]
fn moves_the_desired_count_inside_when_a_target_is_registered() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::new(directory.path(), 1);
    local.register(2, 4);
    assert_eq!(local.desired(), 2);
    local.register(0, 1);
    assert_eq!(local.desired(), 1);
    local.register(0, 9);
    assert_eq!(local.desired(), 1);
    let activities = local.call("DescribeScalingActivities", json!({}));
    let causes: Vec<&Value> = activities["ScalingActivities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|activity| &activity["Cause"])
        .collect();
    assert_eq!(
        causes,
        [
            "maximum capacity was set to 1",
            "minimum capacity was set to 2"
        ]
    );
}

#[test]
fn scales_out_after_three_minutes_above_the_target() {
    let directory = tempfile::tempdir().unwrap();
    let mut local = Local::new(directory.path(), 2);
    local.register(1, 10);
    local.track_cpu(50.0);
    local.use_cpu(100.0);
    local.now_ms = Clock::new(1.0).now_ms();
    local.minutes(2);
    assert_eq!(local.desired(), 2);
    local.minutes(1);
    assert_eq!(local.desired(), 4);
    // The cooldown holds it, though the metric stays.
    local.minutes(3);
    assert_eq!(local.desired(), 4);
    local.now_ms += MINUTE_MS;
    local.minutes(1);
    assert_eq!(local.desired(), 8);
    let newest = local.call("DescribeScalingActivities", json!({ "MaxResults": 1 }));
    let activity = &newest["ScalingActivities"][0];
    assert_eq!(
        activity["Cause"],
        "ECSServiceAverageCPUUtilization at 100.00 against a target of 50 triggered policy cpu"
    );
    assert_eq!(activity["Description"], "Setting desired count to 8.");
    assert_eq!(activity["StatusCode"], "Successful");
}

#[test]
fn scales_in_after_fifteen_minutes_below_the_target() {
    let directory = tempfile::tempdir().unwrap();
    let mut local = Local::new(directory.path(), 8);
    local.register(3, 10);
    local.track_cpu(50.0);
    local.use_cpu(5.0);
    local.now_ms = Clock::new(1.0).now_ms();
    local.minutes(14);
    assert_eq!(local.desired(), 8);
    local.minutes(1);
    assert_eq!(local.desired(), 3);
}

#[test]
fn does_nothing_without_data_or_while_suspended() {
    let directory = tempfile::tempdir().unwrap();
    let mut local = Local::new(directory.path(), 2);
    local.register(1, 10);
    local.track_cpu(50.0);
    local.minutes(20);
    assert_eq!(local.desired(), 2);
    local.call(
        "RegisterScalableTarget",
        json!({ "SuspendedState": { "DynamicScalingOutSuspended": true } }),
    );
    local.use_cpu(100.0);
    local.now_ms = Clock::new(1.0).now_ms();
    local.minutes(5);
    assert_eq!(local.desired(), 2);
    local.call(
        "RegisterScalableTarget",
        json!({ "SuspendedState": { "DynamicScalingOutSuspended": false } }),
    );
    local.minutes(1);
    assert_eq!(local.desired(), 4);
}

#[test]
fn tracks_requests_by_the_minute_and_the_target() {
    let directory = tempfile::tempdir().unwrap();
    let mut local = Local::new(directory.path(), 2);
    local.register(1, 10);
    let mut policy = cpu_policy(10.0);
    policy["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"] = json!({
        "PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": "app/web/1/targetgroup/web/2",
    });
    local.call("PutScalingPolicy", policy);
    let dimensions = [
        ("TargetGroup", "targetgroup/web/2"),
        ("LoadBalancer", "app/web/1"),
    ];
    let record = |metric, value| {
        local
            .cloud
            .cloudwatch
            .record("AWS/ApplicationELB", metric, &dimensions, value);
    };
    record("HealthyHostCount", 2.0);
    // In the two minutes that are looked at, 18 a minute for each of two targets; a second more or less is no matter.
    record("RequestCount", 72.0);
    local.now_ms = Clock::new(1.0).now_ms();
    local.minutes(3);
    assert_eq!(local.desired(), 4);
}

#[test]
fn keeps_targets_policies_and_cooldowns_across_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut local = Local::new(directory.path(), 2);
    local.register(1, 10);
    local.track_cpu(50.0);
    local.use_cpu(100.0);
    local.now_ms = Clock::new(1.0).now_ms();
    local.minutes(3);
    let before = (
        local.call("DescribeScalableTargets", json!({})),
        local.call("DescribeScalingPolicies", json!({})),
        local.call("DescribeScalingActivities", json!({})),
        local.cloud.autoscaling.targets().clone(),
    );
    assert!(before.3["service/c/web"].policies["cpu"].last_out.is_some());
    drop(local);
    let local = Local::open(directory.path());
    let after = (
        local.call("DescribeScalableTargets", json!({})),
        local.call("DescribeScalingPolicies", json!({})),
        local.call("DescribeScalingActivities", json!({})),
        local.cloud.autoscaling.targets().clone(),
    );
    assert_eq!(after, before);
}

#[test]
fn refuses_what_it_cannot_do() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::new(directory.path(), 2);
    let bounds = json!({ "MinCapacity": 1, "MaxCapacity": 2 });
    let with = |members: Value| {
        let mut all = bounds.clone();
        all.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        local.try_call("RegisterScalableTarget", all)
    };
    for wrong in [
        json!({ "ServiceNamespace": "dynamodb" }),
        json!({ "ResourceId": "service/c/absent" }),
        json!({ "ResourceId": "service/absent/web" }),
        json!({ "ResourceId": "table/x" }),
        json!({ "MinCapacity": 3 }),
        json!({ "MinCapacity": -1 }),
        json!({ "MaxCapacity": null }),
    ] {
        assert_eq!(code(with(wrong.clone())), "ValidationException", "{wrong}");
    }
    assert_eq!(
        code(local.try_call("PutScalingPolicy", cpu_policy(50.0))),
        "ObjectNotFoundException"
    );
    local.register(1, 2);
    let steps = json!({ "PolicyName": "steps", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {} });
    assert_eq!(
        local
            .try_call("PutScalingPolicy", steps)
            .unwrap_err()
            .message,
        "local-aws has policies of the type TargetTrackingScaling only, not StepScaling"
    );
    assert_eq!(
        code(local.try_call("PutScalingPolicy", cpu_policy(0.0))),
        "ValidationException"
    );
    assert_eq!(
        code(local.try_call("DeleteScalingPolicy", json!({ "PolicyName": "absent" }))),
        "ObjectNotFoundException"
    );
}

#[test]
fn forgets_policies_with_their_target() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::new(directory.path(), 2);
    local.register(1, 2);
    local.track_cpu(50.0);
    local.call("DeleteScalingPolicy", json!({ "PolicyName": "cpu" }));
    assert_eq!(
        local.call("DescribeScalingPolicies", json!({}))["ScalingPolicies"],
        json!([])
    );
    local.track_cpu(50.0);
    local.call("DeregisterScalableTarget", json!({}));
    assert_eq!(
        code(local.try_call("DeregisterScalableTarget", json!({}))),
        "ObjectNotFoundException"
    );
    local.register(1, 2);
    assert_eq!(
        local.call("DescribeScalingPolicies", json!({}))["ScalingPolicies"],
        json!([])
    );
}

#[test]
fn tags_targets() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::new(directory.path(), 2);
    let arn = local.call(
        "RegisterScalableTarget",
        json!({ "MinCapacity": 1, "MaxCapacity": 2, "Tags": { "a": "1" } }),
    )["ScalableTargetARN"]
        .clone();
    local.call(
        "TagResource",
        json!({ "ResourceARN": arn, "Tags": { "b": "2" } }),
    );
    local.call(
        "UntagResource",
        json!({ "ResourceARN": arn, "TagKeys": ["a"] }),
    );
    assert_eq!(
        local.call("ListTagsForResource", json!({ "ResourceARN": arn })),
        json!({ "Tags": { "b": "2" } })
    );
    assert_eq!(
        code(local.try_call("ListTagsForResource", json!({ "ResourceARN": "arn:x" }))),
        "ResourceNotFoundException"
    );
}
