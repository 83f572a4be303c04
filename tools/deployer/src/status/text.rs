//! The status as tables for people.

use super::{Report, View};
use crate::service::short;
use crate::table::{line, section};

/// One block a service.
pub(crate) fn text(report: &Report) -> String {
    let blocks: Vec<String> = report.services.iter().map(block).collect();
    blocks.join("\n")
}

fn block(view: &View) -> String {
    let mut out = format!(
        "{}  {}  {}  {} of {} running",
        view.name,
        view.status,
        short(&view.task_definition),
        view.running,
        view.desired
    );
    if view.pending > 0 {
        line(&mut out, format_args!(", {} pending", view.pending));
    }
    out.push('\n');
    if let Some(url) = &view.url {
        line(&mut out, format_args!("  {url}\n"));
    }
    deployments(&mut out, view);
    tasks(&mut out, view);
    targets(&mut out, view);
    let events = view.events.iter();
    section(
        &mut out,
        ["EVENT", ""],
        events.map(|event| [event.at.clone(), event.text.clone()]),
    );
    out
}

fn deployments(out: &mut String, view: &View) {
    section(
        out,
        ["DEPLOYMENT", "STATUS", "ROLLOUT", "REVISION", "TASKS"],
        view.deployments.iter().map(|deployment| {
            [
                deployment.id.clone(),
                deployment.status.clone(),
                deployment.rollout_state.to_owned(),
                short(&deployment.task_definition).to_owned(),
                format!(
                    "{} of {}, {} failed",
                    deployment.running, deployment.desired, deployment.failed
                ),
            ]
        }),
    );
}

fn tasks(out: &mut String, view: &View) {
    section(
        out,
        ["TASK", "REVISION", "STATUS", "HEALTH", "STARTED", "PORTS"],
        view.tasks.iter().map(|task| {
            let ports: Vec<String> = task.host_ports.iter().map(i32::to_string).collect();
            [
                task.id.clone(),
                task.revision.clone(),
                task.status.clone(),
                task.health.clone(),
                task.started_at.clone().unwrap_or_default(),
                ports.join(" "),
            ]
        }),
    );
}

fn targets(out: &mut String, view: &View) {
    section(
        out,
        ["TARGET", "STATE", "REASON"],
        view.targets.iter().map(|target| {
            [
                format!("{}:{}", target.id, target.port),
                target.state.clone(),
                target.reason.clone().unwrap_or_default(),
            ]
        }),
    );
}

#[cfg(test)]
mod tests {
    use super::super::{EventView, TargetView, TaskView};
    use super::*;

    #[test]
    fn aligns_tables_and_leaves_out_empty_ones() {
        let task = |id: &str, port: i32| TaskView {
            id: id.to_owned(),
            revision: "web:4".to_owned(),
            status: "RUNNING".to_owned(),
            health: "HEALTHY".to_owned(),
            started_at: None,
            host_ports: vec![port],
        };
        let report = Report {
            kind: "status",
            schema: 1,
            cluster: "c".to_owned(),
            services: vec![View {
                name: "web".to_owned(),
                status: "ACTIVE".to_owned(),
                desired: 2,
                running: 2,
                pending: 0,
                task_definition: "arn:aws:ecs:r:1:task-definition/web:4".to_owned(),
                rollout_state: "COMPLETED",
                url: Some("http://web/".to_owned()),
                deployments: Vec::new(),
                tasks: vec![task("a1", 1), task("a22", 65535)],
                targets: vec![TargetView {
                    id: "i-1".to_owned(),
                    port: 1,
                    state: "healthy".to_owned(),
                    reason: None,
                }],
                events: vec![EventView {
                    at: "T".to_owned(),
                    text: "steady\u{1b}[31m".to_owned(),
                }],
            }],
            failures: Vec::new(),
        };
        assert_eq!(
            text(&report),
            "web  ACTIVE  web:4  2 of 2 running
  http://web/

  TASK  REVISION  STATUS   HEALTH   STARTED  PORTS
  a1    web:4     RUNNING  HEALTHY           1
  a22   web:4     RUNNING  HEALTHY           65535

  TARGET  STATE    REASON
  i-1:1   healthy

  EVENT
  T      steady[31m
"
        );
    }
}
