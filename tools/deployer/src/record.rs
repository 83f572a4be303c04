//! ECS's own record of a deployment: the service deployments API.
//!
//! It outlives the deployment by 90 days, tells what became of it in one word, and is the only place that
//! shows the stages, the traffic and the hooks of a deployment that shifts traffic.

use aws_sdk_ecs::types::{
    DeploymentLifecycleHookStatus, ServiceDeployment, ServiceDeploymentRollbackMonitorsStatus,
    ServiceDeploymentStatus, ServiceRevisionSummary,
};

use crate::service::rfc3339;

/// One answer of DescribeServiceDeployments, reduced to what a release looks at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Record {
    /// ARN.
    pub(crate) arn: String,
    pub(crate) state: Course,
    /// `IN_PROGRESS`, `SUCCESSFUL`, …
    pub(crate) status: String,
    pub(crate) reason: String,
    /// ARN of the service revision that it goes to.
    pub(crate) revision: Option<String>,
    /// `SCALE_UP`, `BAKE_TIME`, …; none before the first.
    pub(crate) stage: Option<String>,
    /// Percent of the production traffic that the target revision is to have.
    pub(crate) production: Option<f64>,
    /// Percent of the test traffic that the target revision is to have.
    pub(crate) test: Option<f64>,
    /// Tasks of the target revision: running, requested.
    pub(crate) tasks: (i32, i32),
    /// Hooks that wait for somebody's word.
    pub(crate) waiting: Vec<Pause>,
    /// Service revision that it goes back to, if it does.
    pub(crate) back_to: Option<String>,
    /// Alarms that made it fail.
    pub(crate) alarms: Vec<String>,
}

/// A hook that holds a deployment until somebody says how it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) id: String,
    /// RFC 3339, UTC; empty where unknown.
    pub(crate) expires_at: String,
    /// `CONTINUE` or `ROLLBACK`: what happens then.
    pub(crate) then: String,
}

/// Where a deployment is going.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Course {
    /// Under way, or in a state that this version does not know.
    #[default]
    Forward,
    /// On its way back.
    Back,
    Successful,
    /// Given up without a way back: replaced by a newer one, or failed without rollback.
    Stopped,
    RolledBack,
    /// The way back failed, or there was none.
    RollbackFailed,
}

impl From<&ServiceDeployment> for Record {
    fn from(deployment: &ServiceDeployment) -> Self {
        let target = deployment.target_service_revision();
        let weight = |of: fn(&ServiceRevisionSummary) -> Option<f64>| target.and_then(of);
        let alarms = deployment.alarms().filter(|alarms| {
            alarms.status() == Some(&ServiceDeploymentRollbackMonitorsStatus::Triggered)
        });
        Self {
            arn: deployment
                .service_deployment_arn()
                .unwrap_or_default()
                .to_owned(),
            state: course(deployment.status()),
            status: deployment
                .status()
                .map(|status| status.as_str().to_owned())
                .unwrap_or_default(),
            reason: deployment.status_reason().unwrap_or_default().to_owned(),
            revision: target.and_then(|target| target.arn()).map(str::to_owned),
            stage: deployment
                .lifecycle_stage()
                .map(|stage| stage.as_str().to_owned()),
            production: weight(ServiceRevisionSummary::requested_production_traffic_weight),
            test: weight(ServiceRevisionSummary::requested_test_traffic_weight),
            tasks: target.map_or((0, 0), |target| {
                (target.running_task_count(), target.requested_task_count())
            }),
            waiting: pauses(deployment),
            back_to: deployment
                .rollback()
                .and_then(|rollback| rollback.service_revision_arn())
                .map(str::to_owned),
            alarms: alarms
                .map(|alarms| alarms.triggered_alarm_names().to_vec())
                .unwrap_or_default(),
        }
    }
}

fn course(status: Option<&ServiceDeploymentStatus>) -> Course {
    match status {
        Some(ServiceDeploymentStatus::Successful) => Course::Successful,
        Some(ServiceDeploymentStatus::Stopped) => Course::Stopped,
        Some(ServiceDeploymentStatus::RollbackSuccessful) => Course::RolledBack,
        Some(ServiceDeploymentStatus::RollbackFailed) => Course::RollbackFailed,
        Some(
            ServiceDeploymentStatus::RollbackRequested
            | ServiceDeploymentStatus::RollbackInProgress
            | ServiceDeploymentStatus::StopRequested,
        ) => Course::Back,
        _ => Course::Forward,
    }
}

