//! What a service ran before, from ECS's own record of its releases.

use std::collections::HashMap;

use aws_sdk_ecs::types::ServiceDeploymentStatus;

use crate::cluster::Cluster;
use crate::trouble::Trouble;

/// ECS describes this many revisions in a call, which are as many releases as are looked back on.
const RELEASES: i32 = 20;

/// The task definition of the newest successful release that is not `current`.
pub(crate) async fn last_that_worked(
    cluster: &Cluster,
    service: &str,
    current: &str,
) -> Result<Option<String>, Trouble> {
    let what = format!("look at the past releases of the service {service}");
    let answer = cluster
        .ecs
        .list_service_deployments()
        .cluster(&cluster.name)
        .service(service)
        .status(ServiceDeploymentStatus::Successful)
        .max_results(RELEASES)
        .send()
        .await
        .map_err(|error| Trouble::of(&what, error))?;
    let mut releases: Vec<(aws_smithy_types::DateTime, String)> = answer
        .service_deployments()
        .iter()
        .filter_map(|release| {
            let at = *release.created_at()?;
            Some((at, release.target_service_revision_arn()?.to_owned()))
        })
        .collect();
    if releases.is_empty() {
        return Ok(None);
    }
    releases.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let mut revisions: Vec<String> = releases.into_iter().map(|(_, arn)| arn).collect();
    revisions.dedup();
    let described = cluster
        .ecs
        .describe_service_revisions()
        .set_service_revision_arns(Some(revisions.clone()))
        .send()
        .await
        .map_err(|error| Trouble::of(&what, error))?;
    let definitions: HashMap<&str, &str> = described
        .service_revisions()
        .iter()
        .filter_map(|revision| {
            Some((
                revision.service_revision_arn()?,
                revision.task_definition()?,
            ))
        })
        .collect();
    Ok(revisions
        .iter()
        .filter_map(|arn| definitions.get(arn.as_str()))
        .find(|definition| **definition != current)
        .map(|definition| (*definition).to_owned()))
}
