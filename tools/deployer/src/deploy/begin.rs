//! Beginning a release: what has to be done, and doing it.

use anyhow::Context as _;
use aws::explain;
use aws_sdk_ecs::types::{
    DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentRolloutState, LaunchType,
    LoadBalancer, Service, TaskDefinition,
};
use toolkit::{Console, Fault};

use super::verdict::{Record, short};
use super::{Creation, Request, Source};
use crate::cloud::{Cloud, no_service, primary};
use crate::definition::Definition;
use crate::{canonical, definition};

/// How a release begins.
pub(super) enum Start {
    /// The service runs exactly this.
    Unchanged(Box<Service>),
    /// A dry run.
    Planned(Option<Box<Service>>),
    /// A deployment has begun.
    Begun(Begun),
}

/// A deployment that has begun.
pub(super) struct Begun {
    /// `ecs-svc/…`.
    pub(super) id: String,
    /// What its tasks run.
    pub(super) definition: TaskDefinition,
    /// The task definition to go back to: the one that was completely released before.
    pub(super) fallback: Option<String>,
    /// Deployments that were there before; one of them as the primary again is a way back.
    pub(super) known: Vec<String>,
    /// Events that were there before.
    pub(super) seen: Vec<String>,
}

/// What is to be released.
enum Wanted {
    New(Box<Definition>),
    Existing(Box<TaskDefinition>),
}

pub(super) async fn start(
    cloud: &Cloud,
    console: &Console,
    request: &Request,
    record: &mut Record,
) -> anyhow::Result<Start> {
    let source = request
        .source
        .as_ref()
        .context("no task definition was named")?;
    let wanted = match source {
        Source::File(path) => Wanted::New(Box::new(definition::read(path)?)),
        Source::Revision(reference) => {
            Wanted::Existing(Box::new(cloud.definition(reference).await?))
        }
    };
    let service = cloud.service(&request.cluster, &request.service).await?;
    match service {
        Some(service) => update(cloud, console, request, record, wanted, service).await,
        None => create(cloud, console, request, record, wanted).await,
    }
}

async fn update(
    cloud: &Cloud,
    console: &Console,
    request: &Request,
    record: &mut Record,
    wanted: Wanted,
    service: Service,
) -> anyhow::Result<Start> {
    let live_arn = service.task_definition().unwrap_or_default().to_owned();
    let live = cloud.definition(&live_arn).await?;
    let is_busy = busy(&service);
    let differences = match &wanted {
        Wanted::New(new) => canonical::differences(&definition::of_live(&live)?, &new.json),
        Wanted::Existing(existing) if existing.task_definition_arn() == Some(&live_arn) => {
            Vec::new()
        }
        Wanted::Existing(_) => vec!["revision".to_owned()],
    };
    record.previous = Some(live_arn.clone());
    record.serving.clone_from(&live_arn);
    if differences.is_empty() && is_busy.is_none() {
        record.definition = live_arn;
        return Ok(Start::Unchanged(Box::new(service)));
    }
    if let (Some(other), false) = (&is_busy, request.supersede) {
        return Err(Fault::new(1, format!("the deployment {other} of {} is in progress", request.service))
            .with_hint(format!(
                "wait for it with `deployer wait {other} --cluster {} --service {}`, or take its place with --supersede",
                request.cluster, request.service
            ))
            .into());
    }
    if request.dry_run {
        record.definition = match &wanted {
            Wanted::New(_) => format!("a new revision of {}", live.family().unwrap_or_default()),
            Wanted::Existing(existing) => existing
                .task_definition_arn()
                .unwrap_or_default()
                .to_owned(),
        };
        record.reason = format!(
            "{} would be released: {} differ",
            request.service,
            differences.join(", ")
        );
        return Ok(Start::Planned(Some(Box::new(service))));
    }
    console.detail(&format!(
        "what differs from {}: {}",
        short(&live_arn),
        differences.join(", ")
    ));
    let definition = registered(cloud, console, record, wanted).await?;
    let arn = definition
        .task_definition_arn()
        .unwrap_or_default()
        .to_owned();
    let before = primary(Some(&service));
    let deployment = cloud
        .update(&request.cluster, &request.service, &arn)
        .await?;
    let begun = Begun {
        id: deployment
            .id()
            .context("UpdateService named a deployment without an id")?
            .to_owned(),
        definition,
        fallback: before
            .filter(|primary| primary.rollout_state() == Some(&DeploymentRolloutState::Completed))
            .and_then(|primary| primary.task_definition),
        known: service
            .deployments()
            .iter()
            .filter_map(|deployment| deployment.id().map(str::to_owned))
            .collect(),
        seen: event_ids(&service),
    };
    console.status(&format!(
        "{}: deployment {} of {} begins",
        request.service,
        begun.id,
        short(&arn)
    ));
    record.begun(&begun, Some(&live_arn));
    Ok(Start::Begun(begun))
}

