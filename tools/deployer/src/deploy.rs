//! A release: plan, register, update or create, follow that deployment, go back if it fails.

use std::time::Duration;

use anyhow::Context as _;
use contract::deployment::{Deployment, Verdict};
use serde_json::Value;
use tokio::time::Instant;
use toolkit::Console;

use crate::cloud::Cloud;
use crate::create::{self, Settings};
use crate::definition;
use crate::follower::{End, Follower};
use crate::inspect::Inspector;
use crate::interrupt::Interrupt;
use crate::plan::{Step, plan, way_back};
use crate::service::{Service, short};
use crate::source::{Source, Wanted};
use crate::task_log::Streams;
use crate::timeline::Timeline;
use crate::watch::{Watch, Watched};

/// How long the way back may take.
const RETURN: Duration = Duration::from_secs(600);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Release {
    /// Service name.
    pub service: String,
    /// What it shall run.
    pub task_definition: Source,
    /// With these settings a missing service is created.
    pub create: Option<Settings>,
    /// How long there is for a verdict.
    pub timeout: Duration,
    /// This many tasks that fail of the same are enough to give up.
    pub failures: u32,
    /// Whether a failed release is undone.
    pub rolls_back: bool,
    /// Whether to change nothing.
    pub dry_run: bool,
    /// What an interruption does.
    pub on_interrupt: OnInterrupt,
    /// Whether to take the place of a deployment that is in progress.
    pub supersede: bool,
}

/// What an interruption does to a deployment that is in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInterrupt {
    /// It goes on.
    Detach,
    /// It is undone.
    RollBack,
}

/// What is there before anything is done.
struct Before {
    wanted: Wanted,
    live: Option<(Service, Value)>,
    step: Step,
}

/// Releases, and tells what became of it.
pub(crate) async fn deploy(
    cloud: &Cloud,
    console: &Console,
    release: &Release,
) -> anyhow::Result<Deployment> {
    let begun = Instant::now();
    let before = look(cloud, release).await?;
    let mut document = draft(cloud, release, &before);
    if release.dry_run || before.step == Step::Nothing {
        if let Some((service, _)) = &before.live {
            document.url = cloud.balancing.address(console, service).await;
        }
        console.status(&document.reason);
    } else {
        carry_out(cloud, console, release, &before, &mut document, begun).await?;
    }
    document.elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(document)
}

async fn look(cloud: &Cloud, release: &Release) -> anyhow::Result<Before> {
    let read = release.task_definition.read()?;
    let (wanted, service) = tokio::join!(
        release.task_definition.resolve(read, &cloud.cluster),
        cloud.cluster.service(&release.service),
    );
    let (wanted, service) = (wanted?, service?);
    let live = match service {
        Some(service) => {
            let live = cloud.cluster.definition(&service.task_definition).await?;
            Some((service, definition::of_live(&live)?))
        }
        None => None,
    };
    let step = plan(
        &release.service,
        &cloud.cluster.name,
        &wanted,
        live.as_ref().map(|(service, json)| (service, json)),
        release.create.is_some(),
        release.supersede,
    )?;
    Ok(Before { wanted, live, step })
}

/// The document as it is if nothing is done.
fn draft(cloud: &Cloud, release: &Release, before: &Before) -> Deployment {
    let service = &release.service;
    let on = before
        .live
        .as_ref()
        .map(|(service, _)| service.task_definition.clone());
    let name = short(before.wanted.name());
    let register = match before.wanted {
        Wanted::New(_) => format!("register a revision of {name} and "),
        Wanted::Registered { .. } => String::new(),
    };
    let reason = match &before.step {
        Step::Nothing => format!(
            "{service} unchanged: it runs {}",
            on.as_deref().map(short).unwrap_or_default()
        ),
        Step::Update { differences } => format!(
            "would {register}update {service}; different: {}",
            differences.join(", ")
        ),
        Step::Again => format!("would start the failed release of {name} to {service} again"),
        Step::Create => format!("would {register}create the service {service}"),
    };
    let is_same = matches!(before.step, Step::Nothing | Step::Again);
    Deployment {
        cluster: cloud.cluster.name.clone(),
        service: service.clone(),
        verdict: if before.step == Step::Nothing {
            Verdict::Unchanged
        } else {
            Verdict::Planned
        },
        reason,
        deployment_id: None,
        task_definition: match &on {
            Some(on) if is_same => on.clone(),
            _ => before.wanted.name().to_owned(),
        },
        previous_task_definition: on.clone(),
        serving_task_definition: on.unwrap_or_default(),
        registered: false,
        url: None,
        failures: Vec::new(),
        timeline: Vec::new(),
        elapsed_ms: 0,
        applied: !release.dry_run,
    }
}

