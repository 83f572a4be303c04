//! The API over members: what it makes, what it refuses.

use local_aws::protocol::{AwsError, as_timestamp};
use serde_json::{Value, json};

use crate::support::{Local, forward, text};

/// A load balancer that is not started: the API alone.
pub(crate) fn local() -> (tempfile::TempDir, Local) {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::open(directory.path(), 1.0);
    (directory, local)
}

pub(crate) fn refusal(local: &Local, operation: &str, input: &Value) -> (String, String) {
    match local.try_call(operation, input) {
        Ok(answer) => panic!("{operation} {input} succeeded: {answer}"),
        Err(AwsError { code, message, .. }) => (code, message),
    }
}

pub(crate) fn code(local: &Local, operation: &str, input: &Value) -> String {
    refusal(local, operation, input).0
}

pub(crate) fn create_listener(local: &Local, balancer: &str, port: u16, actions: &Value) -> String {
    let input = json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port, "DefaultActions": actions });
    text(&local.call("CreateListener", &input)["Listeners"][0]["ListenerArn"])
}

pub(crate) fn create_rule(local: &Local, listener: &str, priority: u32, action: &Value) -> String {
    let input = json!({
        "ListenerArn": listener, "Priority": priority, "Actions": [action],
        "Conditions": [{ "Field": "path-pattern", "Values": ["/a"] }],
    });
    text(&local.call("CreateRule", &input)["Rules"][0]["RuleArn"])
}

#[test]
fn load_balancers_are_made_once_and_described_whole() {
    let (_directory, local) = local();
    let input = json!({
        "Name": "web", "Subnets": ["subnet-a", "subnet-b"], "SecurityGroups": ["sg-1"],
        "Tags": [{ "Key": "app", "Value": "ludlow" }],
    });
    let created = local.call("CreateLoadBalancer", &input);
    let balancer = &created["LoadBalancers"][0];
    let arn = text(&balancer["LoadBalancerArn"]);
    assert!(as_timestamp(&balancer["CreatedTime"]).is_some());
    assert_eq!(
        *balancer,
        json!({
            "LoadBalancerArn": arn,
            "DNSName": "127.0.0.1",
            "CanonicalHostedZoneId": "Z35SXDOTRQ7X7K",
            "CreatedTime": balancer["CreatedTime"],
            "LoadBalancerName": "web",
            "Scheme": "internet-facing",
            "VpcId": "vpc-10ca1a350000000000",
            "State": { "Code": "active" },
            "Type": "application",
            "AvailabilityZones": [
                { "ZoneName": "us-east-1a", "SubnetId": "subnet-a", "LoadBalancerAddresses": [] },
                { "ZoneName": "us-east-1b", "SubnetId": "subnet-b", "LoadBalancerAddresses": [] },
            ],
            "SecurityGroups": ["sg-1"],
            "IpAddressType": "ipv4",
        })
    );
    assert_eq!(local.call("CreateLoadBalancer", &input), created);
    assert_eq!(
        local.call("DescribeLoadBalancers", &json!({ "Names": ["web"] })),
        created
    );
    let other = json!({ "Name": "web", "Subnets": ["subnet-a", "subnet-c"] });
    assert_eq!(
        refusal(&local, "CreateLoadBalancer", &other),
        (
            "DuplicateLoadBalancerName".to_owned(),
            "A load balancer with the same name 'web' exists, but with different settings"
                .to_owned()
        )
    );
    assert_eq!(
        refusal(
            &local,
            "DescribeLoadBalancers",
            &json!({ "Names": ["none"] })
        ),
        (
            "LoadBalancerNotFound".to_owned(),
            "Load balancers '[none]' not found".to_owned()
        )
    );
}

#[test]
fn load_balancers_that_could_not_be_are_refused() {
    let (_directory, local) = local();
    let check = |changes: Value, expected: &str| {
        let mut input = json!({ "Name": "web", "Subnets": ["subnet-a", "subnet-b"] });
        for (name, value) in changes.as_object().unwrap() {
            input[name] = value.clone();
        }
        assert_eq!(
            code(&local, "CreateLoadBalancer", &input),
            expected,
            "{changes}"
        );
    };
    check(json!({ "Name": "a".repeat(33) }), "ValidationError");
    check(json!({ "Name": "-web" }), "ValidationError");
    check(json!({ "Name": "we b" }), "ValidationError");
    check(json!({ "Name": "internal-web" }), "ValidationError");
    check(
        json!({ "Subnets": ["subnet-a", "subnet-a"] }),
        "ValidationError",
    );
    check(json!({ "Scheme": "private" }), "InvalidScheme");
    check(json!({ "Type": "network" }), "InvalidConfigurationRequest");
    check(
        json!({ "IpAddressType": "dualstack" }),
        "InvalidConfigurationRequest",
    );
    check(
        json!({ "Tags": [{ "Key": "a", "Value": "1" }, { "Key": "a", "Value": "2" }] }),
        "DuplicateTagKeys",
    );
}

