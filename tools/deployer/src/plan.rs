//! What a release has to do, from what is wanted and what is there. It calls nobody.

use toolkit::Fault;

use crate::canonical::differences;
use crate::cluster::Live;
use crate::release::Release;
use crate::service::{State, short};
use crate::source::Wanted;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The service runs exactly this.
    Nothing,
    /// Another task definition, and settings where they differ.
    Update { differences: Vec<String> },
    /// Settings alone, which need no new tasks.
    Settings { differences: Vec<String> },
    /// The same again: its rollout failed, or new tasks of it are wanted.
    Again,
    /// There is no such service yet.
    Create,
}

/// A step, or why there is none for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Planned {
    Step(Step),
    /// Another deployment is in progress.
    Busy(String),
}

/// Plans the release of `wanted`. `live` is the service with its task definition.
pub(crate) fn plan(
    release: &Release,
    cluster: &str,
    wanted: &Wanted,
    live: Option<&Live>,
) -> Result<Planned, Fault> {
    let name = &release.service;
    let Some(Live {
        service,
        definition,
        ..
    }) = live
    else {
        if release.create {
            return Ok(Planned::Step(Step::Create));
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
    if let Some(controller) = &service.controller {
        return Err(Fault::usage(format!(
            "the releases of {name} are carried out by {controller}, so ECS refuses a new task definition"
        ))
        .with_hint("release it with that tool, or create a service with the ECS deployment controller"));
    }
    if !release.supersede
        && let Some(rollout) = service.in_progress()
    {
        return Ok(Planned::Busy(format!(
            "another deployment of {name} is in progress: {} ({}, {} of {} running)",
            rollout.id,
            short(&rollout.task_definition),
            rollout.running,
            rollout.desired
        )));
    }
    let differences = match wanted {
        Wanted::Registered { arn, .. } if *arn == service.task_definition => Vec::new(),
        Wanted::Registered { .. } => vec!["revision".to_owned()],
        Wanted::New(wanted) => differences(definition, &wanted.json),
    };
    let settings = release.settings.differences(service);
    let primary = service.primary();
    let is_on_it = primary.is_none_or(|primary| primary.task_definition == service.task_definition);
    Ok(Planned::Step(match primary.map(|primary| primary.state) {
        _ if !differences.is_empty() || !is_on_it => Step::Update {
            differences: [differences, settings].concat(),
        },
        Some(State::Failed) => Step::Again,
        _ if release.force => Step::Again,
        _ if !settings.is_empty() => Step::Settings {
            differences: settings,
        },
        _ => Step::Nothing,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::service::{Rollout, Service};

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

    fn service(rollouts: Vec<Rollout>) -> Live {
        let service = Service {
            name: "web".to_owned(),
            status: "ACTIVE".to_owned(),
            task_definition: ON.to_owned(),
            rollouts,
            ..Service::default()
        };
        Live {
            service,
            definition: Value::Null,
            tags: Vec::new(),
        }
    }

    fn release(supersede: bool) -> Release {
        Release {
            supersede,
            ..Release::back("web", crate::source::Source::Live)
        }
    }

    fn step(live: &Live, arn: &str, supersede: bool) -> Planned {
        plan(&release(supersede), "c", &wanted(arn), Some(live)).unwrap()
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
            assert_eq!(step(&live, arn, false), Planned::Step(expected));
        }
    }

    #[test]
    fn replaces_tasks_or_changes_settings_of_what_runs() {
        let live = service(vec![rollout("ecs-svc/1", true, State::Completed, ON)]);
        let planned = |release: &Release| plan(release, "c", &wanted(ON), Some(&live)).unwrap();
        let again = Release {
            force: true,
            ..release(false)
        };
        assert_eq!(planned(&again), Planned::Step(Step::Again));
        let mut grace = release(false);
        grace.settings.health_grace = Some(30);
        assert_eq!(
            planned(&grace),
            Planned::Step(Step::Settings {
                differences: vec!["healthCheckGracePeriodSeconds 0 → 30".to_owned()]
            })
        );
    }

    #[test]
    fn waits_while_another_deployment_is_under_way() {
        let live = service(vec![rollout("ecs-svc/1", true, State::InProgress, ON)]);
        assert_eq!(
            step(&live, "arn:x/web:5", false),
            Planned::Busy(
                "another deployment of web is in progress: ecs-svc/1 (web:4, 1 of 2 running)"
                    .to_owned()
            )
        );
        assert!(matches!(
            step(&live, "arn:x/web:5", true),
            Planned::Step(Step::Update { .. })
        ));
        // One that failed and drains is not under way.
        let drained = service(vec![
            rollout("ecs-svc/2", true, State::Completed, ON),
            rollout("ecs-svc/1", false, State::Failed, "arn:x/web:3"),
        ]);
        assert_eq!(step(&drained, ON, false), Planned::Step(Step::Nothing));
    }

    #[test]
    fn leaves_a_service_to_the_tool_that_releases_it() {
        let mut live = service(vec![rollout("ecs-svc/1", true, State::Completed, ON)]);
        live.service.controller = Some("CODE_DEPLOY".to_owned());
        let planned = plan(&release(true), "c", &wanted("arn:x/web:5"), Some(&live));
        assert_eq!(
            planned.unwrap_err().to_string(),
            "the releases of web are carried out by CODE_DEPLOY, so ECS refuses a new task definition"
        );
    }

    #[test]
    fn creates_only_when_told_to() {
        let wanted = wanted("arn:x/web:5");
        assert_eq!(
            plan(&release(false), "c", &wanted, None)
                .unwrap_err()
                .to_string(),
            "the cluster c has no service web"
        );
        let create = Release {
            create: true,
            ..release(false)
        };
        assert_eq!(
            plan(&create, "c", &wanted, None).unwrap(),
            Planned::Step(Step::Create)
        );
    }
}