async fn carry_out(
    cloud: &Cloud,
    console: &Console,
    release: &Release,
    before: &Before,
    document: &mut Deployment,
    begun: Instant,
) -> anyhow::Result<()> {
    let mut interrupt = Interrupt::new()?;
    let mut timeline = Timeline::default();
    let service = start(cloud, console, release, before, document, &mut timeline).await?;
    let id = service
        .primary()
        .map(|primary| primary.id.clone())
        .with_context(|| format!("the service {} has no deployment", release.service))?;
    document.deployment_id = Some(id.clone());
    let text = format!("deployment {id} of {}", short(&document.task_definition));
    console.status(&text);
    timeline.note(&text);
    let old = before.live.as_ref().map(|(service, _)| service);
    let follower = Follower::new(
        &id,
        old.map(|service| service.task_definition.as_str()),
        old.map(|service| service.events.as_slice())
            .unwrap_or_default(),
    );
    let inspector = Inspector::new(&id, Streams::of(before.wanted.json()));
    let mut watch = Watch::new(cloud, console, service, follower, inspector, timeline);
    let outcome = settle(
        &mut watch,
        release,
        old.and_then(way_back),
        begun + release.timeout,
        &mut interrupt,
    )
    .await?;
    (document.verdict, document.reason) = outcome;
    document.url = cloud.balancing.address(console, &watch.service).await;
    document.serving_task_definition = watch.service.task_definition.clone();
    document.failures = watch.inspector.failures.into_document();
    document.timeline = watch.timeline.into_document();
    Ok(())
}

/// Registers and then updates or creates; gives the service as ECS then has it.
async fn start(
    cloud: &Cloud,
    console: &Console,
    release: &Release,
    before: &Before,
    document: &mut Deployment,
    timeline: &mut Timeline,
) -> anyhow::Result<Service> {
    let cluster = &cloud.cluster;
    if before.step == Step::Again {
        return cluster
            .update(&release.service, &document.task_definition, true)
            .await;
    }
    // Found out before anything is registered.
    let new_service = match (&before.step, &release.create) {
        (Step::Create, Some(settings)) => Some(create::resolve(cloud, settings).await?),
        _ => None,
    };
    let (arn, registered) = before.wanted.register(cluster).await?;
    if registered {
        let text = format!("registered {}", short(&arn));
        console.status(&text);
        timeline.note(&text);
    }
    document.task_definition.clone_from(&arn);
    document.registered = registered;
    match new_service {
        Some(new) => {
            let service = create::create(cluster, &release.service, &arn, new).await?;
            let text = format!("created the service {}", release.service);
            console.status(&text);
            timeline.note(&text);
            Ok(service)
        }
        None => cluster.update(&release.service, &arn, false).await,
    }
}

