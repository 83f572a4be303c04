//! Scaling policies.

use serde_json::json;

use super::metric::split_label;
use super::model::{MetricType, Policy, Predefined, Tracking};
use super::targets::registered;
use super::{AutoScaling, DIMENSION, NAMESPACE, only_ecs, page, paged};
use crate::protocol::{Answer, AwsError, Input};

const LONGEST_NAME: usize = 256;

impl AutoScaling {
    pub(super) fn put_policy(&self, input: &Input<'_>) -> Answer {
        only_ecs(input, true)?;
        let name = input.required_text("PolicyName")?;
        if name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(input.refuse(format!(
                "PolicyName has 1 to {LONGEST_NAME} printable characters"
            )));
        }
        let mut targets = self.targets();
        let key = registered(input, &targets)?;
        let Some(target) = targets.get(&key) else {
            return Err(AwsError::internal("a target went away while it was held"));
        };
        let known = target.policies.get(name);
        let tracking = tracking(input, known)?;
        let policy = match known {
            Some(known) => Policy {
                tracking,
                ..known.clone()
            },
            None => Policy {
                name: name.to_owned(),
                arn: self.parts.account.arn(
                    "autoscaling",
                    &format!(
                        "scalingPolicy:{}:resource/{NAMESPACE}/{key}:policyName/{name}",
                        uuid::Uuid::new_v4()
                    ),
                ),
                tracking,
                created_ms: self.parts.clock.now_ms(),
                last_out: None,
                last_in: None,
            },
        };
        let arn = policy.arn.clone();
        let mut target = target.clone();
        target.policies.insert(name.to_owned(), policy);
        self.keep(&mut targets, target)?;
        // What was seen was seen against another target value.
        self.streaks().remove(&arn);
        Ok(json!({ "PolicyARN": arn, "Alarms": [] }))
    }

    pub(super) fn describe_policies(&self, input: &Input<'_>) -> Answer {
        only_ecs(input, false)?;
        let names = input.texts("PolicyNames")?;
        let resource_id = input.text("ResourceId")?;
        let targets = self.targets();
        let found = targets
            .iter()
            .filter(|(key, _)| resource_id.is_none_or(|id| id == key.as_str()))
            .flat_map(|(key, target)| target.policies.values().map(move |policy| (key, policy)))
            .filter(|(_, policy)| names.is_empty() || names.contains(&policy.name.as_str()));
        let (found, next) = page(input, found, |(key, policy)| {
            format!("{key}\0{}", policy.name)
        })?;
        let views: Vec<_> = found.iter().map(|(key, policy)| policy.view(key)).collect();
        Ok(paged("ScalingPolicies", &views, next))
    }

    pub(super) fn delete_policy(&self, input: &Input<'_>) -> Answer {
        only_ecs(input, true)?;
        let name = input.required_text("PolicyName")?;
        let mut targets = self.targets();
        let key = registered(input, &targets)?;
        let removed = targets.get(&key).cloned().and_then(|mut target| {
            let policy = target.policies.remove(name)?;
            Some((target, policy))
        });
        let Some((target, policy)) = removed else {
            return Err(AwsError::new(
                "ObjectNotFoundException",
                format!(
                    "No scaling policy found for service namespace: {NAMESPACE}, resource ID: {key}, scalable dimension: {DIMENSION}, policy name: {name}"
                ),
            ));
        };
        self.keep(&mut targets, target)?;
        self.streaks().remove(&policy.arn);
        Ok(json!({}))
    }
}

/// The configuration that a request gives; one without any leaves a known policy as it is.
fn tracking(input: &Input<'_>, known: Option<&Policy>) -> Result<Tracking, AwsError> {
    let kind = input.text("PolicyType")?;
    let configuration = input.structure("TargetTrackingScalingPolicyConfiguration")?;
    if kind.is_some_and(|kind| kind != "TargetTrackingScaling")
        || (kind.is_none() && known.is_none() && configuration.is_none())
    {
        return Err(input.refuse(format!(
            "local-aws has policies of the type TargetTrackingScaling only, not {}",
            kind.unwrap_or("StepScaling, which is the default")
        )));
    }
    match (configuration, known) {
        (Some(configuration), _) => read(&configuration),
        (None, Some(known)) => Ok(known.tracking.clone()),
        (None, None) => Err(input.refuse(
            "TargetTrackingScalingPolicyConfiguration is needed for a policy of the type TargetTrackingScaling",
        )),
    }
}

fn read(configuration: &Input<'_>) -> Result<Tracking, AwsError> {
    let target_value = configuration
        .number("TargetValue")?
        .filter(|value| value.is_finite() && *value > 0.0)
        .ok_or_else(|| configuration.refuse("TargetValue must be given and be above 0"))?;
    let Some(predefined) = configuration.structure("PredefinedMetricSpecification")? else {
        return Err(configuration.refuse(
            "PredefinedMetricSpecification is needed: local-aws tracks predefined metrics only, no customized ones",
        ));
    };
    Ok(Tracking {
        target_value,
        predefined_metric_specification: metric(&predefined)?,
        scale_out_cooldown: seconds(configuration, "ScaleOutCooldown")?,
        scale_in_cooldown: seconds(configuration, "ScaleInCooldown")?,
        disable_scale_in: configuration.flag("DisableScaleIn")?,
    })
}

fn metric(predefined: &Input<'_>) -> Result<Predefined, AwsError> {
    let name = predefined.required_text("PredefinedMetricType")?;
    let kind = MetricType::parse(name).ok_or_else(|| {
        predefined.refuse(format!(
            "the metric {name} is not one of an ECS service that local-aws tracks"
        ))
    })?;
    let label = predefined.text("ResourceLabel")?;
    match (kind, label) {
        (MetricType::ALBRequestCountPerTarget, Some(label)) if split_label(label).is_some() => {}
        (MetricType::ALBRequestCountPerTarget, _) => {
            return Err(predefined.refuse(
                "ResourceLabel must be app/NAME/ID/targetgroup/NAME/ID, of the load balancer and the target group",
            ));
        }
        (_, Some(_)) => {
            return Err(predefined.refuse(format!("{name} takes no ResourceLabel")));
        }
        (_, None) => {}
    }
    Ok(Predefined {
        predefined_metric_type: kind,
        resource_label: label.map(str::to_owned),
    })
}

fn seconds(configuration: &Input<'_>, name: &str) -> Result<Option<i64>, AwsError> {
    match configuration.integer(name)? {
        Some(negative) if negative < 0 => {
            Err(configuration.refuse(format!("{name} must not be below 0")))
        }
        seconds => Ok(seconds),
    }
}
