//! The scaling itself: reading, deciding, and setting the desired count through ECS's API.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Value, json};

use super::AutoScaling;
use super::model::{Activity, Policy, Target};
use super::tracking::{Decision, Scaled, Situation, Tracked, decide};
use crate::protocol::AwsError;

/// AWS looks once a minute.
const MINUTE: Duration = Duration::from_secs(60);
const SHORTEST_MINUTE: Duration = Duration::from_millis(100);
/// AWS's default for ECS services; seconds.
const DEFAULT_COOLDOWN: i64 = 300;

/// A service at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Current {
    pub(super) desired: i64,
    /// While a deployment goes on, AWS does not scale in.
    pub(super) is_deploying: bool,
}

impl AutoScaling {
    /// Starts the scaling; it ends when the service is dropped. Needs a tokio runtime.
    pub fn start(service: &Arc<Self>) {
        let minute = service.parts.clock.wait(MINUTE).max(SHORTEST_MINUTE);
        let service = Arc::downgrade(service);
        tokio::spawn(async move {
            let mut minutes = tokio::time::interval(minute);
            minutes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                minutes.tick().await;
                let Some(service) = Weak::upgrade(&service) else {
                    return;
                };
                let console = Arc::clone(&service.parts.console);
                // The database may make this wait, which must not keep others from running.
                let turn = tokio::task::spawn_blocking(move || {
                    service.turn(service.parts.clock.now_ms());
                });
                if let Err(panic) = turn.await {
                    console.error(&format!("scaling: {panic}"));
                }
            }
        });
    }

    /// One minute's look at every target.
    pub(super) fn turn(&self, now_ms: i64) {
        let targets: Vec<Target> = self.targets().values().cloned().collect();
        for target in targets {
            if let Err(error) = self.track(&target, now_ms) {
                self.parts
                    .console
                    .error(&format!("scaling {}: {error}", target.resource_id()));
            }
        }
    }

    fn track(&self, target: &Target, now_ms: i64) -> Result<(), AwsError> {
        let policies: Vec<&Policy> = target.policies.values().collect();
        if policies.is_empty() {
            return Ok(());
        }
        let Some(current) = self.current(&target.cluster, &target.service)? else {
            return Ok(());
        };
        let tracked = policies
            .iter()
            .map(|policy| self.look(target, policy, now_ms))
            .collect::<Result<Vec<_>, AwsError>>()?;
        let situation = Situation {
            desired: current.desired,
            bounds: target.bounds,
            now_ms,
            may_scale_out: !target.suspended.dynamic_scaling_out_suspended,
            may_scale_in: !target.suspended.dynamic_scaling_in_suspended && !current.is_deploying,
        };
        let Some(Decision { policy, to }) = decide(situation, &tracked) else {
            return Ok(());
        };
        let (policy, value) = (policies[policy], tracked[policy].value.unwrap_or_default());
        let tracking = &policy.tracking;
        let cause = format!(
            "{} at {value:.2} against a target of {} triggered policy {}",
            tracking
                .predefined_metric_specification
                .predefined_metric_type
                .as_str(),
            tracking.target_value,
            policy.name
        );
        let resource_id = target.resource_id();
        if self.set_desired(&resource_id, to, &cause).is_ok() {
            let scaled = Scaled {
                at_ms: now_ms,
                from: current.desired,
                to,
            };
            self.remember(&resource_id, &policy.name, scaled)?;
        }
        Ok(())
    }

    /// What a policy sees this minute.
    fn look(&self, target: &Target, policy: &Policy, now_ms: i64) -> Result<Tracked, AwsError> {
        let tracking = &policy.tracking;
        let value = self.value(target, &tracking.predefined_metric_specification, now_ms)?;
        let mut streaks = self.streaks();
        let streak = streaks.entry(policy.arn.clone()).or_default();
        streak.note(value, tracking.target_value);
        let wait = |cooldown: Option<i64>| {
            self.parts
                .clock
                .wait_ms(cooldown.unwrap_or(DEFAULT_COOLDOWN))
        };
        Ok(Tracked {
            target: tracking.target_value,
            value,
            streak: *streak,
            out_cooldown_ms: wait(tracking.scale_out_cooldown),
            in_cooldown_ms: wait(tracking.scale_in_cooldown),
            may_scale_in: !tracking.disable_scale_in.unwrap_or(false),
            last_out: policy.last_out,
            last_in: policy.last_in,
        })
    }

    /// Begins the policy's cooldown. A target or policy that went away in between needs none.
    fn remember(&self, resource_id: &str, policy: &str, scaled: Scaled) -> Result<(), AwsError> {
        let mut targets = self.targets();
        let Some(mut target) = targets.get(resource_id).cloned() else {
            return Ok(());
        };
        let Some(policy) = target.policies.get_mut(policy) else {
            return Ok(());
        };
        if scaled.to > scaled.from {
            policy.last_out = Some(scaled);
            // A rise ends the cooldown of a scale-in.
            policy.last_in = None;
        } else {
            policy.last_in = Some(scaled);
            policy.last_out = None;
        }
        self.keep(&mut targets, target)
    }

    /// The service; none if it is not there or not active.
    pub(super) fn current(
        &self,
        cluster: &str,
        service: &str,
    ) -> Result<Option<Current>, AwsError> {
        let input = json!({ "cluster": cluster, "services": [service] });
        let answer = match self.parts.ecs.call("DescribeServices", &input) {
            Err(error) if error.code == "ClusterNotFoundException" => return Ok(None),
            answer => answer?,
        };
        let service = &answer["services"][0];
        if service["status"] != "ACTIVE" {
            return Ok(None);
        }
        let desired = service["desiredCount"]
            .as_i64()
            .ok_or_else(|| AwsError::internal("a service has no desired count"))?;
        let is_deploying = service["deployments"]
            .as_array()
            .is_some_and(|deployments| deployments.len() > 1);
        Ok(Some(Current {
            desired,
            is_deploying,
        }))
    }

    /// Sets a service's desired count, and notes how that went.
    pub(super) fn set_desired(
        &self,
        resource_id: &str,
        desired: i64,
        cause: &str,
    ) -> Result<(), AwsError> {
        let (cluster, service) = resource_id
            .strip_prefix("service/")
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(|| AwsError::internal(format!("{resource_id} is no service")))?;
        let start_ms = self.parts.clock.now_ms();
        let input = json!({ "cluster": cluster, "service": service, "desiredCount": desired });
        let outcome: Result<Value, AwsError> = self.parts.ecs.call("UpdateService", &input);
        let message = match &outcome {
            Ok(_) => format!(
                "Successfully set desired count to {desired}. Change successfully fulfilled by ecs."
            ),
            Err(error) => format!("Failed to set desired count to {desired}: {error}"),
        };
        self.parts
            .console
            .status(&format!("{resource_id}: {cause}. {message}"));
        self.note(Activity {
            id: uuid::Uuid::new_v4().to_string(),
            resource_id: resource_id.to_owned(),
            description: format!("Setting desired count to {desired}."),
            cause: cause.to_owned(),
            start_ms,
            end_ms: self.parts.clock.now_ms(),
            is_successful: outcome.is_ok(),
            message,
        })?;
        outcome.map(|_service| ())
    }
}
