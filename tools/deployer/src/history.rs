//! The releases of a service, from ECS's own records and the tags of what they ran: any machine can tell them.

use std::collections::HashMap;

use aws_sdk_ecs::types::{ServiceDeploymentBrief, ServiceRevision, Tag, TaskDefinition};
use serde::Serialize;

use crate::cloud::Cloud;
use crate::service::{rfc3339, short};
use crate::table::section;
use crate::trouble::Trouble;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Service name.
    pub service: String,
    /// At most so many releases, the newest.
    pub limit: usize,
}

/// The releases of one service.
#[derive(Debug, Serialize)]
pub(crate) struct Releases {
    kind: &'static str,
    schema: u32,
    cluster: String,
    service: String,
    /// Newest first.
    releases: Vec<PastRelease>,
}

/// One release.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PastRelease {
    /// RFC 3339, UTC.
    started_at: String,
    /// Absent while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    /// ECS's word for what became of it: `SUCCESSFUL`, `ROLLBACK_SUCCESSFUL`, …
    verdict: String,
    reason: String,
    /// ARN; absent where ECS has forgotten the revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_definition: Option<String>,
    /// With their digests where ECS knows them.
    images: Vec<String>,
    /// From the task definition's tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    /// From the task definition's tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<String>,
    /// Who registered the task definition: a tag, else ECS's own record.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    /// ARN of ECS's record.
    service_deployment: String,
}

pub(crate) async fn history(cloud: &Cloud, request: &History) -> anyhow::Result<Releases> {
    let briefs = cloud
        .cluster
        .records(&request.service, None, request.limit)
        .await?;
    let mut arns: Vec<String> = briefs
        .iter()
        .filter_map(|brief| brief.target_service_revision_arn())
        .map(str::to_owned)
        .collect();
    arns.sort_unstable();
    arns.dedup();
    let revisions = cloud.cluster.revisions(&arns).await?;
    let definitions = definitions(cloud, revisions.values()).await?;
    let releases = briefs
        .iter()
        .map(|brief| {
            let revision = brief
                .target_service_revision_arn()
                .and_then(|arn| revisions.get(arn));
            let definition = revision
                .and_then(|revision| revision.task_definition())
                .and_then(|arn| definitions.get(arn));
            release(brief, revision, definition)
        })
        .collect();
    Ok(Releases {
        kind: "history",
        schema: 1,
        cluster: cloud.cluster.name.clone(),
        service: request.service.clone(),
        releases,
    })
}

/// The task definitions with their tags; one that has been deleted is left out.
async fn definitions<'r>(
    cloud: &Cloud,
    revisions: impl Iterator<Item = &'r ServiceRevision>,
) -> anyhow::Result<HashMap<String, (TaskDefinition, HashMap<String, String>)>> {
    let mut found = HashMap::new();
    for arn in revisions.filter_map(|revision| revision.task_definition()) {
        if found.contains_key(arn) {
            continue;
        }
        match cloud.cluster.definition_with_tags(arn).await {
            Ok((definition, tags)) => {
                let tag = |tag: Tag| Some((tag.key?, tag.value.unwrap_or_default()));
                let tags = tags.into_iter().filter_map(tag).collect();
                found.insert(arn.to_owned(), (definition, tags));
            }
            Err(Trouble::Final(_)) => {}
            Err(Trouble::Passing(error)) => return Err(error),
        }
    }
    Ok(found)
}

fn release(
    brief: &ServiceDeploymentBrief,
    revision: Option<&ServiceRevision>,
    definition: Option<&(TaskDefinition, HashMap<String, String>)>,
) -> PastRelease {
    let tag = |name: &str| definition.and_then(|(_, tags)| tags.get(name).cloned());
    let images = revision.map(|revision| revision.container_images());
    PastRelease {
        started_at: brief
            .started_at()
            .or(brief.created_at())
            .map(rfc3339)
            .unwrap_or_default(),
        finished_at: brief.finished_at().map(rfc3339),
        verdict: brief
            .status()
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        reason: brief.status_reason().unwrap_or_default().to_owned(),
        task_definition: revision
            .and_then(|revision| revision.task_definition())
            .map(str::to_owned),
        images: images
            .unwrap_or_default()
            .iter()
            .map(|image| {
                let name = image.image().unwrap_or_default();
                match image.image_digest() {
                    Some(digest) if !name.contains('@') => format!("{name}@{digest}"),
                    _ => name.to_owned(),
                }
            })
            .collect(),
        commit: tag("longshore:commit"),
        build: tag("longshore:build"),
        who: tag("longshore:who").or_else(|| {
            let registered_by = definition.and_then(|(definition, _)| definition.registered_by());
            registered_by.map(str::to_owned)
        }),
        service_deployment: brief
            .service_deployment_arn()
            .unwrap_or_default()
            .to_owned(),
    }
}

/// For people.
pub(crate) fn text(releases: &Releases) -> String {
    let mut out = format!("{}\n", releases.service);
    section(
        &mut out,
        [
            "STARTED", "VERDICT", "REVISION", "COMMIT", "BUILD", "WHO", "REASON",
        ],
        releases.releases.iter().map(|release| {
            let commit = release.commit.as_deref().unwrap_or_default();
            [
                release.started_at.clone(),
                release.verdict.clone(),
                short(release.task_definition.as_deref().unwrap_or("?")).to_owned(),
                commit.chars().take(12).collect(),
                release.build.clone().unwrap_or_default(),
                short(release.who.as_deref().unwrap_or_default()).to_owned(),
                release.reason.clone(),
            ]
        }),
    );
    out
}
