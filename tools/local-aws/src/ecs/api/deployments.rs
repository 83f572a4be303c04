//! Service deployments and service revisions.

use serde_json::json;

use super::services::unknown;
use super::{cluster, page};
use crate::ecs::Ecs;
use crate::ecs::arn::last;
use crate::ecs::model::{Rollout, RolloutStatus, Service, service_key};
use crate::ecs::scheduler::hooks::{HookAction, HookStatus};
use crate::ecs::view::rollout_status;
use crate::ecs::world::World;
use crate::protocol::{Answer, AwsError, Input, timestamp};

pub(super) fn list(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    let world = ecs.world();
    world.cluster(cluster)?;
    let service = world
        .services
        .get(&service_key(cluster, last(input.required_text("service")?)))
        .ok_or_else(unknown)?;
    let wanted = input.texts("status")?;
    let (after_ms, before_ms) = created(input)?;
    let rollouts = service
        .history
        .iter()
        .rev()
        .filter(|rollout| wanted.is_empty() || wanted.contains(&rollout_status(rollout.status)))
        .filter(|rollout| (after_ms..=before_ms).contains(&rollout.created_ms));
    let (ids, next) = page(
        input,
        rollouts.map(|rollout| rollout.id.clone()).collect(),
        20,
        100,
    )?;
    let briefs: Vec<_> = ids
        .iter()
        .filter_map(|id| service.history.iter().find(|rollout| rollout.id == *id))
        .map(|rollout| {
            let mut brief = json!({
                "serviceDeploymentArn": ecs.arns.service_deployment(cluster, &service.name, &rollout.id),
                "serviceArn": ecs.arns.service(cluster, &service.name),
                "clusterArn": ecs.arns.cluster(cluster),
                "startedAt": timestamp(rollout.started_ms),
                "createdAt": timestamp(rollout.created_ms),
                "targetServiceRevisionArn": ecs.arns.service_revision(cluster, &service.name, &rollout.revision),
                "status": rollout_status(rollout.status),
                "statusReason": rollout.reason,
            });
            if let Some(at) = rollout.finished_ms {
                brief["finishedAt"] = timestamp(at);
            }
            brief
        })
        .collect();
    Ok(match next {
        Some(next) => json!({ "serviceDeployments": briefs, "nextToken": next }),
        None => json!({ "serviceDeployments": briefs }),
    })
}

/// From when until when service deployments are asked for, in milliseconds since 1970.
fn created(input: &Input<'_>) -> Result<(i64, i64), AwsError> {
    let Some(range) = input.structure("createdAt")? else {
        return Ok((i64::MIN, i64::MAX));
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float beyond the range becomes its end"
    )]
    let ms = |seconds: f64| (seconds * 1000.0) as i64;
    Ok((
        range.number("after")?.map_or(i64::MIN, ms),
        range.number("before")?.map_or(i64::MAX, ms),
    ))
}

pub(super) fn describe(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let arns = input.texts("serviceDeploymentArns")?;
    if arns.is_empty() || arns.len() > 20 {
        return Err(input.refuse("serviceDeploymentArns must have between 1 and 20 elements."));
    }
    let world = ecs.world();
    let mut deployments = Vec::new();
    let mut failures = Vec::new();
    for arn in arns {
        let found = named(&world, arn, "service-deployment/").and_then(|(service, id)| {
            let rollout = service.history.iter().find(|rollout| rollout.id == id)?;
            Some(ecs.rollout_view(&world, service, rollout))
        });
        match found {
            Some(view) => deployments.push(view),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "serviceDeployments": deployments, "failures": failures }))
}

