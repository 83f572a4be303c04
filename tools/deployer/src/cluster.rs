//! The calls to ECS, for one cluster.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use aws::{SdkConfig, code, explain};
use aws_sdk_ecs::Client;
use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::types::{
    DeploymentConfiguration, DeploymentLifecycleHookAction, DesiredStatus, Failure,
    ServiceDeploymentBrief, ServiceDeploymentStatus, ServiceRevision,
    StopServiceDeploymentStopType, Tag, Task, TaskDefinition, TaskDefinitionField,
};
use serde_json::Value;
use toolkit::Fault;

use crate::definition;
use crate::record::Record;
use crate::service::{Service, short};
use crate::trouble::Trouble;

/// DescribeServices takes this many.
const SERVICES_A_CALL: usize = 10;
/// DescribeTasks takes this many.
const TASKS_A_CALL: usize = 100;
/// DescribeServiceRevisions and DescribeServiceDeployments take this many.
const RECORDS_A_CALL: usize = 20;
/// ListServiceDeployments gives this many.
const RECORDS_A_PAGE: i32 = 100;

/// What a call of UpdateService changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Change {
    /// ARN of the task definition; none to leave it.
    pub(crate) task_definition: Option<String>,
    pub(crate) desired: Option<i32>,
    pub(crate) health_grace: Option<i32>,
    pub(crate) configuration: Option<DeploymentConfiguration>,
    /// Whether tasks are replaced although nothing that they are made of changes.
    pub(crate) force: bool,
}

impl Change {
    /// To another task definition, and nothing else.
    pub(crate) fn to(task_definition: &str) -> Self {
        Self {
            task_definition: Some(task_definition.to_owned()),
            ..Self::default()
        }
    }
}

/// A service, and what it runs.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) service: Service,
    /// The task definition, as JSON.
    pub(crate) definition: Value,
    /// Its tags.
    pub(crate) tags: Vec<Tag>,
}

/// One cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) ecs: Client,
    pub(crate) name: String,
}

impl Cluster {
    pub(crate) fn new(config: &SdkConfig, name: &str) -> Self {
        Self {
            ecs: Client::new(config),
            name: name.to_owned(),
        }
    }

    /// The services with these names, and what ECS says of those that it cannot describe.
    pub(crate) async fn services(
        &self,
        names: &[String],
    ) -> Result<(Vec<Service>, Vec<Failure>), Trouble> {
        let (mut services, mut failures) = (Vec::new(), Vec::new());
        for names in names.chunks(SERVICES_A_CALL) {
            let answer = self
                .ecs
                .describe_services()
                .cluster(&self.name)
                .set_services(Some(names.to_vec()))
                .send()
                .await
                .map_err(|error| {
                    let names = names.join(", ");
                    let what = format!("look at the service {names} of the cluster {}", self.name);
                    Trouble::of(&what, error)
                })?;
            services.extend(answer.services().iter().map(Service::from));
            failures.extend(answer.failures.unwrap_or_default());
        }
        Ok((services, failures))
    }

    /// The service, unless there is none or it has been deleted.
    pub(crate) async fn service(&self, name: &str) -> Result<Option<Service>, Trouble> {
        let (services, failures) = self.services(&[name.to_owned()]).await?;
        if let Some(failure) = failures
            .iter()
            .find(|failure| failure.reason() != Some("MISSING"))
        {
            let reason = failure.reason().unwrap_or("no reason given");
            return Err(Trouble::Final(anyhow::anyhow!(
                "cannot look at the service {name} of the cluster {}: {reason}",
                self.name
            )));
        }
        // A deleted service is described as INACTIVE for a while; its name is free.
        Ok(services
            .into_iter()
            .find(|service| service.status != "INACTIVE"))
    }

    /// The same, where there must be one.
    pub(crate) async fn existing(&self, name: &str) -> Result<Service, Trouble> {
        self.service(name).await?.ok_or_else(|| {
            let fault = Fault::new(
                1,
                format!("the cluster {} has no service {name}", self.name),
            )
            .with_hint("check the names and the region; `deployer deploy --create` creates it");
            Trouble::Final(fault.into())
        })
    }

    /// A service that must be there, and the task definition that it runs, as JSON.
    pub(crate) async fn live(&self, name: &str) -> anyhow::Result<Live> {
        let service = self.existing(name).await?;
        self.with_definition(service).await
    }

    /// A service and the task definition that it runs, as JSON.
    pub(crate) async fn with_definition(&self, service: Service) -> anyhow::Result<Live> {
        let (described, tags) = self.definition_with_tags(&service.task_definition).await?;
        Ok(Live {
            service,
            definition: definition::of_live(&described)?,
            tags,
        })
    }

