//! Logs: a driver that is there, with the options that it needs.

use serde_json::Value;

use super::view::{Container, Task, text};
use crate::Problem;
use crate::problem::Severity;

const LOGS: &str = "API_LogConfiguration";
const FIRELENS: &str = "using_firelens";

pub(super) fn problems(task: &Task<'_>) -> Vec<Problem> {
    let routers: Vec<&Container<'_>> = task
        .containers
        .iter()
        .filter(|container| !container.value["firelensConfiguration"].is_null())
        .collect();
    let mut problems = Vec::new();
    for second in routers.iter().skip(1) {
        problems.push(
            Problem::new(
                second.at("firelensConfiguration"),
                format!(
                    "{} is a log router already, and a task has one",
                    routers[0].name
                ),
                "leave one of them",
            )
            .by(FIRELENS),
        );
    }
    for container in &task.containers {
        let log = &container.value["logConfiguration"];
        let driver = text(&log["logDriver"]);
        if task.is_for_fargate()
            && !driver.is_empty()
            && !["awslogs", "splunk", "awsfirelens"].contains(&driver)
        {
            problems.push(
                Problem::new(
                    container.at("logConfiguration.logDriver"),
                    format!("Fargate has no log driver {}", driver.escape_debug()),
                    "write awslogs, splunk or awsfirelens",
                )
                .by(LOGS),
            );
        }
        if driver == "awslogs" {
            problems.extend(awslogs(task, container, &log["options"]));
        }
        if driver == "awsfirelens" {
            problems.extend(firelens(container, &routers));
        }
    }
    problems
}

fn awslogs(task: &Task<'_>, container: &Container<'_>, options: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let place = |option: &str| container.at(&format!("logConfiguration.options.{option}"));
    let mut required = vec!["awslogs-group", "awslogs-region"];
    if task.is_for_fargate() {
        required.push("awslogs-stream-prefix");
    }
    for option in required {
        if text(&options[option]).is_empty() {
            problems
                .push(Problem::new(place(option), "awslogs needs this option", "add it").by(LOGS));
        }
    }
    match options["mode"].as_str() {
        Some("blocking") => problems.push(
            Problem::new(
                place("mode"),
                "a log that cannot be reached stops the application",
                "write non-blocking and max-buffer-size",
            )
            .by(LOGS)
            .weighing(Severity::Warning),
        ),
        Some("non-blocking") | None => {}
        Some(_) => problems.push(
            Problem::new(
                place("mode"),
                "there is no such mode",
                "write blocking or non-blocking",
            )
            .by(LOGS),
        ),
    }
    if let Some(size) = options["max-buffer-size"].as_str() {
        if options["mode"] == "blocking" {
            problems.push(
                Problem::new(
                    place("max-buffer-size"),
                    "only a non-blocking log has a buffer",
                    "write \"mode\": \"non-blocking\"",
                )
                .by(LOGS),
            );
        }
        let number = size.trim_end_matches(['k', 'm', 'g', 'b', 'K', 'M', 'G', 'B']);
        let is_size = size.len() - number.len() <= 2 && number.parse::<u32>().is_ok();
        if !is_size {
            problems.push(
                Problem::new(
                    place("max-buffer-size"),
                    "it is no size",
                    "write for example 25m",
                )
                .by(LOGS),
            );
        }
    }
    problems
}

fn firelens(container: &Container<'_>, routers: &[&Container<'_>]) -> Option<Problem> {
    let place = container.at("logConfiguration.logDriver");
    if routers.is_empty() {
        return Some(
            Problem::new(
                place,
                "no container of the task routes logs",
                "add one with firelensConfiguration, for example Fluent Bit",
            )
            .by(FIRELENS),
        );
    }
    routers
        .iter()
        .any(|router| router.path == container.path)
        .then(|| {
            Problem::new(
                place,
                "the log router cannot send its own log through itself",
                "write awslogs",
            )
            .by(FIRELENS)
        })
}
