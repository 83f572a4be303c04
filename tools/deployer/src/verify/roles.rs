//! The roles of a task: whether they are there, whether ECS may take them on, whether one is needed.

use super::definition::Definition;
use super::found::Found;
use super::intent::Intent;
use super::policy::{Trust, trust};
use super::reference::Reference;
use super::report::Check;

const TASKS: &str = "ecs-tasks.amazonaws.com";

/// A role's ARN or name, which of the two it is, and its trust policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    /// `task-role` or `execution-role`.
    pub(super) id: &'static str,
    pub(super) arn: String,
    pub(super) policy: Found<String>,
}

pub(super) fn roles(roles: &[Role], definition: &Definition, intent: &Intent) -> Vec<Check> {
    let mut checks: Vec<_> = roles.iter().map(role).collect();
    let reasons = needs(definition, intent);
    if definition.execution_role.is_none() && !reasons.is_empty() {
        let message = format!(
            "there is no execution role, and it is needed: {}",
            reasons.join("; ")
        );
        checks.push(
            Check::problem("execution-role", &definition.name, message)
                .hint("set executionRoleArn"),
        );
    }
    checks
}

fn role(role: &Role) -> Check {
    let Role { id, arn, policy } = role;
    let document = match policy {
        Found::Hidden(hidden) => return Check::unknown(id, arn, hidden),
        Found::Missing => {
            return Check::problem(id, arn, "there is no such role")
                .hint("create it, or check its name and path");
        }
        Found::Known(document) => document,
    };
    let hint = format!("allow sts:AssumeRole to {TASKS} in its trust policy");
    match trust(document, TASKS) {
        Ok(Trust::Allowed) => Check::ok(id, arn, format!("it trusts {TASKS}")),
        Ok(Trust::Conditional) => Check::ok(id, arn, format!("it trusts {TASKS} under conditions")),
        Ok(Trust::NotAllowed) => {
            Check::problem(id, arn, format!("it does not trust {TASKS}")).hint(hint)
        }
        Ok(Trust::Denied) => Check::problem(id, arn, format!("it denies {TASKS}")).hint(hint),
        Err(flaw) => Check::problem(
            id,
            arn,
            format!("its trust policy is not valid JSON: {flaw}"),
        ),
    }
}

/// What ECS needs an execution role for.
fn needs(definition: &Definition, intent: &Intent) -> Vec<String> {
    let mut reasons = Vec::new();
    for container in &definition.containers {
        let name = container.name().unwrap_or_default();
        let log = container.log_configuration();
        if !container.secrets().is_empty()
            || log.is_some_and(|log| !log.secret_options().is_empty())
        {
            reasons.push(format!("{name} has secrets"));
        }
        if container.repository_credentials().is_some() {
            reasons.push(format!("{name} comes from a private registry"));
        }
        if !container.environment_files().is_empty() {
            reasons.push(format!("{name} has environment files"));
        }
        if intent.launch.is_fargate() {
            if Reference::parse(container.image().unwrap_or_default())
                .is_ok_and(|it| it.ecr().is_some())
            {
                reasons.push(format!(
                    "Fargate pulls the image of {name} from ECR with it"
                ));
            }
            if log.is_some_and(|log| log.log_driver().as_str() == "awslogs") {
                reasons.push(format!("Fargate writes the log of {name} with it"));
            }
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::intent::Launch;
    use crate::verify::report::Outcome;
    use serde_json::json;

    #[test]
    fn knows_when_an_execution_role_is_needed() {
        let definition = Definition::parse(&json!({"family": "web", "containerDefinitions": [
            {"name": "a", "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a",
             "logConfiguration": {"logDriver": "awslogs"}},
            {"name": "b", "image": "i", "secrets": [{"name": "X", "valueFrom": "x"}]},
        ]}));
        let on_fargate = Intent {
            launch: Launch::Fargate,
            ..Intent::sample(1)
        };
        assert_eq!(needs(&definition, &Intent::sample(1)), ["b has secrets"]);
        assert_eq!(
            needs(&definition, &on_fargate),
            [
                "Fargate pulls the image of a from ECR with it",
                "Fargate writes the log of a with it",
                "b has secrets",
            ]
        );
        assert_eq!(
            roles(&[], &definition, &on_fargate)[0].outcome,
            Outcome::Problem
        );
    }

    #[test]
    fn wants_roles_that_trust_ecs() {
        let of = |policy| {
            role(&Role {
                id: "task-role",
                arn: "arn".to_owned(),
                policy,
            })
            .outcome
        };
        let ours = r#"{"Statement":{"Effect":"Allow","Principal":{"Service":["ecs-tasks.amazonaws.com"]},"Action":["sts:AssumeRole"]}}"#;
        assert_eq!(of(Found::Known(ours.to_owned())), Outcome::Ok);
        assert_eq!(
            of(Found::Known(r#"{"Statement":[]}"#.to_owned())),
            Outcome::Problem
        );
        assert_eq!(of(Found::Missing), Outcome::Problem);
    }
}
