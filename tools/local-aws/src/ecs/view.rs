//! Objects as the API shows them.

use serde_json::{Map, Value, json};

use super::Ecs;
use super::model::{
    Cluster, Container, DefinitionStatus, Deployment, HealthState, Revision, Rollout, RolloutState,
    RolloutStatus, Service, ServiceSettings, ServiceStatus, Task, TaskDefinition, TaskState,
};
use super::scheduler::breaker;
use super::world::World;
use crate::protocol::timestamp;

impl Ecs {
    pub(super) fn cluster_view(&self, world: &World, cluster: &Cluster) -> Value {
        let tasks = || {
            world
                .tasks
                .values()
                .filter(|task| task.cluster == cluster.name)
        };
        let services = world
            .services
            .values()
            .filter(|service| service.cluster == cluster.name);
        json!({
            "clusterArn": self.arns.cluster(&cluster.name),
            "clusterName": cluster.name,
            "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
            "registeredContainerInstancesCount": u32::from(cluster.active),
            "runningTasksCount": tasks().filter(|task| is_running(task)).count(),
            "pendingTasksCount": tasks().filter(|task| is_pending(task)).count(),
            "activeServicesCount": services.filter(|service| service.status == ServiceStatus::Active).count(),
            "statistics": [],
            "tags": cluster.tags,
            "settings": cluster.settings,
            "capacityProviders": [],
            "defaultCapacityProviderStrategy": [],
        })
    }

    pub(super) fn definition_view(&self, definition: &TaskDefinition) -> Value {
        let mut view = definition.body.as_object().cloned().unwrap_or_default();
        let status = match definition.status {
            DefinitionStatus::Active => "ACTIVE",
            DefinitionStatus::Inactive => "INACTIVE",
            DefinitionStatus::DeleteInProgress => "DELETE_IN_PROGRESS",
        };
        view.insert(
            "taskDefinitionArn".to_owned(),
            json!(
                self.arns
                    .definition(&definition.family, definition.revision)
            ),
        );
        view.insert("revision".to_owned(), json!(definition.revision));
        view.insert("status".to_owned(), json!(status));
        view.insert(
            "registeredAt".to_owned(),
            timestamp(definition.registered_ms),
        );
        view.insert(
            "registeredBy".to_owned(),
            json!(format!("arn:aws:iam::{}:root", self.parts.account.id)),
        );
        if let Some(at) = definition.deregistered_ms {
            view.insert("deregisteredAt".to_owned(), timestamp(at));
        }
        Value::Object(view)
    }

    pub(super) fn service_view(&self, world: &World, service: &Service) -> Value {
        let tasks: Vec<&Task> = world.tasks_of(&service.cluster, &service.name).collect();
        let settings = &service.settings;
        let deployments: Vec<Value> = service
            .deployments
            .iter()
            .enumerate()
            .map(|(place, deployment)| {
                self.deployment_view(service, deployment, place == 0, &tasks)
            })
            .collect();
        let events: Vec<Value> = service
            .events
            .iter()
            .map(|event| json!({ "id": event.id, "createdAt": timestamp(event.at_ms), "message": event.message }))
            .collect();
        let mut view = json!({
            "serviceArn": self.arns.service(&service.cluster, &service.name),
            "serviceName": service.name,
            "clusterArn": self.arns.cluster(&service.cluster),
            "status": status(service.status),
            "desiredCount": service.desired,
            "runningCount": tasks.iter().filter(|task| is_running(task)).count(),
            "pendingCount": tasks.iter().filter(|task| is_pending(task)).count(),
            "launchType": settings.launch_type,
            "taskDefinition": settings.task_definition,
            "loadBalancers": balancers(settings),
            "serviceRegistries": [],
            "deploymentConfiguration": configuration(settings),
            "deployments": deployments,
            "currentServiceRevisions": self.current_revisions(service, &tasks),
            "events": events,
            "createdAt": timestamp(service.created_ms),
            "createdBy": format!("arn:aws:iam::{}:root", self.parts.account.id),
            "placementConstraints": [],
            "placementStrategy": [],
            "schedulingStrategy": "REPLICA",
            "deploymentController": { "type": "ECS" },
            "healthCheckGracePeriodSeconds": settings.grace_seconds,
            "enableECSManagedTags": false,
            "propagateTags": "NONE",
            "enableExecuteCommand": false,
            "availabilityZoneRebalancing": "DISABLED",
        });
        if let Some(object) = view.as_object_mut() {
            self.add_optional(object, service);
        }
        view
    }

