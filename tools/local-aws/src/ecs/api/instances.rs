//! The one container instance of a cluster.

use serde_json::{Value, json};

use super::cluster;
use crate::ecs::Ecs;
use crate::ecs::arn::last;
use crate::ecs::view::{is_pending, is_running};
use crate::protocol::{Answer, Input};

pub(super) fn list(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    ecs.world().cluster(cluster)?;
    Ok(
        json!({ "containerInstanceArns": [ecs.arns.container_instance(cluster, &ecs.capacity.container_instance)] }),
    )
}

pub(super) fn describe(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    let world = ecs.world();
    world.cluster(cluster)?;
    let capacity = &ecs.capacity;
    let (cpu, memory) = world.reserved();
    let resources = |cpu: u32, memory: u32| -> Value {
        json!([
            { "name": "CPU", "type": "INTEGER", "integerValue": cpu },
            { "name": "MEMORY", "type": "INTEGER", "integerValue": memory },
        ])
    };
    let mut instances = Vec::new();
    let mut failures = Vec::new();
    for id in input.texts("containerInstances")?.into_iter().map(last) {
        if id != capacity.container_instance {
            failures.push(
                json!({ "arn": ecs.arns.container_instance(cluster, id), "reason": "MISSING" }),
            );
            continue;
        }
        let tasks = || world.tasks.values().filter(|task| task.cluster == cluster);
        instances.push(json!({
            "containerInstanceArn": ecs.arns.container_instance(cluster, id),
            "ec2InstanceId": capacity.instance_id,
            "status": "ACTIVE",
            "agentConnected": true,
            "runningTasksCount": tasks().filter(|task| is_running(task)).count(),
            "pendingTasksCount": tasks().filter(|task| is_pending(task)).count(),
            "registeredResources": resources(capacity.cpu, capacity.memory),
            "remainingResources": resources(capacity.cpu.saturating_sub(cpu), capacity.memory.saturating_sub(memory)),
            "attributes": [],
            "attachments": [],
            "tags": [],
        }));
    }
    Ok(json!({ "containerInstances": instances, "failures": failures }))
}
