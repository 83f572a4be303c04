//! How services are: counts, deployments, tasks, targets and the last events.

mod text;

use std::collections::HashMap;

use aws_sdk_ecs::types::{DesiredStatus, Task};
use serde::Serialize;
use toolkit::Console;

use crate::cloud::Cloud;
use crate::service::{Service, State, rfc3339, short};

pub(crate) use text::text;

/// Enough to see what the service did last.
const EVENTS: usize = 5;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Service names.
    pub services: Vec<String>,
    /// How it is written.
    pub form: Form,
}

/// The form of a status on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Tables for people.
    Text,
    /// A document.
    Json,
}

/// The document.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    kind: &'static str,
    schema: u32,
    cluster: String,
    services: Vec<View>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) failures: Vec<Missing>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Missing {
    pub(crate) service: String,
    pub(crate) reason: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    name: String,
    status: String,
    desired: i32,
    running: i32,
    pending: i32,
    task_definition: String,
    rollout_state: &'static str,
    url: Option<String>,
    deployments: Vec<DeploymentView>,
    tasks: Vec<TaskView>,
    targets: Vec<TargetView>,
    /// Newest first.
    events: Vec<EventView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentView {
    id: String,
    status: String,
    rollout_state: &'static str,
    rollout_state_reason: String,
    task_definition: String,
    desired: i32,
    running: i32,
    pending: i32,
    failed: i32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TaskView {
    id: String,
    /// `family:revision`.
    revision: String,
    status: String,
    health: String,
    started_at: Option<String>,
    host_ports: Vec<i32>,
}

#[derive(Debug, Serialize)]
struct TargetView {
    id: String,
    port: i32,
    state: String,
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct EventView {
    at: String,
    text: String,
}

/// Looks at the services, in the order of their names on the command line.
pub(crate) async fn look(
    cloud: &Cloud,
    console: &Console,
    request: &Status,
) -> anyhow::Result<Report> {
    let (services, failures) = cloud.cluster.services(&request.services).await?;
    let mut known: HashMap<String, Service> = services
        .into_iter()
        .map(|service| (service.name.clone(), service))
        .collect();
    let mut report = Report {
        kind: "status",
        schema: 1,
        cluster: cloud.cluster.name.clone(),
        services: Vec::new(),
        failures: Vec::new(),
    };
    for name in &request.services {
        match known.remove(short(name)) {
            Some(service) => report.services.push(view(cloud, console, &service).await?),
            None => {
                let failure = failures
                    .iter()
                    .find(|failure| failure.arn().map(short) == Some(short(name)));
                report.failures.push(Missing {
                    service: name.clone(),
                    reason: failure
                        .and_then(|failure| failure.reason())
                        .unwrap_or("MISSING")
                        .to_owned(),
                });
            }
        }
    }
    Ok(report)
}

async fn view(cloud: &Cloud, console: &Console, service: &Service) -> anyhow::Result<View> {
    let (tasks, targets, url) = tokio::join!(
        tasks(cloud, service),
        targets(cloud, service),
        cloud.balancing.address(console, service),
    );
    Ok(View {
        name: service.name.clone(),
        status: service.status.clone(),
        desired: service.desired,
        running: service.running,
        pending: service.pending,
        task_definition: service.task_definition.clone(),
        rollout_state: service.primary().map_or("", |primary| word(primary.state)),
        url,
        deployments: service
            .rollouts
            .iter()
            .map(|rollout| DeploymentView {
                id: rollout.id.clone(),
                status: rollout.status.clone(),
                rollout_state: word(rollout.state),
                rollout_state_reason: rollout.reason.clone(),
                task_definition: rollout.task_definition.clone(),
                desired: rollout.desired,
                running: rollout.running,
                pending: rollout.pending,
                failed: rollout.failed,
            })
            .collect(),
        tasks: tasks?,
        targets: targets?,
        events: service
            .events
            .iter()
            .rev()
            .take(EVENTS)
            .map(|event| EventView {
                at: event.at.clone(),
                text: event.text.clone(),
            })
            .collect(),
    })
}

async fn tasks(cloud: &Cloud, service: &Service) -> anyhow::Result<Vec<TaskView>> {
    let listed = cloud
        .cluster
        .tasks_of(&service.name, DesiredStatus::Running)
        .await?;
    let mut tasks = cloud.cluster.tasks(&Vec::from_iter(listed)).await?;
    tasks.sort_by_key(|task| task.created_at().map(aws_smithy_types::DateTime::as_nanos));
    Ok(tasks.iter().map(task_view).collect())
}

fn task_view(task: &Task) -> TaskView {
    TaskView {
        id: short(task.task_arn().unwrap_or_default()).to_owned(),
        revision: short(task.task_definition_arn().unwrap_or_default()).to_owned(),
        status: task.last_status().unwrap_or_default().to_owned(),
        health: task
            .health_status()
            .map_or("UNKNOWN", |health| health.as_str())
            .to_owned(),
        started_at: task.started_at().map(rfc3339),
        host_ports: task
            .containers()
            .iter()
            .flat_map(|container| container.network_bindings())
            .filter_map(|binding| binding.host_port())
            .collect(),
    }
}

async fn targets(cloud: &Cloud, service: &Service) -> anyhow::Result<Vec<TargetView>> {
    let mut targets = Vec::new();
    for balanced in &service.balanced {
        for target in cloud.balancing.targets(&balanced.target_group).await? {
            targets.push(TargetView {
                id: target.id,
                port: target.port,
                state: target.state,
                reason: target.reason,
            });
        }
    }
    Ok(targets)
}

fn word(state: State) -> &'static str {
    match state {
        State::InProgress => "IN_PROGRESS",
        State::Completed => "COMPLETED",
        State::Failed => "FAILED",
    }
}
