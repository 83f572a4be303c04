//! The calls to AWS, each as this program needs it.

use anyhow::Context as _;
use aws::{SdkConfig, explain};
use aws_sdk_cloudwatchlogs::Client as Logs;
use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::types::{
    Deployment, DesiredStatus, Service, ServiceDeploymentStatus, ServiceField, Task,
    TaskDefinition, TaskDefinitionField,
};
use aws_sdk_elasticloadbalancingv2::Client as Balancing;
use toolkit::Fault;

/// DescribeTasks takes this many.
const TASKS_A_CALL: usize = 100;
/// DescribeServices takes this many.
const SERVICES_A_CALL: usize = 10;

/// The clients of the services that are called.
pub(crate) struct Cloud {
    pub(crate) ecs: Ecs,
    pub(crate) balancing: Balancing,
    pub(crate) logs: Logs,
}

/// A call that failed, and whether the same call may succeed a little later.
#[derive(Debug)]
pub(crate) struct CallError {
    pub(crate) error: anyhow::Error,
    pub(crate) is_passing: bool,
}

impl From<CallError> for anyhow::Error {
    fn from(failed: CallError) -> Self {
        failed.error
    }
}

macro_rules! called {
    ($what:expr, $call:expr) => {
        $call.send().await.map_err(|error| CallError {
            is_passing: aws::is_passing(&error),
            error: explain(&$what, error),
        })
    };
}

