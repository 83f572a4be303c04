//! Whether what is waited for has ended, and how.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service, Task};

use super::news::{milliseconds, stop_reason};
use super::places::last;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) is_good: bool,
    /// In words.
    pub(crate) text: String,
}

/// One release, known by its deployment's id from the first look on. One that was complete before `since` is not
/// the one that is waited for; that is still to come.
#[derive(Debug)]
pub(crate) struct Release {
    since: i64,
    id: Option<String>,
}

impl Release {
    /// `since` in milliseconds since 1970.
    pub(crate) fn new(since: i64) -> Self {
        Self { since, id: None }
    }

    /// The verdict on the release, once there is one.
    pub(crate) fn verdict(&mut self, service: &Service) -> Option<Verdict> {
        let primary = service
            .deployments()
            .iter()
            .find(|deployment| deployment.status() == Some("PRIMARY"))?;
        if self.id.is_none()
            && is_complete(primary, service)
            && milliseconds(primary.updated_at()) < self.since
        {
            return None;
        }
        let id = self
            .id
            .get_or_insert_with(|| primary.id().unwrap_or_default().to_owned())
            .clone();
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
        if let Some(text) = self.rolled_back(primary, service) {
            return failed(text);
        }
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

impl Release {
    /// What ECS says of a rollback that came between two looks: the deployment that it goes back to keeps its id.
    fn rolled_back(&self, primary: &Deployment, service: &Service) -> Option<String> {
        let words = format!("rolling back to deployment {}", primary.id()?);
        let event = service.events().iter().find(|event| {
            milliseconds(event.created_at()) >= self.since
                && event
                    .message()
                    .is_some_and(|message| message.contains(&words))
        })?;
        event.message().map(str::to_owned)
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
    use aws_sdk_ecs::types::{Container, ServiceEvent};
    use aws_smithy_types::DateTime;

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
            let mut release = Release::new(0);
            assert_eq!(release.verdict(&going), None);
            let text = text.to_owned();
            assert_eq!(release.verdict(&end), Some(Verdict { is_good, text }));
        }
    }

    #[test]
    fn waits_for_the_next_release_where_the_last_one_is_over() {
        use DeploymentRolloutState::{Completed, InProgress};
        let mut release = Release::new(1);
        let old = service(&[deployment("1", "PRIMARY", Completed)]);
        assert_eq!(release.verdict(&old), None);
        let going = service(&[
            deployment("2", "PRIMARY", InProgress),
            deployment("1", "ACTIVE", Completed),
        ]);
        assert_eq!(release.verdict(&going), None);
        let verdict = release.verdict(&old).unwrap();
        assert_eq!(verdict.text, "the release 2 gave way to 1 (api:1)");
        assert!(!verdict.is_good);
        let mut release = Release::new(0);
        assert!(release.verdict(&old).unwrap().is_good);
    }

    #[test]
    fn sees_a_rollback_that_came_between_two_looks() {
        let primary = deployment("1", "PRIMARY", DeploymentRolloutState::Completed);
        let event = |second: i64| {
            let event = ServiceEvent::builder()
                .message("(service api) rolling back to deployment 1.")
                .created_at(DateTime::from_secs(second))
                .build();
            let after = Service::builder()
                .deployments(primary.clone())
                .events(event)
                .build();
            Release::new(0)
                .verdict(&after)
                .map(|verdict| verdict.is_good)
        };
        assert_eq!(event(1), Some(false));
        assert_eq!(event(-1), Some(true));
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
