//! Target groups against the task definition: kind of target, port, health check and its arithmetic.

use aws_sdk_ecs::types::ContainerDefinition;

use super::definition::{Definition, Mode};
use super::found::Found;
use super::intent::Intent;
use super::report::Check;
use crate::service::Balanced;

const ID: &str = "target-group";
const HEALTH: &str = "health-check";
/// Seconds of draining above which somebody should know.
const LONG_DELAY: i64 = 120;

/// A target group as the load balancer has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Whether a listener sends to it.
    pub(super) is_attached: bool,
    /// `instance`, `ip`, `lambda` or `alb`.
    pub(super) kind: String,
    /// `HTTP`, `TCP`, `UDP`, …
    pub(super) protocol: String,
    pub(super) vpc: Option<String>,
    /// Health check: a number, or `traffic-port`.
    pub(super) port: String,
    pub(super) path: Option<String>,
    /// Codes that mean healthy.
    pub(super) matcher: Option<String>,
    /// Seconds.
    pub(super) interval: i64,
    pub(super) timeout: i64,
    pub(super) unhealthy: i64,
    /// Seconds.
    pub(super) deregistration_delay: Found<i64>,
}

pub(super) fn target(
    balanced: &Balanced,
    found: &Found<Group>,
    intent: &Intent,
    definition: Option<&Definition>,
) -> Vec<Check> {
    let name = &balanced.target_group;
    let mut checks = definition.map_or_else(Vec::new, |it| port(balanced, it));
    let group = match found {
        Found::Hidden(hidden) => {
            checks.push(Check::unknown(ID, name, hidden));
            return checks;
        }
        Found::Missing => {
            let check = Check::problem(ID, name, "there is no such target group");
            checks.push(
                check.hint("provision the environment first, or check the name and the region"),
            );
            return checks;
        }
        Found::Known(group) => group,
    };
    if group.is_attached {
        checks.push(Check::ok(ID, name, "a load balancer sends to it"));
    } else {
        let message = "it has no associated load balancer: ECS refuses it";
        checks.push(
            Check::problem(ID, name, message).hint("add a listener or a rule that forwards to it"),
        );
    }
    if let Some(definition) = definition {
        checks.extend(kind(name, group, definition.mode));
        checks.extend(health(name, balanced, group, intent, definition));
    }
    checks
}

fn port(balanced: &Balanced, definition: &Definition) -> Vec<Check> {
    let Balanced {
        target_group,
        container,
        port,
    } = balanced;
    let Some(found) = definition.container(container) else {
        let message = format!("the container {container} does not exist in the task definition");
        return vec![Check::problem(ID, target_group, message)];
    };
    let Some(mapping) = found
        .port_mappings()
        .iter()
        .find(|it| it.container_port() == Some(*port))
    else {
        let message = format!("the container {container} does not map the port {port}");
        return vec![
            Check::problem(ID, target_group, message)
                .hint("add it to portMappings, or name another port"),
        ];
    };
    let protocol = mapping.protocol().map_or("tcp", |it| it.as_str());
    vec![Check::ok(
        ID,
        target_group,
        format!("{container} answers at {port}/{protocol}"),
    )]
}

fn kind(name: &str, group: &Group, mode: Mode) -> Option<Check> {
    let wanted = match mode {
        Mode::Awsvpc => "ip",
        Mode::Bridge | Mode::Host => "instance",
        Mode::Cut => {
            let message = "tasks without a network cannot be targets";
            return Some(Check::problem(ID, name, message));
        }
    };
    (group.kind != wanted).then(|| {
        let message = format!(
            "its targets are of the type {}, and the network mode {} needs {wanted}",
            group.kind,
            mode.word()
        );
        Check::problem(ID, name, message)
            .hint(format!("create a target group of the type {wanted}"))
    })
}

fn health(
    name: &str,
    balanced: &Balanced,
    group: &Group,
    intent: &Intent,
    definition: &Definition,
) -> Vec<Check> {
    let mut checks = Vec::new();
    let container = definition.container(&balanced.container);
    let is_http = group.protocol.starts_with("HTTP");
    if let Some(path) = group
        .path
        .as_deref()
        .filter(|path| is_http && !path.starts_with('/'))
    {
        checks.push(Check::problem(
            HEALTH,
            name,
            format!("the path {path:?} does not begin with a slash"),
        ));
    }
    if let Ok(port) = group.port.parse::<i32>()
        && !listens(definition, port)
    {
        let message =
            format!("it asks the port {port}, which no container maps: no task becomes healthy");
        checks
            .push(Check::problem(HEALTH, name, message).hint("use traffic-port, or map the port"));
    }
    if let Some(matcher) = group
        .matcher
        .as_deref()
        .filter(|codes| accepts_errors(codes))
    {
        let message =
            format!("the codes {matcher} mean healthy: a page that is not there would do");
        checks.push(Check::warning(HEALTH, name, message).hint("use 200, or 200-399"));
    }
    if group.timeout >= group.interval {
        let message = format!(
            "its timeout of {} s is not below its interval of {} s",
            group.timeout, group.interval
        );
        checks.push(Check::problem(HEALTH, name, message));
    }
    checks.extend(patience(name, container, group, intent));
    checks.extend(ending(name, container, group));
    if checks.is_empty() {
        checks.push(Check::ok(HEALTH, name, "its numbers go together"));
    }
    checks
}

