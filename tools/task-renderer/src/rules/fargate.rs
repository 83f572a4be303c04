//! What Fargate does not have.

use super::view::{Task, is_set, items, text};
use crate::Problem;
use crate::problem::Severity;

const PAGE: &str = "fargate-tasks-services";

pub(super) fn problems(task: &Task<'_>) -> Vec<Problem> {
    if !task.is_for_fargate() {
        return disk(task).into_iter().collect();
    }
    let mut problems = of_task(task);
    for container in &task.containers {
        for member in [
            "privileged",
            "links",
            "dockerSecurityOptions",
            "disableNetworking",
            "resourceRequirements",
        ] {
            if container.has(member) {
                problems.push(refused(container.at(member), member));
            }
        }
        let linux = &container.value["linuxParameters"];
        for member in ["devices", "sharedMemorySize", "maxSwap", "swappiness"] {
            if !linux[member].is_null() && is_set(&linux[member]) {
                problems.push(refused(
                    container.at(&format!("linuxParameters.{member}")),
                    member,
                ));
            }
        }
        for (index, capability) in items(&linux["capabilities"]["add"]).iter().enumerate() {
            if !["SYS_PTRACE", "CAP_SYS_PTRACE"].contains(&text(capability)) {
                problems.push(
                    Problem::new(
                        container.at(&format!("linuxParameters.capabilities.add[{index}]")),
                        "Fargate adds no capability but SYS_PTRACE",
                        "leave it out, or run the task on instances",
                    )
                    .by("API_KernelCapabilities"),
                );
            }
        }
    }
    for (index, volume) in items(&task.root["volumes"]).iter().enumerate() {
        if is_set(&volume["host"]["sourcePath"]) {
            problems.push(refused(
                format!("volumes[{index}].host.sourcePath"),
                "host paths",
            ));
        }
        if !volume["dockerVolumeConfiguration"].is_null() {
            problems.push(refused(
                format!("volumes[{index}].dockerVolumeConfiguration"),
                "Docker volumes",
            ));
        }
    }
    problems
}

fn of_task(task: &Task<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if task.root["networkMode"] != "awsvpc" {
        problems.push(
            Problem::new(
                "networkMode",
                "Fargate has no network but awsvpc",
                "write \"awsvpc\"",
            )
            .by(PAGE),
        );
    }
    if task.root["pidMode"] == "host" {
        problems.push(refused("pidMode".to_owned(), "host"));
    }
    for member in ["ipcMode", "placementConstraints", "inferenceAccelerators"] {
        if is_set(&task.root[member]) {
            problems.push(refused(member.to_owned(), member));
        }
    }
    problems.extend(disk(task));
    if !is_set(&task.root["executionRoleArn"]) {
        problems.extend(needs_a_role(task));
    }
    problems
}

/// The local AWS does without, so this is no error.
fn needs_a_role(task: &Task<'_>) -> Option<Problem> {
    let writes_logs = task
        .containers
        .iter()
        .any(|container| container.value["logConfiguration"]["logDriver"] == "awslogs");
    writes_logs.then(|| {
        Problem::new(
            "executionRoleArn",
            "Fargate pulls images and writes logs under the task's execution role, and none is named",
            "write \"arn:aws:iam::ACCOUNT:role/NAME\"",
        )
        .by("task_execution_IAM_role")
        .weighing(Severity::Warning)
    })
}

fn disk(task: &Task<'_>) -> Option<Problem> {
    let size = task.root["ephemeralStorage"]["sizeInGiB"].as_i64()?;
    let place = "ephemeralStorage.sizeInGiB";
    let problem = if !task.is_for_fargate() {
        Problem::new(
            place,
            "a task has a disk of its own on Fargate only",
            "leave it out",
        )
        .weighing(Severity::Warning)
    } else if (21..=200).contains(&size) {
        return None;
    } else {
        Problem::new(
            place,
            format!("Fargate has no disk of {size} GiB"),
            "write 21 to 200, or leave it out for 20",
        )
    };
    Some(problem.by("API_EphemeralStorage"))
}

fn refused(place: String, what: &str) -> Problem {
    Problem::new(
        place,
        format!("Fargate does not support {what}"),
        "leave it out, or run the task on instances",
    )
    .by(PAGE)
}