    /// Members of a service that are only there when they say something.
    fn add_optional(&self, object: &mut Map<String, Value>, service: &Service) {
        let settings = &service.settings;
        extend(object, &settings.others);
        if !settings.network.is_null() {
            object.insert("networkConfiguration".to_owned(), settings.network.clone());
        }
        if let Some(rollout) = service
            .history
            .last()
            .filter(|rollout| rollout.finished_ms.is_none())
        {
            let arn = self
                .arns
                .service_deployment(&service.cluster, &service.name, &rollout.id);
            object.insert("currentServiceDeployment".to_owned(), json!(arn));
        }
    }

    fn current_revisions(&self, service: &Service, tasks: &[&Task]) -> Vec<Value> {
        let revision = |(place, deployment): (usize, &Deployment)| {
            let of = || tasks.iter().filter(|task| task.started_by == deployment.id);
            let number = &deployment.revision;
            json!({
                "arn": self.arns.service_revision(&service.cluster, &service.name, number),
                "requestedTaskCount": if place == 0 { service.desired } else { 0 },
                "runningTaskCount": of().filter(|task| is_running(task)).count(),
                "pendingTaskCount": of().filter(|task| is_pending(task)).count(),
            })
        };
        service
            .deployments
            .iter()
            .enumerate()
            .map(revision)
            .collect()
    }

    fn deployment_view(
        &self,
        service: &Service,
        deployment: &Deployment,
        is_primary: bool,
        tasks: &[&Task],
    ) -> Value {
        let of = || tasks.iter().filter(|task| task.started_by == deployment.id);
        let settings = service
            .revision(&deployment.revision)
            .map_or(&service.settings, |revision| &revision.settings);
        let mut view = json!({
            "id": deployment.id,
            "status": if is_primary { "PRIMARY" } else { "ACTIVE" },
            "taskDefinition": deployment.task_definition,
            "desiredCount": if is_primary { service.desired } else { 0 },
            "pendingCount": of().filter(|task| is_pending(task)).count(),
            "runningCount": of().filter(|task| is_running(task)).count(),
            "failedTasks": deployment.failed_tasks,
            "createdAt": timestamp(deployment.created_ms),
            "updatedAt": timestamp(deployment.updated_ms),
            "launchType": settings.launch_type,
            "rolloutState": match deployment.rollout {
                RolloutState::InProgress => "IN_PROGRESS",
                RolloutState::Completed => "COMPLETED",
                RolloutState::Failed => "FAILED",
            },
            "rolloutStateReason": deployment.reason,
        });
        if let (Some(object), false) = (view.as_object_mut(), settings.network.is_null()) {
            object.insert("networkConfiguration".to_owned(), settings.network.clone());
        }
        view
    }

    pub(super) fn task_view(&self, task: &Task) -> Value {
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
            "cpu": "0",
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
        if let Some(code) = container.exit_code {
            object.insert("exitCode".to_owned(), json!(code));
        }
        if let Some(reason) = &container.reason {
            object.insert("reason".to_owned(), json!(reason));
        }
        view
    }

    pub(super) fn rollout_view(&self, service: &Service, rollout: &Rollout) -> Value {
        let revision_arn = |number: &str| {
            self.arns
                .service_revision(&service.cluster, &service.name, number)
        };
        let revision = |number: &str| json!({ "arn": revision_arn(number), "requestedTaskCount": 0, "runningTaskCount": 0, "pendingTaskCount": 0 });
        let settings = service
            .revision(&rollout.revision)
            .map_or(&service.settings, |revision| &revision.settings);
        let mut view = json!({
            "serviceDeploymentArn": self.arns.service_deployment(&service.cluster, &service.name, &rollout.id),
            "serviceArn": self.arns.service(&service.cluster, &service.name),
            "clusterArn": self.arns.cluster(&service.cluster),
            "createdAt": timestamp(rollout.created_ms),
            "startedAt": timestamp(rollout.started_ms),
            "updatedAt": timestamp(rollout.updated_ms),
            "sourceServiceRevisions": rollout.sources.iter().map(|number| revision(number)).collect::<Vec<_>>(),
            "targetServiceRevision": revision(&rollout.revision),
            "status": rollout_status(rollout.status),
            "statusReason": rollout.reason,
            "deploymentConfiguration": configuration(settings),
            "deploymentCircuitBreaker": {
                "status": breaker_status(settings, rollout),
                "failureCount": rollout.failures,
                "threshold": breaker::threshold(service.desired),
            },
        });
        let Some(object) = view.as_object_mut() else {
            return view;
        };
        if let Some(at) = rollout.finished_ms {
            object.insert("finishedAt".to_owned(), timestamp(at));
        }
        if let Some((number, at, reason)) = &rollout.rollback {
            let rollback = json!({ "reason": reason, "startedAt": timestamp(*at), "serviceRevisionArn": revision_arn(number) });
            object.insert("rollback".to_owned(), rollback);
        }
        view
    }

