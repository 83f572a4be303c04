//! How long a container is waited for.

use super::containers::range;
use super::view::{Container, Task};
use super::{DEREGISTRATION_DELAY, Settings};
use crate::Problem;
use crate::problem::Severity;

const CONTAINER: &str = "API_ContainerDefinition";
const DRAINING: &str = "load-balancer-connection-draining";

/// Seconds; the longest time that Fargate waits.
const FARGATE: i64 = 120;

pub(super) fn problems(task: &Task<'_>, settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    for container in &task.containers {
        for member in ["startTimeout", "stopTimeout"] {
            let limits = if task.is_for_fargate() {
                (2, FARGATE)
            } else {
                (0, i64::from(i32::MAX))
            };
            let value = &container.value[member];
            problems.extend(range(container, member, value, limits, CONTAINER).map(
                |problem| match (member, value.as_i64()) {
                    ("stopTimeout", Some(seconds)) if task.is_for_fargate() => Problem {
                        message: format!(
                            "Fargate does not wait {seconds} s for a container to stop"
                        ),
                        ..problem
                    },
                    _ => problem,
                },
            ));
        }
        problems.extend(drain(container, settings));
    }
    problems
}

/// A container behind a load balancer gets its stop signal when it is drained. What it still has to do then
/// cannot be a request, so waiting longer than the drain took only makes every release slower.
fn drain(container: &Container<'_>, settings: &Settings) -> Option<Problem> {
    let seconds = container.value["stopTimeout"].as_i64()?;
    let delay = settings.deregistration_delay;
    if !container.has("portMappings") || seconds <= i64::from(delay) {
        return None;
    }
    let whose = if delay == DEREGISTRATION_DELAY {
        "the usual"
    } else {
        "the"
    };
    Some(
        Problem::new(
            container.at("stopTimeout"),
            format!(
                "the container may take {seconds} s to stop, but its requests are cut off after {whose} \
                 deregistration delay of {delay} s"
            ),
            "raise the delay of the target group (--deregistration-delay), or lower stopTimeout",
        )
        .by(DRAINING)
        .weighing(Severity::Warning),
    )
}
