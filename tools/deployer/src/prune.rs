//! Deregistering revisions that nothing refers to any more. Never on the way of a release: its own command.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use aws::explain;
use aws_sdk_ecs::types::{DesiredStatus, ServiceDeploymentStatus, SortOrder, TaskDefinitionStatus};
use serde::Serialize;
use toolkit::Console;

use crate::cloud::Cloud;
use crate::cluster::Cluster;
use crate::service::short;

/// DeleteTaskDefinitions takes this many.
const DELETED_A_CALL: usize = 10;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prune {
    /// Service name; its task definition's family is what is pruned.
    pub service: String,
    /// So many successful releases stay, beside all that is in use.
    pub keep: usize,
    /// Whether revisions that are deregistered are deleted as well.
    pub delete: bool,
    /// Whether to do it, rather than to show it.
    pub apply: bool,
}

/// What is done, or would be.
#[derive(Debug, Serialize)]
pub(crate) struct Pruned {
    kind: &'static str,
    schema: u32,
    family: String,
    /// Revisions that stay, with the reasons.
    kept: BTreeMap<String, Vec<String>>,
    /// Revisions that go.
    deregistered: Vec<String>,
    /// Whether they were deleted too.
    deleted: bool,
    /// False for a plan.
    applied: bool,
}

/// Why revisions stay, by ARN.
#[derive(Debug, Default, PartialEq, Eq)]
struct Uses(BTreeMap<String, BTreeSet<String>>);

impl Uses {
    fn add(&mut self, definition: &str, reason: String) {
        let reasons = self.0.entry(definition.to_owned()).or_default();
        reasons.insert(reason);
    }
}

pub(crate) async fn prune(
    cloud: &Cloud,
    console: &Console,
    request: &Prune,
) -> anyhow::Result<Pruned> {
    let service = cloud.cluster.existing(&request.service).await?;
    let family = short(&service.task_definition)
        .split(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    let revisions = active(&cloud.cluster, &family).await?;
    let mut uses = Uses::default();
    for cluster in clusters(&cloud.cluster).await? {
        in_use(&cluster, &family, &mut uses).await?;
    }
    successful(&cloud.cluster, request, &mut uses).await?;
    if let Some(newest) = revisions.first() {
        uses.add(newest, "the newest of its family".to_owned());
    }
    let mut pruned = Pruned {
        kind: "prune",
        schema: 1,
        family,
        deregistered: surplus(&revisions, &uses),
        kept: revisions
            .iter()
            .filter_map(|arn| {
                let reasons = uses.0.get(arn)?.iter().cloned().collect();
                Some((short(arn).to_owned(), reasons))
            })
            .collect(),
        deleted: false,
        applied: request.apply,
    };
    if request.apply {
        apply(&cloud.cluster, console, request, &mut pruned).await?;
    }
    Ok(pruned)
}

/// Revisions that nothing uses, in the order given.
fn surplus(revisions: &[String], uses: &Uses) -> Vec<String> {
    let is_free = |arn: &&String| !uses.0.contains_key(*arn);
    revisions.iter().filter(is_free).cloned().collect()
}

/// The family's active revisions, the newest first.
async fn active(cluster: &Cluster, family: &str) -> anyhow::Result<Vec<String>> {
    let mut pages = cluster
        .ecs
        .list_task_definitions()
        .family_prefix(family)
        .status(TaskDefinitionStatus::Active)
        .sort(SortOrder::Desc)
        .into_paginator()
        .send();
    let mut arns = Vec::new();
    while let Some(page) = pages.next().await {
        let page =
            page.map_err(|error| explain(&format!("list the revisions of {family}"), error))?;
        arns.extend(page.task_definition_arns.unwrap_or_default());
    }
    // The filter is one of prefixes: `web` finds `web-admin` too.
    arns.retain(|arn| short(arn).split(':').next() == Some(family));
    Ok(arns)
}

/// All clusters of the account and region: a family is not bound to one.
async fn clusters(cluster: &Cluster) -> anyhow::Result<Vec<Cluster>> {
    let mut pages = cluster.ecs.list_clusters().into_paginator().send();
    let mut clusters = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| explain("list the clusters", error))?;
        for arn in page.cluster_arns.unwrap_or_default() {
            clusters.push(Cluster {
                ecs: cluster.ecs.clone(),
                name: short(&arn).to_owned(),
            });
        }
    }
    Ok(clusters)
}

