//! A release: look, plan, take the lock, run what goes before, update or create, follow, go back if it fails.

use std::time::Duration;

use anyhow::Context as _;
use contract::deployment::{Deployment, OneOffTask, Verdict};
use tokio::time::{Instant, sleep};
use toolkit::Console;

use crate::before::{Before, Looked, look};
use crate::cloud::Cloud;
use crate::cluster::Change;
use crate::create;
use crate::follower::Follower;
use crate::inspect::Inspector;
use crate::interrupt::Interrupt;
use crate::lock::{Attempt, Lock, Record};
use crate::one_off;
use crate::plan::Step;
use crate::release::Release;
use crate::scaling::Suspension;
use crate::service::{Service, short};
use crate::settle::settle;
use crate::task_log::Streams;
use crate::timeline::Timeline;
use crate::trouble::Trouble;
use crate::watch::Watch;

/// Between two looks at a deployment of somebody else that is waited for.
const PAUSE: Duration = Duration::from_secs(2);

/// Releases, and tells what became of it.
pub(crate) async fn deploy(
    cloud: &Cloud,
    console: &Console,
    release: &Release,
) -> anyhow::Result<Deployment> {
    let begun = Instant::now();
    let mut interrupt = Interrupt::new()?;
    let ready = tokio::select! {
        ready = prepare(cloud, console, release, begun) => ready?,
        () = interrupt.received() => Ready::End(Box::new(Deployment {
            verdict: Verdict::Interrupted,
            reason: "interrupted before anything was begun".to_owned(),
            applied: !release.dry_run,
            ..blank(&cloud.cluster.name, &release.service)
        })),
    };
    let (before, lock) = match ready {
        Ready::End(mut document) => {
            document.elapsed_ms = elapsed(begun);
            return Ok(*document);
        }
        Ready::Go(before, lock) => (before, lock),
    };
    let mut document = before.draft(cloud, release);
    let outcome = guarded(
        cloud,
        console,
        release,
        &before,
        &mut document,
        begun,
        &mut interrupt,
    )
    .await;
    if let Some(lock) = lock
        && let Err(Trouble::Passing(error) | Trouble::Final(error)) =
            cloud.locks.release(&lock).await
    {
        console.warning(&format!("{error:#}; it ends by itself"));
    }
    outcome?;
    document.elapsed_ms = elapsed(begun);
    Ok(document)
}

/// A document of which only the place is known.
pub(crate) fn blank(cluster: &str, service: &str) -> Deployment {
    Deployment {
        cluster: cluster.to_owned(),
        service: service.to_owned(),
        verdict: Verdict::Failed,
        reason: String::new(),
        deployment_id: None,
        service_deployment: None,
        service_revision: None,
        task_definition: String::new(),
        previous_task_definition: None,
        serving_task_definition: String::new(),
        registered: false,
        rollback: None,
        tasks: Vec::new(),
        smoke: Vec::new(),
        url: None,
        failures: Vec::new(),
        timeline: Vec::new(),
        elapsed_ms: 0,
        applied: true,
    }
}

