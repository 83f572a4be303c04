//! Service deployments and service revisions.

use serde_json::json;

use super::services::unknown;
use super::{cluster, page};
use crate::ecs::Ecs;
use crate::ecs::arn::last;
use crate::ecs::driver::deploy;
use crate::ecs::model::{RolloutStatus, Service, service_key};
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
    let rollouts =
        service.history.iter().rev().filter(|rollout| {
            wanted.is_empty() || wanted.contains(&rollout_status(rollout.status))
        });
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
            Some(ecs.rollout_view(service, rollout))
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
    let missing = || {
        AwsError::new(
            "ServiceDeploymentNotFoundException",
            "The service deployment was not found.",
        )
    };
    ecs.change(|world| {
        let (service, id) = named(world, arn, "service-deployment/").ok_or_else(missing)?;
        let rollout = service
            .history
            .iter()
            .find(|rollout| rollout.id == id)
            .ok_or_else(missing)?;
        if rollout.status != RolloutStatus::InProgress {
            let message = format!(
                "The service deployment is {} and cannot be stopped.",
                rollout_status(rollout.status)
            );
            return Err(AwsError::new("ConflictException", message));
        }
        let key = service_key(&service.cluster, &service.name);
        deploy::roll_back(
            ecs,
            world,
            &key,
            "Service deployment rolled back because of a StopServiceDeployment request.",
        );
        Ok(json!({ "serviceDeploymentArn": arn }))
    })
}

/// The service and the last part of an ARN `…MARKER CLUSTER/SERVICE/ID`.
fn named<'w, 'a>(world: &'w World, arn: &'a str, marker: &str) -> Option<(&'w Service, &'a str)> {
    let (_, path) = arn.split_once(marker)?;
    let (service, id) = path.rsplit_once('/')?;
    Some((world.services.get(service)?, id))
}
