//! Services with their deployments, tasks, targets and latest events.

use aws_sdk_ecs::types::{DesiredStatus, Service, Task};
use contract::exit;
use serde::Serialize;
use toolkit::file::Secrecy;
use toolkit::output::{self, Lines};
use toolkit::{Console, Fault};

use crate::cloud::{Cloud, Target};
use crate::{Reporting, address};

/// Latest events that are shown.
const EVENTS: usize = 5;

/// What to show.
#[derive(Debug)]
pub struct Request {
    /// Cluster name.
    pub cluster: String,
    /// Service names.
    pub services: Vec<String>,
    /// A table for people instead of a document.
    pub as_text: bool,
    /// Where the document goes.
    pub reporting: Reporting,
}

#[derive(Debug, Serialize)]
struct Status {
    kind: &'static str,
    schema: u32,
    cluster: String,
    services: Vec<ServiceStatus>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceStatus {
    name: String,
    status: String,
    desired: i32,
    running: i32,
    pending: i32,
    task_definition: String,
    rollout_state: String,
    url: Option<String>,
    deployments: Vec<DeploymentStatus>,
    tasks: Vec<TaskStatus>,
    targets: Vec<TargetStatus>,
    events: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentStatus {
    id: String,
    status: String,
    task_definition: String,
    desired: i32,
    running: i32,
    pending: i32,
    failed: i32,
    rollout_state: String,
    reason: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TaskStatus {
    id: String,
    revision: String,
    status: String,
    health: String,
    started_at: Option<String>,
    host_ports: Vec<i32>,
}

#[derive(Debug, Serialize)]
struct TargetStatus {
    id: String,
    port: i32,
    state: String,
    reason: Option<String>,
}

/// `deployer status`.
pub(crate) async fn run(request: &Request) -> anyhow::Result<u8> {
    let cloud = Cloud::new(&aws::config().await?);
    let found = cloud.services(&request.cluster, &request.services).await?;
    let mut services = Vec::new();
    for service in &found {
        services.push(look(&cloud, &request.cluster, service).await?);
    }
    let is_missing = |name: &&String| !services.iter().any(|service| service.name == **name);
    let missing: Vec<String> = request
        .services
        .iter()
        .filter(is_missing)
        .cloned()
        .collect();
    let status = Status {
        kind: "status",
        schema: 1,
        cluster: request.cluster.clone(),
        services,
    };
    if request.as_text {
        write_text(&status)?;
    } else {
        output::document(
            &status,
            request.reporting.output.as_deref(),
            Secrecy::Public,
        )?;
    }
    if missing.is_empty() {
        return Ok(exit::DONE);
    }
    Console::new(request.reporting.verbosity).detail("some services do not exist");
    Err(Fault::new(
        exit::FAILED,
        format!(
            "there is no service {} in the cluster {}",
            missing.join(", "),
            request.cluster
        ),
    )
    .with_hint("it is created by its first release")
    .into())
}

async fn look(cloud: &Cloud, cluster: &str, service: &Service) -> anyhow::Result<ServiceStatus> {
    let name = service.service_name().unwrap_or_default();
    let group = service
        .load_balancers()
        .iter()
        .find_map(|balancer| balancer.target_group_arn());
    let targets = async {
        match group {
            Some(group) => cloud.targets(group).await,
            None => Ok(Vec::new()),
        }
    };
    let (tasks, targets, url) = tokio::join!(
        cloud.tasks(cluster, name, DesiredStatus::Running),
        targets,
        address::of(cloud, service)
    );
    let deployments: Vec<DeploymentStatus> = service.deployments().iter().map(deployment).collect();
    Ok(ServiceStatus {
        name: name.to_owned(),
        status: service.status().unwrap_or_default().to_owned(),
        desired: service.desired_count(),
        running: service.running_count(),
        pending: service.pending_count(),
        task_definition: service.task_definition().unwrap_or_default().to_owned(),
        rollout_state: deployments
            .first()
            .map(|deployment| deployment.rollout_state.clone())
            .unwrap_or_default(),
        url,
        deployments,
        tasks: tasks?.iter().map(task).collect(),
        targets: targets?.into_iter().map(target).collect(),
        events: service
            .events()
            .iter()
            .take(EVENTS)
            .filter_map(|event| event.message().map(str::to_owned))
            .collect(),
    })
}

fn deployment(deployment: &aws_sdk_ecs::types::Deployment) -> DeploymentStatus {
    DeploymentStatus {
        id: deployment.id().unwrap_or_default().to_owned(),
        status: deployment.status().unwrap_or_default().to_owned(),
        task_definition: deployment.task_definition().unwrap_or_default().to_owned(),
        desired: deployment.desired_count(),
        running: deployment.running_count(),
        pending: deployment.pending_count(),
        failed: deployment.failed_tasks(),
        rollout_state: deployment
            .rollout_state()
            .map(|state| state.as_str().to_owned())
            .unwrap_or_default(),
        reason: deployment
            .rollout_state_reason()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn task(task: &Task) -> TaskStatus {
    let containers = task.containers();
    TaskStatus {
        id: last(task.task_arn().unwrap_or_default()).to_owned(),
        revision: last(task.task_definition_arn().unwrap_or_default()).to_owned(),
        status: task.last_status().unwrap_or_default().to_owned(),
        health: task
            .health_status()
            .map(|health| health.as_str().to_owned())
            .unwrap_or_default(),
        started_at: task
            .started_at()
            .and_then(|at| jiff::Timestamp::from_second(at.secs()).ok())
            .map(|at| at.to_string()),
        host_ports: containers
            .iter()
            .flat_map(|container| container.network_bindings())
            .filter_map(|binding| binding.host_port())
            .collect(),
    }
}

fn target(target: Target) -> TargetStatus {
    TargetStatus {
        id: target.id,
        port: target.port,
        state: target.state,
        reason: target.description,
    }
}

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn write_text(status: &Status) -> anyhow::Result<()> {
    let mut lines = Lines::default();
    for service in &status.services {
        lines.line(&format!(
            "{}  {}  {}  {} of {} running, {} pending",
            service.name,
            last(&service.task_definition),
            service.rollout_state,
            service.running,
            service.desired,
            service.pending
        ))?;
        if let Some(url) = &service.url {
            lines.line(&format!("  {url}"))?;
        }
        let mut rows = vec![
            ["TASK", "REVISION", "STATUS", "PORT", "TARGET"]
                .map(str::to_owned)
                .to_vec(),
        ];
        rows.extend(service.tasks.iter().map(|task| row(task, &service.targets)));
        for row in aligned(&rows) {
            lines.line(&format!("  {row}"))?;
        }
        let is_known = |target: &&TargetStatus| {
            service
                .tasks
                .iter()
                .any(|task| task.host_ports.contains(&target.port))
        };
        for target in service.targets.iter().filter(|target| !is_known(target)) {
            lines.line(&format!(
                "  target {}:{} {}",
                target.id,
                target.port,
                health(target)
            ))?;
        }
        for event in &service.events {
            lines.line(&format!("  {event}"))?;
        }
    }
    Ok(())
}

fn row(task: &TaskStatus, targets: &[TargetStatus]) -> Vec<String> {
    let target = targets
        .iter()
        .find(|target| task.host_ports.contains(&target.port));
    let ports: Vec<String> = task.host_ports.iter().map(ToString::to_string).collect();
    vec![
        task.id.chars().take(12).collect(),
        task.revision.clone(),
        task.status.clone(),
        ports.join(","),
        target.map_or_else(|| "-".to_owned(), health),
    ]
}

fn health(target: &TargetStatus) -> String {
    match &target.reason {
        Some(reason) => format!("{}: {reason}", target.state),
        None => target.state.clone(),
    }
}

/// Columns as wide as their widest cell.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligns_columns() {
        let rows = [
            vec!["a".to_owned(), "bb".to_owned()],
            vec!["ccc".to_owned(), String::new()],
        ];
        assert_eq!(aligned(&rows), ["a    bb", "ccc"]);
    }
}
