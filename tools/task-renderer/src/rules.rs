//! The rules that a task definition must keep beyond its model: what RegisterTaskDefinition would refuse, and
//! what it takes although the task would not start, or not as it was meant.

mod containers;
mod environment;
mod fargate;
mod images;
mod logging;
mod network;
mod order;
mod sizes;
mod storage;
mod tags;
#[cfg(test)]
mod tests;
mod timing;
mod view;

use serde_json::Value;

use crate::canonical::canonical;
use crate::problem::Severity;
use crate::{Problem, model};
use view::Task;

pub(crate) use environment::is_hidden;
pub(crate) use images::names_a_digest;
pub(crate) use sizes::units;

/// Bytes of a task definition (RegisterTaskDefinition: "Max allowed length is '65536' bytes").
pub(crate) const LARGEST: usize = 65_536;

/// Seconds that a target group drains unless it is told otherwise.
pub(crate) const DEREGISTRATION_DELAY: u32 = 300;

/// What the rules depend on beside the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether an image without a digest is an error.
    pub require_digest: bool,
    /// Whether every warning is an error.
    pub strict: bool,
    /// Seconds that the target group drains.
    pub deregistration_delay: u32,
    /// Variables that are no secrets although their names say so.
    pub plain: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            require_digest: false,
            strict: false,
            deregistration_delay: DEREGISTRATION_DELAY,
            plain: Vec::new(),
        }
    }
}

/// Everything that is wrong with a canonical definition, errors first, each group in the document's order.
pub(crate) fn problems(definition: &Value, settings: &Settings) -> Vec<Problem> {
    let mut problems = model::problems(definition);
    if definition.is_object() {
        let task = Task::of(definition);
        problems.extend(whole(definition));
        problems.extend(containers::problems(&task));
        problems.extend(images::problems(&task, settings));
        problems.extend(sizes::problems(&task));
        problems.extend(fargate::problems(&task));
        problems.extend(network::problems(&task));
        problems.extend(order::problems(&task));
        problems.extend(timing::problems(&task, settings));
        problems.extend(environment::problems(&task, settings));
        problems.extend(logging::problems(&task));
        problems.extend(storage::problems(&task));
        problems.extend(tags::problems(&task));
    }
    if settings.strict {
        for problem in &mut problems {
            problem.severity = Severity::Error;
        }
    }
    problems.sort_by_key(|problem| problem.severity);
    problems
}

/// The size of the whole, and its name.
fn whole(definition: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let size = canonical(definition.clone()).to_string().len();
    if size > LARGEST {
        problems.push(
            Problem::new(
                "(root)",
                format!("the definition has {size} bytes, and ECS takes {LARGEST}"),
                "keep large values in Parameter Store and name them as secrets",
            )
            .by("service-quotas"),
        );
    }
    if let Some(family) = definition["family"].as_str()
        && !view::is_name(family)
    {
        problems.push(
            Problem::new(
                "family",
                "the family is not a name that ECS takes",
                "write 1 to 255 letters, digits, hyphens and underscores",
            )
            .by(model::REQUEST),
        );
    }
    problems
}
