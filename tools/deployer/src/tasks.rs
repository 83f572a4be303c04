//! The tasks of a service: those that run, and those that have stopped within about an hour, with the reason.

use aws_sdk_ecs::types::{DesiredStatus, Task};
use serde::Serialize;

use crate::cloud::Cloud;
use crate::service::{rfc3339, short};
use crate::table::section;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tasks {
    /// Service name.
    pub service: String,
    /// Whether stopped ones are shown too.
    pub stopped: bool,
}

/// The tasks, as a document.
#[derive(Debug, Serialize)]
pub(crate) struct TaskList {
    kind: &'static str,
    schema: u32,
    cluster: String,
    service: String,
    /// Oldest first.
    tasks: Vec<View>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    task: String,
    task_definition: String,
    /// `ecs-svc/…`, or who started it.
    started_by: String,
    status: String,
    health: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_reason: Option<String>,
    containers: Vec<Part>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    name: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_digest: Option<String>,
    host_ports: Vec<i32>,
}

pub(crate) async fn tasks(cloud: &Cloud, request: &Tasks) -> anyhow::Result<TaskList> {
    let cluster = &cloud.cluster;
    cluster.existing(&request.service).await?;
    let mut arns = cluster
        .tasks_of(&request.service, DesiredStatus::Running)
        .await?;
    if request.stopped {
        let stopped = cluster.tasks_of(&request.service, DesiredStatus::Stopped);
        arns.extend(stopped.await?);
    }
    let mut tasks = cluster.tasks(&Vec::from_iter(arns)).await?;
    tasks.sort_by_key(|task| task.created_at().map(aws_smithy_types::DateTime::as_nanos));
    Ok(TaskList {
        kind: "tasks",
        schema: 1,
        cluster: cluster.name.clone(),
        service: request.service.clone(),
        tasks: tasks.iter().map(view).collect(),
    })
}

fn view(task: &Task) -> View {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    View {
        task: text(task.task_arn()),
        task_definition: text(task.task_definition_arn()),
        started_by: text(task.started_by()),
        status: text(task.last_status()),
        health: text(task.health_status().map(|health| health.as_str())),
        created_at: task.created_at().map(rfc3339),
        started_at: task.started_at().map(rfc3339),
        stopped_at: task.stopped_at().map(rfc3339),
        stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason().map(str::to_owned),
        containers: task
            .containers()
            .iter()
            .map(|container| Part {
                name: text(container.name()),
                status: text(container.last_status()),
                exit_code: container.exit_code(),
                reason: container.reason().map(str::to_owned),
                image_digest: container.image_digest().map(str::to_owned),
                host_ports: container
                    .network_bindings()
                    .iter()
                    .filter_map(|binding| binding.host_port())
                    .collect(),
            })
            .collect(),
    }
}

/// For people.
pub(crate) fn text(list: &TaskList) -> String {
    let mut out = format!("{}\n", list.service);
    section(
        &mut out,
        ["TASK", "REVISION", "STATUS", "HEALTH", "STARTED", "WHY"],
        list.tasks.iter().map(|task| {
            let exits = task.containers.iter().filter_map(|part| {
                let code = part.exit_code?;
                Some(format!("{} {code}", part.name))
            });
            let exits: Vec<String> = exits.collect();
            let why = match (&task.stopped_reason, exits.is_empty()) {
                (Some(reason), true) => reason.clone(),
                (Some(reason), false) => format!("{reason} (exit codes: {})", exits.join(", ")),
                (None, _) => String::new(),
            };
            [
                short(&task.task).to_owned(),
                short(&task.task_definition).to_owned(),
                task.status.clone(),
                task.health.clone(),
                task.started_at.clone().unwrap_or_default(),
                why,
            ]
        }),
    );
    out
}