    pub(super) fn revision_view(&self, service: &Service, revision: &Revision) -> Value {
        let settings = &revision.settings;
        let images: Vec<Value> = revision
            .digests
            .iter()
            .map(|(image, digest)| json!({ "image": image, "imageDigest": digest }))
            .collect();
        json!({
            "serviceRevisionArn": self.arns.service_revision(&service.cluster, &service.name, &revision.number),
            "serviceArn": self.arns.service(&service.cluster, &service.name),
            "clusterArn": self.arns.cluster(&service.cluster),
            "taskDefinition": settings.task_definition,
            "launchType": settings.launch_type,
            "loadBalancers": balancers(settings),
            "containerImages": images,
            "createdAt": timestamp(revision.created_ms),
        })
    }
}

pub(super) fn is_running(task: &Task) -> bool {
    task.state == TaskState::Running && !task.is_stopping()
}

pub(super) fn is_pending(task: &Task) -> bool {
    task.state < TaskState::Running && !task.is_stopping()
}

/// The worst of the essential containers that have a check; UNKNOWN without any.
pub(super) fn health(task: &Task) -> HealthState {
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

pub(super) fn status(status: ServiceStatus) -> &'static str {
    match status {
        ServiceStatus::Active => "ACTIVE",
        ServiceStatus::Draining => "DRAINING",
        ServiceStatus::Inactive => "INACTIVE",
    }
}

pub(super) fn rollout_status(status: RolloutStatus) -> &'static str {
    match status {
        RolloutStatus::InProgress => "IN_PROGRESS",
        RolloutStatus::Successful => "SUCCESSFUL",
        RolloutStatus::Stopped => "STOPPED",
        RolloutStatus::RollbackRequested => "ROLLBACK_REQUESTED",
        RolloutStatus::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
        RolloutStatus::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
        RolloutStatus::RollbackFailed => "ROLLBACK_FAILED",
    }
}

fn breaker_status(settings: &ServiceSettings, rollout: &Rollout) -> &'static str {
    match (
        settings.breaker,
        rollout.rollback.is_some(),
        rollout.finished_ms,
    ) {
        (false, _, _) => "DISABLED",
        (true, true, _) => "TRIGGERED",
        (true, false, None) => "MONITORING",
        (true, false, Some(_)) => "MONITORING_COMPLETE",
    }
}

fn configuration(settings: &ServiceSettings) -> Value {
    let mut configuration = json!({
        "deploymentCircuitBreaker": { "enable": settings.breaker, "rollback": settings.breaker_rollback },
        "maximumPercent": settings.maximum_percent,
        "minimumHealthyPercent": settings.minimum_healthy_percent,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
    });
    if let (Some(object), false) = (configuration.as_object_mut(), settings.alarms.is_null()) {
        object.insert("alarms".to_owned(), settings.alarms.clone());
    }
    configuration
}

fn balancers(settings: &ServiceSettings) -> Value {
    settings
        .load_balancers
        .iter()
        .map(|balancer| json!({ "targetGroupArn": balancer.target_group_arn, "containerName": balancer.container, "containerPort": balancer.port }))
        .collect()
}

fn extend(object: &mut Map<String, Value>, others: &std::collections::BTreeMap<String, Value>) {
    for (name, value) in others {
        object.insert(name.clone(), value.clone());
    }
}
