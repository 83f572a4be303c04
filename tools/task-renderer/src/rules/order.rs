//! dependsOn: who starts before whom, and whether that can ever happen.

use super::containers::missing_container;
use super::view::{Container, Task, text, twice};
use crate::Problem;

const PAGE: &str = "API_ContainerDependency";

pub(super) fn problems(task: &Task<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for container in &task.containers {
        let dependencies = container.list("dependsOn");
        problems.extend(twice(
            dependencies.iter().enumerate().map(|(index, dependency)| {
                (
                    container.at(&format!("dependsOn[{index}].containerName")),
                    text(&dependency["containerName"]),
                )
            }),
            "the container",
            PAGE,
        ));
        for (index, dependency) in dependencies.iter().enumerate() {
            let place = container.at(&format!("dependsOn[{index}]"));
            let name = text(&dependency["containerName"]);
            if name.is_empty() {
                continue;
            }
            match task.container(name) {
                None => problems.push(missing_container(format!("{place}.containerName"), name)),
                Some(other) => {
                    problems.extend(condition(other, text(&dependency["condition"]), &place));
                }
            }
        }
    }
    problems.extend(circle(task));
    problems
}

fn condition(other: &Container<'_>, condition: &str, place: &str) -> Option<Problem> {
    let (message, remedy) = match condition {
        "HEALTHY" if other.value["healthCheck"].is_null() => (
            format!(
                "{} has no health check, so it never gets HEALTHY",
                other.name
            ),
            "add healthCheck to it: ECS ignores the one of the image",
        ),
        "COMPLETE" | "SUCCESS" if other.is_essential() => (
            format!(
                "{} is essential: when it ends, so does the task, and nothing is started after it",
                other.name
            ),
            "write \"essential\": false there",
        ),
        _ => return None,
    };
    Some(Problem::new(format!("{place}.condition"), message, remedy).by(PAGE))
}

/// Containers whose start waits for itself, each circle once.
fn circle(task: &Task<'_>) -> Vec<Problem> {
    let next = |at: usize| -> Vec<usize> {
        task.containers[at]
            .list("dependsOn")
            .iter()
            .filter_map(|dependency| {
                let name = text(&dependency["containerName"]);
                task.containers
                    .iter()
                    .position(|container| !name.is_empty() && container.name == name)
            })
            .collect()
    };
    let mut told = vec![false; task.containers.len()];
    let mut problems = Vec::new();
    for start in 0..task.containers.len() {
        if told[start] {
            continue;
        }
        if let Some(way) = way_back(start, &next, task.containers.len()) {
            for at in &way {
                told[*at] = true;
            }
            let names: Vec<&str> = way
                .iter()
                .chain([&start])
                .map(|at| task.containers[*at].name)
                .collect();
            problems.push(
                Problem::new(
                    task.containers[start].at("dependsOn"),
                    format!("the containers wait for each other: {}", names.join(" → ")),
                    "take one out of the circle",
                )
                .by(PAGE),
            );
        }
    }
    problems
}

/// The shortest way from a container back to itself, without its last step.
fn way_back(start: usize, next: &impl Fn(usize) -> Vec<usize>, count: usize) -> Option<Vec<usize>> {
    let mut from: Vec<Option<usize>> = vec![None; count];
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for to in next(at) {
            if to == start {
                let mut way = vec![at];
                let mut step = at;
                while step != start {
                    // Everything in the queue but the start was reached from somewhere.
                    step = from[step]?;
                    way.push(step);
                }
                way.reverse();
                return Some(way);
            }
            if from[to].is_none() {
                from[to] = Some(at);
                queue.push_back(to);
            }
        }
    }
    None
}