pub(super) fn describe_revisions(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let arns = input.texts("serviceRevisionArns")?;
    if arns.is_empty() || arns.len() > 20 {
        return Err(input.refuse("serviceRevisionArns must have between 1 and 20 elements."));
    }
    let world = ecs.world();
    let mut revisions = Vec::new();
    let mut failures = Vec::new();
    for arn in arns {
        let found = named(&world, arn, "service-revision/").and_then(|(service, number)| {
            Some(ecs.revision_view(service, service.revision(number)?))
        });
        match found {
            Some(view) => revisions.push(view),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "serviceRevisions": revisions, "failures": failures }))
}

pub(super) fn stop(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let arn = input.required_text("serviceDeploymentArn")?;
    if input
        .text("stopType")?
        .is_some_and(|kind| kind != "ROLLBACK")
    {
        return Err(input.refuse("The only valid stopType is ROLLBACK."));
    }
    ecs.change(|world| {
        let (key, rollout) = rollout_mut(world, arn)?;
        if rollout.status != RolloutStatus::InProgress {
            let message = format!(
                "The service deployment is {} and cannot be stopped.",
                rollout_status(rollout.status)
            );
            return Err(AwsError::new("ConflictException", message));
        }
        rollout.status = RolloutStatus::RollbackRequested;
        rollout.updated_ms = ecs.now();
        world.touch_service(&key);
        Ok(json!({ "serviceDeploymentArn": arn }))
    })
}

/// Lets a paused deployment go on, or back. The refusals are AWS's (AWS documentation, troubleshooting blue/green).
pub(super) fn resume(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let arn = input.required_text("serviceDeploymentArn")?;
    let id = input.required_text("hookId")?;
    let action = input.text("action")?.unwrap_or("CONTINUE");
    let action = HookAction::parse(action).ok_or_else(|| {
        input.refuse(format!(
            "Invalid action {action}. Valid values are: CONTINUE, ROLLBACK"
        ))
    })?;
    let mut parts = id.splitn(3, '-');
    if parts.next() != Some("ecs") || parts.next() != Some("pause") || parts.next().is_none() {
        return Err(
            input.refuse("Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}")
        );
    }
    ecs.change(|world| {
        let (key, rollout) = rollout_mut(world, arn)?;
        if rollout.is_over() {
            return Err(input.refuse("Continuing a service deployment is not allowed for service deployment in terminal states."));
        }
        let is_paused = rollout.status == RolloutStatus::InProgress;
        let hook = rollout.hooks.iter_mut().find(|hook| {
            is_paused && hook.id == id && hook.status == HookStatus::AwaitingAction
        });
        let hook = hook.ok_or_else(|| {
            input.refuse("Provided hookId is either completed, unavailable, or not associated with the given Resource ARN")
        })?;
        hook.settle(action);
        if action == HookAction::Rollback {
            rollout.status = RolloutStatus::RollbackRequested;
        }
        rollout.updated_ms = ecs.now();
        world.touch_service(&key);
        Ok(json!({ "serviceDeploymentArn": arn }))
    })
}

/// The service deployment of an ARN, and the key of its service.
fn rollout_mut<'w>(world: &'w mut World, arn: &str) -> Result<(String, &'w mut Rollout), AwsError> {
    let missing = || {
        AwsError::new(
            "ServiceDeploymentNotFoundException",
            "The service deployment does not exist.",
        )
    };
    let (service, id) = named(world, arn, "service-deployment/").ok_or_else(missing)?;
    let key = service_key(&service.cluster, &service.name);
    let rollouts = world
        .services
        .get_mut(&key)
        .map(|service| &mut service.history);
    let rollout =
        rollouts.and_then(|rollouts| rollouts.iter_mut().find(|rollout| rollout.id == id));
    Ok((key, rollout.ok_or_else(missing)?))
}

/// The service and the last part of an ARN `…MARKER CLUSTER/SERVICE/ID`.
fn named<'w, 'a>(world: &'w World, arn: &'a str, marker: &str) -> Option<(&'w Service, &'a str)> {
    let (_, path) = arn.split_once(marker)?;
    let (service, id) = path.rsplit_once('/')?;
    Some((world.services.get(service)?, id))
}
