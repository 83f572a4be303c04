//! Targets of a target group.

use serde_json::{Value, json};

use super::{port, refuse_members, target_groups};
use crate::elb::Elb;
use crate::elb::model::{Target, TargetGroup, TargetHealth, TargetState};
use crate::protocol::{Answer, AwsError, Input};

impl Elb {
    pub(super) fn register_targets(&self, input: Input<'_>) -> Answer {
        let (group, targets) = self.read_targets(input)?;
        if targets.is_empty() {
            return Err(input.refuse("At least one target must be specified"));
        }
        self.register_all(&group.arn, &targets)?;
        Ok(json!({}))
    }

    pub(super) fn deregister_targets(&self, input: Input<'_>) -> Answer {
        let (group, mut targets) = self.read_targets(input)?;
        // Without a port a target is meant on whatever ports it is registered.
        for target in input.structures("Targets")? {
            if target.get("Port").is_none() {
                let id = target.required_text("Id")?;
                let tables = self.tables();
                let members = tables.members.get(&group.arn).into_iter().flatten();
                targets.extend(
                    members
                        .map(|(target, _)| target)
                        .filter(|target| target.id == id)
                        .cloned(),
                );
            }
        }
        targets.sort();
        targets.dedup();
        self.deregister_all(&group.arn, &targets)?;
        Ok(json!({}))
    }

    pub(super) fn describe_target_health(&self, input: Input<'_>) -> Answer {
        let (group, asked) = self.read_targets(input)?;
        let tables = self.tables();
        let used = tables.is_used(&group.arn);
        let members = tables.members.get(&group.arn);
        let descriptions: Vec<Value> = if asked.is_empty() {
            members
                .into_iter()
                .flatten()
                .map(|(target, member)| render(&group, target, &member.describe(used)))
                .collect()
        } else {
            let health = |target| {
                members
                    .and_then(|members| members.get(target))
                    .map_or_else(not_registered, |member| member.describe(used))
            };
            asked
                .iter()
                .map(|target| render(&group, target, &health(target)))
                .collect()
        };
        Ok(json!({ "TargetHealthDescriptions": descriptions }))
    }

    /// The target group, and `Targets` with the group's port where they have none.
    fn read_targets(&self, input: Input<'_>) -> Result<(TargetGroup, Vec<Target>), AwsError> {
        let arn = input.required_text("TargetGroupArn")?;
        let group = target_groups::find(&self.tables(), arn)?.clone();
        let targets = input
            .structures("Targets")?
            .into_iter()
            .map(|target| {
                refuse_members(target, &["QuicServerId"])?;
                Ok(Target {
                    id: target.required_text("Id")?.to_owned(),
                    port: port(target, "Port")?.unwrap_or(group.port),
                })
            })
            .collect::<Result<_, AwsError>>()?;
        Ok((group, targets))
    }
}

fn not_registered() -> TargetHealth {
    TargetHealth {
        state: TargetState::Unused,
        reason: Some("Target.NotRegistered"),
        description: Some("Target is not registered to the target group".to_owned()),
    }
}

fn render(group: &TargetGroup, target: &Target, health: &TargetHealth) -> Value {
    let check_port = group.health_check.port.unwrap_or(target.port);
    json!({
        "Target": { "Id": target.id, "Port": target.port },
        "HealthCheckPort": check_port.to_string(),
        "TargetHealth": {
            "State": health.state.as_str(),
            "Reason": health.reason,
            "Description": health.description,
        },
        "AnomalyDetection": { "Result": "normal", "MitigationInEffect": "no" },
    })
}