#[test]
fn target_groups_have_the_defaults_of_aws() {
    let (_directory, local) = local();
    let input = json!({ "Name": "web", "Protocol": "HTTP", "Port": "8080", "VpcId": "vpc-1" });
    let created = local.call("CreateTargetGroup", &input);
    let arn = text(&created["TargetGroups"][0]["TargetGroupArn"]);
    assert_eq!(
        created,
        json!({ "TargetGroups": [{
            "TargetGroupArn": arn,
            "TargetGroupName": "web",
            "Protocol": "HTTP",
            "Port": 8080,
            "VpcId": "vpc-1",
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPort": "traffic-port",
            "HealthCheckEnabled": true,
            "HealthCheckIntervalSeconds": 30,
            "HealthCheckTimeoutSeconds": 5,
            "HealthyThresholdCount": 5,
            "UnhealthyThresholdCount": 2,
            "HealthCheckPath": "/",
            "Matcher": { "HttpCode": "200" },
            "LoadBalancerArns": [],
            "TargetType": "instance",
            "ProtocolVersion": "HTTP1",
            "IpAddressType": "ipv4",
        }] })
    );
    assert_eq!(local.call("CreateTargetGroup", &input), created);
    let other = json!({ "Name": "web", "Protocol": "HTTP", "Port": 8081, "VpcId": "vpc-1" });
    assert_eq!(
        code(&local, "CreateTargetGroup", &other),
        "DuplicateTargetGroupName"
    );
    let modified = local.call(
        "ModifyTargetGroup",
        &json!({
            "TargetGroupArn": arn, "HealthCheckPath": "/healthz", "HealthCheckPort": "9000",
            "HealthCheckIntervalSeconds": "10", "Matcher": { "HttpCode": "200-299" },
        }),
    );
    let group = &modified["TargetGroups"][0];
    assert_eq!(
        (
            &group["HealthCheckPath"],
            &group["HealthCheckPort"],
            &group["HealthCheckTimeoutSeconds"]
        ),
        (&json!("/healthz"), &json!("9000"), &json!(5))
    );
    assert_eq!(
        local.call("DescribeTargetGroups", &json!({ "TargetGroupArns": [arn] })),
        modified
    );
}

