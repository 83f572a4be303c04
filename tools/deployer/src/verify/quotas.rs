//! Limits of ECS that are known without asking for them.

use super::definition::{Definition, Mode};
use super::intent::Intent;
use super::report::Check;

const TASKS_A_SERVICE: i64 = 5_000;
const TARGET_GROUPS_A_SERVICE: usize = 5;
const CONTAINERS_A_TASK: usize = 10;
const DEFINITION_BYTES: usize = 64 * 1024;
const SECURITY_GROUPS: usize = 5;
const SUBNETS: usize = 16;

const ID: &str = "quota";

pub(super) fn quotas(
    service: &str,
    intent: &Intent,
    definition: Option<&Definition>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    if intent.desired > TASKS_A_SERVICE {
        let message = format!(
            "{} tasks are desired; a service has at most {TASKS_A_SERVICE}",
            intent.desired
        );
        checks.push(Check::problem(ID, service, message).hint("divide it into several services"));
    }
    let groups = intent.balanced.len();
    if groups > TARGET_GROUPS_A_SERVICE {
        let message =
            format!("{groups} target groups; a service has at most {TARGET_GROUPS_A_SERVICE}");
        checks.push(Check::problem(ID, service, message));
    }
    if let Some(definition) = definition {
        checks.extend(of_definition(intent, definition));
    }
    if checks.is_empty() {
        checks.push(Check::ok(ID, service, "the known limits are kept"));
    }
    checks
}

fn of_definition(intent: &Intent, definition: &Definition) -> Vec<Check> {
    let name = &definition.name;
    let mut checks = Vec::new();
    let containers = definition.containers.len();
    if containers > CONTAINERS_A_TASK {
        let message =
            format!("{containers} containers; a task definition has at most {CONTAINERS_A_TASK}");
        checks.push(Check::problem(ID, name, message));
    }
    if definition.bytes > DEFINITION_BYTES {
        let message = format!(
            "{} bytes of JSON; ECS takes at most {DEFINITION_BYTES}",
            definition.bytes
        );
        checks.push(
            Check::problem(ID, name, message)
                .hint("move variables to an environment file or to parameters"),
        );
    }
    if definition.mode == Mode::Awsvpc {
        for (count, most, noun) in [
            (
                intent.security_groups.len(),
                SECURITY_GROUPS,
                "security groups",
            ),
            (intent.subnets.len(), SUBNETS, "subnets"),
        ] {
            if count > most {
                let message = format!("{count} {noun}; a network configuration has at most {most}");
                checks.push(Check::problem(ID, name, message));
            }
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Balanced;
    use serde_json::json;

    fn definition(containers: usize) -> Definition {
        let containers: Vec<_> = (0..containers)
            .map(|n| json!({"name": format!("c{n}"), "image": "i", "memory": 10}))
            .collect();
        Definition::parse(&json!({
            "family": "web", "networkMode": "awsvpc", "containerDefinitions": containers,
        }))
    }

    #[test]
    fn counts_against_the_limits() {
        let balanced = Balanced {
            target_group: "g".to_owned(),
            container: "c".to_owned(),
            port: 80,
        };
        let passing = Intent {
            balanced: vec![balanced.clone(); 5],
            security_groups: vec!["sg".to_owned(); 5],
            subnets: vec!["subnet".to_owned(); 16],
            ..Intent::sample(5_000)
        };
        let checks = quotas("s", &passing, Some(&definition(10)));
        assert_eq!(
            checks,
            [Check::ok("quota", "s", "the known limits are kept")]
        );
        let failing = Intent {
            balanced: vec![balanced; 6],
            security_groups: vec!["sg".to_owned(); 6],
            subnets: vec!["subnet".to_owned(); 17],
            ..Intent::sample(5_001)
        };
        let large = Definition {
            bytes: 65_537,
            ..definition(11)
        };
        let messages: Vec<_> = quotas("s", &failing, Some(&large))
            .into_iter()
            .map(|check| check.message)
            .collect();
        assert_eq!(
            messages,
            [
                "5001 tasks are desired; a service has at most 5000",
                "6 target groups; a service has at most 5",
                "11 containers; a task definition has at most 10",
                "65537 bytes of JSON; ECS takes at most 65536",
                "6 security groups; a network configuration has at most 5",
                "17 subnets; a network configuration has at most 16",
            ]
        );
    }
}
