//! Everything that ECS knows, in memory, and what of it has to be written.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{
    Cluster, DefinitionStatus, Service, Task, TaskDefinition, TaskState, service_key,
};
use crate::account::hex_id;
use crate::protocol::AwsError;
use crate::state::{Store, delete_in, put_in};

/// The state of ECS. Whoever changes an object says so with `touch_…`; [`World::save`] writes what was touched.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) clusters: BTreeMap<String, Cluster>,
    /// By family; a revision's place is its number less one.
    pub(crate) definitions: BTreeMap<String, Vec<TaskDefinition>>,
    pub(crate) services: BTreeMap<String, Service>,
    pub(crate) tasks: BTreeMap<String, Task>,
    touched: Touched,
}

#[derive(Default)]
struct Touched {
    clusters: BTreeSet<String>,
    definitions: BTreeSet<(String, u32)>,
    services: BTreeSet<String>,
    tasks: BTreeSet<String>,
}

/// Service events that are kept.
const EVENTS: usize = 100;
/// Rollouts that are kept for each service.
const ROLLOUTS: usize = 100;

impl World {
    pub(crate) fn load(store: &Store) -> rusqlite::Result<Self> {
        let mut definitions: BTreeMap<String, Vec<TaskDefinition>> = BTreeMap::new();
        for definition in store.all::<TaskDefinition>()? {
            definitions
                .entry(definition.family.clone())
                .or_default()
                .push(definition);
        }
        let clusters = store.all::<Cluster>()?.into_iter();
        let services = store.all::<Service>()?.into_iter();
        let tasks = store.all::<Task>()?.into_iter();
        Ok(Self {
            clusters: clusters
                .map(|cluster| (cluster.name.clone(), cluster))
                .collect(),
            definitions,
            services: services
                .map(|service| (service_key(&service.cluster, &service.name), service))
                .collect(),
            tasks: tasks.map(|task| (task.id.clone(), task)).collect(),
            touched: Touched::default(),
        })
    }

    /// Writes everything that was touched, all of it or nothing.
    pub(crate) fn save(&mut self, store: &Store) -> rusqlite::Result<()> {
        let touched = std::mem::take(&mut self.touched);
        if touched.is_empty() {
            return Ok(());
        }
        let written = store.transaction(|transaction| {
            for name in &touched.clusters {
                if let Some(cluster) = self.clusters.get(name) {
                    put_in(transaction, cluster)?;
                }
            }
            for (family, revision) in &touched.definitions {
                if let Some(definition) = self.definition(family, *revision) {
                    put_in(transaction, definition)?;
                }
            }
            for key in &touched.services {
                if let Some(service) = self.services.get(key) {
                    put_in(transaction, service)?;
                }
            }
            for id in &touched.tasks {
                match self.tasks.get(id) {
                    Some(task) => put_in(transaction, task)?,
                    None => delete_in::<Task>(transaction, id)?,
                }
            }
            Ok(())
        });
        if written.is_err() {
            // The next write takes what this one could not.
            self.touched.add(touched);
        }
        written
    }

    pub(crate) fn touch_cluster(&mut self, name: &str) {
        self.touched.clusters.insert(name.to_owned());
    }

    pub(crate) fn touch_definition(&mut self, family: &str, revision: u32) {
        self.touched
            .definitions
            .insert((family.to_owned(), revision));
    }

    pub(crate) fn touch_service(&mut self, key: &str) {
        self.touched.services.insert(key.to_owned());
    }

    pub(crate) fn touch_task(&mut self, id: &str) {
        self.touched.tasks.insert(id.to_owned());
    }

    /// A cluster that may be used.
    pub(crate) fn cluster(&self, name: &str) -> Result<&Cluster, AwsError> {
        self.clusters
            .get(name)
            .filter(|cluster| cluster.active)
            .ok_or_else(|| AwsError::new("ClusterNotFoundException", "Cluster not found."))
    }

    pub(crate) fn definition(&self, family: &str, revision: u32) -> Option<&TaskDefinition> {
        let place = usize::try_from(revision).ok()?.checked_sub(1)?;
        self.definitions.get(family)?.get(place)
    }

