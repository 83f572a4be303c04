//! Starting tasks: pulling and unpacking their images, reading their secrets, handing them to the runtime.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{halt, spec};
use crate::ecr::LocalImage;
use crate::ecs::Ecs;
use crate::ecs::model::{LogPlace, StopCode, Task, TaskState};

/// Why a task cannot be started, in ECS's words, and the container that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) container: Option<String>,
    pub(crate) reason: String,
}

/// An image that is ready to run.
pub(crate) struct Unpacked {
    pub(crate) image: LocalImage,
    pub(crate) root: PathBuf,
}

/// Gives every task that was just made a thread of its own to start in.
pub(crate) fn provisioned(ecs: &Arc<Ecs>) {
    let waiting: Vec<String> = {
        let world = ecs.world();
        let is_waiting =
            |task: &&Task| task.state == TaskState::Provisioning && !task.is_stopping();
        world
            .tasks
            .values()
            .filter(is_waiting)
            .map(|task| task.id.clone())
            .collect()
    };
    for id in waiting {
        ecs.step(|world| {
            let now = ecs.now();
            if let Some(task) = world.tasks.get_mut(&id) {
                task.state = TaskState::Pending;
                task.times.pull_started = Some(now);
            }
            world.touch_task(&id);
        });
        let server = Arc::clone(ecs);
        let task = id.clone();
        let thread = std::thread::Builder::new()
            .name(format!("start-{}", &id[..8]))
            .spawn(move || launch(&server, &task));
        if let Err(error) = thread {
            refuse(
                ecs,
                &id,
                &Refusal {
                    container: None,
                    reason: format!("CannotStartContainerError: {error}"),
                },
            );
        }
    }
}

fn launch(ecs: &Ecs, id: &str) {
    match begin(ecs, id) {
        Ok(started) => {
            for warning in &started.warnings {
                ecs.parts.console.warning(&format!("task {id}: {warning}"));
            }
            ecs.hands().tasks.insert(id.to_owned(), started.task);
            ecs.bell.ring();
        }
        Err(refusal) => refuse(ecs, id, &refusal),
    }
}

fn refuse(ecs: &Ecs, id: &str, refusal: &Refusal) {
    ecs.step(|world| {
        if let Some(task) = world.tasks.get_mut(id) {
            let named = task.containers.iter_mut().filter(|container| {
                refusal
                    .container
                    .as_ref()
                    .is_none_or(|name| *name == container.name)
            });
            for container in named {
                container.reason = Some(refusal.reason.clone());
            }
        }
        halt::task(ecs, world, id, StopCode::TaskFailedToStart, &refusal.reason);
        // Without a process there is nothing to wait for.
        if let Some(task) = world.tasks.get_mut(id) {
            task.state = TaskState::Provisioning;
        }
        world.touch_task(id);
    });
    ecs.bell.ring();
}

fn begin(ecs: &Ecs, id: &str) -> Result<task_runtime::Started, Refusal> {
    let (task, body) = {
        let world = ecs.world();
        let Some(task) = world.tasks.get(id).cloned() else {
            return Err(general("the task was forgotten before it started"));
        };
        let body = world
            .find_definition(&task.task_definition)
            .map(|definition| definition.body.clone())
            .unwrap_or_default();
        (task, body)
    };
    let definitions = body["containerDefinitions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut containers = Vec::new();
    for definition in &definitions {
        let name = definition["name"].as_str().unwrap_or_default();
        let by = |reason: String| Refusal {
            container: Some(name.to_owned()),
            reason,
        };
        let unpacked = pull(ecs, &task, definition).map_err(by)?;
        note_pull(ecs, id, name, &unpacked.image.digest);
        prepare_log(ecs, &task, definition, name).map_err(by)?;
        containers.push(spec::container(ecs, &task, definition, &unpacked).map_err(by)?);
    }
    let order = task_runtime::TaskSpec {
        id: id.to_owned(),
        directory: ecs.task_directory(id),
        containers,
        host_services: Vec::new(),
        lease: Some(task_runtime::Lease::on(ecs.lease_file())),
    };
    ecs.parts
        .runtime
        .start(&order)
        .map_err(|error| general(&error.to_string()))
}

fn general(message: &str) -> Refusal {
    Refusal {
        container: None,
        reason: format!("CannotStartContainerError: {message}"),
    }
}

/// The image's file system, unpacked once and shared by all tasks that run it.
fn pull(ecs: &Ecs, task: &Task, definition: &Value) -> Result<Unpacked, String> {
    let named = definition["image"].as_str().unwrap_or_default();
    let reference = match task.digests.get(named) {
        Some(digest) => pinned(named, digest),
        None => named.to_owned(),
    };
    let image = ecs
        .parts
        .ecr
        .resolve(&reference)
        .map_err(|error| error.to_string())?;
    let root =
        spec::unpack(ecs, &image).map_err(|error| format!("CannotPullContainerError: {error}"))?;
    Ok(Unpacked { image, root })
}

/// The reference by digest instead of by tag.
fn pinned(image: &str, digest: &str) -> String {
    if image.contains('@') {
        return image.to_owned();
    }
    let name_begins = image.rfind('/').map_or(0, |slash| slash + 1);
    let repository = match image[name_begins..].find(':') {
        Some(colon) => &image[..name_begins + colon],
        None => image,
    };
    format!("{repository}@{digest}")
}

fn note_pull(ecs: &Ecs, id: &str, container: &str, digest: &str) {
    ecs.step(|world| {
        let now = ecs.now();
        if let Some(task) = world.tasks.get_mut(id) {
            task.times.pull_stopped = Some(now);
            if let Some(container) = task
                .containers
                .iter_mut()
                .find(|candidate| candidate.name == container)
            {
                container.digest = Some(digest.to_owned());
            }
        }
        world.touch_task(id);
    });
}

/// The stream must be there before the container writes; without its group the container does not start.
fn prepare_log(ecs: &Ecs, task: &Task, definition: &Value, name: &str) -> Result<(), String> {
    let place = task
        .containers
        .iter()
        .find(|container| container.name == name)
        .and_then(|container| container.log.as_ref());
    let Some(LogPlace { group, stream }) = place else {
        return Ok(());
    };
    let logs = &ecs.parts.logs;
    if definition["logConfiguration"]["options"]["awslogs-create-group"] == "true" {
        accept(logs.call("CreateLogGroup", &json!({ "logGroupName": group })))?;
    }
    accept(logs.call(
        "CreateLogStream",
        &json!({ "logGroupName": group, "logStreamName": stream }),
    ))
}

fn accept(answer: crate::protocol::Answer) -> Result<(), String> {
    match answer {
        Err(error) if error.code != "ResourceAlreadyExistsException" => Err(format!(
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: {}: {}",
            error.code, error.message
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_a_tag_to_its_digest() {
        let digest = "sha256:0123";
        for (image, expected) in [
            (
                "127.0.0.1:4510/ludlow:1",
                "127.0.0.1:4510/ludlow@sha256:0123",
            ),
            ("127.0.0.1:4510/ludlow", "127.0.0.1:4510/ludlow@sha256:0123"),
            ("ludlow:1", "ludlow@sha256:0123"),
            (
                "127.0.0.1:4510/ludlow@sha256:4567",
                "127.0.0.1:4510/ludlow@sha256:4567",
            ),
        ] {
            assert_eq!(pinned(image, digest), expected);
        }
    }
}