/// Follows until there is a verdict, and goes back where that is called for.
async fn settle(
    watch: &mut Watch<'_>,
    release: &Release,
    way_back: Option<String>,
    deadline: Instant,
    interrupt: &mut Interrupt,
) -> anyhow::Result<(Verdict, String)> {
    let watched = tokio::select! {
        watched = watch.until(deadline, Some(release.failures)) => Some(watched),
        () = interrupt.received() => None,
    };
    let watched = watched.transpose().with_context(|| goes_on(watch))?;
    let (reason, verdict) = match watched {
        Some(Watched::Ended(End::Failed(reason))) => (why(watch, reason), Verdict::Failed),
        Some(Watched::Hopeless(reason)) => (reason, Verdict::Failed),
        Some(other) => return Ok(verdict(watch, other)),
        None if release.on_interrupt == OnInterrupt::Detach => return Ok(detached(watch)),
        None => ("interrupted".to_owned(), Verdict::Interrupted),
    };
    let must_go_back = verdict == Verdict::Interrupted || release.rolls_back;
    if watch.follower.is_returning() || !must_go_back {
        return Ok((verdict, reason));
    }
    let Some(way_back) = way_back.filter(|_| watch.service.status == "ACTIVE") else {
        let reason = format!("{reason}; there is no release that worked to go back to");
        return Ok((Verdict::Failed, reason));
    };
    go_back(watch, &way_back, &reason, interrupt).await
}

/// Puts the service back on the revision that worked and follows that until it is there.
async fn go_back(
    watch: &mut Watch<'_>,
    way_back: &str,
    reason: &str,
    interrupt: &mut Interrupt,
) -> anyhow::Result<(Verdict, String)> {
    let text = format!("{reason}: going back to {}", short(way_back));
    watch.console.warning(&text);
    watch.timeline.note(&text);
    let name = watch.service.name.clone();
    let service = watch
        .cloud
        .cluster
        .update(&name, way_back, false)
        .await
        .with_context(|| format!("{reason}; cannot go back"))?;
    let id = service
        .primary()
        .map(|primary| primary.id.clone())
        .with_context(|| format!("{reason}; the service {name} has no deployment to go back by"))?;
    watch.service = service;
    watch.follower.returns_by(&id, reason);
    let watched = tokio::select! {
        watched = watch.until(Instant::now() + RETURN, None) => watched,
        () = interrupt.received() => return Ok(detached(watch)),
    };
    let watched = watched.with_context(|| goes_on(watch))?;
    Ok(verdict(watch, watched))
}

/// The verdict that ends it, with its sentence.
pub(crate) fn verdict(watch: &Watch<'_>, watched: Watched) -> (Verdict, String) {
    let service = &watch.service.name;
    let on = short(&watch.service.task_definition);
    match watched {
        Watched::Ended(End::Completed) => (Verdict::Completed, format!("{service} runs {on}")),
        Watched::Ended(End::RolledBack(reason)) => {
            let reason = why(watch, reason);
            (
                Verdict::RolledBack,
                format!("{reason}; {service} is back on {on}"),
            )
        }
        Watched::Ended(End::Failed(reason)) => (Verdict::Failed, why(watch, reason)),
        Watched::Ended(End::Superseded(id)) => (
            Verdict::Superseded,
            format!("the deployment {id} ({on}) took its place"),
        ),
        Watched::Hopeless(reason) => (Verdict::Failed, reason),
        Watched::OutOfTime => (Verdict::TimedOut, out_of_time(watch)),
    }
}

/// ECS's own reason, led by what its tasks failed of: "tasks failed to start" helps nobody.
fn why(watch: &Watch<'_>, reason: String) -> String {
    match watch.inspector.failures.main() {
        Some(failure) => {
            let sentence = crate::failure::sentence(failure);
            if reason.starts_with(&sentence) {
                reason
            } else {
                format!("{sentence}; {reason}")
            }
        }
        None => reason,
    }
}

fn out_of_time(watch: &Watch<'_>) -> String {
    let current = watch.follower.current();
    let state = match watch.service.rollout(current) {
        Some(rollout) => format!("{} of {} running", rollout.running, rollout.desired),
        None => "not to be seen".to_owned(),
    };
    let last = watch.service.events.last();
    let last = last.map_or(String::new(), |event| {
        format!("; last event: {}", event.text)
    });
    format!("the time limit passed and the deployment {current} goes on: {state}{last}")
}

/// Nobody follows any longer.
pub(crate) fn detached(watch: &Watch<'_>) -> (Verdict, String) {
    let reason = format!("interrupted; {}", goes_on(watch));
    (Verdict::Interrupted, reason)
}

fn goes_on(watch: &Watch<'_>) -> String {
    format!("the deployment {} goes on", watch.follower.current())
}