async fn in_use(cluster: &Cluster, family: &str, uses: &mut Uses) -> anyhow::Result<()> {
    let names = cluster.all_services().await?;
    let (services, _gone) = cluster.services(&names).await?;
    for service in services {
        for rollout in &service.rollouts {
            let reason = format!("the service {} of {}", service.name, cluster.name);
            uses.add(&rollout.task_definition, reason);
        }
        uses.add(
            &service.task_definition,
            format!("the service {} of {}", service.name, cluster.name),
        );
    }
    for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
        let arns = cluster.tasks_of_family(family, status).await?;
        for task in cluster.tasks(&arns).await? {
            if task.last_status() != Some("STOPPED")
                && let Some(definition) = task.task_definition_arn()
            {
                uses.add(definition, format!("a task of {}", cluster.name));
            }
        }
    }
    Ok(())
}

/// The last successful releases of the service.
async fn successful(cluster: &Cluster, request: &Prune, uses: &mut Uses) -> anyhow::Result<()> {
    let name = &request.service;
    let status = Some(ServiceDeploymentStatus::Successful);
    let releases = cluster.records(name, status, usize::MAX).await;
    let releases = releases
        .map_err(anyhow::Error::from)
        .with_context(|| format!("nobody knows which releases of {name} worked"))?;
    let arns: Vec<String> = releases
        .iter()
        .filter_map(|release| release.target_service_revision_arn())
        .map(str::to_owned)
        .collect();
    let revisions = cluster.revisions(&arns).await?;
    let mut kept = BTreeSet::new();
    for arn in &arns {
        let definition = revisions.get(arn).and_then(|one| one.task_definition());
        if let Some(definition) = definition
            && (kept.len() < request.keep || kept.contains(definition))
        {
            kept.insert(definition.to_owned());
            uses.add(definition, format!("a successful release of {name}"));
        }
    }
    Ok(())
}

async fn apply(
    cluster: &Cluster,
    console: &Console,
    request: &Prune,
    pruned: &mut Pruned,
) -> anyhow::Result<()> {
    for arn in &pruned.deregistered {
        let call = cluster
            .ecs
            .deregister_task_definition()
            .task_definition(arn);
        call.send()
            .await
            .map_err(|error| explain(&format!("deregister {}", short(arn)), error))?;
        console.status(&format!("deregistered {}", short(arn)));
    }
    if !request.delete {
        return Ok(());
    }
    for arns in pruned.deregistered.chunks(DELETED_A_CALL) {
        let call = cluster.ecs.delete_task_definitions();
        let answer = call
            .set_task_definitions(Some(arns.to_vec()))
            .send()
            .await
            .map_err(|error| explain("delete revisions", error))?;
        if let Some(failure) = answer.failures().first() {
            anyhow::bail!(
                "{} was not deleted: {}",
                short(failure.arn().unwrap_or_default()),
                failure.reason().unwrap_or("no reason given")
            );
        }
    }
    pruned.deleted = !pruned.deregistered.is_empty();
    Ok(())
}

/// For people.
pub(crate) fn text(pruned: &Pruned) -> String {
    let mut out = String::new();
    for (revision, reasons) in &pruned.kept {
        out.push_str(&format!("  {revision} stays: {}\n", reasons.join(", ")));
    }
    let verb = if pruned.applied { "went" } else { "would go" };
    for arn in &pruned.deregistered {
        out.push_str(&format!("- {} {verb}\n", short(arn)));
    }
    if pruned.deregistered.is_empty() {
        out.push_str("nothing to prune\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_what_nothing_uses() {
        let arns = ["web:4", "web:3", "web:2", "web:1"].map(str::to_owned);
        let mut uses = Uses::default();
        uses.add("web:4", "newest".to_owned());
        uses.add("web:2", "a task".to_owned());
        uses.add("web:2", "a task".to_owned());
        assert_eq!(surplus(&arns, &uses), ["web:3", "web:1"]);
        assert_eq!(uses.0["web:2"].len(), 1);
    }
}