impl Cloud {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            ecs: Ecs::new(config),
            balancing: Balancing::new(config),
            logs: Logs::new(config),
        }
    }

    /// The services with these names, as far as they exist and are not deleted.
    pub(crate) async fn services(
        &self,
        cluster: &str,
        names: &[String],
    ) -> Result<Vec<Service>, CallError> {
        let mut services = Vec::new();
        for names in names.chunks(SERVICES_A_CALL) {
            let call = self
                .ecs
                .describe_services()
                .cluster(cluster)
                .set_services(Some(names.to_vec()));
            let answer = called!(
                format!(
                    "look at the service {} in the cluster {cluster}",
                    names.join(", ")
                ),
                call.include(ServiceField::Tags)
            )?;
            services.extend(answer.services.unwrap_or_default());
        }
        services.retain(|service| service.status() != Some("INACTIVE"));
        Ok(services)
    }

    /// One service, if it exists.
    pub(crate) async fn service(
        &self,
        cluster: &str,
        name: &str,
    ) -> Result<Option<Service>, CallError> {
        Ok(self
            .services(cluster, &[name.to_owned()])
            .await?
            .into_iter()
            .next())
    }

    /// A registered task definition.
    pub(crate) async fn definition(&self, reference: &str) -> anyhow::Result<TaskDefinition> {
        let call = self
            .ecs
            .describe_task_definition()
            .task_definition(reference)
            .include(TaskDefinitionField::Tags);
        let answer = called!(format!("look at the task definition {reference}"), call)?;
        answer
            .task_definition
            .with_context(|| format!("no task definition {reference} was returned"))
    }

    /// Points a service to a task definition, and gives the deployment that this began.
    pub(crate) async fn update(
        &self,
        cluster: &str,
        service: &str,
        definition: &str,
    ) -> anyhow::Result<Deployment> {
        let call = self
            .ecs
            .update_service()
            .cluster(cluster)
            .service(service)
            .task_definition(definition);
        let answer = called!(
            format!("update the service {service} in the cluster {cluster}"),
            call
        )?;
        primary(answer.service.as_ref())
            .with_context(|| format!("UpdateService of {service} named no deployment"))
    }

    /// Tasks of a service: those that run, or those that have stopped.
    pub(crate) async fn tasks(
        &self,
        cluster: &str,
        service: &str,
        status: DesiredStatus,
    ) -> Result<Vec<Task>, CallError> {
        let mut arns = Vec::new();
        let mut token = None;
        loop {
            let call = self
                .ecs
                .list_tasks()
                .cluster(cluster)
                .service_name(service)
                .desired_status(status.clone());
            let answer = called!(
                format!("list the tasks of {service}"),
                call.set_next_token(token)
            )?;
            arns.extend(answer.task_arns.unwrap_or_default());
            token = answer.next_token;
            if token.is_none() {
                break;
            }
        }
        self.described(cluster, &arns).await
    }

    /// Tasks by their ARNs.
    pub(crate) async fn described(
        &self,
        cluster: &str,
        arns: &[String],
    ) -> Result<Vec<Task>, CallError> {
        let mut tasks = Vec::new();
        for arns in arns.chunks(TASKS_A_CALL) {
            let call = self
                .ecs
                .describe_tasks()
                .cluster(cluster)
                .set_tasks(Some(arns.to_vec()));
            let answer = called!(format!("look at tasks of the cluster {cluster}"), call)?;
            tasks.extend(answer.tasks.unwrap_or_default());
        }
        Ok(tasks)
    }

    /// The ARN of a target group by its name.
    pub(crate) async fn target_group(&self, name: &str) -> anyhow::Result<String> {
        let call = self.balancing.describe_target_groups().names(name);
        let answer = called!(format!("look at the target group {name}"), call)?;
        let group = answer.target_groups.unwrap_or_default().into_iter().next();
        group
            .and_then(|group| group.target_group_arn)
            .with_context(|| format!("no target group {name} was returned"))
    }

    /// Targets of a group with their health: id, port, state, and ELB's description.
    pub(crate) async fn targets(&self, group: &str) -> Result<Vec<Target>, CallError> {
        let call = self
            .balancing
            .describe_target_health()
            .target_group_arn(group);
        let answer = called!(
            format!("look at the health of the targets in {group}"),
            call
        )?;
        let described = answer.target_health_descriptions.unwrap_or_default();
        let targets = described.into_iter().filter_map(|described| {
            let (target, health) = described.target.zip(described.target_health)?;
            Some(Target {
                id: target.id.unwrap_or_default(),
                port: target.port.unwrap_or_default(),
                state: health
                    .state
                    .map(|state| state.as_str().to_owned())
                    .unwrap_or_default(),
                description: health.description,
            })
        });
        Ok(targets.collect())
    }

    /// The task definition of the last deployment that succeeded, apart from the one that serves now.
    pub(crate) async fn last_success(
        &self,
        cluster: &str,
        service: &str,
        now: &str,
    ) -> anyhow::Result<Option<String>> {
        let call = self
            .ecs
            .list_service_deployments()
            .cluster(cluster)
            .service(service)
            .status(ServiceDeploymentStatus::Successful);
        let answer = called!(format!("list the deployments of {service}"), call)?;
        let arns: Vec<String> = answer
            .service_deployments
            .unwrap_or_default()
            .into_iter()
            .filter_map(|brief| brief.target_service_revision_arn)
            .collect();
        if arns.is_empty() {
            return Ok(None);
        }
        let call = self
            .ecs
            .describe_service_revisions()
            .set_service_revision_arns(Some(arns.iter().take(20).cloned().collect()));
        let answer = called!(format!("look at the revisions of {service}"), call)?;
        let revisions = answer.service_revisions.unwrap_or_default();
        let definition = |arn: &String| {
            let revision = revisions
                .iter()
                .find(|revision| revision.service_revision_arn() == Some(arn))?;
            revision.task_definition().map(str::to_owned)
        };
        Ok(arns
            .iter()
            .filter_map(definition)
            .find(|definition| definition != now))
    }
}

/// A target of a target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) port: i32,
    /// `healthy`, `unhealthy`, `initial`, `draining`, …
    pub(crate) state: String,
    pub(crate) description: Option<String>,
}

/// The primary deployment of a service.
pub(crate) fn primary(service: Option<&Service>) -> Option<Deployment> {
    service?
        .deployments()
        .iter()
        .find(|deployment| deployment.status() == Some("PRIMARY"))
        .cloned()
}

/// What is missing, and what to do about it.
pub(crate) fn no_service(cluster: &str, service: &str) -> anyhow::Error {
    Fault::new(
        1,
        format!("there is no service {service} in the cluster {cluster}"),
    )
    .with_hint("check the names and the region; `deploy --create` creates it")
    .into()
}
