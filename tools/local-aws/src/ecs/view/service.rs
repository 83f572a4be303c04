//! Services and the deployments that they list.

use serde_json::{Map, Value, json};

use super::configuration::{balancers, configuration};
use super::{is_pending, is_running};
use crate::ecs::Ecs;
use crate::ecs::driver::sides;
use crate::ecs::model::{Deployment, RolloutState, Service, ServiceStatus, Task};
use crate::ecs::world::World;
use crate::protocol::timestamp;

impl Ecs {
    pub(in crate::ecs) fn service_view(&self, world: &World, service: &Service) -> Value {
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
            "schedulingStrategy": if settings.daemon { "DAEMON" } else { "REPLICA" },
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
        if let Some(rollout) = service.running() {
            let arn = self
                .arns
                .service_deployment(&service.cluster, &service.name, &rollout.id);
            object.insert("currentServiceDeployment".to_owned(), json!(arn));
        }
    }

    fn current_revisions(&self, service: &Service, tasks: &[&Task]) -> Vec<Value> {
        let revision = |deployment: &Deployment| {
            let of = || tasks.iter().filter(|task| task.started_by == deployment.id);
            let number = &deployment.revision;
            json!({
                "arn": self.arns.service_revision(&service.cluster, &service.name, number),
                "requestedTaskCount": sides::requested(service, &deployment.id),
                "runningTaskCount": of().filter(|task| is_running(task)).count(),
                "pendingTaskCount": of().filter(|task| is_pending(task)).count(),
            })
        };
        service.deployments.iter().map(revision).collect()
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
            "desiredCount": sides::requested(service, &deployment.id),
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
}

fn status(status: ServiceStatus) -> &'static str {
    match status {
        ServiceStatus::Active => "ACTIVE",
        ServiceStatus::Draining => "DRAINING",
        ServiceStatus::Inactive => "INACTIVE",
    }
}

fn extend(object: &mut Map<String, Value>, others: &std::collections::BTreeMap<String, Value>) {
    for (name, value) in others {
        object.insert(name.clone(), value.clone());
    }
}
