//! Whether what is waited for has ended, and how.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service, Task};

use super::news::stop_reason;
use super::places::last;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) is_good: bool,
    /// In words.
    pub(crate) text: String,
}

/// One release, known by its deployment's id from the first look on.
#[derive(Debug, Default)]
pub(crate) struct Release {
    id: Option<String>,
}

impl Release {
    /// The verdict on the release, once there is one.
    pub(crate) fn verdict(&mut self, service: &Service) -> Option<Verdict> {
        let primary = service
            .deployments()
            .iter()
            .find(|deployment| deployment.status() == Some("PRIMARY"))?;
        let id = self
            .id
            .get_or_insert_with(|| primary.id().unwrap_or_default().to_owned());
        let ours = service
            .deployments()
            .iter()
            .find(|deployment| deployment.id() == Some(id.as_str()));
        let failed = |text: String| {
            Some(Verdict {
                is_good: false,
                text,
            })
        };
        match ours {
            Some(ours) if ours.rollout_state() == Some(&DeploymentRolloutState::Failed) => {
                let reason = ours.rollout_state_reason().unwrap_or("no reason given");
                failed(format!("the release {} failed: {reason}", named(ours)))
            }
            Some(ours) if ours.status() == Some("PRIMARY") => {
                is_complete(ours, service).then(|| Verdict {
                    is_good: true,
                    text: format!("the release {} is complete", named(ours)),
                })
            }
            _ => failed(format!("the release {id} gave way to {}", named(primary))),
        }
    }
}

fn is_complete(deployment: &Deployment, service: &Service) -> bool {
    match deployment.rollout_state() {
        Some(state) => *state == DeploymentRolloutState::Completed,
        // Other deployment controllers than ECS's own keep no state.
        None => {
            service.deployments().len() == 1
                && deployment.running_count() == deployment.desired_count()
                && deployment.pending_count() == 0
        }
    }
}

fn named(deployment: &Deployment) -> String {
    format!(
        "{} ({})",
        deployment.id().unwrap_or("?"),
        last(deployment.task_definition().unwrap_or("?"))
    )
}

/// The verdict on a task that has stopped: good if all its containers ended with 0.
pub(crate) fn stopped(task: &Task) -> Option<Verdict> {
    if task.last_status() != Some("STOPPED") {
        return None;
    }
    let codes: Vec<Option<i32>> = task
        .containers()
        .iter()
        .map(aws_sdk_ecs::types::Container::exit_code)
        .collect();
    Some(Verdict {
        is_good: !codes.is_empty() && codes.iter().all(|code| *code == Some(0)),
        text: stop_reason(task),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::Container;

    use super::*;

    fn deployment(id: &str, status: &str, state: DeploymentRolloutState) -> Deployment {
        Deployment::builder()
            .id(id)
            .status(status)
            .task_definition(format!("arn:x/api:{id}"))
            .rollout_state(state)
            .build()
    }

    fn service(deployments: &[Deployment]) -> Service {
        Service::builder()
            .set_deployments(Some(deployments.to_vec()))
            .build()
    }

    #[test]
    fn follows_one_release_to_its_end() {
        use DeploymentRolloutState::{Completed, Failed, InProgress};
        let going = service(&[
            deployment("2", "PRIMARY", InProgress),
            deployment("1", "ACTIVE", Completed),
        ]);
        let table = [
            (
                service(&[deployment("2", "PRIMARY", Completed)]),
                (true, "the release 2 (api:2) is complete"),
            ),
            (
                service(&[
                    deployment("3", "PRIMARY", InProgress),
                    deployment("2", "ACTIVE", Failed),
                ]),
                (false, "the release 2 (api:2) failed: no reason given"),
            ),
            (
                service(&[deployment("3", "PRIMARY", Completed)]),
                (false, "the release 2 gave way to 3 (api:3)"),
            ),
        ];
        for (end, (is_good, text)) in table {
            let mut release = Release::default();
            assert_eq!(release.verdict(&going), None);
            let text = text.to_owned();
            assert_eq!(release.verdict(&end), Some(Verdict { is_good, text }));
        }
    }

    #[test]
    fn a_task_ended_well_when_all_its_containers_did() {
        let task = |status: &str, codes: &[i32]| {
            let containers = codes
                .iter()
                .map(|code| Container::builder().exit_code(*code).build())
                .collect();
            let task = Task::builder()
                .last_status(status)
                .set_containers(Some(containers))
                .build();
            stopped(&task).map(|verdict| verdict.is_good)
        };
        assert_eq!(task("RUNNING", &[0]), None);
        assert_eq!(task("STOPPED", &[0, 0]), Some(true));
        assert_eq!(task("STOPPED", &[0, 1]), Some(false));
        assert_eq!(task("STOPPED", &[]), Some(false));
    }
}
