//! The metrics of services and clusters as a whole: how many tasks there are and should be, and how much of the
//! machine they have reserved.

use crate::ecs::Ecs;
use crate::ecs::model::{ServiceStatus, TaskState};
use crate::ecs::view::{is_pending, is_running};

const INSIGHTS: &str = "ECS/ContainerInsights";
const ECS: &str = "AWS/ECS";

struct Sample {
    namespace: &'static str,
    metric: &'static str,
    cluster: String,
    service: Option<String>,
    value: f64,
}

/// Records them, once a minute of AWS's. Counts are those of Container Insights, hence of clusters that have it.
pub(crate) fn record(ecs: &Ecs) {
    for sample in counts(ecs).into_iter().chain(reservations(ecs)) {
        let mut dimensions = vec![("ClusterName", sample.cluster.as_str())];
        if let Some(service) = &sample.service {
            dimensions.push(("ServiceName", service.as_str()));
        }
        ecs.parts
            .cloudwatch
            .record(sample.namespace, sample.metric, &dimensions, sample.value);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the tasks of one machine are few"
)]
fn counts(ecs: &Ecs) -> Vec<Sample> {
    let world = ecs.world();
    let mut samples = Vec::new();
    for service in world.services.values() {
        let has_insights = world
            .clusters
            .get(&service.cluster)
            .is_some_and(|cluster| cluster.active && has_insights(&cluster.settings));
        if !has_insights || service.status == ServiceStatus::Inactive {
            continue;
        }
        let tasks = || world.tasks_of(&service.cluster, &service.name);
        let running = tasks().filter(|task| is_running(task)).count();
        let pending = tasks().filter(|task| is_pending(task)).count();
        for (metric, value) in [
            ("DesiredTaskCount", f64::from(service.desired)),
            ("RunningTaskCount", running as f64),
            ("PendingTaskCount", pending as f64),
            ("DeploymentCount", service.deployments.len() as f64),
        ] {
            samples.push(Sample {
                namespace: INSIGHTS,
                metric,
                cluster: service.cluster.clone(),
                service: Some(service.name.clone()),
                value,
            });
        }
    }
    samples
}

fn has_insights(settings: &serde_json::Value) -> bool {
    settings.as_array().into_iter().flatten().any(|setting| {
        setting["name"] == "containerInsights"
            && (setting["value"] == "enabled" || setting["value"] == "enhanced")
    })
}

/// Of the whole machine, which every cluster has as its one container instance.
fn reservations(ecs: &Ecs) -> Vec<Sample> {
    let world = ecs.world();
    let mut samples = Vec::new();
    for cluster in world.clusters.values().filter(|cluster| cluster.active) {
        let live = || {
            world.tasks.values().filter(|task| {
                task.cluster == cluster.name
                    && task.is_live()
                    && task.state != TaskState::Provisioning
            })
        };
        let cpu: f64 = live().map(|task| f64::from(task.cpu)).sum();
        let memory: f64 = live().map(|task| f64::from(task.memory)).sum();
        for (metric, reserved, all) in [
            ("CPUReservation", cpu, ecs.capacity.cpu),
            ("MemoryReservation", memory, ecs.capacity.memory),
        ] {
            samples.push(Sample {
                namespace: ECS,
                metric,
                cluster: cluster.name.clone(),
                service: None,
                value: 100.0 * reserved / f64::from(all.max(1)),
            });
        }
    }
    samples
}
