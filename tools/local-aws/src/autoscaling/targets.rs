//! Scalable targets.

use std::collections::BTreeMap;

use serde_json::json;

use super::model::{Suspended, Target};
use super::tracking::Bounds;
use super::{AutoScaling, DIMENSION, NAMESPACE, only_ecs, page, paged};
use crate::account::hex_id;
use crate::protocol::{Answer, AwsError, Input};

impl AutoScaling {
    pub(super) fn register(&self, input: &Input<'_>) -> Answer {
        only_ecs(input, true)?;
        let (cluster, service) = resource(input)?;
        let current = self.current(&cluster, &service)?.ok_or_else(|| {
            input.refuse(format!(
                "ECS service doesn't exist: service/{cluster}/{service}"
            ))
        })?;
        let mut targets = self.targets();
        let known = targets.get(&format!("service/{cluster}/{service}"));
        let target = self.wanted(input, known, cluster, service)?;
        let (arn, bounds, resource_id) = (target.arn.clone(), target.bounds, target.resource_id());
        self.keep(&mut targets, target)?;
        drop(targets);
        let held = bounds.hold(current.desired);
        if held != current.desired {
            let cause = if held > current.desired {
                format!("minimum capacity was set to {}", bounds.min)
            } else {
                format!("maximum capacity was set to {}", bounds.max)
            };
            self.set_desired(&resource_id, held, &cause)?;
        }
        Ok(json!({ "ScalableTargetARN": arn }))
    }

    /// The target as the request leaves it: what it does not name stays as it was.
    fn wanted(
        &self,
        input: &Input<'_>,
        known: Option<&Target>,
        cluster: String,
        service: String,
    ) -> Result<Target, AwsError> {
        let bound = |name: &str, before: Option<i64>| {
            input.integer(name)?.or(before).ok_or_else(|| {
                input.refuse(format!(
                    "{name} is needed when a target is registered for the first time"
                ))
            })
        };
        let bounds = Bounds {
            min: bound("MinCapacity", known.map(|target| target.bounds.min))?,
            max: bound("MaxCapacity", known.map(|target| target.bounds.max))?,
        };
        if bounds.min < 0 || bounds.max < bounds.min {
            return Err(input.refuse(
                "Maximum capacity cannot be less than minimum capacity, nor minimum capacity less than 0",
            ));
        }
        let mut suspended = known.map(|target| target.suspended).unwrap_or_default();
        if let Some(wish) = input.structure("SuspendedState")? {
            suspend(&mut suspended, &wish)?;
        }
        let account = &self.parts.account;
        let role = match input.text("RoleARN")? {
            Some(role) => role.to_owned(),
            None => format!(
                "arn:aws:iam::{}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
                account.id
            ),
        };
        let tags = new_tags(input)?;
        if known.is_some() && !tags.is_empty() {
            return Err(input.refuse(
                "Tags are given when a target is registered for the first time; TagResource changes them",
            ));
        }
        Ok(match known {
            Some(known) => Target {
                bounds,
                suspended,
                ..known.clone()
            },
            None => Target {
                arn: account.arn(
                    "application-autoscaling",
                    &format!("scalable-target/{}", hex_id(36)),
                ),
                cluster,
                service,
                bounds,
                suspended,
                role,
                created_ms: self.parts.clock.now_ms(),
                tags,
                policies: BTreeMap::new(),
            },
        })
    }

    pub(super) fn describe_targets(&self, input: &Input<'_>) -> Answer {
        only_ecs(input, false)?;
        let wanted = input.texts("ResourceIds")?;
        let targets = self.targets();
        let found = targets
            .values()
            .filter(|target| wanted.is_empty() || wanted.contains(&target.resource_id().as_str()));
        let (found, next) = page(input, found, |target| target.resource_id())?;
        let views: Vec<_> = found.into_iter().map(Target::view).collect();
        Ok(paged("ScalableTargets", &views, next))
    }

    /// Forgets a target and its policies; the service stays as it is.
    pub(super) fn deregister(&self, input: &Input<'_>) -> Answer {
        only_ecs(input, true)?;
        let mut targets = self.targets();
        let key = registered(input, &targets)?;
        self.parts.store.delete::<Target>(&key)?;
        targets.remove(&key);
        Ok(json!({}))
    }
}

/// The key of the target that a request means, which must be there.
pub(super) fn registered(
    input: &Input<'_>,
    targets: &BTreeMap<String, Target>,
) -> Result<String, AwsError> {
    let (cluster, service) = resource(input)?;
    let key = format!("service/{cluster}/{service}");
    if targets.contains_key(&key) {
        return Ok(key);
    }
    Err(AwsError::new(
        "ObjectNotFoundException",
        format!(
            "No scalable target registered for service namespace: {NAMESPACE}, resource ID: {key}, scalable dimension: {DIMENSION}"
        ),
    ))
}

/// Cluster and service of `service/CLUSTER/SERVICE`.
fn resource(input: &Input<'_>) -> Result<(String, String), AwsError> {
    let id = input.required_text("ResourceId")?;
    let parts: Vec<&str> = id.split('/').collect();
    match parts.as_slice() {
        ["service", cluster, service] if !cluster.is_empty() && !service.is_empty() => {
            Ok(((*cluster).to_owned(), (*service).to_owned()))
        }
        _ => Err(input.refuse(format!(
            "Unsupported resource type: {id}; the resource ID of an ECS service is service/CLUSTER/SERVICE"
        ))),
    }
}

fn suspend(suspended: &mut Suspended, wish: &Input<'_>) -> Result<(), AwsError> {
    for (member, place) in [
        (
            "DynamicScalingInSuspended",
            &mut suspended.dynamic_scaling_in_suspended,
        ),
        (
            "DynamicScalingOutSuspended",
            &mut suspended.dynamic_scaling_out_suspended,
        ),
        (
            "ScheduledScalingSuspended",
            &mut suspended.scheduled_scaling_suspended,
        ),
    ] {
        if let Some(is_suspended) = wish.flag(member)? {
            *place = is_suspended;
        }
    }
    Ok(())
}

/// The tags of a request.
pub(super) fn new_tags(input: &Input<'_>) -> Result<BTreeMap<String, String>, AwsError> {
    let Some(tags) = input.structure("Tags")? else {
        return Ok(BTreeMap::new());
    };
    tags.members()
        .into_iter()
        .map(|(key, value)| match value.as_str() {
            Some(text) => Ok((key, text.to_owned())),
            None => Err(input.refuse(format!("the value of the tag '{key}' must be a string"))),
        })
        .collect()
}
