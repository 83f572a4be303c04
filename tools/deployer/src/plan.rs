//! What a release has to do, from what is wanted and what is there. It calls nobody.

use serde_json::Value;
use toolkit::Fault;

use crate::canonical::differences;
use crate::service::{Service, State, short};
use crate::source::Wanted;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The service runs exactly this.
    Nothing,
    /// Another task definition.
    Update { differences: Vec<String> },
    /// The same again, because it never got to run: its rollout failed.
    Again,
    /// There is no such service yet.
    Create,
}

/// Plans the release of `wanted` to the service `name`. `live` is the service with its task definition.
pub(crate) fn plan(
    name: &str,
    cluster: &str,
    wanted: &Wanted,
    live: Option<(&Service, &Value)>,
    may_create: bool,
    supersede: bool,
) -> Result<Step, Fault> {
    let Some((service, definition)) = live else {
        if may_create {
            return Ok(Step::Create);
        }
        return Err(
            Fault::new(1, format!("the cluster {cluster} has no service {name}"))
                .with_hint("check the names and the region, or create it with --create"),
        );
    };
    if service.status != "ACTIVE" {
        return Err(Fault::new(
            1,
            format!(
                "the service {name} is being deleted ({}); wait until it is gone",
                service.status
            ),
        ));
    }
    if !supersede && let Some(rollout) = service.in_progress() {
        let message = format!(
            "another deployment of {name} is in progress: {} ({}, {} of {} running)",
            rollout.id,
            short(&rollout.task_definition),
            rollout.running,
            rollout.desired
        );
        let hint = format!(
            "wait for it with `deployer wait {} --cluster {cluster} --service {name}`, or take its place with --supersede",
            rollout.id
        );
        return Err(Fault::new(1, message).with_hint(hint));
    }
    let differences = match wanted {
        Wanted::Registered { arn, .. } if *arn == service.task_definition => Vec::new(),
        Wanted::Registered { .. } => vec!["revision".to_owned()],
        Wanted::New(wanted) => differences(definition, &wanted.json),
    };
    let primary = service.primary();
    let is_on_it = primary.is_none_or(|primary| primary.task_definition == service.task_definition);
    Ok(match primary.map(|primary| primary.state) {
        _ if !differences.is_empty() || !is_on_it => Step::Update { differences },
        Some(State::Failed) => Step::Again,
        _ => Step::Nothing,
    })
}

/// The task definition to go back to: what the service ran, if that worked.
pub(crate) fn way_back(service: &Service) -> Option<String> {
    let worked = |state| state == State::Completed;
    match service.primary() {
        Some(primary) if worked(primary.state) => Some(primary.task_definition.clone()),
        _ => service
            .rollouts
            .iter()
            .find(|rollout| !rollout.is_primary && worked(rollout.state))
            .map(|rollout| rollout.task_definition.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::service::Rollout;

    const ON: &str = "arn:aws:ecs:r:1:task-definition/web:4";

    fn wanted(arn: &str) -> Wanted {
        Wanted::Registered {
            arn: arn.to_owned(),
            json: Value::Null,
        }
    }

    fn rollout(id: &str, is_primary: bool, state: State, task_definition: &str) -> Rollout {
        Rollout {
            id: id.to_owned(),
            is_primary,
            state,
            task_definition: task_definition.to_owned(),
            desired: 2,
            running: 1,
            ..Rollout::default()
        }
    }

    fn service(rollouts: Vec<Rollout>) -> Service {
        Service {
            name: "web".to_owned(),
            status: "ACTIVE".to_owned(),
            task_definition: ON.to_owned(),
            rollouts,
            ..Service::default()
        }
    }

    fn step(service: &Service, arn: &str, supersede: bool) -> Result<Step, String> {
        let definition = json!({});
        plan(
            "web",
            "c",
            &wanted(arn),
            Some((service, &definition)),
            false,
            supersede,
        )
        .map_err(|fault| fault.to_string())
    }

    #[test]
    fn does_nothing_only_for_what_runs_and_worked() {
        let update = || Step::Update {
            differences: vec!["revision".to_owned()],
        };
        let table = [
            (State::Completed, ON, Step::Nothing),
            (State::Failed, ON, Step::Again),
            (State::Completed, "arn:x/web:5", update()),
            (State::Failed, "arn:x/web:5", update()),
        ];
        for (state, arn, expected) in table {
            let live = service(vec![rollout("ecs-svc/1", true, state, ON)]);
            assert_eq!(step(&live, arn, false), Ok(expected));
        }
    }

    #[test]
    fn refuses_while_another_deployment_is_under_way() {
        let live = service(vec![rollout("ecs-svc/1", true, State::InProgress, ON)]);
        assert_eq!(
            step(&live, "arn:x/web:5", false),
            Err(
                "another deployment of web is in progress: ecs-svc/1 (web:4, 1 of 2 running)"
                    .to_owned()
            )
        );
        assert!(matches!(
            step(&live, "arn:x/web:5", true),
            Ok(Step::Update { .. })
        ));
        // One that failed and drains is not under way.
        let drained = service(vec![
            rollout("ecs-svc/2", true, State::Completed, ON),
            rollout("ecs-svc/1", false, State::Failed, "arn:x/web:3"),
        ]);
        assert_eq!(step(&drained, ON, false), Ok(Step::Nothing));
    }

    #[test]
    fn creates_only_when_told_to() {
        let wanted = wanted("arn:x/web:5");
        assert_eq!(
            plan("web", "c", &wanted, None, false, false)
                .unwrap_err()
                .to_string(),
            "the cluster c has no service web"
        );
        assert_eq!(
            plan("web", "c", &wanted, None, true, false).unwrap(),
            Step::Create
        );
    }

    #[test]
    fn goes_back_only_to_what_worked() {
        let old = "arn:x/web:3";
        let table = [
            (vec![rollout("1", true, State::Completed, ON)], Some(ON)),
            (vec![rollout("1", true, State::Failed, ON)], None),
            (
                vec![
                    rollout("2", true, State::InProgress, ON),
                    rollout("1", false, State::Completed, old),
                ],
                Some(old),
            ),
        ];
        for (rollouts, expected) in table {
            assert_eq!(way_back(&service(rollouts)).as_deref(), expected);
        }
    }
}