    /// A task definition by ARN, `family:revision` or family.
    pub(crate) async fn definition(&self, reference: &str) -> Result<TaskDefinition, Trouble> {
        let (definition, _tags) = self.definition_with_tags(reference).await?;
        Ok(definition)
    }

    /// The same with its tags, which are not part of what ECS calls the definition.
    pub(crate) async fn definition_with_tags(
        &self,
        reference: &str,
    ) -> Result<(TaskDefinition, Vec<Tag>), Trouble> {
        let what = format!("look at the task definition {reference}");
        let answer = self
            .ecs
            .describe_task_definition()
            .task_definition(reference)
            .include(TaskDefinitionField::Tags)
            .send()
            .await
            .map_err(|error| Trouble::of(&what, error))?;
        let tags = answer.tags.unwrap_or_default();
        let definition = answer
            .task_definition
            .with_context(|| format!("cannot {what}: the answer has none"))
            .map_err(Trouble::Final)?;
        Ok((definition, tags))
    }

    /// Registers a revision and gives its ARN.
    pub(crate) async fn register(
        &self,
        input: &RegisterTaskDefinitionInput,
    ) -> anyhow::Result<String> {
        let family = input.family().unwrap_or_default();
        let answer = definition::request(input)?
            .send_with(&self.ecs)
            .await
            .map_err(|error| explain(&format!("register the task definition {family}"), error))?;
        answer
            .task_definition
            .and_then(|definition| definition.task_definition_arn)
            .with_context(|| format!("the answer to the registration of {family} has no ARN"))
    }

    /// Changes the service in one call and gives it as ECS then has it.
    pub(crate) async fn update(&self, service: &str, change: &Change) -> anyhow::Result<Service> {
        let what = format!("update the service {service} of the cluster {}", self.name);
        let answer = self
            .ecs
            .update_service()
            .cluster(&self.name)
            .service(service)
            .set_task_definition(change.task_definition.clone())
            .set_desired_count(change.desired)
            .set_health_check_grace_period_seconds(change.health_grace)
            .set_deployment_configuration(change.configuration.clone())
            .set_force_new_deployment(change.force.then_some(true))
            .send()
            .await
            .map_err(|error| explain(&what, error))?;
        answer
            .service()
            .map(Service::from)
            .with_context(|| format!("cannot {what}: the answer has no service"))
    }