    pub(crate) fn definition_mut(
        &mut self,
        family: &str,
        revision: u32,
    ) -> Option<&mut TaskDefinition> {
        let place = usize::try_from(revision).ok()?.checked_sub(1)?;
        self.definitions.get_mut(family)?.get_mut(place)
    }

    /// What `family`, `family:revision` or an ARN stands for; without a revision the latest active one.
    pub(crate) fn find_definition(&self, reference: &str) -> Option<&TaskDefinition> {
        let name = reference
            .rsplit_once("task-definition/")
            .map_or(reference, |(_, name)| name);
        match name.split_once(':') {
            Some((family, revision)) => self.definition(family, revision.parse().ok()?),
            None => {
                let revisions = self.definitions.get(name)?;
                revisions
                    .iter()
                    .rev()
                    .find(|definition| definition.status == DefinitionStatus::Active)
            }
        }
    }

    /// Tasks of a service, oldest first.
    pub(crate) fn tasks_of<'a>(
        &'a self,
        cluster: &'a str,
        service: &'a str,
    ) -> impl Iterator<Item = &'a Task> {
        let mut tasks: Vec<&Task> = self
            .tasks
            .values()
            .filter(move |task| task.cluster == cluster && task.service() == Some(service))
            .collect();
        tasks.sort_by(|one, other| {
            (one.times.created, &one.id).cmp(&(other.times.created, &other.id))
        });
        tasks.into_iter()
    }

    /// Adds an event to a service. A complaint is not repeated until its cause has cleared, that is, until a task
    /// was started or everything was in place.
    pub(crate) fn say(&mut self, key: &str, now_ms: i64, message: String) {
        let Some(service) = self.services.get_mut(key) else {
            return;
        };
        let is_complaint = |message: &str| message.contains(" unable to ");
        let clears = |message: &str| {
            message.contains(" has started ") || message.ends_with(" steady state.")
        };
        let since = service
            .events
            .iter()
            .take_while(|event| !clears(&event.message));
        if is_complaint(&message) && since.into_iter().any(|event| event.message == message) {
            return;
        }
        let id = format!(
            "{}-{}-{}-{}-{}",
            hex_id(8),
            hex_id(4),
            hex_id(4),
            hex_id(4),
            hex_id(12)
        );
        service.events.insert(
            0,
            super::model::ServiceEvent {
                id,
                at_ms: now_ms,
                message,
            },
        );
        service.events.truncate(EVENTS);
        self.touch_service(key);
    }

    /// Forgets what nobody can ask for any more.
    pub(crate) fn trim(&mut self, key: &str) {
        let Some(service) = self.services.get_mut(key) else {
            return;
        };
        let surplus = service.history.len().saturating_sub(ROLLOUTS);
        service.history.drain(..surplus);
        let mut needed: BTreeSet<String> = service
            .deployments
            .iter()
            .map(|deployment| deployment.revision.clone())
            .collect();
        for rollout in &service.history {
            needed.insert(rollout.revision.clone());
            needed.extend(rollout.sources.iter().cloned());
            needed.extend(
                rollout
                    .rollback
                    .iter()
                    .map(|(revision, _, _)| revision.clone()),
            );
        }
        service
            .revisions
            .retain(|revision| needed.contains(&revision.number));
    }

    /// CPU units and MiB that live tasks have reserved.
    pub(crate) fn reserved(&self) -> (u32, u32) {
        let live = self
            .tasks
            .values()
            .filter(|task| task.state != TaskState::Stopped);
        live.fold((0, 0), |(cpu, memory), task| {
            (
                cpu.saturating_add(task.cpu),
                memory.saturating_add(task.memory),
            )
        })
    }
}

impl Touched {
    fn add(&mut self, other: Self) {
        self.clusters.extend(other.clusters);
        self.definitions.extend(other.definitions);
        self.services.extend(other.services);
        self.tasks.extend(other.tasks);
    }

    fn is_empty(&self) -> bool {
        self.clusters.is_empty()
            && self.definitions.is_empty()
            && self.services.is_empty()
            && self.tasks.is_empty()
    }
}