/// Milliseconds since then.
pub(crate) fn elapsed(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Whether there is something to be done, and nobody in the way.
enum Ready {
    End(Box<Deployment>),
    Go(Box<Before>, Option<Lock>),
}

async fn prepare(
    cloud: &Cloud,
    console: &Console,
    release: &Release,
    begun: Instant,
) -> anyhow::Result<Ready> {
    let patience = release.lock.patience.map(|patience| begun + patience);
    loop {
        let before = match wait_for_others(cloud, console, release, patience).await? {
            Ok(before) => before,
            Err(document) => return Ok(Ready::End(document)),
        };
        for remark in &before.remarks {
            console.status(remark);
        }
        let mut document = before.draft(cloud, release);
        if release.dry_run || before.step == Step::Nothing {
            if release.with_url
                && let Some(live) = &before.live
            {
                document.url = cloud.balancing.address(console, &live.service).await;
            }
            console.status(&document.reason);
            return Ok(Ready::End(Box::new(document)));
        }
        if release.lock.none {
            return Ok(Ready::Go(Box::new(before), None));
        }
        let asked = Instant::now();
        let record = lock_record(release);
        let attempt = cloud
            .locks
            .acquire(console, &release.service, &record, patience);
        match attempt.await? {
            // What was seen before somebody else's release ended is not what is there now.
            Attempt::Acquired(lock) if asked.elapsed() > PAUSE => {
                let outcome = look(cloud, release).await;
                match outcome {
                    Ok(Looked::Ready(before)) if before.step != Step::Nothing => {
                        return Ok(Ready::Go(before, Some(lock)));
                    }
                    other => {
                        cloud.locks.release(&lock).await?;
                        other?;
                    }
                }
            }
            Attempt::Acquired(lock) => return Ok(Ready::Go(Box::new(before), Some(lock))),
            Attempt::Held(holder) => {
                document.verdict = Verdict::Refused;
                document.reason = format!("the deploy lock of {} is {holder}", release.service);
                return Ok(Ready::End(Box::new(document)));
            }
            Attempt::Unavailable(error) => {
                console.warning(&format!("going on without a deploy lock: {error:#}"));
                return Ok(Ready::Go(Box::new(before), None));
            }
        }
    }
}

/// The service before the release, as soon as no other deployment is in the way; or the document of a refusal.
async fn wait_for_others(
    cloud: &Cloud,
    console: &Console,
    release: &Release,
    patience: Option<Instant>,
) -> anyhow::Result<Result<Before, Box<Deployment>>> {
    let mut is_told = false;
    loop {
        let (service, reason) = match look(cloud, release).await? {
            Looked::Ready(before) => return Ok(Ok(*before)),
            Looked::Busy { service, reason } => (service, reason),
        };
        if patience.is_none_or(|patience| Instant::now() >= patience) {
            return Ok(Err(Box::new(Deployment {
                verdict: Verdict::Refused,
                reason,
                deployment_id: service.in_progress().map(|rollout| rollout.id.clone()),
                serving_task_definition: service.task_definition.clone(),
                applied: !release.dry_run,
                ..blank(&cloud.cluster.name, &release.service)
            })));
        }
        if !std::mem::replace(&mut is_told, true) {
            console.status(&format!("waiting: {reason}"));
        }
        sleep(PAUSE).await;
    }
}

fn lock_record(release: &Release) -> Record {
    let owner = release.lock.owner.clone();
    let first: Duration = release.first.iter().map(|task| task.timeout).sum();
    Record::new(
        owner.unwrap_or_else(crate::lock::owner),
        release.lock.message.clone(),
        // Longer than anything that this release may do.
        first + release.timeout + release.return_timeout + Duration::from_secs(120),
    )
}

/// What has to be undone however the release ends is undone here.
async fn guarded(
    cloud: &Cloud,
    console: &Console,
    release: &Release,
    before: &Before,
    document: &mut Deployment,
    begun: Instant,
    interrupt: &mut Interrupt,
) -> anyhow::Result<()> {
    if !run_first(cloud, console, release, document).await? {
        return Ok(());
    }
    let service = &release.service;
    let suspended = match release.suspend_scaling {
        true => cloud.scaling.limits(service).await?,
        false => None,
    };
    if suspended.is_some() {
        cloud.scaling.suspend(service, Suspension::ALL).await?;
        console.status(&format!("autoscaling of {service} is held up"));
    }
    let outcome = carry_out(cloud, console, release, before, document, begun, interrupt).await;
    if let Some(limits) = suspended {
        match cloud.scaling.suspend(service, limits.suspended).await {
            Ok(()) => console.status(&format!("autoscaling of {service} goes on")),
            Err(error) => console.error(&format!(
                "autoscaling of {service} is still held up: {error:#}"
            )),
        }
    }
    outcome
}

/// Runs the tasks that go first. False if one failed, which the document then says.
async fn run_first(
    cloud: &Cloud,
    console: &Console,
    release: &Release,
    document: &mut Deployment,
) -> anyhow::Result<bool> {
    for task in &release.first {
        let (ran, code) = one_off::run(cloud, console, task).await?;
        let (name, reason) = (short(&ran.task_definition).to_owned(), ran.why());
        document.tasks.push(OneOffTask::from(ran));
        if code != contract::exit::DONE {
            document.verdict = match code {
                contract::exit::TIMED_OUT => Verdict::TimedOut,
                contract::exit::INTERRUPTED => Verdict::Interrupted,
                _ => Verdict::Failed,
            };
            document.reason = format!(
                "the task {name}, which goes first, failed: {reason}; {} was not touched",
                release.service
            );
            return Ok(false);
        }
    }
    Ok(true)
}

async fn carry_out(
    cloud: &Cloud,
    console: &Console,
    release: &Release,
    before: &Before,
    document: &mut Deployment,
    begun: Instant,
    interrupt: &mut Interrupt,
) -> anyhow::Result<()> {
    let mut timeline = Timeline::default();
    let service = start(cloud, console, release, before, document, &mut timeline).await?;
    let name = &release.service;
    if let Step::Settings { differences } = &before.step {
        document.verdict = Verdict::Completed;
        document.reason = format!("{name} has its settings: {}", differences.join(", "));
        document.timeline = timeline.into_document();
        return Ok(());
    }
    let id = service
        .primary()
        .map(|primary| primary.id.clone())
        .with_context(|| format!("the service {name} has no deployment"))?;
    document.deployment_id = Some(id.clone());
    let text = format!("deployment {id} of {}", short(&document.task_definition));
    console.status(&text);
    timeline.note(&text);
    let old = before.live.as_ref().map(|live| &live.service);
    let follower = Follower::new(
        &id,
        old.map(|service| service.task_definition.as_str()),
        old.map(|service| service.events.as_slice())
            .unwrap_or_default(),
    );
    let inspector = Inspector::new(&id, Streams::of(before.wanted.json()));
    let earlier_record = old.and_then(|service| service.record.clone());
    let mut watch = Watch::new(
        cloud,
        console,
        service,
        follower,
        inspector,
        timeline,
        earlier_record,
    );
    if release.no_wait {
        document.verdict = Verdict::Started;
        document.reason = format!("the deployment {id} has begun, and nobody follows it");
    } else {
        settle(&mut watch, release, document, begun, interrupt).await?;
    }
    if release.with_url {
        document.url = cloud.balancing.address(console, &watch.service).await;
    }
    watch.conclude(document);
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
    let name = &release.service;
    let live = before.live.as_ref().map(|live| &live.service);
    let mut change = Change {
        force: before.step == Step::Again,
        ..live.map_or_else(Change::default, |live| release.settings.change(live))
    };
    if matches!(before.step, Step::Again | Step::Settings { .. }) {
        return cluster.update(name, &change).await;
    }
    // Found out before anything is registered.
    let new_service = match before.step {
        Step::Create => Some(create::resolve(cloud, &release.settings).await?),
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
            let service = create::create(cluster, name, &arn, new).await?;
            let text = format!("created the service {name}");
            console.status(&text);
            timeline.note(&text);
            Ok(service)
        }
        None => {
            change.task_definition = Some(arn);
            cluster.update(name, &change).await
        }
    }
}
