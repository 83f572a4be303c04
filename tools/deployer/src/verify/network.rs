//! Subnets and security groups of tasks with an interface of their own.

use std::collections::BTreeSet;

use super::definition::{Definition, Mode};
use super::found::Found;
use super::intent::Intent;
use super::report::Check;

/// A subnet or a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) id: String,
    pub(super) vpc: String,
    /// Addresses that are left; none for a security group.
    pub(super) addresses: Option<i64>,
}

pub(super) fn network(
    service: &str,
    intent: &Intent,
    definition: &Definition,
    subnets: &Found<Vec<Part>>,
    groups: &Found<Vec<Part>>,
    target_vpcs: &[String],
) -> Vec<Check> {
    const ID: &str = "network";
    let given = !intent.subnets.is_empty();
    if definition.mode != Mode::Awsvpc {
        return if given {
            let message = format!(
                "subnets are given, and the network mode {} has none: ECS refuses that",
                definition.mode.word()
            );
            vec![
                Check::problem(ID, service, message)
                    .hint("use the network mode awsvpc, or give no subnet"),
            ]
        } else {
            Vec::new()
        };
    }
    if !given {
        let message = "the network mode awsvpc needs subnets, and there are none";
        return vec![
            Check::problem(ID, service, message).hint("give --subnet and --security-group"),
        ];
    }
    let mut checks = parts("subnet", &intent.subnets, subnets);
    checks.extend(parts("security-group", &intent.security_groups, groups));
    let mut vpcs: BTreeSet<&str> = target_vpcs.iter().map(String::as_str).collect();
    vpcs.extend(
        [subnets, groups]
            .into_iter()
            .filter_map(Found::known)
            .flatten()
            .map(|it| it.vpc.as_str()),
    );
    if vpcs.len() > 1 {
        let names = Vec::from_iter(vpcs).join(", ");
        let message =
            format!("subnets, security groups and target groups are of several VPCs: {names}");
        checks.push(Check::problem(ID, service, message));
    }
    if let Some(subnets) = subnets.known() {
        let left: i64 = subnets.iter().filter_map(|it| it.addresses).sum();
        let more = (intent.peak() - intent.running).max(0);
        if !subnets.is_empty() && left < more {
            let message =
                format!("the subnets have {left} addresses left, and the peak needs {more} more");
            checks.push(Check::problem("subnet", service, message).hint("add a subnet"));
        }
    }
    checks
}

fn parts(id: &'static str, wanted: &[String], found: &Found<Vec<Part>>) -> Vec<Check> {
    wanted
        .iter()
        .map(|name| match found {
            Found::Hidden(hidden) => Check::unknown(id, name, hidden),
            Found::Known(parts) if parts.iter().any(|part| part.id == *name) => {
                Check::ok(id, name, "it is there")
            }
            Found::Known(_) | Found::Missing => {
                Check::problem(id, name, "there is none of this id")
                    .hint("check the id and the region")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn judges_networks() {
        let definition = |mode: &str| {
            Definition::parse(&json!({"family": "w", "networkMode": mode,
                "containerDefinitions": [{"name": "a", "image": "i", "memory": 1}]}))
        };
        let part = |id: &str, vpc: &str, addresses| Part {
            id: id.to_owned(),
            vpc: vpc.to_owned(),
            addresses,
        };
        let with = Intent {
            subnets: vec!["s-1".to_owned(), "s-2".to_owned()],
            security_groups: vec!["g-1".to_owned()],
            ..Intent::sample(3)
        };
        let subnets = Found::Known(vec![part("s-1", "v-1", Some(2))]);
        let groups = Found::Known(vec![part("g-1", "v-2", None)]);
        let messages = |intent: &Intent, mode: &str| -> Vec<String> {
            network("s", intent, &definition(mode), &subnets, &groups, &[])
                .into_iter()
                .map(|check| check.message)
                .collect()
        };
        assert_eq!(
            messages(&with, "awsvpc"),
            [
                "it is there",
                "there is none of this id",
                "it is there",
                "subnets, security groups and target groups are of several VPCs: v-1, v-2",
                "the subnets have 2 addresses left, and the peak needs 3 more",
            ]
        );
        assert_eq!(
            messages(&with, "bridge"),
            ["subnets are given, and the network mode bridge has none: ECS refuses that"]
        );
        assert_eq!(
            messages(&Intent::sample(1), "awsvpc"),
            ["the network mode awsvpc needs subnets, and there are none"]
        );
        assert!(messages(&Intent::sample(1), "bridge").is_empty());
    }
}
