//! Application Auto Scaling of ECS services: targets, target tracking policies, and the scaling itself.
//!
//! Once a minute of AWS's the policies' metrics are read from CloudWatch, [`tracking`] decides, and the service's
//! desired count is set through ECS's own API. Unlike AWS, this makes no alarms for that.

mod activities;
mod metric;
mod model;
mod policies;
mod scale;
mod tags;
mod targets;
#[cfg(test)]
mod tests;
mod tracking;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use toolkit::Console;

use crate::account::Account;
use crate::clock::Clock;
use crate::cloudwatch::CloudWatch;
use crate::ecs::Ecs;
use crate::protocol::{Answer, AwsError, Input};
use crate::state::Store;
use model::{Activity, Target};
use tracking::Streak;

/// The code for a member that is missing or wrong.
const INVALID: &str = "ValidationException";
const NAMESPACE: &str = "ecs";
const DIMENSION: &str = "ecs:service:DesiredCount";

/// What Application Auto Scaling is made of.
pub struct AutoScalingParts {
    pub store: Arc<Store>,
    pub account: Account,
    pub clock: Clock,
    pub ecs: Arc<Ecs>,
    pub cloudwatch: Arc<CloudWatch>,
    pub console: Arc<Console>,
}

/// The service.
pub struct AutoScaling {
    parts: AutoScalingParts,
    /// By resource id.
    targets: Mutex<BTreeMap<String, Target>>,
    /// The newest last.
    activities: Mutex<Vec<Activity>>,
    /// What each policy saw lately, by the policy's ARN. It is seen anew after a restart.
    streaks: Mutex<BTreeMap<String, Streak>>,
}

impl AutoScaling {
    /// Loads what the store holds; nothing is scaled before [`AutoScaling::start`].
    pub fn open(parts: AutoScalingParts) -> anyhow::Result<Arc<Self>> {
        let targets = parts
            .store
            .all::<Target>()?
            .into_iter()
            .map(|target| (target.resource_id(), target))
            .collect();
        let activities = parts.store.all::<Activity>()?;
        Ok(Arc::new(Self {
            parts,
            targets: Mutex::new(targets),
            activities: Mutex::new(activities),
            streaks: Mutex::default(),
        }))
    }

    /// Runs one operation.
    pub fn call(&self, operation: &str, input: &Value) -> Answer {
        let input = Input::new(input, INVALID);
        match operation {
            "RegisterScalableTarget" => self.register(&input),
            "DescribeScalableTargets" => self.describe_targets(&input),
            "DeregisterScalableTarget" => self.deregister(&input),
            "PutScalingPolicy" => self.put_policy(&input),
            "DescribeScalingPolicies" => self.describe_policies(&input),
            "DeleteScalingPolicy" => self.delete_policy(&input),
            "DescribeScalingActivities" => self.describe_activities(&input),
            "TagResource" => self.tag(&input),
            "UntagResource" => self.untag(&input),
            "ListTagsForResource" => self.list_tags(&input),
            _ => Err(AwsError::unsupported("application-autoscaling", operation)),
        }
    }

    fn targets(&self) -> MutexGuard<'_, BTreeMap<String, Target>> {
        // Memory is only changed after the store, in steps that cannot fail.
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn streaks(&self) -> MutexGuard<'_, BTreeMap<String, Streak>> {
        self.streaks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a target to the store and to memory.
    fn keep(&self, targets: &mut BTreeMap<String, Target>, target: Target) -> Result<(), AwsError> {
        self.parts.store.put(&target)?;
        targets.insert(target.resource_id(), target);
        Ok(())
    }
}

/// Refuses what is not the desired count of an ECS service. The dimension may be absent where it only narrows.
fn only_ecs(input: &Input<'_>, needs_dimension: bool) -> Result<(), AwsError> {
    let namespace = input.required_text("ServiceNamespace")?;
    let dimension = match input.text("ScalableDimension")? {
        None if needs_dimension => input.required_text("ScalableDimension")?,
        dimension => dimension.unwrap_or(DIMENSION),
    };
    if namespace == NAMESPACE && dimension == DIMENSION {
        return Ok(());
    }
    Err(input.refuse(format!(
        "local-aws scales {DIMENSION} of the namespace {NAMESPACE} only, not {dimension} of {namespace}"
    )))
}

/// One page of `items`, which are sorted by `key`, and what the answer says of the next.
fn page<T>(
    input: &Input<'_>,
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), AwsError> {
    /// AWS's default and most.
    const SIZE: i64 = 50;
    let size = input.integer("MaxResults")?.unwrap_or(SIZE).clamp(1, SIZE);
    let size = usize::try_from(size).unwrap_or(1);
    crate::page::page(items, size, input.text("NextToken")?, key).map_err(
        |crate::page::BadToken| {
            AwsError::new("InvalidNextTokenException", "The next token is invalid.")
        },
    )
}

/// An answer of one list, with its token if there is more.
fn paged(name: &str, views: &[Value], next: Option<String>) -> Value {
    match next {
        Some(next) => json!({ name: views, "NextToken": next }),
        None => json!({ name: views }),
    }
}
