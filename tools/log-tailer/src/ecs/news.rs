//! What happened to a service and its tasks, each thing told once.

use std::collections::{HashMap, HashSet};

use aws_sdk_ecs::types::{Deployment, Service, Task};
use aws_smithy_types::DateTime;

use super::places::last;
use super::watch::Look;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    /// Milliseconds since 1970, by ECS's clock.
    pub(crate) timestamp: i64,
    pub(crate) kind: Kind,
    pub(crate) text: String,
    /// The task that stopped.
    pub(crate) task: Option<String>,
}

/// What kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of the service's own events.
    Service,
    /// A deployment came into another state.
    Deployment,
    /// A task stopped.
    Stopped,
}

impl Kind {
    /// As JSON Lines and CSV call it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Service => "service-event",
            Self::Deployment => "deployment",
            Self::Stopped => "task-stopped",
        }
    }
}

/// What was told already.
#[derive(Debug)]
pub(crate) struct Told {
    /// Nothing older is told; milliseconds since 1970.
    since: i64,
    /// Ids of the service's events; it has the last hundred.
    events: HashSet<String>,
    deployments: HashMap<String, String>,
    stopped: HashSet<String>,
}

impl Told {
    pub(crate) fn new(since: i64) -> Self {
        Self {
            since,
            events: HashSet::new(),
            deployments: HashMap::new(),
            stopped: HashSet::new(),
        }
    }

    /// What is new in a look, by time.
    pub(crate) fn tell(&mut self, look: &Look) -> Vec<News> {
        let mut news = Vec::new();
        if let Some(service) = &look.service {
            self.events(service, &mut news);
            for deployment in service.deployments() {
                self.deployment(deployment, &mut news);
            }
            let ids: HashSet<&str> = service
                .deployments()
                .iter()
                .filter_map(Deployment::id)
                .collect();
            self.deployments.retain(|id, _| ids.contains(id.as_str()));
        }
        for task in &look.tasks {
            self.task(task, &mut news);
        }
        news.retain(|news| news.timestamp >= self.since);
        news.sort_by_key(|news| news.timestamp);
        news
    }

    fn events(&mut self, service: &Service, news: &mut Vec<News>) {
        for event in service.events() {
            if self.events.contains(event.id().unwrap_or_default()) {
                continue;
            }
            news.push(News {
                timestamp: milliseconds(event.created_at()),
                kind: Kind::Service,
                text: event.message().unwrap_or_default().to_owned(),
                task: None,
            });
        }
        self.events = service
            .events()
            .iter()
            .filter_map(|event| event.id().map(str::to_owned))
            .collect();
    }

    fn deployment(&mut self, deployment: &Deployment, news: &mut Vec<News>) {
        let state = describe(deployment);
        let id = deployment.id().unwrap_or_default();
        if self.deployments.get(id) == Some(&state) {
            return;
        }
        news.push(News {
            timestamp: milliseconds(deployment.updated_at()),
            kind: Kind::Deployment,
            text: format!("deployment {id} {state}"),
            task: None,
        });
        self.deployments.insert(id.to_owned(), state);
    }

    fn task(&mut self, task: &Task, news: &mut Vec<News>) {
        let id = last(task.task_arn().unwrap_or_default());
        if task.last_status() != Some("STOPPED") || !self.stopped.insert(id.to_owned()) {
            return;
        }
        news.push(News {
            timestamp: milliseconds(task.stopped_at()),
            kind: Kind::Stopped,
            text: stop_reason(task),
            task: Some(id.to_owned()),
        });
    }
}

fn describe(deployment: &Deployment) -> String {
    let definition = last(deployment.task_definition().unwrap_or("?"));
    let status = deployment.status().unwrap_or("?");
    let state = deployment
        .rollout_state()
        .map_or(status, |state| state.as_str());
    let mut text = format!(
        "({definition}) is {status} {state}: {} of {} tasks run",
        deployment.running_count(),
        deployment.desired_count()
    );
    if deployment.failed_tasks() > 0 {
        text.push_str(&format!(", {} failed", deployment.failed_tasks()));
    }
    if let Some(reason) = deployment.rollout_state_reason() {
        text.push_str(&format!("; {reason}"));
    }
    text
}