#[test]
fn target_groups_that_could_not_be_are_refused() {
    let (_directory, local) = local();
    let check = |changes: Value, expected: &str| {
        let mut input = json!({ "Name": "web", "Protocol": "HTTP", "Port": 80 });
        for (name, value) in changes.as_object().unwrap() {
            input[name] = value.clone();
        }
        assert_eq!(
            code(&local, "CreateTargetGroup", &input),
            expected,
            "{changes}"
        );
    };
    check(json!({ "Port": 0 }), "ValidationError");
    check(json!({ "Port": null }), "ValidationError");
    check(json!({ "Protocol": "TCP" }), "InvalidConfigurationRequest");
    check(
        json!({ "ProtocolVersion": "GRPC" }),
        "InvalidConfigurationRequest",
    );
    check(
        json!({ "TargetType": "lambda" }),
        "InvalidConfigurationRequest",
    );
    check(
        json!({ "HealthCheckIntervalSeconds": 4 }),
        "ValidationError",
    );
    check(
        json!({ "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 5 }),
        "ValidationError",
    );
    check(json!({ "HealthCheckPath": "healthz" }), "ValidationError");
    check(json!({ "HealthCheckPath": "/a b" }), "ValidationError");
    check(
        json!({ "Matcher": { "HttpCode": "500" } }),
        "ValidationError",
    );
    check(json!({ "UnhealthyThresholdCount": 1 }), "ValidationError");
}

#[test]
fn attributes_are_changed_or_refused_together() {
    let (_directory, local) = local();
    let group = local.group("web");
    let modify = |attributes: Value| {
        local.try_call(
            "ModifyTargetGroupAttributes",
            &json!({ "TargetGroupArn": group, "Attributes": attributes }),
        )
    };
    let delay =
        |value: &str| json!({ "Key": "deregistration_delay.timeout_seconds", "Value": value });
    modify(json!([delay("5"), { "Key": "stickiness.enabled", "Value": "false" }])).unwrap();
    let error =
        modify(json!([delay("6"), { "Key": "stickiness.enabled", "Value": "true" }])).unwrap_err();
    assert_eq!(error.code, "InvalidConfigurationRequest");
    let described = local.call(
        "DescribeTargetGroupAttributes",
        &json!({ "TargetGroupArn": group }),
    );
    assert_eq!(described["Attributes"][0], delay("5"));
    let balancer = local.balancer("web");
    let protect = |value: &str| json!({ "LoadBalancerArn": balancer, "Attributes": [{ "Key": "deletion_protection.enabled", "Value": value }] });
    local.call("ModifyLoadBalancerAttributes", &protect("true"));
    let delete = json!({ "LoadBalancerArn": balancer });
    assert_eq!(
        code(&local, "DeleteLoadBalancer", &delete),
        "OperationNotPermitted"
    );
    local.call("ModifyLoadBalancerAttributes", &protect("false"));
    local.call("DeleteLoadBalancer", &delete);
}

#[test]
fn tags_are_added_described_and_removed() {
    let (_directory, local) = local();
    let balancer = local.balancer("web");
    let group = local.group("web");
    let listener = create_listener(&local, &balancer, 8080, &json!([forward(&group)]));
    let rule = create_rule(&local, &listener, 1, &forward(&group));
    let all = json!([balancer, group, listener, rule]);
    let tags = |pairs: &[(&str, &str)]| -> Value {
        pairs
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect()
    };
    local.call(
        "AddTags",
        &json!({ "ResourceArns": all, "Tags": tags(&[("a", "1"), ("b", "2")]) }),
    );
    local.call(
        "AddTags",
        &json!({ "ResourceArns": [rule], "Tags": tags(&[("a", "3")]) }),
    );
    local.call(
        "RemoveTags",
        &json!({ "ResourceArns": [group], "TagKeys": ["a"] }),
    );
    assert_eq!(
        local.call("DescribeTags", &json!({ "ResourceArns": all })),
        json!({ "TagDescriptions": [
            { "ResourceArn": balancer, "Tags": tags(&[("a", "1"), ("b", "2")]) },
            { "ResourceArn": group, "Tags": tags(&[("b", "2")]) },
            { "ResourceArn": listener, "Tags": tags(&[("a", "1"), ("b", "2")]) },
            { "ResourceArn": rule, "Tags": tags(&[("a", "3"), ("b", "2")]) },
        ] })
    );
    let absent = format!("{balancer}0");
    assert_eq!(
        code(&local, "DescribeTags", &json!({ "ResourceArns": [absent] })),
        "LoadBalancerNotFound"
    );
}

#[test]
fn targets_must_be_reachable_as_on_aws() {
    let (_directory, local) = local();
    let group = local.group("web");
    let register = |id: &str| {
        local
            .try_call(
                "RegisterTargets",
                &json!({ "TargetGroupArn": group, "Targets": [{ "Id": id }] }),
            )
            .map_err(|error| error.code)
    };
    assert_eq!(register("10.1.2.3"), Ok(json!({})));
    assert_eq!(register("127.0.0.1"), Ok(json!({})));
    for id in [
        "8.8.8.8",
        "169.254.169.254",
        "i-0123456789abcdef0",
        "a.io",
        "::1",
    ] {
        assert_eq!(register(id), Err("ValidationError".to_owned()), "{id}");
    }
    // Without a port the group's own counts.
    let described = local.call("DescribeTargetHealth", &json!({ "TargetGroupArn": group }));
    let targets: Vec<&Value> = described["TargetHealthDescriptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|description| &description["Target"])
        .collect();
    assert_eq!(
        targets,
        [
            &json!({ "Id": "10.1.2.3", "Port": 80 }),
            &json!({ "Id": "127.0.0.1", "Port": 80 }),
        ]
    );
    let gone = json!({ "TargetGroupArn": group, "Targets": [{ "Id": "10.1.2.3" }] });
    local.call("DeregisterTargets", &gone);
    let described = local.call("DescribeTargetHealth", &json!({ "TargetGroupArn": group }));
    assert_eq!(
        described["TargetHealthDescriptions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn what_is_not_done_says_so() {
    let (_directory, local) = local();
    assert_eq!(
        local.try_call("CreateTrustStore", &json!({})),
        Err(AwsError::unsupported(
            "elasticloadbalancing",
            "CreateTrustStore"
        ))
    );
}
