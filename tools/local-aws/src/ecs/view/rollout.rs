//! Service deployments and service revisions.

use serde_json::{Value, json};

use super::configuration::{balancers, configuration};
use super::{is_pending, is_running};
use crate::ecs::Ecs;
use crate::ecs::driver::sides;
use crate::ecs::model::{Revision, Rollout, RolloutStatus, Service, ServiceSettings, Task};
use crate::ecs::scheduler::hooks::HookRun;
use crate::ecs::scheduler::stages::{ALL, Strategy};
use crate::ecs::world::World;
use crate::protocol::timestamp;

impl Ecs {
    pub(in crate::ecs) fn rollout_view(
        &self,
        world: &World,
        service: &Service,
        rollout: &Rollout,
    ) -> Value {
        let settings = service
            .revision(&rollout.revision)
            .map_or(&service.settings, |revision| &revision.settings);
        // What watches over a deployment may be changed while it runs.
        let watching = if rollout.is_over() {
            settings
        } else {
            &service.settings
        };
        let summary = |number: &str| self.summary(world, service, rollout, number);
        let mut view = json!({
            "serviceDeploymentArn": self.arns.service_deployment(&service.cluster, &service.name, &rollout.id),
            "serviceArn": self.arns.service(&service.cluster, &service.name),
            "clusterArn": self.arns.cluster(&service.cluster),
            "createdAt": timestamp(rollout.created_ms),
            "startedAt": timestamp(rollout.started_ms),
            "updatedAt": timestamp(rollout.updated_ms),
            "sourceServiceRevisions": rollout.sources.iter().map(|number| summary(number)).collect::<Vec<_>>(),
            "targetServiceRevision": summary(&rollout.revision),
            "status": rollout_status(rollout.status),
            "statusReason": rollout.reason,
            "deploymentConfiguration": configuration(settings),
            "deploymentCircuitBreaker": {
                "status": monitor(watching.breaker, rollout.tripped, rollout),
                "failureCount": rollout.failures,
                "threshold": watching.breaker_threshold.tasks(service.desired),
            },
            "alarms": alarms(watching, rollout),
        });
        let Some(object) = view.as_object_mut() else {
            return view;
        };
        if let Some(at) = rollout.finished_ms {
            object.insert("finishedAt".to_owned(), timestamp(at));
            if rollout.status == RolloutStatus::Stopped {
                object.insert("stoppedAt".to_owned(), timestamp(at));
            }
        }
        // A rolling deployment without pauses has no stages that anybody would notice.
        let has_stages = rollout.strategy != Strategy::Rolling || !rollout.hooks.is_empty();
        if let Some(stop) = rollout.current_stop().filter(|_| has_stages) {
            object.insert("lifecycleStage".to_owned(), json!(stop.stage.shown()));
        }
        if !rollout.hooks.is_empty() {
            let hooks = rollout.hooks.iter().map(hook).collect();
            object.insert("lifecycleHookDetails".to_owned(), hooks);
        }
        if let Some((number, at, reason)) = &rollout.rollback {
            let arn = self
                .arns
                .service_revision(&service.cluster, &service.name, number);
            let rollback =
                json!({ "reason": reason, "startedAt": timestamp(*at), "serviceRevisionArn": arn });
            object.insert("rollback".to_owned(), rollback);
        }
        view
    }

    /// A revision with its tasks and its shares of traffic.
    fn summary(&self, world: &World, service: &Service, rollout: &Rollout, number: &str) -> Value {
        let live = service
            .deployments
            .iter()
            .find(|deployment| deployment.revision == number);
        let count = |is_counted: fn(&Task) -> bool| {
            let tasks = world.tasks_of(&service.cluster, &service.name);
            tasks
                .filter(|task| live.is_some_and(|live| live.id == task.started_by))
                .filter(|task| is_counted(task))
                .count()
        };
        let requested = live.map_or(0, |live| sides::requested(service, &live.id));
        let mut summary = json!({
            "arn": self.arns.service_revision(&service.cluster, &service.name, number),
            "requestedTaskCount": requested,
            "runningTaskCount": count(is_running),
            "pendingTaskCount": count(is_pending),
        });
        if rollout.strategy != Strategy::Rolling {
            let of_green = [rollout.production, if rollout.test { ALL } else { 0 }];
            let is_green = number == rollout.revision;
            // The share that the new revision does not have is that of the one that it replaces.
            let is_blue = rollout
                .blue
                .as_deref()
                .is_some_and(|blue| live.is_some_and(|live| live.id == blue));
            let share = |of_green: u16| match (is_green, is_blue) {
                (true, _) => of_green,
                (false, true) => ALL - of_green,
                (false, false) => 0,
            };
            let [production, test] =
                of_green.map(|share_of_green| f64::from(share(share_of_green)) / 10.0);
            summary["requestedProductionTrafficWeight"] = json!(production);
            summary["requestedTestTrafficWeight"] = json!(test);
        }
        summary
    }

    pub(in crate::ecs) fn revision_view(&self, service: &Service, revision: &Revision) -> Value {
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
            "resolvedConfiguration": { "loadBalancers": resolved(revision) },
            "createdAt": timestamp(revision.created_ms),
        })
    }
}

pub(in crate::ecs) fn rollout_status(status: RolloutStatus) -> &'static str {
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

/// What a failure detection is doing (botocore's model, ServiceDeploymentRollbackMonitorsStatus).
fn monitor(is_on: bool, has_struck: bool, rollout: &Rollout) -> &'static str {
    match (is_on, has_struck, rollout.status) {
        (_, true, _) => "TRIGGERED",
        (false, _, _) => "DISABLED",
        (true, false, RolloutStatus::InProgress) => "MONITORING",
        (true, false, _) => "MONITORING_COMPLETE",
    }
}

fn alarms(settings: &ServiceSettings, rollout: &Rollout) -> Value {
    let is_on = !settings.watched_alarms().is_empty() && !rollout.alarms_ignored;
    json!({
        "status": monitor(is_on, !rollout.triggered.is_empty(), rollout),
        "alarmNames": settings.alarm_names(),
        "triggeredAlarmNames": rollout.triggered,
    })
}

fn hook(run: &HookRun) -> Value {
    json!({
        "hookId": run.id,
        "targetType": "PAUSE",
        "status": run.status.as_str(),
        "expiresAt": timestamp(run.expires_ms),
        "timeoutAction": run.on_timeout.as_str(),
    })
}

fn resolved(revision: &Revision) -> Value {
    let balancers = revision.settings.load_balancers.iter().enumerate();
    balancers
        .map(|(place, balancer)| {
            let mut members = json!({ "targetGroupArn": revision.group(place) });
            if let Some(advanced) = &balancer.advanced {
                members["productionListenerRule"] = json!(advanced.production_rule);
            }
            members
        })
        .collect()
}