async fn create(
    cloud: &Cloud,
    console: &Console,
    request: &Request,
    record: &mut Record,
    wanted: Wanted,
) -> anyhow::Result<Start> {
    let Some(creation) = &request.creation else {
        return Err(no_service(&request.cluster, &request.service));
    };
    if request.dry_run {
        record.reason = format!(
            "the service {} would be created with {} tasks",
            request.service, creation.desired_count
        );
        return Ok(Start::Planned(None));
    }
    let balancer = match &creation.balancer {
        Some(((group, container), port)) => Some(
            LoadBalancer::builder()
                .target_group_arn(cloud.target_group(group).await?)
                .container_name(container)
                .container_port((*port).into())
                .build(),
        ),
        None => None,
    };
    let definition = registered(cloud, console, record, wanted).await?;
    let arn = definition
        .task_definition_arn()
        .unwrap_or_default()
        .to_owned();
    let call = cloud
        .ecs
        .create_service()
        .cluster(&request.cluster)
        .service_name(&request.service)
        .task_definition(&arn)
        .desired_count(count(creation.desired_count))
        .launch_type(LaunchType::from(creation.launch_type))
        .client_token(uuid::Uuid::new_v4().to_string())
        .set_health_check_grace_period_seconds(creation.health_grace.map(count))
        .set_load_balancers(balancer.map(|balancer| vec![balancer]))
        .deployment_configuration(configuration(creation)?);
    let what = format!(
        "create the service {} in the cluster {}",
        request.service, request.cluster
    );
    let answer = call.send().await.map_err(|error| explain(&what, error))?;
    let deployment = primary(answer.service())
        .with_context(|| format!("CreateService of {} named no deployment", request.service))?;
    console.status(&format!(
        "{}: created with {} tasks of {}",
        request.service,
        creation.desired_count,
        short(&arn)
    ));
    let begun = Begun {
        id: deployment
            .id()
            .context("CreateService named a deployment without an id")?
            .to_owned(),
        definition,
        fallback: None,
        known: Vec::new(),
        seen: Vec::new(),
    };
    record.begun(&begun, None);
    Ok(Start::Begun(begun))
}

fn configuration(creation: &Creation) -> anyhow::Result<DeploymentConfiguration> {
    Ok(DeploymentConfiguration::builder()
        .minimum_healthy_percent(count(creation.minimum_healthy_percent))
        .maximum_percent(count(creation.maximum_percent))
        // ECS's own safety, for the case that this program is not there to see the failure.
        .deployment_circuit_breaker(
            DeploymentCircuitBreaker::builder()
                .enable(true)
                .rollback(true)
                .build(),
        )
        .build())
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Registers a new definition; an existing one is taken as it is.
async fn registered(
    cloud: &Cloud,
    console: &Console,
    record: &mut Record,
    wanted: Wanted,
) -> anyhow::Result<TaskDefinition> {
    let new = match wanted {
        Wanted::Existing(existing) => return Ok(*existing),
        Wanted::New(new) => new,
    };
    let family = new.input.family().unwrap_or_default().to_owned();
    let builder = definition::request(&new.input)?;
    let sent = builder.send_with(&cloud.ecs).await;
    let answer =
        sent.map_err(|error| explain(&format!("register the task definition {family}"), error))?;
    let definition = answer
        .task_definition
        .with_context(|| format!("RegisterTaskDefinition of {family} returned nothing"))?;
    record.registered = true;
    console.status(&format!(
        "registered {}",
        short(definition.task_definition_arn().unwrap_or_default())
    ));
    Ok(definition)
}

/// The deployment that is still going on, if there is one.
fn busy(service: &Service) -> Option<String> {
    let in_progress =
        |state: Option<&DeploymentRolloutState>| state == Some(&DeploymentRolloutState::InProgress);
    let deployments = service.deployments();
    let busy = deployments
        .iter()
        .find(|deployment| in_progress(deployment.rollout_state()))?;
    busy.id().map(str::to_owned)
}

pub(super) fn event_ids(service: &Service) -> Vec<String> {
    service
        .events()
        .iter()
        .filter_map(|event| event.id().map(str::to_owned))
        .collect()
}
