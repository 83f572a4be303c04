//! Tasks.

use serde_json::{Value, json};

use super::{cluster, includes_tags, page, paged, tags};
use crate::ecs::Ecs;
use crate::ecs::arn::last;
use crate::ecs::driver::{create, halt};
use crate::ecs::model::{DefinitionStatus, StopCode, Task};
use crate::protocol::{Answer, AwsError, Input};

/// RunTask starts at most this many.
const MOST_AT_ONCE: i64 = 10;

pub(super) fn run(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    let count = input.integer("count")?.unwrap_or(1);
    if !(1..=MOST_AT_ONCE).contains(&count) {
        return Err(input.refuse("count must be between 1 and 10"));
    }
    let launch_type = input.text("launchType")?.unwrap_or("EC2");
    let overrides = input.get("overrides").cloned().unwrap_or_else(|| json!({}));
    let tags = tags(input)?;
    ecs.change(|world| {
        world.cluster(cluster)?;
        let definition = world
            .find_definition(input.required_text("taskDefinition")?)
            .ok_or_else(|| AwsError::new("ClientException", "TaskDefinition not found."))?;
        if definition.status != DefinitionStatus::Active {
            return Err(AwsError::new("ClientException", "TaskDefinition is inactive"));
        }
        let definition = definition.clone();
        let request = create::Request {
            cluster: cluster.to_owned(),
            group: input.text("group")?.map_or_else(|| format!("family:{}", definition.family), str::to_owned),
            started_by: input.text("startedBy")?.unwrap_or_default().to_owned(),
            launch_type: launch_type.to_owned(),
            overrides,
            digests: Default::default(),
            tags,
        };
        let mut started = Vec::new();
        let mut failures = Vec::new();
        for _ in 0..count {
            match create::task(ecs, world, &definition, &request) {
                Ok(id) => started.extend(world.tasks.get(&id).map(|task| ecs.task_view(task))),
                Err(shortage) => {
                    let arn = ecs.arns.container_instance(cluster, &ecs.capacity.container_instance);
                    failures.push(json!({ "arn": arn, "reason": format!("RESOURCE:{}", shortage.resource()) }));
                }
            }
        }
        Ok(json!({ "tasks": started, "failures": failures }))
    })
}

pub(super) fn stop(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    let id = last(input.required_text("task")?);
    let reason = input.text("reason")?.unwrap_or("Task stopped by user");
    ecs.change(|world| {
        world.cluster(cluster)?;
        let is_known = world
            .tasks
            .get(id)
            .is_some_and(|task| task.cluster == cluster);
        if !is_known {
            return Err(input.refuse("The referenced task was not found."));
        }
        halt::task(ecs, world, id, StopCode::UserInitiated, reason);
        Ok(json!({ "task": world.tasks.get(id).map(|task| ecs.task_view(task)) }))
    })
}

pub(super) fn list(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    let (family, service, started_by) = (
        input.text("family")?,
        input.text("serviceName")?,
        input.text("startedBy")?,
    );
    if started_by.is_some() && (family.is_some() || service.is_some()) {
        return Err(input.refuse("startedBy must be the only filter."));
    }
    let wanted = input.text("desiredStatus")?.unwrap_or("RUNNING");
    let launch_type = input.text("launchType")?;
    let world = ecs.world();
    world.cluster(cluster)?;
    let of_family =
        |task: &Task, family: &str| last(&task.task_definition).split(':').next() == Some(family);
    let mut tasks: Vec<&Task> = world
        .tasks
        .values()
        .filter(|task| task.cluster == cluster)
        .filter(|task| match wanted {
            "RUNNING" => !task.is_stopping(),
            "STOPPED" => task.is_stopping(),
            _ => false,
        })
        .filter(|task| family.is_none_or(|family| of_family(task, family)))
        .filter(|task| service.is_none_or(|service| task.service() == Some(last(service))))
        .filter(|task| started_by.is_none_or(|started_by| task.started_by == started_by))
        .filter(|task| launch_type.is_none_or(|launch_type| task.launch_type == launch_type))
        .collect();
    tasks.sort_by(|one, other| (one.times.created, &one.id).cmp(&(other.times.created, &other.id)));
    let arns = tasks
        .into_iter()
        .map(|task| ecs.arns.task(cluster, &task.id))
        .collect();
    Ok(paged("taskArns", page(input, arns, 100, 100)?))
}

pub(super) fn describe(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    let names = input.texts("tasks")?;
    if names.is_empty() || names.len() > 100 {
        return Err(input.refuse("Tasks must have between 1 and 100 elements."));
    }
    let with_tags = includes_tags(input)?;
    let world = ecs.world();
    world.cluster(cluster)?;
    let mut tasks: Vec<Value> = Vec::new();
    let mut failures = Vec::new();
    for id in names.into_iter().map(last) {
        match world.tasks.get(id).filter(|task| task.cluster == cluster) {
            Some(task) => {
                let mut view = ecs.task_view(task);
                if !with_tags && let Some(view) = view.as_object_mut() {
                    view.remove("tags");
                }
                tasks.push(view);
            }
            None => {
                failures.push(json!({ "arn": ecs.arns.task(cluster, id), "reason": "MISSING" }))
            }
        }
    }
    Ok(json!({ "tasks": tasks, "failures": failures }))
}
