//! A release: register, point the service to it, follow it by its identity, and go back if it fails.

mod begin;
mod failures;
mod follow;
mod standing;
mod verdict;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use contract::document::labelled;
use toolkit::file::Secrecy;
use toolkit::{Console, Fault, output};

use crate::cloud::{Cloud, no_service, primary};
use crate::{Reporting, address};

use begin::{Begun, Start};
use follow::Follower;
use verdict::Record;

/// What to release, and how to watch it.
#[derive(Debug)]
pub struct Request {
    /// Cluster name.
    pub cluster: String,
    /// Service name.
    pub service: String,
    /// What to release; none where a deployment is only followed.
    pub source: Option<Source>,
    /// How to create the service, if that is allowed.
    pub creation: Option<Creation>,
    /// Until when there must be a verdict.
    pub timeout: Duration,
    /// How many tasks may fail for the same cause.
    pub failures: u32,
    /// Whether to go back when it fails.
    pub rolls_back: bool,
    /// What the first Ctrl-C does.
    pub on_interrupt: Interrupt,
    /// Whether to do nothing.
    pub dry_run: bool,
    /// Whether to take the place of a deployment in progress.
    pub supersede: bool,
    /// Where the document goes.
    pub reporting: Reporting,
}

/// Where a task definition comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file as RegisterTaskDefinition takes it.
    File(PathBuf),
    /// `family:revision`, a family or an ARN.
    Revision(String),
}

/// The settings of a service that is created.
#[derive(Debug, Clone)]
pub struct Creation {
    /// Number of tasks.
    pub desired_count: u32,
    /// `EC2` or `FARGATE`.
    pub launch_type: &'static str,
    /// Target group name, container name, container port.
    pub balancer: Option<((String, String), u16)>,
    /// Seconds in which bad health is ignored.
    pub health_grace: Option<u32>,
    /// Part of the desired count that always serves.
    pub minimum_healthy_percent: u32,
    /// Upper limit of tasks during a release.
    pub maximum_percent: u32,
}

/// What the first Ctrl-C does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// Leave the deployment running.
    Detach,
    /// Go back to what worked.
    RollBack,
}

/// `deployer deploy`.
pub(crate) async fn run(request: &Request) -> anyhow::Result<u8> {
    let begun = Instant::now();
    let console = Console::new(request.reporting.verbosity);
    let cloud = Cloud::new(&aws::config().await?);
    let mut record = Record::new(request, begun);
    match begin::start(&cloud, &console, request, &mut record).await? {
        Start::Unchanged(service) => {
            record.url = address::of(&cloud, &service).await;
            record.unchanged();
            console.status(&format!(
                "{} is unchanged: it runs {}",
                request.service,
                verdict::short(&record.serving)
            ));
        }
        Start::Planned(service) => {
            if let Some(service) = service {
                record.url = address::of(&cloud, &service).await;
            }
            record.planned();
            console.status(&record.reason);
        }
        Start::Begun(started) => follow(&cloud, &console, request, &mut record, started).await?,
    }
    conclude(request, &console, record)
}

/// `deployer wait`.
pub(crate) async fn wait(request: &Request, id: &str) -> anyhow::Result<u8> {
    let console = Console::new(request.reporting.verbosity);
    let cloud = Cloud::new(&aws::config().await?);
    let mut record = Record::new(request, Instant::now());
    let service = cloud.service(&request.cluster, &request.service).await?;
    let service = service.ok_or_else(|| no_service(&request.cluster, &request.service))?;
    let Some(deployment) = service
        .deployments()
        .iter()
        .find(|deployment| deployment.id() == Some(id))
    else {
        return Err(Fault::new(
            1,
            format!(
                "{} has no deployment {id}; it was replaced, or it never was one of this service",
                request.service
            ),
        )
        .with_hint(format!(
            "`deployer status --cluster {} --service {}` shows what it has",
            request.cluster, request.service
        ))
        .into());
    };
    let previous = service
        .deployments()
        .iter()
        .find(|other| other.id() != Some(id))
        .and_then(|other| other.task_definition());
    let started = Begun {
        id: id.to_owned(),
        definition: cloud
            .definition(deployment.task_definition().unwrap_or_default())
            .await?,
        // Who only watches does not know what worked before.
        fallback: None,
        known: service
            .deployments()
            .iter()
            .filter_map(|deployment| deployment.id().map(str::to_owned))
            .collect(),
        seen: Vec::new(),
    };
    record.begun(&started, previous);
    follow(&cloud, &console, request, &mut record, started).await?;
    conclude(request, &console, record)
}

/// `deployer rollback`.
pub(crate) async fn roll_back(request: &Request) -> anyhow::Result<u8> {
    let console = Console::new(request.reporting.verbosity);
    let cloud = Cloud::new(&aws::config().await?);
    let mut record = Record::new(request, Instant::now());
    let service = cloud.service(&request.cluster, &request.service).await?;
    let service = service.ok_or_else(|| no_service(&request.cluster, &request.service))?;
    let now = service.task_definition().unwrap_or_default().to_owned();
    let Some(target) = cloud
        .last_success(&request.cluster, &request.service, &now)
        .await?
    else {
        return Err(Fault::new(
            1,
            format!(
                "ECS knows no other deployment of {} that succeeded",
                request.service
            ),
        )
        .with_hint("name a revision: deployer deploy --task-definition FAMILY:REVISION")
        .into());
    };
    console.status(&format!(
        "{} goes back from {} to {}",
        request.service,
        verdict::short(&now),
        verdict::short(&target)
    ));
    let deployment = cloud
        .update(&request.cluster, &request.service, &target)
        .await?;
    let started = Begun {
        id: deployment.id().unwrap_or_default().to_owned(),
        definition: cloud.definition(&target).await?,
        fallback: None,
        known: primary(Some(&service))
            .and_then(|primary| primary.id)
            .into_iter()
            .collect(),
        seen: begin::event_ids(&service),
    };
    record.begun(&started, Some(&now));
    follow(&cloud, &console, request, &mut record, started).await?;
    conclude(request, &console, record)
}

async fn follow(
    cloud: &Cloud,
    console: &Console,
    request: &Request,
    record: &mut Record,
    started: Begun,
) -> anyhow::Result<()> {
    let mut follower = Follower::new(cloud, console, request, started);
    follower.follow(record).await?;
    if let Ok(Some(service)) = cloud.service(&request.cluster, &request.service).await {
        record.serving = service.task_definition().unwrap_or_default().to_owned();
        record.url = address::of(cloud, &service).await;
    }
    Ok(())
}

/// Says the verdict, and writes the document.
fn conclude(request: &Request, console: &Console, record: Record) -> anyhow::Result<u8> {
    let document = record.into_document();
    let code = document.verdict.exit_code();
    if code == 0 {
        console.success(&document.reason);
    } else {
        console.error(&document.reason);
    }
    output::document(
        &labelled(&document),
        request.reporting.output.as_deref(),
        Secrecy::Public,
    )?;
    Ok(code)
}
