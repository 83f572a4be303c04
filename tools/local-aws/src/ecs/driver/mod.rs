//! Carrying out what the scheduler decides: a pass over all tasks and services whenever something happened.

pub(crate) mod advance;
mod alarms;
mod assess;
pub(crate) mod check;
pub(crate) mod create;
pub(crate) mod deploy;
mod env_files;
mod failures;
mod give_up;
pub(crate) mod halt;
mod insights;
pub(crate) mod launch;
mod lifecycle;
pub(crate) mod observe;
mod pause;
pub(crate) mod schedule;
mod settle;
mod shift;
pub(crate) mod sides;
pub(crate) mod spec;
mod traffic;
pub(crate) mod usage;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use task_runtime::Lock;

use super::Ecs;
use super::model::TaskState;
use super::world::World;

/// The longest time between two passes: a line that a container writes is readable within twice this.
const PASS: Duration = Duration::from_millis(40);
/// How long a shutdown waits for tasks to end by themselves.
const PATIENCE: Duration = Duration::from_secs(30);

/// The hold of the running server on its tasks.
#[derive(Default)]
pub(crate) struct Hands {
    /// By task id; a task is here from its start until it is cleared away.
    pub(crate) tasks: BTreeMap<String, task_runtime::Task>,
    /// Tells supervisors that a server lives.
    lease: Option<Lock>,
}

/// Wakes the scheduler.
#[derive(Default)]
pub(crate) struct Bell {
    state: Mutex<BellState>,
    changed: Condvar,
}

#[derive(Default)]
struct BellState {
    rung: bool,
    over: bool,
    ended: bool,
}

impl Bell {
    /// Something happened that a pass should look at.
    pub(crate) fn ring(&self) {
        self.set(|state| state.rung = true);
    }

    fn set(&self, change: impl FnOnce(&mut BellState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits for the next ring, but not longer than a pass may be away. False when it is over.
    fn wait(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(state, PASS, |state| !state.rung && !state.over);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.rung = false;
        !state.over
    }

    fn wait_for_end(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(state, PATIENCE, |state| !state.ended);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Attaches to what still runs and starts the scheduler's thread.
pub(crate) fn start(ecs: &Arc<Ecs>) -> anyhow::Result<()> {
    let tasks = ecs.tasks_directory();
    std::fs::create_dir_all(&tasks)
        .with_context(|| format!("cannot make the directory {}", tasks.display()))?;
    let lease = ecs.lease_file();
    let lock = Lock::hold(&lease).with_context(|| format!("cannot hold {}", lease.display()))?;
    attach(ecs);
    ecs.hands().lease = Some(lock);
    let scheduler = Arc::clone(ecs);
    std::thread::Builder::new()
        .name("ecs-scheduler".to_owned())
        .spawn(move || {
            while scheduler.bell.wait() {
                pass(&scheduler);
            }
            scheduler.bell.set(|state| state.ended = true);
        })
        .context("cannot start the scheduler")?;
    Ok(())
}

/// Ends the scheduler, and on request every task first.
pub(crate) fn shut_down(ecs: &Ecs, stop_tasks: bool) {
    ecs.bell.set(|state| state.over = true);
    ecs.bell.wait_for_end();
    if stop_tasks {
        let hands = ecs.hands();
        for task in hands.tasks.values() {
            // A task that has just ended needs no end.
            task.stop(None, Duration::from_secs(5)).unwrap_or_default();
        }
        for task in hands.tasks.values() {
            task.wait().unwrap_or_default();
        }
        drop(hands);
        observe::all(ecs);
    }
    ecs.hands().lease = None;
}

/// Takes up every task that an earlier server started. One that was only about to start is started anew.
fn attach(ecs: &Arc<Ecs>) {
    let ids: Vec<(String, TaskState)> = ecs
        .world()
        .tasks
        .values()
        .filter(|task| task.is_live())
        .map(|task| (task.id.clone(), task.state))
        .collect();
    for (id, state) in ids {
        let directory = ecs.task_directory(&id);
        match task_runtime::Task::attach(&directory) {
            Ok(task) => {
                ecs.hands().tasks.insert(id, task);
            }
            Err(_) if state == TaskState::Pending => {
                // What a start that was cut short has left would be in the way of the next one.
                if directory.exists()
                    && let Err(error) = std::fs::remove_dir_all(&directory)
                {
                    ecs.parts
                        .console
                        .warning(&format!("cannot remove {}: {error}", directory.display()));
                }
                ecs.step(|world| {
                    if let Some(task) = world.tasks.get_mut(&id) {
                        task.state = TaskState::Provisioning;
                    }
                    world.touch_task(&id);
                });
            }
            Err(_) if state > TaskState::Pending => {
                ecs.step(|world| advance::vanished(ecs, world, &id))
            }
            Err(_) => {}
        }
    }
}

fn pass(ecs: &Arc<Ecs>) {
    observe::all(ecs);
    ecs.step(|world| {
        let tasks: Vec<String> = world
            .tasks
            .values()
            .filter(|task| task.is_live())
            .map(|task| task.id.clone())
            .collect();
        for id in tasks {
            advance::task(ecs, world, &id);
        }
        let services: Vec<String> = world.services.keys().cloned().collect();
        for key in services {
            schedule::service(ecs, world, &key);
        }
        forget(ecs, world);
    });
    launch::provisioned(ecs);
    check::due(ecs);
    usage::record(ecs);
}

/// Stopped tasks can be looked at for an hour.
const MEMORY_MS: i64 = 3_600_000;

fn forget(ecs: &Ecs, world: &mut World) {
    let horizon = ecs.now() - MEMORY_MS;
    let old: Vec<String> = world
        .tasks
        .values()
        .filter(|task| task.times.stopped.is_some_and(|stopped| stopped < horizon))
        .map(|task| task.id.clone())
        .collect();
    for id in old {
        world.tasks.remove(&id);
        world.touch_task(&id);
    }
}

/// Deletes a task's directory, which may take a while, beside the scheduler.
fn clear_away(ecs: &Ecs, id: String, task: task_runtime::Task) {
    let console = Arc::clone(&ecs.parts.console);
    let clearing = move || {
        let removed = task.wait().and_then(|()| task.remove());
        if let Err(error) = removed {
            console.warning(&format!("cannot clear away the task {id}: {error}"));
        }
    };
    if let Err(error) = std::thread::Builder::new()
        .name("clear-away".to_owned())
        .spawn(clearing)
    {
        ecs.parts
            .console
            .warning(&format!("cannot clear away a task: {error}"));
    }
}
