//! Containers as such: their number and names, which of them the task needs, health checks, small settings.

use super::view::{Container, Task, is_name, is_set, items, text, twice};
use crate::Problem;

/// Containers of a task definition.
const MOST: usize = 10;

const CONTAINER: &str = "API_ContainerDefinition";
const HEALTH: &str = "API_HealthCheck";
const RESTART: &str = "API_ContainerRestartPolicy";

pub(super) fn problems(task: &Task<'_>) -> Vec<Problem> {
    let place = "containerDefinitions";
    let mut problems = Vec::new();
    let count = task.containers.len();
    if task.root[place].is_array() && count == 0 {
        problems.push(Problem::new(place, "there is no container", "add one").by(CONTAINER));
    }
    if count > MOST {
        let message = format!("there are {count} containers, and ECS takes {MOST}");
        problems.push(Problem::new(place, message, "split the task").by("service-quotas"));
    }
    if count > 0 && !task.containers.iter().any(Container::is_essential) {
        problems.push(
            Problem::new(
                place,
                "no container is essential",
                "a task needs at least one: leave out \"essential\": false",
            )
            .by(CONTAINER),
        );
    }
    let named = task.containers.iter().filter(|one| !one.name.is_empty());
    problems.extend(twice(
        named.map(|container| (container.at("name"), container.name)),
        "the container",
        CONTAINER,
    ));
    for container in &task.containers {
        problems.extend(names(container));
        problems.extend(health_check(container));
        problems.extend(restarts(container));
        problems.extend(small_settings(task, container));
    }
    problems
}

fn names(container: &Container<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let missing = |member: &str| {
        Problem::new(
            container.at(member),
            "ECS takes no container without it",
            "add it",
        )
        .by(CONTAINER)
    };
    if container.name.is_empty() {
        problems.push(missing("name"));
    } else if !is_name(container.name) {
        problems.push(
            Problem::new(
                container.at("name"),
                "it is not a name that ECS takes",
                "write 1 to 255 letters, digits, hyphens and underscores",
            )
            .by(CONTAINER),
        );
    }
    if text(&container.value["image"]).is_empty() {
        problems.push(missing("image"));
    }
    problems
}

fn health_check(container: &Container<'_>) -> Vec<Problem> {
    let check = &container.value["healthCheck"];
    if check.is_null() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let command = items(&check["command"]);
    let is_whole = match command.first().map(text) {
        Some("NONE") => true,
        Some("CMD") => command.len() > 1,
        Some("CMD-SHELL") => command.len() == 2,
        _ => false,
    };
    if !is_whole {
        problems.push(
            Problem::new(
                container.at("healthCheck.command"),
                "it is not a command that ECS can run",
                "write [\"CMD\", PROGRAM, …] or [\"CMD-SHELL\", \"one line\"]",
            )
            .by(HEALTH),
        );
    }
    for (member, low, high) in [
        ("interval", 5, 300),
        ("timeout", 2, 60),
        ("retries", 1, 10),
        ("startPeriod", 0, 300),
    ] {
        problems.extend(range(
            container,
            &format!("healthCheck.{member}"),
            &check[member],
            (low, high),
            HEALTH,
        ));
    }
    problems
}

fn restarts(container: &Container<'_>) -> Vec<Problem> {
    let policy = &container.value["restartPolicy"];
    let mut problems = Vec::new();
    problems.extend(range(
        container,
        "restartPolicy.restartAttemptPeriod",
        &policy["restartAttemptPeriod"],
        (60, 1_800),
        RESTART,
    ));
    if items(&policy["ignoredExitCodes"]).len() > 50 {
        problems.push(
            Problem::new(
                container.at("restartPolicy.ignoredExitCodes"),
                "there are more than 50 exit codes",
                "leave some out",
            )
            .by(RESTART),
        );
    }
    problems
}

fn small_settings(task: &Task<'_>, container: &Container<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let ulimits = container.list("ulimits");
    problems.extend(twice(
        ulimits.iter().enumerate().map(|(index, ulimit)| {
            (
                container.at(&format!("ulimits[{index}].name")),
                text(&ulimit["name"]),
            )
        }),
        "the limit",
        "API_Ulimit",
    ));
    for (index, ulimit) in ulimits.iter().enumerate() {
        let (soft, hard) = (ulimit["softLimit"].as_i64(), ulimit["hardLimit"].as_i64());
        if let (Some(soft), Some(hard)) = (soft, hard)
            && hard != -1
            && (soft == -1 || soft > hard)
        {
            problems.push(
                Problem::new(
                    container.at(&format!("ulimits[{index}].softLimit")),
                    format!("the soft limit {soft} is above the hard limit {hard}"),
                    "raise the hard limit",
                )
                .by("API_Ulimit"),
            );
        }
    }
    let linux = &container.value["linuxParameters"];
    problems.extend(range(
        container,
        "linuxParameters.swappiness",
        &linux["swappiness"],
        (0, 100),
        "API_LinuxParameters",
    ));
    for (index, link) in container.list("links").iter().enumerate() {
        let name = text(link).split(':').next().unwrap_or_default();
        if task.container(name).is_none() {
            problems.push(missing_container(
                container.at(&format!("links[{index}]")),
                name,
            ));
        }
    }
    let proxy = &task.root["proxyConfiguration"]["containerName"];
    if container.path == "containerDefinitions[0]"
        && is_set(proxy)
        && task.container(text(proxy)).is_none()
    {
        problems.push(missing_container(
            "proxyConfiguration.containerName".to_owned(),
            text(proxy),
        ));
    }
    problems
}

/// A name that no container has.
pub(super) fn missing_container(place: String, name: &str) -> Problem {
    Problem::new(
        place,
        format!("the task has no container \"{}\"", name.escape_debug()),
        "write the name of one, or add it",
    )
    .by(CONTAINER)
}

/// A number outside its limits, both of which are allowed.
pub(super) fn range(
    container: &Container<'_>,
    member: &str,
    value: &serde_json::Value,
    (low, high): (i64, i64),
    rule: &'static str,
) -> Option<Problem> {
    let number = value
        .as_i64()
        .filter(|number| !(low..=high).contains(number))?;
    Some(
        Problem::new(
            container.at(member),
            format!("{number} is out of range"),
            format!("write {low} to {high}"),
        )
        .by(rule),
    )
}
