//! Whether there is a cluster, and whether the service can be released to.

use aws_sdk_ecs::types::Service;

use super::found::Found;
use super::intent::{Intent, Launch, is_fargate_provider};
use super::report::Check;

/// A cluster, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster {
    /// `ACTIVE`, `PROVISIONING`, `INACTIVE`, …
    pub(super) status: String,
    pub(super) providers: Vec<String>,
}

pub(super) fn cluster(name: &str, found: &Found<Cluster>, intent: &Intent) -> Vec<Check> {
    let cluster = match found {
        Found::Hidden(hidden) => return vec![Check::unknown("cluster", name, hidden)],
        Found::Known(cluster) if cluster.status != "INACTIVE" => cluster,
        // A deleted cluster is described as INACTIVE for a while.
        Found::Known(_) | Found::Missing => {
            return vec![
                Check::problem("cluster", name, "there is no such cluster")
                    .hint("check the name and the region, or provision the environment first"),
            ];
        }
    };
    let mut checks = vec![if cluster.status == "ACTIVE" {
        Check::ok("cluster", name, "it is active")
    } else {
        Check::problem("cluster", name, format!("it is {}", cluster.status))
            .hint("wait until it is ACTIVE")
    }];
    if let Launch::Providers(names) = &intent.launch {
        checks.extend(names.iter().map(|provider| {
            if cluster.providers.contains(provider) {
                Check::ok("capacity-provider", provider, "the cluster has it")
            } else if is_fargate_provider(provider) {
                Check::problem(
                    "capacity-provider",
                    provider,
                    "it is not one of the cluster's",
                )
                .hint(format!(
                    "aws ecs put-cluster-capacity-providers --cluster {name} adds it"
                ))
            } else {
                Check::problem(
                    "capacity-provider",
                    provider,
                    "it is not one of the cluster's",
                )
                .hint(
                    "associate it with the cluster, or name another one in the service's strategy",
                )
            }
        }));
    }
    checks
}

pub(super) fn service(name: &str, found: &Found<Service>, intent: &Intent) -> Vec<Check> {
    let live = match found {
        Found::Hidden(hidden) => return vec![Check::unknown("service", name, hidden)],
        Found::Missing => {
            let message = "there is no such service yet: only the flags say what it will be";
            return vec![Check::ok("service", name, message)];
        }
        Found::Known(live) => live,
    };
    let status = live.status().unwrap_or("of an unknown status");
    if status != "ACTIVE" {
        return vec![
            Check::problem("service", name, format!("it is {status}"))
                .hint("wait until it is INACTIVE: then the name is free for a new one"),
        ];
    }
    let mut checks = vec![match &intent.controller {
        Some(controller) => Check::problem(
            "service",
            name,
            format!(
                "its releases are carried out by {controller}, so ECS refuses a new task definition"
            ),
        )
        .hint("release it with that tool, or create a service with the ECS deployment controller"),
        None => Check::ok("service", name, "it is active"),
    }];
    let others: Vec<_> = live
        .deployments()
        .iter()
        .filter(|deployment| {
            deployment
                .rollout_state()
                .is_some_and(|state| state.as_str() == "IN_PROGRESS")
        })
        .filter_map(|deployment| deployment.id())
        .collect();
    if !others.is_empty() {
        let message = format!("another deployment is in progress: {}", others.join(", "));
        checks.push(Check::warning("service", name, message).hint(format!(
            "`deployer wait {} --service {name}` follows it",
            others[0]
        )));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::found::Hidden;
    use crate::verify::report::Outcome;
    use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState};

    fn outcomes(checks: &[Check]) -> Vec<(&str, Outcome)> {
        checks
            .iter()
            .map(|check| (check.subject.as_str(), check.outcome))
            .collect()
    }

    #[test]
    fn wants_an_active_cluster_with_the_providers() {
        let with = |status: &str| {
            Found::Known(Cluster {
                status: status.to_owned(),
                providers: vec!["a".to_owned()],
            })
        };
        let intent = Intent {
            launch: Launch::Providers(vec!["a".to_owned(), "FARGATE".to_owned()]),
            ..Intent::sample(1)
        };
        let table = [
            (
                with("ACTIVE"),
                vec![
                    ("c", Outcome::Ok),
                    ("a", Outcome::Ok),
                    ("FARGATE", Outcome::Problem),
                ],
            ),
            (
                with("PROVISIONING"),
                vec![
                    ("c", Outcome::Problem),
                    ("a", Outcome::Ok),
                    ("FARGATE", Outcome::Problem),
                ],
            ),
            (with("INACTIVE"), vec![("c", Outcome::Problem)]),
            (Found::Missing, vec![("c", Outcome::Problem)]),
            (
                Found::Hidden(Hidden::new("denied")),
                vec![("c", Outcome::Unknown)],
            ),
        ];
        for (found, expected) in table {
            assert_eq!(
                outcomes(&cluster("c", &found, &intent)),
                expected,
                "{found:?}"
            );
        }
    }

    #[test]
    fn wants_a_service_that_ecs_can_release() {
        let live = Service::builder().status("ACTIVE");
        let busy = live.clone().deployments(
            Deployment::builder()
                .id("ecs-svc/1")
                .rollout_state(DeploymentRolloutState::InProgress)
                .build(),
        );
        let by_others = Intent {
            controller: Some("CODE_DEPLOY".to_owned()),
            ..Intent::sample(1)
        };
        let ours = Intent::sample(1);
        let table = [
            (Found::Missing, &ours, vec![Outcome::Ok]),
            (Found::Known(live.clone().build()), &ours, vec![Outcome::Ok]),
            (
                Found::Known(live.clone().build()),
                &by_others,
                vec![Outcome::Problem],
            ),
            (
                Found::Known(busy.build()),
                &ours,
                vec![Outcome::Ok, Outcome::Warning],
            ),
            (
                Found::Known(live.status("DRAINING").build()),
                &ours,
                vec![Outcome::Problem],
            ),
        ];
        for (found, intent, expected) in table {
            let seen: Vec<_> = service("s", &found, intent)
                .into_iter()
                .map(|check| check.outcome)
                .collect();
            assert_eq!(seen, expected, "{found:?}");
        }
    }
}
