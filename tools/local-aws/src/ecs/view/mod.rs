//! Objects as the API shows them.

mod configuration;
mod rollout;
mod service;
mod task;

use serde_json::{Value, json};

use super::Ecs;
use super::model::{Cluster, DefinitionStatus, ServiceStatus, TaskDefinition};
use super::world::World;
use crate::protocol::timestamp;

pub(in crate::ecs) use rollout::rollout_status;
pub(in crate::ecs) use task::{is_pending, is_running};

impl Ecs {
    pub(in crate::ecs) fn cluster_view(&self, world: &World, cluster: &Cluster) -> Value {
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

    pub(in crate::ecs) fn definition_view(&self, definition: &TaskDefinition) -> Value {
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
}
