//! A service as ECS describes it, reduced to what a release looks at.

use aws_sdk_ecs::types::{Deployment, DeploymentConfiguration, DeploymentRolloutState};

/// One answer of DescribeServices, or the service in the answer of a call that changed it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Service {
    pub(crate) name: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub(crate) status: String,
    /// ARN of the task definition that the service is on.
    pub(crate) task_definition: String,
    pub(crate) desired: i32,
    pub(crate) running: i32,
    pub(crate) pending: i32,
    pub(crate) rollouts: Vec<Rollout>,
    /// Oldest first.
    pub(crate) events: Vec<Event>,
    pub(crate) balanced: Vec<Balanced>,
    /// For how long after its start a task's bad health is passed over.
    pub(crate) grace_seconds: i32,
    pub(crate) configuration: Option<DeploymentConfiguration>,
    /// Who carries its releases out, where that is not ECS: `CODE_DEPLOY` or `EXTERNAL`.
    pub(crate) controller: Option<String>,
    /// ARN of ECS's record of the deployment that is under way, where it keeps one.
    pub(crate) record: Option<String>,
}

/// A container behind a target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balanced {
    pub(crate) target_group: String,
    pub(crate) container: String,
    pub(crate) port: i32,
}

/// One deployment of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rollout {
    /// `ecs-svc/…`.
    pub(crate) id: String,
    /// Whether it is the one that the service goes to.
    pub(crate) is_primary: bool,
    /// `PRIMARY`, `ACTIVE`, …
    pub(crate) status: String,
    pub(crate) state: State,
    pub(crate) reason: String,
    pub(crate) task_definition: String,
    pub(crate) desired: i32,
    pub(crate) running: i32,
    pub(crate) pending: i32,
    pub(crate) failed: i32,
}

/// How far a deployment is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Tasks are being replaced; also where ECS does not say.
    #[default]
    InProgress,
    Completed,
    Failed,
}

/// One of the service's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    /// RFC 3339, UTC.
    pub(crate) at: String,
    pub(crate) text: String,
}

impl Service {
    /// The deployment that the service goes to.
    pub(crate) fn primary(&self) -> Option<&Rollout> {
        self.rollouts.iter().find(|rollout| rollout.is_primary)
    }

    pub(crate) fn rollout(&self, id: &str) -> Option<&Rollout> {
        self.rollouts.iter().find(|rollout| rollout.id == id)
    }

    /// The deployment that is still under way, the newest first.
    pub(crate) fn in_progress(&self) -> Option<&Rollout> {
        let under_way = |rollout: &&Rollout| rollout.state == State::InProgress;
        self.primary()
            .filter(under_way)
            .or_else(|| self.rollouts.iter().find(under_way))
    }

    /// `ROLLING`, `BLUE_GREEN`, `LINEAR` or `CANARY`.
    pub(crate) fn strategy(&self) -> &str {
        self.configuration
            .as_ref()
            .and_then(|configuration| configuration.strategy())
            .map_or("ROLLING", |strategy| strategy.as_str())
    }

    /// Whether old and new stand side by side and traffic is shifted in stages.
    pub(crate) fn shifts_traffic(&self) -> bool {
        self.strategy() != "ROLLING"
    }

    /// Whether ECS itself returns to the last good revision when a deployment fails.
    pub(crate) fn rolls_back_by_itself(&self) -> bool {
        self.configuration.as_ref().is_some_and(|configuration| {
            let by_breaker = configuration
                .deployment_circuit_breaker()
                .is_some_and(|breaker| breaker.enable() && breaker.rollback());
            let by_alarms = configuration
                .alarms()
                .is_some_and(|alarms| alarms.enable() && alarms.rollback());
            by_breaker || by_alarms
        })
    }
}

impl From<&aws_sdk_ecs::types::Service> for Service {
    fn from(service: &aws_sdk_ecs::types::Service) -> Self {
        Self {
            name: service.service_name().unwrap_or_default().to_owned(),
            status: service.status().unwrap_or_default().to_owned(),
            task_definition: service.task_definition().unwrap_or_default().to_owned(),
            desired: service.desired_count(),
            running: service.running_count(),
            pending: service.pending_count(),
            rollouts: service.deployments().iter().map(Rollout::from).collect(),
            // ECS has the newest first.
            events: service.events().iter().rev().map(Event::from).collect(),
            balanced: service
                .load_balancers()
                .iter()
                .filter_map(|balancer| {
                    Some(Balanced {
                        target_group: balancer.target_group_arn()?.to_owned(),
                        container: balancer.container_name().unwrap_or_default().to_owned(),
                        port: balancer.container_port().unwrap_or_default(),
                    })
                })
                .collect(),
            grace_seconds: service.health_check_grace_period_seconds().unwrap_or(0),
            configuration: service.deployment_configuration().cloned(),
            controller: service
                .deployment_controller()
                .map(|controller| controller.r#type().as_str())
                .filter(|controller| *controller != "ECS")
                .map(str::to_owned),
            record: service.current_service_deployment().map(str::to_owned),
        }
    }
}

impl From<&Deployment> for Rollout {
    fn from(deployment: &Deployment) -> Self {
        let status = deployment.status().unwrap_or_default();
        Self {
            id: deployment.id().unwrap_or_default().to_owned(),
            is_primary: status == "PRIMARY",
            status: status.to_owned(),
            state: match deployment.rollout_state() {
                Some(DeploymentRolloutState::Completed) => State::Completed,
                Some(DeploymentRolloutState::Failed) => State::Failed,
                _ => State::InProgress,
            },
            reason: deployment
                .rollout_state_reason()
                .unwrap_or_default()
                .to_owned(),
            task_definition: deployment.task_definition().unwrap_or_default().to_owned(),
            desired: deployment.desired_count(),
            running: deployment.running_count(),
            pending: deployment.pending_count(),
            failed: deployment.failed_tasks(),
        }
    }
}

impl From<&aws_sdk_ecs::types::ServiceEvent> for Event {
    fn from(event: &aws_sdk_ecs::types::ServiceEvent) -> Self {
        Self {
            id: event.id().unwrap_or_default().to_owned(),
            at: event.created_at().map(rfc3339).unwrap_or_default(),
            text: event.message().unwrap_or_default().to_owned(),
        }
    }
}

/// RFC 3339 in UTC, to the millisecond; empty for a time outside of the calendar.
pub(crate) fn rfc3339(time: &aws_smithy_types::DateTime) -> String {
    time.to_millis()
        .ok()
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
        .map(|time| format!("{time:.3}"))
        .unwrap_or_default()
}

/// `web:12` of `arn:aws:ecs:…:task-definition/web:12`, the id of a task's ARN: what follows the last slash.
pub(crate) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
