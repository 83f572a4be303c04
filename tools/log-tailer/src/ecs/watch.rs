//! One service or task, looked at again and again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws::{SdkConfig, explain};
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{DesiredStatus, Service, Task};
use toolkit::Fault;

use super::places::{self, ContainerLog, last};
use super::{Subject, Target};
use crate::pace::Pace;

/// ECS describes so many tasks at once.
const MOST_TASKS: usize = 100;
/// Tasks in memory; beyond, those that are no longer there are forgotten.
const MOST_KNOWN: usize = 5_000;

/// A service or a task, and what is known of it.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) target: Target,
    client: Client,
    /// Container logs by task definition.
    definitions: BTreeMap<String, Vec<ContainerLog>>,
    tasks: HashMap<String, Known>,
}

/// What is known of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Whether it belongs to the service. A task that ECS has forgotten does: there is no telling.
    pub(crate) is_ours: bool,
    /// Revision of its task definition.
    pub(crate) revision: Option<String>,
    /// Whether a look has seen its end, so that there is nothing more to learn.
    is_done: bool,
    /// Ids of its containers, with their names.
    runtime_ids: Vec<(String, String)>,
}

/// What one look saw.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// None for a task, and for a service that is not there.
    pub(crate) service: Option<Service>,
    /// Tasks that were not seen stopped before.
    pub(crate) tasks: Vec<Task>,
    /// Said once: containers whose lines are not in CloudWatch.
    pub(crate) elsewhere: Vec<String>,
}

/// Why there is nothing to see.
#[derive(Debug)]
pub(crate) enum LookError {
    /// There is no such service or task, or no longer.
    Absent(anyhow::Error),
    /// The same look may succeed later.
    Passing(anyhow::Error),
    /// It will not succeed.
    Final(anyhow::Error),
}

macro_rules! ask {
    ($pace:expr, $call:expr, $($what:tt)+) => {{
        $pace.turn().await;
        match $call.send().await {
            Ok(answer) => answer,
            Err(error) => {
                if aws::code(&error).is_some_and(|code| code.contains("Throttling")) {
                    $pace.throttled();
                }
                let is_passing = aws::is_passing(&error);
                let explained = explain(&format!($($what)+), error);
                return Err(if is_passing {
                    LookError::Passing(explained)
                } else {
                    LookError::Final(explained)
                });
            }
        }
    }};
}

impl Watch {
    pub(crate) fn new(target: Target, config: &SdkConfig) -> Self {
        Self {
            target,
            client: Client::new(config),
            definitions: BTreeMap::new(),
            tasks: HashMap::new(),
        }
    }

    /// Looks at the service or the task.
    pub(crate) async fn look(&mut self, pace: &mut Pace) -> Result<Look, LookError> {
        let mut look = Look::default();
        let mut wanted = BTreeSet::new();
        match self.target.subject.clone() {
            Subject::Service(name) => {
                let service = self.service(&name, pace).await?;
                wanted.extend(definitions_of(&service));
                look.service = Some(service);
                let ids = self.listed(&name, pace).await?;
                look.tasks = self.describe(&ids, pace).await?;
            }
            Subject::Task(id) => {
                look.tasks = self.describe(std::slice::from_ref(&id), pace).await?;
                if look.tasks.is_empty() && !self.tasks.get(&id).is_some_and(|task| task.is_done) {
                    return Err(self.absent("task", &id));
                }
            }
        }
        wanted.extend(
            look.tasks
                .iter()
                .filter_map(|task| task.task_definition_arn().map(str::to_owned)),
        );
        for arn in wanted {
            if !self.definitions.contains_key(&arn) {
                look.elsewhere.extend(self.define(arn, pace).await?);
            }
        }
        for task in &look.tasks {
            self.know(task, true);
        }
        Ok(look)
    }

    async fn service(&self, name: &str, pace: &mut Pace) -> Result<Service, LookError> {
        let cluster = &self.target.cluster;
        let call = self
            .client
            .describe_services()
            .cluster(cluster)
            .services(name);
        let answer = ask!(pace, call, "describe the service {cluster}/{name}");
        answer
            .services
            .unwrap_or_default()
            .into_iter()
            .find(|service| service.status() != Some("INACTIVE"))
            .ok_or_else(|| self.absent("service", name))
    }

    fn absent(&self, kind: &str, name: &str) -> LookError {
        let cluster = &self.target.cluster;
        let fault = Fault::new(
            1,
            format!("there is no {kind} {name} in the cluster {cluster}"),
        )
        .with_hint("check its name and the region; with --follow it is awaited");
        LookError::Absent(fault.into())
    }

