//! What CreateService does not take, in ECS's words.

use serde_json::{Value, json};

use super::support::Rig;

fn blue_green() -> Value {
    json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 })
}

/// The message of the refusal of a service with these load balancers and this configuration.
fn refusal(rig: &Rig, balancers: &Value, configuration: &Value) -> String {
    let mut input = rig.service(configuration);
    input["loadBalancers"] = balancers.clone();
    let (code, message) = rig.server.ecs_refusal("CreateService", &input);
    assert_eq!(code, "InvalidParameterException");
    message
}

#[test]
fn refuses_load_balancers_that_cannot_shift_traffic() {
    let rig = Rig::new();
    let check = |change: &dyn Fn(&mut Value), expected: &str| {
        let mut balancer = rig.shifting_balancer();
        change(&mut balancer);
        assert_eq!(refusal(&rig, &json!([balancer]), &blue_green()), expected);
    };
    check(
        &|it| *it = rig.balancer(),
        "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy",
    );
    let listener = rig.production_rule.replace(":listener-rule/", ":listener/");
    check(
        &|it| it["advancedConfiguration"]["productionListenerRule"] = json!(listener),
        &format!(
            "productionListenerRule has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {listener}"
        ),
    );
    check(
        &|it| it["advancedConfiguration"]["testListenerRule"] = json!(rig.production_rule),
        &format!(
            "The following rules cannot be used as both production and test listener rules: {}",
            rig.production_rule
        ),
    );
    check(
        &|it| it["advancedConfiguration"]["alternateTargetGroupArn"] = json!(rig.groups[0]),
        &format!("Duplicate targetGroupArn found: {}", rig.groups[0]),
    );
    let one = json!([{ "Type": "forward", "TargetGroupArn": rig.groups[0] }]);
    rig.server.elb(
        "ModifyRule",
        &json!({ "RuleArn": rig.production_rule, "Actions": one }),
    );
    check(
        &|it| {
            it["advancedConfiguration"]
                .as_object_mut()
                .unwrap()
                .remove("testListenerRule");
        },
        "For Application LoadBalancer, testListenerRule is required when productionListenerRule is not associated with both \
         targetGroup and alternateTargetGroup",
    );
}

#[test]
fn refuses_configurations_that_ecs_would_refuse() {
    let rig = Rig::new();
    let hook = |hook: &Value| json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": [hook] });
    let cases = [
        (
            json!({ "strategy": "BLUE_GREEN" }),
            "bakeTimeInMinutes is required when using the BLUE_GREEN deployment strategy",
        ),
        (
            json!({ "strategy": "GREEN" }),
            "Invalid strategy GREEN. Valid values are: ROLLING, BLUE_GREEN, LINEAR, CANARY",
        ),
        (
            json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 2.0 } }),
            "stepPercent must be a multiple of 0.1 between 3.0 and 100.0",
        ),
        (
            json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 5.05 } }),
            "canaryPercent must be a multiple of 0.1 between 0.1 and 100.0",
        ),
        (
            json!({ "strategy": "LINEAR", "canaryConfiguration": {} }),
            "canaryConfiguration is only valid when the deployment strategy is CANARY",
        ),
        (
            hook(&json!({ "targetType": "PAUSE", "lifecycleStages": ["TEST_TRAFFIC_SHIFT"] })),
            "Invalid lifecycle stage provided for Pause Hook",
        ),
        (
            hook(&json!({ "targetType": "WAIT", "lifecycleStages": ["PRE_SCALE_UP"] })),
            "Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE",
        ),
        (
            hook(
                &json!({ "hookTargetArn": "arn:aws:lambda:x", "lifecycleStages": ["PRE_SCALE_UP"] }),
            ),
            "local-aws has no Lambda functions to run as lifecycle hooks: use hooks of the targetType PAUSE",
        ),
        (
            json!({ "lifecycleHooks": [{ "targetType": "PAUSE", "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"] }] }),
            "A ROLLING deployment does not come by POST_TEST_TRAFFIC_SHIFT; it can pause at PRE_SCALE_UP and POST_SCALE_UP",
        ),
    ];
    for (configuration, expected) in cases {
        let balancers = json!([rig.shifting_balancer()]);
        assert_eq!(
            refusal(&rig, &balancers, &configuration),
            expected,
            "{configuration}"
        );
    }
}
