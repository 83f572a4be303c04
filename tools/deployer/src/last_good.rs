//! Which release to go back to: the last one that is known to have worked, never "revision minus one".

use std::collections::HashMap;
use std::path::Path;

use aws_sdk_ecs::types::{DesiredStatus, ServiceDeploymentStatus};
use contract::deployment::{Deployment, Verdict};
use contract::document;

use crate::cloud::Cloud;
use crate::cluster::Cluster;
use crate::service::{Service, State};
use crate::trouble::Trouble;

/// ECS describes this many revisions in a call, which are as many releases as are looked back on.
const RELEASES: usize = 20;

/// A release to go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastGood {
    /// ARN.
    pub(crate) task_definition: String,
    pub(crate) source: Evidence,
}

/// How it is known that a release worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// It still runs beside the one that replaces it, and its rollout is complete.
    Rollout,
    /// ECS's record of successful service deployments.
    Records,
    /// A document that an earlier run of this tool left on this machine.
    Document,
    /// Tasks of it run, though nothing says whether its release completed.
    Tasks,
}

impl Evidence {
    /// For people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Rollout => "its rollout is complete",
            Self::Records => "ECS's record of releases that worked",
            Self::Document => "the record of an earlier release on this machine",
            Self::Tasks => "its tasks run",
        }
    }
}

/// The newest release that worked and is not `given_up`. `document` is where an earlier release was written down.
pub(crate) async fn last_good(
    cloud: &Cloud,
    service: &Service,
    given_up: &str,
    document: Option<&Path>,
) -> Option<LastGood> {
    if let Some(task_definition) = beside(service, given_up) {
        let source = Evidence::Rollout;
        return Some(LastGood {
            task_definition,
            source,
        });
    }
    let found = |source| {
        move |task_definition| LastGood {
            task_definition,
            source,
        }
    };
    // Each source may be out of reach; the next one then answers.
    let recorded = recorded(&cloud.cluster, &service.name, given_up).await;
    if let Ok(Some(task_definition)) = recorded {
        return Some(found(Evidence::Records)(task_definition));
    }
    if let Some(task_definition) = document.and_then(|path| written(path, service, given_up)) {
        return Some(found(Evidence::Document)(task_definition));
    }
    running(cloud, service, given_up)
        .await
        .map(found(Evidence::Tasks))
}

/// What a deployment in progress replaces, if that worked.
fn beside(service: &Service, given_up: &str) -> Option<String> {
    service
        .rollouts
        .iter()
        .find(|rollout| rollout.state == State::Completed && rollout.task_definition != given_up)
        .map(|rollout| rollout.task_definition.clone())
}

/// The task definition of the newest successful release that is not `given_up`.
async fn recorded(
    cluster: &Cluster,
    service: &str,
    given_up: &str,
) -> Result<Option<String>, Trouble> {
    let status = Some(ServiceDeploymentStatus::Successful);
    let releases = cluster.records(service, status, RELEASES).await?;
    let mut revisions: Vec<String> = releases
        .iter()
        .filter_map(|release| release.target_service_revision_arn())
        .map(str::to_owned)
        .collect();
    revisions.dedup();
    let described = cluster.revisions(&revisions).await?;
    Ok(revisions
        .iter()
        .filter_map(|arn| described.get(arn)?.task_definition())
        .find(|definition| *definition != given_up)
        .map(str::to_owned))
}

/// What the document of an earlier release says, if it is of this service and ended well.
fn written(path: &Path, service: &Service, given_up: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let earlier: Deployment = document::parse(&text).ok()?;
    let worked = matches!(
        earlier.verdict,
        Verdict::Completed | Verdict::Unchanged | Verdict::RolledBack
    );
    let definition = earlier.serving_task_definition;
    (worked && earlier.service == service.name && definition != given_up && !definition.is_empty())
        .then_some(definition)
}

/// The task definition of most of the other tasks that run.
async fn running(cloud: &Cloud, service: &Service, given_up: &str) -> Option<String> {
    let arns = cloud
        .cluster
        .tasks_of(&service.name, DesiredStatus::Running)
        .await
        .ok()?;
    let tasks = cloud.cluster.tasks(&Vec::from_iter(arns)).await.ok()?;
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for task in &tasks {
        let definition = task.task_definition_arn().unwrap_or_default();
        if task.last_status() == Some("RUNNING") && definition != given_up {
            *counts.entry(definition).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .max_by_key(|(definition, count)| (*count, *definition))
        .map(|(definition, _)| definition.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Rollout;

    fn rollout(state: State, task_definition: &str) -> Rollout {
        Rollout {
            state,
            task_definition: task_definition.to_owned(),
            ..Rollout::default()
        }
    }

    #[test]
    fn goes_back_only_to_what_worked() {
        let table = [
            (vec![rollout(State::Completed, "web:4")], None),
            (vec![rollout(State::Failed, "web:4")], None),
            (
                vec![
                    rollout(State::InProgress, "web:4"),
                    rollout(State::Failed, "web:3"),
                    rollout(State::Completed, "web:2"),
                ],
                Some("web:2"),
            ),
        ];
        for (rollouts, expected) in table {
            let service = Service {
                rollouts,
                ..Service::default()
            };
            assert_eq!(beside(&service, "web:4").as_deref(), expected);
        }
    }

    #[test]
    fn believes_only_a_document_of_this_service_that_ended_well() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deployment.json");
        let service = Service {
            name: "web".to_owned(),
            ..Service::default()
        };
        assert_eq!(written(&path, &service, "web:4"), None);
        let table = [
            ("web", "completed", "web:3", Some("web:3")),
            ("web", "rolled-back", "web:3", Some("web:3")),
            ("web", "failed", "web:3", None),
            ("web", "completed", "web:4", None),
            ("api", "completed", "web:3", None),
        ];
        for (name, verdict, serving, expected) in table {
            let document = serde_json::json!({
                "kind": "deployment", "schema": 1, "cluster": "c", "service": name, "verdict": verdict,
                "reason": "", "task_definition": serving, "serving_task_definition": serving,
                "registered": false, "elapsed_ms": 0, "applied": true,
            });
            std::fs::write(&path, document.to_string()).unwrap();
            assert_eq!(written(&path, &service, "web:4").as_deref(), expected);
        }
    }
}
