//! How a service's deployments go, and where its tasks register.

use serde_json::{Map, Value, json};

use crate::ecs::model::{Hook, ServiceBalancer, ServiceSettings};
use crate::ecs::scheduler::stages::{Stage, Strategy};

pub(super) fn configuration(settings: &ServiceSettings) -> Value {
    let (kind, value) = settings.breaker_threshold.words();
    let mut members = json!({
        "deploymentCircuitBreaker": {
            "enable": settings.breaker,
            "rollback": settings.breaker_rollback,
            "resetOnHealthyTask": settings.breaker_reset,
            "thresholdConfiguration": { "type": kind, "value": value },
        },
        "maximumPercent": settings.maximum_percent,
        "minimumHealthyPercent": settings.minimum_healthy_percent,
        "strategy": settings.strategy.as_str(),
        "bakeTimeInMinutes": settings.bake_minutes.unwrap_or(0),
    });
    let Some(object) = members.as_object_mut() else {
        return members;
    };
    if !settings.alarms.is_null() {
        object.insert("alarms".to_owned(), settings.alarms.clone());
    }
    if !settings.hooks.is_empty() {
        object.insert(
            "lifecycleHooks".to_owned(),
            settings.hooks.iter().map(hook).collect(),
        );
    }
    add_steps(object, settings);
    members
}

fn add_steps(object: &mut Map<String, Value>, settings: &ServiceSettings) {
    let percent = |tenths: u16| f64::from(tenths) / 10.0;
    let (name, steps) = match settings.strategy {
        Strategy::Linear => {
            let (share, minutes) = settings.linear();
            let steps = json!({ "stepPercent": percent(share), "stepBakeTimeInMinutes": minutes });
            ("linearConfiguration", steps)
        }
        Strategy::Canary => {
            let (share, minutes) = settings.canary();
            let steps =
                json!({ "canaryPercent": percent(share), "canaryBakeTimeInMinutes": minutes });
            ("canaryConfiguration", steps)
        }
        Strategy::Rolling | Strategy::BlueGreen => return,
    };
    object.insert(name.to_owned(), steps);
}

fn hook(hook: &Hook) -> Value {
    let stages: Vec<&str> = hook.stages.iter().copied().map(Stage::as_str).collect();
    json!({
        "targetType": "PAUSE",
        "lifecycleStages": stages,
        "timeoutConfiguration": {
            "timeoutInMinutes": hook.timeout_minutes,
            "action": hook.on_timeout.as_str(),
        },
    })
}

pub(super) fn balancers(settings: &ServiceSettings) -> Value {
    settings.load_balancers.iter().map(balancer).collect()
}

fn balancer(balancer: &ServiceBalancer) -> Value {
    let mut members = json!({
        "targetGroupArn": balancer.target_group_arn,
        "containerName": balancer.container,
        "containerPort": balancer.port,
    });
    if let Some(advanced) = &balancer.advanced {
        members["advancedConfiguration"] = json!({
            "alternateTargetGroupArn": advanced.alternate,
            "productionListenerRule": advanced.production_rule,
            "roleArn": advanced.role,
        });
        if let Some(rule) = &advanced.test_rule {
            members["advancedConfiguration"]["testListenerRule"] = json!(rule);
        }
    }
    members
}