    /// ARNs of the service's tasks that run, or of those that have stopped within about an hour.
    pub(crate) async fn tasks_of(
        &self,
        service: &str,
        status: DesiredStatus,
    ) -> Result<HashSet<String>, Trouble> {
        let mut pages = self
            .ecs
            .list_tasks()
            .cluster(&self.name)
            .service_name(service)
            .desired_status(status)
            .into_paginator()
            .send();
        let mut arns = HashSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                Trouble::of(&format!("list the tasks of the service {service}"), error)
            })?;
            arns.extend(page.task_arns.unwrap_or_default());
        }
        Ok(arns)
    }

    pub(crate) async fn tasks(&self, arns: &[String]) -> Result<Vec<Task>, Trouble> {
        let mut tasks = Vec::new();
        for arns in arns.chunks(TASKS_A_CALL) {
            let answer = self
                .ecs
                .describe_tasks()
                .cluster(&self.name)
                .set_tasks(Some(arns.to_vec()))
                .send()
                .await
                .map_err(|error| {
                    let what = format!("look at tasks of the cluster {}", self.name);
                    Trouble::of(&what, error)
                })?;
            tasks.extend(answer.tasks.unwrap_or_default());
        }
        Ok(tasks)
    }

    /// ECS's record of a deployment, by its ARN; none if it keeps none (yet).
    pub(crate) async fn record(&self, arn: &str) -> Result<Option<Record>, Trouble> {
        let answer = self
            .ecs
            .describe_service_deployments()
            .service_deployment_arns(arn)
            .send()
            .await
            .map_err(|error| Trouble::of(&format!("look at the deployment {arn}"), error))?;
        Ok(answer.service_deployments().first().map(Record::from))
    }

    /// ECS's records of the service's deployments, the newest first: all that it keeps, or `most`.
    pub(crate) async fn records(
        &self,
        service: &str,
        status: Option<ServiceDeploymentStatus>,
        most: usize,
    ) -> Result<Vec<ServiceDeploymentBrief>, Trouble> {
        let what = format!("look at the past releases of the service {service}");
        let (mut records, mut token) = (Vec::new(), None);
        loop {
            let answer = self
                .ecs
                .list_service_deployments()
                .cluster(&self.name)
                .service(service)
                .set_status(status.clone().map(|status| vec![status]))
                .max_results(i32::try_from(most).unwrap_or(i32::MAX).min(RECORDS_A_PAGE))
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| Trouble::of(&what, error))?;
            token = answer.next_token().map(str::to_owned);
            records.extend(answer.service_deployments.unwrap_or_default());
            if token.is_none() || records.len() >= most {
                break;
            }
        }
        records.sort_by_key(|record| {
            std::cmp::Reverse(
                record
                    .created_at()
                    .map(aws_smithy_types::DateTime::as_nanos),
            )
        });
        records.truncate(most);
        Ok(records)
    }

    /// Names of all services.
    pub(crate) async fn all_services(&self) -> Result<Vec<String>, Trouble> {
        let what = format!("list the services of the cluster {}", self.name);
        let pages = self.ecs.list_services().cluster(&self.name);
        let mut pages = pages.into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| Trouble::of(&what, error))?;
            let arns = page.service_arns.unwrap_or_default();
            names.extend(arns.iter().map(|arn| short(arn).to_owned()));
        }
        Ok(names)
    }

    /// ARNs of the tasks of a family, whoever started them.
    pub(crate) async fn tasks_of_family(
        &self,
        family: &str,
        status: DesiredStatus,
    ) -> Result<Vec<String>, Trouble> {
        let pages = self.ecs.list_tasks().cluster(&self.name);
        let pages = pages.family(family).desired_status(status);
        let mut pages = pages.into_paginator().send();
        let mut arns = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| Trouble::of(&format!("list the tasks of {family}"), error))?;
            arns.extend(page.task_arns.unwrap_or_default());
        }
        Ok(arns)
    }

    /// Says how a deployment that waits at a hook goes on.
    pub(crate) async fn proceed(
        &self,
        record: &str,
        hook: &str,
        action: DeploymentLifecycleHookAction,
    ) -> anyhow::Result<()> {
        self.ecs
            .continue_service_deployment()
            .service_deployment_arn(record)
            .hook_id(hook)
            .action(action)
            .send()
            .await
            .map_err(|error| explain(&format!("go on from the hook {hook}"), error))?;
        Ok(())
    }

    /// Service revisions by their ARNs. What ECS has forgotten is left out.
    pub(crate) async fn revisions(
        &self,
        arns: &[String],
    ) -> Result<HashMap<String, ServiceRevision>, Trouble> {
        let mut revisions = HashMap::new();
        for arns in arns.chunks(RECORDS_A_CALL) {
            let answer = self
                .ecs
                .describe_service_revisions()
                .set_service_revision_arns(Some(arns.to_vec()))
                .send()
                .await
                .map_err(|error| Trouble::of("look at service revisions", error))?;
            for revision in answer.service_revisions.unwrap_or_default() {
                if let Some(arn) = revision.service_revision_arn().map(str::to_owned) {
                    revisions.insert(arn, revision);
                }
            }
        }
        Ok(revisions)
    }

    /// Tells ECS to end a deployment and to send its service back. False if it is too late for that.
    pub(crate) async fn stop(&self, record: &str) -> Result<bool, Trouble> {
        let stopped = self
            .ecs
            .stop_service_deployment()
            .service_deployment_arn(record)
            .stop_type(StopServiceDeploymentStopType::Rollback)
            .send()
            .await;
        match stopped {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some("ConflictException") => Ok(false),
            Err(error) => Err(Trouble::of(&format!("stop the deployment {record}"), error)),
        }
    }

    /// EC2 instance ids of container instances, beside their ARNs.
    pub(crate) async fn instances(
        &self,
        arns: &[String],
    ) -> Result<Vec<(String, String)>, Trouble> {
        let mut instances = Vec::new();
        for arns in arns.chunks(TASKS_A_CALL) {
            let answer = self
                .ecs
                .describe_container_instances()
                .cluster(&self.name)
                .set_container_instances(Some(arns.to_vec()))
                .send()
                .await
                .map_err(|error| {
                    let what = format!("look at container instances of the cluster {}", self.name);
                    Trouble::of(&what, error)
                })?;
            for instance in answer.container_instances.unwrap_or_default() {
                if let (Some(arn), Some(id)) =
                    (instance.container_instance_arn, instance.ec2_instance_id)
                {
                    instances.push((arn, id));
                }
            }
        }
        Ok(instances)
    }
}