fn pauses(deployment: &ServiceDeployment) -> Vec<Pause> {
    deployment
        .lifecycle_hook_details()
        .iter()
        .filter(|hook| hook.status() == Some(&DeploymentLifecycleHookStatus::AwaitingAction))
        .map(|hook| Pause {
            id: hook.hook_id().unwrap_or_default().to_owned(),
            expires_at: hook.expires_at().map(rfc3339).unwrap_or_default(),
            then: hook
                .timeout_action()
                .map(|action| action.as_str().to_owned())
                .unwrap_or_default(),
        })
        .collect()
}

impl Record {
    /// A record of which only the name is known yet.
    pub(crate) fn named(arn: String) -> Self {
        Self {
            arn,
            ..Self::default()
        }
    }

    /// One line on how far it is, for people.
    pub(crate) fn progress(&self) -> String {
        let mut parts = Vec::new();
        if let Some(stage) = &self.stage {
            parts.push(format!("stage {stage}"));
        }
        if self.tasks.1 > 0 {
            parts.push(format!(
                "{} of {} new tasks run",
                self.tasks.0, self.tasks.1
            ));
        }
        if let Some(percent) = self.production {
            parts.push(format!("{percent} % of the traffic is on the new ones"));
        }
        if let Some(percent) = self.test.filter(|percent| *percent > 0.0) {
            parts.push(format!("{percent} % of the test traffic"));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{
        DeploymentLifecycleHookAction, DeploymentLifecycleHookDetail, ServiceDeploymentAlarms,
        ServiceDeploymentLifecycleStage,
    };

    use super::*;

    #[test]
    fn reads_stage_traffic_hooks_and_alarms() {
        let target = ServiceRevisionSummary::builder()
            .arn("arn:r")
            .requested_task_count(2)
            .running_task_count(1)
            .requested_production_traffic_weight(10.0)
            .requested_test_traffic_weight(0.0);
        let hook = DeploymentLifecycleHookDetail::builder()
            .hook_id("ecs-pause-1")
            .status(DeploymentLifecycleHookStatus::AwaitingAction)
            .timeout_action(DeploymentLifecycleHookAction::Rollback);
        let over = DeploymentLifecycleHookDetail::builder()
            .hook_id("ecs-pause-0")
            .status(DeploymentLifecycleHookStatus::Succeeded);
        let alarms = ServiceDeploymentAlarms::builder()
            .status(ServiceDeploymentRollbackMonitorsStatus::Monitoring)
            .triggered_alarm_names("old");
        let record = Record::from(
            &ServiceDeployment::builder()
                .service_deployment_arn("arn:d")
                .status(ServiceDeploymentStatus::InProgress)
                .lifecycle_stage(ServiceDeploymentLifecycleStage::BakeTime)
                .target_service_revision(target.build())
                .lifecycle_hook_details(hook.build())
                .lifecycle_hook_details(over.build())
                .alarms(alarms.build())
                .build(),
        );
        assert_eq!(
            record,
            Record {
                arn: "arn:d".to_owned(),
                state: Course::Forward,
                status: "IN_PROGRESS".to_owned(),
                revision: Some("arn:r".to_owned()),
                stage: Some("BAKE_TIME".to_owned()),
                production: Some(10.0),
                test: Some(0.0),
                tasks: (1, 2),
                waiting: vec![Pause {
                    id: "ecs-pause-1".to_owned(),
                    expires_at: String::new(),
                    then: "ROLLBACK".to_owned(),
                }],
                ..Record::default()
            }
        );
        assert_eq!(
            record.progress(),
            "stage BAKE_TIME, 1 of 2 new tasks run, 10 % of the traffic is on the new ones"
        );
    }

    #[test]
    fn knows_every_end() {
        let table = [
            (ServiceDeploymentStatus::Pending, Course::Forward),
            (ServiceDeploymentStatus::InProgress, Course::Forward),
            (ServiceDeploymentStatus::StopRequested, Course::Back),
            (ServiceDeploymentStatus::RollbackRequested, Course::Back),
            (ServiceDeploymentStatus::RollbackInProgress, Course::Back),
            (ServiceDeploymentStatus::Successful, Course::Successful),
            (ServiceDeploymentStatus::Stopped, Course::Stopped),
            (
                ServiceDeploymentStatus::RollbackSuccessful,
                Course::RolledBack,
            ),
            (
                ServiceDeploymentStatus::RollbackFailed,
                Course::RollbackFailed,
            ),
        ];
        for (status, expected) in table {
            assert_eq!(course(Some(&status)), expected, "{status}");
        }
    }
}