/// Why a task stopped, with what its containers ended with.
pub(crate) fn stop_reason(task: &Task) -> String {
    let id = last(task.task_arn().unwrap_or_default());
    let short = id.get(..8).unwrap_or(id);
    let definition = last(task.task_definition_arn().unwrap_or("?"));
    let mut text = format!(
        "task {short} ({definition}) stopped: {}",
        task.stopped_reason().unwrap_or("no reason given")
    );
    if let Some(code) = task.stop_code() {
        text.push_str(&format!(" [{}]", code.as_str()));
    }
    for container in task.containers() {
        let name = container.name().unwrap_or("?");
        if let Some(code) = container.exit_code() {
            text.push_str(&format!("; {name} exited with {code}"));
        }
        if let Some(reason) = container.reason() {
            text.push_str(&format!("; {name}: {reason}"));
        }
    }
    text
}

pub(crate) fn milliseconds(time: Option<&DateTime>) -> i64 {
    time.and_then(|time| time.to_millis().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Container, DeploymentRolloutState, ServiceEvent};

    use super::*;

    fn event(id: &str, second: i64) -> ServiceEvent {
        ServiceEvent::builder()
            .id(id)
            .created_at(DateTime::from_secs(second))
            .message(format!("event {id}"))
            .build()
    }

    fn look(events: &[ServiceEvent], state: DeploymentRolloutState, running: i32) -> Look {
        let deployment = Deployment::builder()
            .id("ecs-svc/1")
            .status("PRIMARY")
            .task_definition("arn:x/api:12")
            .desired_count(2)
            .running_count(running)
            .rollout_state(state)
            .updated_at(DateTime::from_secs(20))
            .build();
        Look {
            service: Some(
                Service::builder()
                    .set_events(Some(events.to_vec()))
                    .deployments(deployment)
                    .build(),
            ),
            ..Look::default()
        }
    }

    fn texts(news: &[News]) -> Vec<&str> {
        news.iter().map(|news| news.text.as_str()).collect()
    }

    #[test]
    fn tells_each_thing_once_and_in_order() {
        let mut told = Told::new(10_000);
        let begun = look(
            &[event("c", 30), event("b", 15), event("a", 5)],
            DeploymentRolloutState::InProgress,
            1,
        );
        let deployment = "deployment ecs-svc/1 (api:12) is PRIMARY IN_PROGRESS: 1 of 2 tasks run";
        assert_eq!(
            texts(&told.tell(&begun)),
            ["event b", deployment, "event c"]
        );
        assert_eq!(texts(&told.tell(&begun)), [""; 0]);
        let done = look(
            &[event("d", 40), event("c", 30), event("b", 15)],
            DeploymentRolloutState::Completed,
            2,
        );
        let deployment = "deployment ecs-svc/1 (api:12) is PRIMARY COMPLETED: 2 of 2 tasks run";
        assert_eq!(texts(&told.tell(&done)), [deployment, "event d"]);
    }

    #[test]
    fn says_why_a_task_stopped() {
        let task = Task::builder()
            .task_arn("arn:x/ludlow/0123456789abcdef0123456789abcdef")
            .task_definition_arn("arn:x/api:12")
            .last_status("STOPPED")
            .stopped_reason("Essential container in task exited")
            .stopped_at(DateTime::from_secs(1))
            .containers(
                Container::builder()
                    .name("api")
                    .exit_code(137)
                    .reason("OutOfMemoryError")
                    .build(),
            )
            .build();
        let look = Look {
            tasks: vec![task],
            ..Look::default()
        };
        let mut told = Told::new(0);
        let news = told.tell(&look);
        assert_eq!(
            texts(&news),
            [
                "task 01234567 (api:12) stopped: Essential container in task exited; api exited with 137; api: OutOfMemoryError"
            ]
        );
        assert_eq!(
            news[0].task.as_deref(),
            Some("0123456789abcdef0123456789abcdef")
        );
        assert_eq!(told.tell(&look), []);
    }
}
