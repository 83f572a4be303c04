//! What watches a release: log groups, and alarms that end it.

use aws_sdk_ecs::types::ContainerDefinition;

use super::found::Found;
use super::intent::Intent;
use super::report::Check;

/// Where a container's lines go with the driver awslogs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogPlace {
    pub(super) container: String,
    pub(super) group: Option<String>,
    pub(super) region: Option<String>,
    pub(super) has_prefix: bool,
    /// Whether the driver creates the group.
    pub(super) creates: bool,
}

impl LogPlace {
    /// None for another driver.
    pub(super) fn of(container: &ContainerDefinition) -> Option<Self> {
        let log = container.log_configuration()?;
        if log.log_driver().as_str() != "awslogs" {
            return None;
        }
        let option = |name: &str| log.options().and_then(|options| options.get(name)).cloned();
        Some(Self {
            container: container.name().unwrap_or_default().to_owned(),
            group: option("awslogs-group"),
            region: option("awslogs-region"),
            has_prefix: option("awslogs-stream-prefix").is_some(),
            creates: option("awslogs-create-group").as_deref() == Some("true"),
        })
    }
}

pub(super) fn log(place: &LogPlace, found: &Found<()>, intent: &Intent) -> Vec<Check> {
    const ID: &str = "log-group";
    let Some(group) = &place.group else {
        let message = format!(
            "the log configuration of {} has no awslogs-group",
            place.container
        );
        return vec![Check::problem(ID, &place.container, message)];
    };
    let mut checks = vec![match found {
        Found::Hidden(hidden) => Check::unknown(ID, group, hidden),
        Found::Known(()) => Check::ok(ID, group, "it is there"),
        Found::Missing if place.creates => {
            Check::ok(ID, group, "it is created with the first task")
        }
        Found::Missing => Check::problem(ID, group, "there is no such log group: no task starts")
            .hint("create it, or set awslogs-create-group to true"),
    }];
    if !place.has_prefix {
        let message = format!("{} has no awslogs-stream-prefix", place.container);
        checks.push(if intent.launch.is_fargate() {
            Check::problem(ID, group, format!("{message}, which Fargate needs"))
        } else {
            Check::warning(
                ID,
                group,
                format!("{message}: the lines of a task are hard to find"),
            )
        });
    }
    checks
}

pub(super) fn alarm(name: &str, state: &Found<String>) -> Check {
    const ID: &str = "alarm";
    match state {
        Found::Hidden(hidden) => Check::unknown(ID, name, hidden),
        Found::Missing => Check::problem(
            ID,
            name,
            "there is no such alarm: nothing watches the release",
        ),
        Found::Known(state) if state == "OK" => Check::ok(ID, name, "it is OK"),
        Found::Known(state) if state == "ALARM" => {
            let message = "it is in ALARM now: ECS ignores alarms that are already in ALARM for this deployment";
            Check::problem(ID, name, message).hint("mend what it watches first")
        }
        Found::Known(state) => Check::warning(
            ID,
            name,
            format!("it is in {state}: it has nothing to judge by yet"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::intent::Launch;
    use crate::verify::report::Outcome::{self, Ok, Problem, Warning};

    #[test]
    fn judges_logs_and_alarms() {
        let place = |creates, has_prefix| LogPlace {
            container: "a".to_owned(),
            group: Some("/g".to_owned()),
            region: None,
            has_prefix,
            creates,
        };
        let (ec2, fargate) = (
            Intent::sample(1),
            Intent {
                launch: Launch::Fargate,
                ..Intent::sample(1)
            },
        );
        let table: [(LogPlace, Found<()>, &Intent, &[Outcome]); 5] = [
            (place(false, true), Found::Known(()), &ec2, &[Ok]),
            (place(false, true), Found::Missing, &ec2, &[Problem]),
            (place(true, true), Found::Missing, &ec2, &[Ok]),
            (place(true, false), Found::Missing, &ec2, &[Ok, Warning]),
            (place(true, false), Found::Missing, &fargate, &[Ok, Problem]),
        ];
        for (place, found, intent, expected) in table {
            let seen: Vec<_> = log(&place, &found, intent)
                .iter()
                .map(|check| check.outcome)
                .collect();
            assert_eq!(seen, expected, "{place:?}");
        }
        for (state, expected) in [
            ("OK", Ok),
            ("ALARM", Problem),
            ("INSUFFICIENT_DATA", Warning),
        ] {
            assert_eq!(
                alarm("x", &Found::Known(state.to_owned())).outcome,
                expected
            );
        }
        assert_eq!(alarm("x", &Found::Missing).outcome, Problem);
    }
}