    /// The tasks that run and those that have stopped within the last hour.
    async fn listed(&self, service: &str, pace: &mut Pace) -> Result<Vec<String>, LookError> {
        let cluster = &self.target.cluster;
        let mut ids = Vec::new();
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            let mut token = None;
            loop {
                let call = self
                    .client
                    .list_tasks()
                    .cluster(cluster)
                    .service_name(service)
                    .desired_status(status.clone())
                    .set_next_token(token);
                let answer = ask!(pace, call, "list the tasks of {cluster}/{service}");
                ids.extend(answer.task_arns().iter().map(|arn| last(arn).to_owned()));
                token = answer.next_token;
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(ids)
    }

    /// Describes the tasks that can have changed since they were last seen.
    async fn describe(&self, ids: &[String], pace: &mut Pace) -> Result<Vec<Task>, LookError> {
        let changing: Vec<String> = ids
            .iter()
            .filter(|id| !self.tasks.get(*id).is_some_and(|task| task.is_done))
            .cloned()
            .collect();
        let cluster = &self.target.cluster;
        let mut tasks = Vec::new();
        for some in changing.chunks(MOST_TASKS) {
            let call = self
                .client
                .describe_tasks()
                .cluster(cluster)
                .set_tasks(Some(some.to_vec()));
            let answer = ask!(pace, call, "describe tasks of the cluster {cluster}");
            tasks.extend(answer.tasks.unwrap_or_default());
        }
        Ok(tasks)
    }

    async fn define(&mut self, arn: String, pace: &mut Pace) -> Result<Vec<String>, LookError> {
        let call = self.client.describe_task_definition().task_definition(&arn);
        let answer = ask!(pace, call, "describe the task definition {arn}");
        let (logs, elsewhere) = answer.task_definition().map(places::of).unwrap_or_default();
        self.definitions.insert(arn, logs);
        Ok(elsewhere)
    }

    /// Finds out which of these tasks are the service's.
    pub(crate) async fn resolve(
        &mut self,
        ids: &[String],
        pace: &mut Pace,
    ) -> Result<(), LookError> {
        let tasks = self.describe(ids, pace).await?;
        // The next look describes them again, and tells their end.
        for task in &tasks {
            self.know(task, false);
        }
        for id in ids {
            self.tasks.entry(id.clone()).or_insert_with(|| Known {
                is_ours: true,
                revision: None,
                is_done: true,
                runtime_ids: Vec::new(),
            });
        }
        Ok(())
    }

    fn know(&mut self, task: &Task, by_look: bool) {
        if self.tasks.len() >= MOST_KNOWN {
            self.tasks.retain(|_, task| !task.is_done);
        }
        let id = last(task.task_arn().unwrap_or_default()).to_owned();
        let is_ours = match &self.target.subject {
            Subject::Service(name) => {
                task.group()
                    .and_then(|group| group.strip_prefix("service:"))
                    == Some(name)
            }
            Subject::Task(wanted) => *wanted == id,
        };
        let known = Known {
            is_ours,
            revision: task
                .task_definition_arn()
                .and_then(places::revision)
                .map(str::to_owned),
            is_done: by_look && task.last_status() == Some("STOPPED"),
            runtime_ids: task
                .containers()
                .iter()
                .filter_map(|container| {
                    let id = container.runtime_id()?.to_owned();
                    Some((id, container.name()?.to_owned()))
                })
                .collect(),
        };
        self.tasks.insert(id, known);
    }

    /// What is known of a task.
    pub(crate) fn task(&self, id: &str) -> Option<&Known> {
        self.tasks.get(id)
    }

    /// The task and the container that a container's id belongs to.
    pub(crate) fn container(&self, runtime_id: &str) -> Option<(&str, &str)> {
        self.tasks.iter().find_map(|(task, known)| {
            let (_, name) = known.runtime_ids.iter().find(|(id, _)| id == runtime_id)?;
            Some((task.as_str(), name.as_str()))
        })
    }

    /// Every container log of the task definitions that were seen.
    pub(crate) fn logs(&self) -> BTreeSet<&ContainerLog> {
        self.definitions.values().flatten().collect()
    }

    /// Ids of the containers called `name`, of the tasks in memory.
    pub(crate) fn runtime_ids(&self, name: &str) -> BTreeSet<String> {
        self.tasks
            .values()
            .filter(|task| task.is_ours)
            .flat_map(|task| &task.runtime_ids)
            .filter(|(_, container)| container == name)
            .map(|(id, _)| id.clone())
            .collect()
    }
}

fn definitions_of(service: &Service) -> impl Iterator<Item = String> {
    let deployments = service
        .deployments()
        .iter()
        .filter_map(|deployment| deployment.task_definition());
    let sets = service
        .task_sets()
        .iter()
        .filter_map(|set| set.task_definition());
    deployments
        .chain(sets)
        .chain(service.task_definition())
        .map(str::to_owned)
}
