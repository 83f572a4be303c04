//! Tasks and their containers.

use serde_json::{Value, json};

use crate::ecs::Ecs;
use crate::ecs::model::{Container, HealthState, Task, TaskState};
use crate::protocol::timestamp;

impl Ecs {
    pub(in crate::ecs) fn task_view(&self, task: &Task) -> Value {
        let revision = task.task_definition.rsplit(':').next().unwrap_or_default();
        let containers: Vec<Value> = task
            .containers
            .iter()
            .map(|container| self.container_view(task, container))
            .collect();
        let mut view = json!({
            "taskArn": self.arns.task(&task.cluster, &task.id),
            "clusterArn": self.arns.cluster(&task.cluster),
            "taskDefinitionArn": task.task_definition,
            "group": task.group,
            "startedBy": task.started_by,
            "launchType": task.launch_type,
            "lastStatus": task.state.as_str(),
            "desiredStatus": if task.is_stopping() { "STOPPED" } else { "RUNNING" },
            "healthStatus": health(task).as_str(),
            "cpu": task.cpu.to_string(),
            "memory": task.memory.to_string(),
            "overrides": task.overrides,
            "containers": containers,
            "attachments": [],
            "attributes": [],
            "connectivity": "CONNECTED",
            "containerInstanceArn": self.arns.container_instance(&task.cluster, &self.capacity.container_instance),
            "enableExecuteCommand": false,
            "tags": task.tags,
            "version": i64::try_from(task.event_offset).unwrap_or(0) + 1,
            "createdAt": timestamp(task.times.created),
        });
        let Some(object) = view.as_object_mut() else {
            return view;
        };
        let times = &task.times;
        for (name, time) in [
            ("pullStartedAt", times.pull_started),
            ("pullStoppedAt", times.pull_stopped),
            ("startedAt", times.started),
            ("stoppingAt", times.stopping),
            ("executionStoppedAt", times.execution_stopped),
            ("stoppedAt", times.stopped),
        ] {
            if let Some(time) = time {
                object.insert(name.to_owned(), timestamp(time));
            }
        }
        if let Some(stopping) = &task.stopping {
            object.insert("stopCode".to_owned(), json!(stopping.code.as_str()));
            object.insert("stoppedReason".to_owned(), json!(stopping.reason));
        }
        if revision.is_empty() {
            object.remove("taskDefinitionArn");
        }
        view
    }

    fn container_view(&self, task: &Task, container: &Container) -> Value {
        let bindings: Vec<Value> = container
            .ports
            .iter()
            .map(|port| json!({ "bindIP": "127.0.0.1", "containerPort": port.container_port, "hostPort": port.host_port, "protocol": "tcp" }))
            .collect();
        let last_status = if container.running {
            "RUNNING"
        } else if container.exit_code.is_some() || task.state == TaskState::Stopped {
            "STOPPED"
        } else {
            "PENDING"
        };
        let mut view = json!({
            "containerArn": self.arns.container(&task.cluster, &task.id, &container.name),
            "taskArn": self.arns.task(&task.cluster, &task.id),
            "name": container.name,
            "image": container.image,
            "lastStatus": last_status,
            "networkBindings": bindings,
            "networkInterfaces": [],
            "healthStatus": container.health.state.unwrap_or(HealthState::Unknown).as_str(),
            "cpu": container.cpu.to_string(),
        });
        let Some(object) = view.as_object_mut() else {
            return view;
        };
        if let Some(digest) = &container.digest {
            object.insert("imageDigest".to_owned(), json!(digest));
            object.insert(
                "runtimeId".to_owned(),
                json!(format!("{}-{}", task.id, container.name)),
            );
        }
        for (name, mebibytes) in [
            ("memory", container.memory),
            ("memoryReservation", container.memory_reservation),
        ] {
            if let Some(mebibytes) = mebibytes {
                object.insert(name.to_owned(), json!(mebibytes.to_string()));
            }
        }
        if let Some(code) = container.exit_code {
            object.insert("exitCode".to_owned(), json!(code));
        }
        if let Some(reason) = &container.reason {
            object.insert("reason".to_owned(), json!(reason));
        }
        view
    }
}

pub(in crate::ecs) fn is_running(task: &Task) -> bool {
    task.state == TaskState::Running && !task.is_stopping()
}

pub(in crate::ecs) fn is_pending(task: &Task) -> bool {
    task.state < TaskState::Running && !task.is_stopping()
}

/// The worst of the essential containers that have a check; UNKNOWN without any.
fn health(task: &Task) -> HealthState {
    let checked: Vec<HealthState> = task
        .containers
        .iter()
        .filter(|container| container.essential)
        .filter_map(|container| container.health.state)
        .collect();
    if checked.contains(&HealthState::Unhealthy) {
        HealthState::Unhealthy
    } else if checked.is_empty() || checked.contains(&HealthState::Unknown) {
        HealthState::Unknown
    } else {
        HealthState::Healthy
    }
}
