//! Amazon ECS: clusters, task definitions, services, tasks, and the scheduler that moves them.
//!
//! The scheduler is one thread that makes a pass whenever something happened and at least ten times a second: it
//! reads what the runtime says of each task, decides with the pure rules in [`scheduler`], and carries the decisions
//! out. Only the start of a task, which may unpack an image, has a thread of its own.

mod api;
mod arn;
mod capacity;
mod cause;
mod driver;
mod model;
mod rollout;
mod scheduler;
mod service_settings;
mod view;
mod world;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use task_runtime::Runtime;
use toolkit::Console;

use crate::account::Account;
use crate::clock::Clock;
use crate::cloudwatch::CloudWatch;
use crate::ecr::Ecr;
use crate::elb::Elb;
use crate::logs::Logs;
use crate::protocol::Answer;
use crate::s3::S3;
use crate::secrets::Secrets;
use crate::ssm::Parameters;
use crate::state::Store;

use arn::Arns;
use capacity::Capacity;
use driver::usage::Meter;
use driver::{Bell, Hands};
use world::World;

/// What ECS is made of.
pub struct EcsParts {
    pub store: Arc<Store>,
    pub account: Account,
    pub clock: Clock,
    pub ecr: Arc<Ecr>,
    pub elb: Arc<Elb>,
    pub logs: Arc<Logs>,
    pub cloudwatch: Arc<CloudWatch>,
    pub ssm: Arc<Parameters>,
    pub secrets: Arc<Secrets>,
    /// Where environment files are.
    pub s3: Arc<S3>,
    /// Where unpacked images and tasks are kept.
    pub directory: PathBuf,
    pub runtime: Runtime,
    pub console: Arc<Console>,
}

/// The service.
pub struct Ecs {
    parts: EcsParts,
    arns: Arns,
    capacity: Capacity,
    world: Mutex<World>,
    hands: Mutex<Hands>,
    meter: Meter,
    bell: Bell,
}

impl Ecs {
    /// Loads what the store holds; nothing moves before [`Ecs::start`].
    pub fn open(parts: EcsParts) -> anyhow::Result<Arc<Self>> {
        let world = World::load(&parts.store)?;
        Ok(Arc::new(Self {
            arns: Arns::new(parts.account.clone()),
            capacity: Capacity::of_this_machine(&parts.store)?,
            world: Mutex::new(world),
            hands: Mutex::default(),
            meter: Meter::default(),
            bell: Bell::default(),
            parts,
        }))
    }

    /// Attaches to the tasks that still run and begins to schedule.
    pub fn start(service: &Arc<Self>) -> anyhow::Result<()> {
        driver::start(service)
    }

    /// Ends the scheduler. With `stop_tasks`, every task is stopped first, without its service being told.
    pub fn shut_down(&self, stop_tasks: bool) {
        driver::shut_down(self, stop_tasks);
    }

    /// Runs one API operation.
    pub fn call(&self, operation: &str, input: &Value) -> Answer {
        api::call(self, operation, input)
    }

    /// Tasks that have not stopped.
    pub fn live_tasks(&self) -> usize {
        self.world()
            .tasks
            .values()
            .filter(|task| task.is_live())
            .count()
    }

    /// How tasks run, in a word.
    pub fn runtime_name(&self) -> &'static str {
        match self.parts.runtime.capability() {
            task_runtime::Capability::Namespaces { .. } => "namespaces",
            task_runtime::Capability::Process { .. } => "process",
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // Every change is complete before the lock is released, and written in one transaction.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world: what `change` touched is written before the answer is given, and the scheduler looks.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut World) -> Result<T, crate::protocol::AwsError>,
    ) -> Result<T, crate::protocol::AwsError> {
        let mut world = self.world();
        let outcome = change(&mut world);
        world.save(&self.parts.store)?;
        drop(world);
        self.bell.ring();
        outcome
    }

    /// The same by the scheduler itself, which needs no ring and cannot refuse.
    fn step(&self, change: impl FnOnce(&mut World)) {
        let mut world = self.world();
        change(&mut world);
        if let Err(error) = world.save(&self.parts.store) {
            self.parts
                .console
                .error(&format!("cannot write the state of ECS: {error}"));
        }
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks_directory(&self) -> PathBuf {
        self.parts.directory.join("tasks")
    }

    fn task_directory(&self, id: &str) -> PathBuf {
        self.tasks_directory().join(id)
    }

    /// Where unpacked images are.
    fn images_directory(&self) -> PathBuf {
        self.parts.directory.join("images")
    }

    /// Held as long as this server lives.
    fn lease_file(&self) -> PathBuf {
        let directory: &Path = &self.parts.directory;
        directory.join("server.lease")
    }

    fn now(&self) -> i64 {
        self.parts.clock.now_ms()
    }
}