/// Whether the load balancer waits as long as the container may take to start.
fn patience(
    name: &str,
    container: Option<&ContainerDefinition>,
    group: &Group,
    intent: &Intent,
) -> Option<Check> {
    let patience = intent.grace + group.interval * group.unhealthy;
    let check = container?.health_check()?;
    let of = |value: Option<i32>, default: i32| i64::from(value.unwrap_or(default));
    let start = of(check.start_period(), 0);
    let own = start + of(check.interval(), 30) * of(check.retries(), 3);
    let described = format!(
        "after {patience} s of bad health ({} s of grace and {} × {} s)",
        intent.grace, group.unhealthy, group.interval
    );
    if patience < start {
        let message =
            format!("a task is stopped {described}, and its container may take {start} s to start");
        Some(Check::problem(HEALTH, name, message).hint(format!(
            "set the service's health-check grace period to {start} s or more"
        )))
    } else if patience < own && intent.grace == 0 {
        let message = format!(
            "without a grace period a task is stopped {described}; its own check would give it {own} s"
        );
        Some(
            Check::warning(HEALTH, name, message)
                .hint("set the service's health-check grace period"),
        )
    } else {
        None
    }
}

/// Whether requests in flight are answered when a task ends, and how long that takes.
fn ending(name: &str, container: Option<&ContainerDefinition>, group: &Group) -> Option<Check> {
    let delay = *group.deregistration_delay.known()?;
    let stop = container
        .and_then(|it| it.stop_timeout())
        .map_or(30, i64::from);
    if delay == 0 {
        let message =
            "its deregistration delay is 0 s: requests in flight are cut when a task ends";
        Some(Check::warning(HEALTH, name, message).hint("set it to the longest request's time"))
    } else if delay > LONG_DELAY {
        let message = format!(
            "each task that ends drains for {delay} s, and has {stop} s more to stop: releases are slow"
        );
        Some(
            Check::warning(HEALTH, name, message)
                .hint("30 s of deregistration delay do for most services"),
        )
    } else {
        None
    }
}

fn listens(definition: &Definition, port: i32) -> bool {
    definition
        .containers
        .iter()
        .flat_map(ContainerDefinition::port_mappings)
        .any(|mapping| match definition.mode {
            Mode::Bridge => mapping.host_port() == Some(port),
            _ => mapping.container_port() == Some(port),
        })
}

/// Whether codes like `200-499` or `200,404` have one of an error among them.
fn accepts_errors(codes: &str) -> bool {
    codes
        .split([',', '-'])
        .filter_map(|code| code.trim().parse::<u16>().ok())
        .any(|code| code >= 400)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::Outcome;
    use serde_json::json;

    fn group() -> Group {
        Group {
            is_attached: true,
            kind: "instance".to_owned(),
            protocol: "HTTP".to_owned(),
            vpc: None,
            port: "traffic-port".to_owned(),
            path: Some("/".to_owned()),
            matcher: Some("200".to_owned()),
            interval: 10,
            timeout: 5,
            unhealthy: 2,
            deregistration_delay: Found::Known(30),
        }
    }

    fn bad(found: &Found<Group>, port: i32) -> Vec<String> {
        let definition = Definition::parse(&json!({"family": "web", "containerDefinitions": [
            {"name": "a", "image": "i", "memory": 1, "portMappings": [{"containerPort": 80}],
             "healthCheck": {"command": ["CMD", "x"], "startPeriod": 20, "interval": 5, "retries": 1}}]}));
        let balanced = Balanced {
            target_group: "g".to_owned(),
            container: "a".to_owned(),
            port,
        };
        target(&balanced, found, &Intent::sample(1), Some(&definition))
            .into_iter()
            .filter(|check| {
                check.outcome != Outcome::Ok && !check.message.starts_with("without a grace")
            })
            .map(|check| check.message)
            .collect()
    }

    #[test]
    fn judges_target_groups() {
        let none: [&str; 0] = [];
        assert_eq!(bad(&Found::Known(group()), 80), none);
        assert_eq!(
            bad(&Found::Missing, 81),
            [
                "the container a does not map the port 81",
                "there is no such target group"
            ]
        );
        let all_wrong = Group {
            is_attached: false,
            kind: "ip".to_owned(),
            port: "9000".to_owned(),
            path: Some("healthz".to_owned()),
            matcher: Some("200-499".to_owned()),
            interval: 5,
            deregistration_delay: Found::Known(0),
            ..group()
        };
        assert_eq!(
            bad(&Found::Known(all_wrong), 80),
            [
                "it has no associated load balancer: ECS refuses it",
                "its targets are of the type ip, and the network mode bridge needs instance",
                "the path \"healthz\" does not begin with a slash",
                "it asks the port 9000, which no container maps: no task becomes healthy",
                "the codes 200-499 mean healthy: a page that is not there would do",
                "its timeout of 5 s is not below its interval of 5 s",
                "a task is stopped after 10 s of bad health (0 s of grace and 2 × 5 s), and its container may take 20 s to start",
                "its deregistration delay is 0 s: requests in flight are cut when a task ends",
            ]
        );
    }
}
