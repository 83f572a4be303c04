//! Tags of clusters, services, task definitions and tasks.

use serde_json::{Value, json};

use crate::ecs::Ecs;
use crate::ecs::world::World;
use crate::protocol::{Answer, AwsError, Input};

pub(super) fn tag(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let new = input.list("tags")?.to_vec();
    change(ecs, input, |tags| {
        for tag in new {
            tags.retain(|old| old["key"] != tag["key"]);
            tags.push(tag);
        }
    })
}

pub(super) fn untag(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let keys: Vec<String> = input
        .texts("tagKeys")?
        .into_iter()
        .map(str::to_owned)
        .collect();
    change(ecs, input, |tags| {
        tags.retain(|tag| !keys.iter().any(|key| tag["key"] == key.as_str()))
    })
}

pub(super) fn list(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let arn = input.required_text("resourceArn")?;
    let mut world = ecs.world();
    let tags = place(&mut world, arn).ok_or_else(|| unknown(input, arn))?;
    Ok(json!({ "tags": tags }))
}

fn change(ecs: &Ecs, input: &Input<'_>, change: impl FnOnce(&mut Vec<Value>)) -> Answer {
    let arn = input.required_text("resourceArn")?;
    ecs.change(|world| {
        let tags = place(world, arn).ok_or_else(|| unknown(input, arn))?;
        let mut list = tags.as_array().cloned().unwrap_or_default();
        change(&mut list);
        *tags = Value::Array(list);
        touch(world, arn);
        Ok(json!({}))
    })
}

fn unknown(input: &Input<'_>, arn: &str) -> AwsError {
    input.refuse(format!("The specified resource {arn} was not found."))
}

fn place<'w>(world: &'w mut World, arn: &str) -> Option<&'w mut Value> {
    let (_, resource) = arn.split_once(":ecs:")?;
    let (kind, name) = resource.splitn(3, ':').nth(2)?.split_once('/')?;
    match kind {
        "cluster" => Some(&mut world.clusters.get_mut(name)?.tags),
        "service" => Some(&mut world.services.get_mut(name)?.tags),
        "task-definition" => {
            let (family, revision) = name.split_once(':')?;
            Some(&mut world.definition_mut(family, revision.parse().ok()?)?.tags)
        }
        "task" => Some(&mut world.tasks.get_mut(name.rsplit('/').next()?)?.tags),
        _ => None,
    }
}

fn touch(world: &mut World, arn: &str) {
    let Some((kind, name)) = arn.rsplit(':').find_map(|part| part.split_once('/')) else {
        return;
    };
    match kind {
        "cluster" => world.touch_cluster(name),
        "service" => world.touch_service(name),
        "task-definition" => {
            let revision = arn
                .rsplit(':')
                .next()
                .and_then(|revision| revision.parse().ok());
            if let Some(revision) = revision {
                world.touch_definition(name, revision);
            }
        }
        "task" => world.touch_task(name.rsplit('/').next().unwrap_or(name)),
        _ => {}
    }
}
