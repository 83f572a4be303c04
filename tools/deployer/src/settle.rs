//! From a deployment that has begun to its verdict, by way of the return where that is called for.

use anyhow::Context as _;
use contract::deployment::{Deployment, Verdict};
use tokio::time::Instant;

use crate::cluster::Change;
use crate::failure::sentence;
use crate::follower::End;
use crate::interrupt::Interrupt;
use crate::last_good::{LastGood, last_good};
use crate::record::Course;
use crate::release::{Otherwise, Release};
use crate::service::short;
use crate::smoke;
use crate::trouble::Trouble;
use crate::watch::{Limits, Watch, Watched};

/// Follows until there is a verdict, which the document then has.
pub(crate) async fn settle(
    watch: &mut Watch<'_>,
    release: &Release,
    document: &mut Deployment,
    begun: Instant,
    interrupt: &mut Interrupt,
) -> anyhow::Result<()> {
    let limits = Limits {
        deadline: begun + release.timeout,
        failures: Some(release.failures),
        placement: Some(release.placement),
        pace: release.pace,
    };
    let watched = watch.unless(interrupt, limits).await;
    let watched = watched.with_context(|| goes_on(watch))?;
    let is_cut = watched.is_none();
    let (wish, reason) = match watched {
        None => (release.on_interrupt, "interrupted".to_owned()),
        Some(Watched::OutOfTime) if !watch.follower.is_returning() => {
            (release.on_timeout, out_of_time(watch))
        }
        Some(Watched::Ended(End::Completed)) => {
            match smoke_fault(watch, release, document).await? {
                None => {
                    set(document, verdict(watch, Watched::Ended(End::Completed)));
                    return Ok(());
                }
                Some(reason) => (Otherwise::RollBack, reason),
            }
        }
        Some(Watched::Ended(End::Failed(reason))) => (Otherwise::RollBack, why(watch, reason)),
        Some(Watched::Hopeless(reason)) => (Otherwise::RollBack, reason),
        Some(other) => {
            set(document, verdict(watch, other));
            return Ok(());
        }
    };
    let outcome = if wish == Otherwise::Detach {
        if is_cut {
            detached(watch)
        } else {
            (Verdict::TimedOut, reason)
        }
    } else if watch.follower.is_returning() || !(release.rolls_back || is_cut) {
        (Verdict::Failed, reason)
    } else {
        go_back(watch, release, document, &reason, interrupt).await?
    };
    set(document, outcome);
    Ok(())
}

fn set(document: &mut Deployment, (verdict, reason): (Verdict, String)) {
    (document.verdict, document.reason) = (verdict, reason);
}

/// Asks the released service what it was asked to be asked; gives what is wrong.
async fn smoke_fault(
    watch: &mut Watch<'_>,
    release: &Release,
    document: &mut Deployment,
) -> anyhow::Result<Option<String>> {
    if release.smoke.expectations.is_empty() {
        return Ok(None);
    }
    let entry = watch.cloud.balancing.entry(&watch.service).await?;
    let Some(entry) = entry else {
        let reason = "the smoke check has nothing to ask: the service is behind no load balancer";
        return Ok(Some(reason.to_owned()));
    };
    document.smoke = smoke::check(watch.console, &entry, &release.smoke).await;
    let failed = document.smoke.iter().find(|result| !result.passed);
    let reason =
        failed.map(|result| format!("the smoke check failed: {}: {}", result.url, result.answer));
    if let Some(reason) = &reason {
        watch.timeline.note(reason);
    }
    Ok(reason)
}

/// Sends the service back to the release that worked and follows that until it is there.
pub(crate) async fn go_back(
    watch: &mut Watch<'_>,
    release: &Release,
    document: &Deployment,
    reason: &str,
    interrupt: &mut Interrupt,
) -> anyhow::Result<(Verdict, String)> {
    let target = last_good(
        watch.cloud,
        &watch.service,
        &document.task_definition,
        release.earlier.as_deref(),
    )
    .await;
    let Some(target) = target.filter(|_| watch.service.status == "ACTIVE") else {
        let reason = format!("{reason}; there is no release that worked to go back to");
        return Ok((Verdict::Failed, reason));
    };
    let text = format!(
        "{reason}: going back to {} ({})",
        short(&target.task_definition),
        target.source.words()
    );
    watch.console.warning(&text);
    watch.timeline.note(&text);
    let deadline = Instant::now() + release.return_timeout;
    let limits = Limits {
        deadline,
        failures: None,
        placement: None,
        pace: release.pace,
    };
    if stop(watch, reason).await? {
        let watched = watch.unless(interrupt, limits).await;
        let Some(watched) = watched.with_context(|| goes_on(watch))? else {
            return Ok(detached(watch));
        };
        // Where ECS could not find the way by itself, it is told the way.
        if !matches!(watched, Watched::Ended(End::Failed(_))) {
            return Ok(verdict(watch, watched));
        }
    }
    update(watch, &target, reason).await?;
    let watched = watch.unless(interrupt, limits).await;
    let watched = watched.with_context(|| goes_on(watch))?;
    Ok(watched.map_or_else(|| detached(watch), |watched| verdict(watch, watched)))
}

/// Has ECS send the service back by itself. False where it keeps no record of the deployment, or does not let it
/// be stopped any more.
async fn stop(watch: &mut Watch<'_>, reason: &str) -> anyhow::Result<bool> {
    let record = watch.record.as_ref();
    let Some(record) = record.filter(|record| record.state == Course::Forward) else {
        return Ok(false);
    };
    match watch.cloud.cluster.stop(&record.arn).await {
        Ok(true) => {
            watch.follower.is_stopped(reason);
            Ok(true)
        }
        // It has ended, or ECS has just begun to go back by itself: the next look will tell.
        Ok(false) => Ok(watch.is_returning_by_itself().await),
        Err(Trouble::Passing(error) | Trouble::Final(error)) => {
            watch.console.detail(&format!("{error:#}"));
            Ok(false)
        }
    }
}

async fn update(watch: &mut Watch<'_>, target: &LastGood, reason: &str) -> anyhow::Result<()> {
    let name = watch.service.name.clone();
    let service = watch
        .cloud
        .cluster
        .update(&name, &Change::to(&target.task_definition))
        .await
        .with_context(|| format!("{reason}; cannot go back"))?;
    let id = service
        .primary()
        .map(|primary| primary.id.clone())
        .with_context(|| format!("{reason}; the service {name} has no deployment to go back by"))?;
    watch.service = service;
    watch.follower.returns_by(&id, reason);
    Ok(())
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
            let sentence = sentence(failure);
            if reason.contains(&failure.reason) {
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
    let state = match (&watch.record, watch.service.rollout(current)) {
        (Some(record), _) if watch.service.shifts_traffic() => record.progress(),
        (_, Some(rollout)) => format!("{} of {} running", rollout.running, rollout.desired),
        (_, None) => "not to be seen".to_owned(),
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
