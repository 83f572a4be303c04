//! Reading what the runtime says of each task: its events, and the lines of its containers.

use task_runtime::{Event, EventKind};

use super::advance;
use crate::ecs::Ecs;
use crate::ecs::model::{LogPlace, TaskState};
use crate::logs::LogEvent;

/// Pages of one log that one pass reads, each up to a mebibyte, so that no task keeps the others waiting.
const PAGES: usize = 8;

/// A task to look at, and from where on.
struct Watched {
    id: String,
    task: task_runtime::Task,
    event_offset: u64,
    logs: Vec<(String, LogPlace, u64)>,
}

/// What was found.
struct Found {
    id: String,
    events: Vec<Event>,
    event_offset: u64,
    log_offsets: Vec<(String, u64)>,
    is_gone: bool,
}

/// Looks at every task that was started.
pub(crate) fn all(ecs: &Ecs) {
    let found: Vec<Found> = watched(ecs)
        .into_iter()
        .filter_map(|watched| look(ecs, &watched))
        .collect();
    if found.is_empty() {
        return;
    }
    ecs.step(|world| {
        for found in found {
            if let Some(task) = world.tasks.get_mut(&found.id) {
                task.event_offset = found.event_offset;
                for (name, offset) in &found.log_offsets {
                    if let Some(container) = task
                        .containers
                        .iter_mut()
                        .find(|container| container.name == *name)
                    {
                        container.log_offset = *offset;
                    }
                }
                world.touch_task(&found.id);
            }
            let has_finished = found
                .events
                .iter()
                .any(|event| event.what == EventKind::Finished);
            for event in found.events {
                advance::event(ecs, world, &found.id, event);
            }
            if found.is_gone && !has_finished {
                advance::vanished(ecs, world, &found.id);
            }
        }
    });
}

fn watched(ecs: &Ecs) -> Vec<Watched> {
    // Always in this order: the world, then the hands.
    let world = ecs.world();
    let hands = ecs.hands();
    hands
        .tasks
        .iter()
        .filter_map(|(id, runtime)| {
            let task = world
                .tasks
                .get(id)
                .filter(|task| task.state != TaskState::Stopped)?;
            let logs = task
                .containers
                .iter()
                .filter_map(|container| {
                    Some((
                        container.name.clone(),
                        container.log.clone()?,
                        container.log_offset,
                    ))
                })
                .collect();
            Some(Watched {
                id: id.clone(),
                task: runtime.clone(),
                event_offset: task.event_offset,
                logs,
            })
        })
        .collect()
}

/// None if there is nothing new.
fn look(ecs: &Ecs, watched: &Watched) -> Option<Found> {
    // Asked first: what the supervisor wrote before its end is then surely read.
    let is_gone = watched.task.is_alive().is_ok_and(|is_alive| !is_alive);
    let (events, event_offset) = match watched.task.events(watched.event_offset) {
        Ok(page) => (page.events, page.next),
        Err(error) => {
            ecs.parts
                .console
                .warning(&format!("task {}: {error}", watched.id));
            (Vec::new(), watched.event_offset)
        }
    };
    let mut log_offsets = Vec::new();
    for (container, place, offset) in &watched.logs {
        let next = lines(ecs, watched, container, place, *offset);
        if next != *offset {
            log_offsets.push((container.clone(), next));
        }
    }
    let is_news = is_gone || !events.is_empty() || !log_offsets.is_empty();
    is_news.then(|| Found {
        id: watched.id.clone(),
        events,
        event_offset,
        log_offsets,
        is_gone,
    })
}

/// Hands a container's new lines to its log group, and gives the offset up to which it has them.
fn lines(ecs: &Ecs, watched: &Watched, container: &str, place: &LogPlace, mut offset: u64) -> u64 {
    for _ in 0..PAGES {
        let page = match watched.task.logs(container, offset) {
            Ok(page) => page,
            Err(error) => {
                ecs.parts.console.warning(&format!(
                    "log of the container {container} of the task {}: {error}",
                    watched.id
                ));
                return offset;
            }
        };
        if page.records.is_empty() {
            return offset;
        }
        let events: Vec<LogEvent> = page
            .records
            .iter()
            // CloudWatch takes no event without a text.
            .filter(|record| !record.text.is_empty())
            .map(|record| LogEvent {
                timestamp_ms: i64::try_from(record.at_ms).unwrap_or(i64::MAX),
                message: String::from_utf8_lossy(&record.text).into_owned(),
            })
            .collect();
        if !events.is_empty()
            && let Err(error) = ecs.parts.logs.append(&place.group, &place.stream, &events)
        {
            // The lines stay where they are; they go out once the group is there again.
            ecs.parts
                .console
                .detail(&format!("lines of {}: {error}", place.stream));
            return offset;
        }
        offset = page.next;
    }
    offset
}
