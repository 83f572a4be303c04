//! Telling a task to stop.

use crate::ecs::Ecs;
use crate::ecs::model::{StopCode, Stopping};
use crate::ecs::world::World;

/// Marks a task as to be stopped; the first reason is kept. The next passes carry it out.
pub(crate) fn task(ecs: &Ecs, world: &mut World, id: &str, code: StopCode, reason: &str) {
    let now = ecs.now();
    let Some(task) = world
        .tasks
        .get_mut(id)
        .filter(|task| task.is_live() && !task.is_stopping())
    else {
        return;
    };
    task.stopping = Some(Stopping {
        code,
        reason: reason.to_owned(),
    });
    task.times.stopping = Some(now);
    world.touch_task(id);
}
