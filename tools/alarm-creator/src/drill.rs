//! Trying the actions of alarms: each is set to ALARM and back, and CloudWatch's history says what came of it.

use std::time::{Duration, SystemTime};

use aws::{Pace, poll};
use contract::exit;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use toolkit::file::Secrecy;
use toolkit::{Console, Fault, output};

use crate::Request;
use crate::cloud::{Cloud, Told};
use crate::definition::Actions;
use crate::plan::{LiveAlarm, Shape};
use crate::survey::Survey;

/// How long an action may take to be in the history.
const PATIENCE: Duration = Duration::from_secs(60);
const PACE: Pace = Pace {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(2),
};
/// Clocks differ.
const MARGIN: Duration = Duration::from_secs(300);
const REASON: &str = "A drill by alarm-creator test: nothing is wrong.";

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
struct Drills {
    drills: Vec<Drill>,
}

impl contract::Document for Drills {
    const KIND: &'static str = "alarm-test";
    const SCHEMA: u32 = 1;
}

#[derive(Debug, Serialize, Deserialize)]
struct Drill {
    alarm: String,
    /// `succeeded`, `failed`, `unanswered` or `skipped`.
    outcome: String,
    /// CloudWatch's sentences, or why it was skipped.
    said: Vec<String>,
}

/// Tries the named kinds of alarms, or all that have actions.
pub(crate) async fn run(
    cloud: &Cloud,
    request: &Request,
    console: &Console,
    kinds: &[String],
    force: bool,
) -> anyhow::Result<u8> {
    let survey = Survey::of(cloud, request).await?;
    let set = survey.set(request);
    let names: Vec<String> = set
        .alarms
        .iter()
        .map(|alarm| (alarm.kind.as_str(), &alarm.definition.name))
        .chain([(crate::HEALTH, &set.composite.name)])
        .filter(|(kind, _)| kinds.is_empty() || kinds.iter().any(|wanted| wanted == kind))
        .map(|(_, name)| name.clone())
        .collect();
    let live = cloud.alarms(&names, false).await?;
    let with_actions: Vec<(&String, &LiveAlarm)> = live
        .iter()
        .filter(|(_, alarm)| !kinds.is_empty() || !actions(alarm).is_empty())
        .collect();
    if with_actions.is_empty() {
        return Err(Fault::usage("no alarm has an action that could be tried")
            .with_hint("name somebody in alarms.notify and apply it")
            .into());
    }
    must_be_harmless(&survey, &with_actions, force)?;
    let mut drills = Vec::new();
    for (name, alarm) in with_actions {
        let drill = drill(cloud, name, alarm).await?;
        let line = format!("{name}: {}", drill.outcome);
        match drill.outcome.as_str() {
            "succeeded" => console.success(&line),
            "skipped" => console.warning(&format!("{line}: {}", drill.said.join("; "))),
            _ => console.error(&format!("{line}: {}", drill.said.join("; "))),
        }
        drills.push(drill);
    }
    let is_good = drills.iter().all(|drill| drill.outcome == "succeeded");
    output::document(
        &contract::document::labelled(&Drills { drills }),
        request.output.as_deref(),
        Secrecy::Public,
    )?;
    Ok(if is_good { exit::DONE } else { exit::NEGATIVE })
}

/// ECS does not know a drill from the real thing: it would roll a running deployment back.
fn must_be_harmless(
    survey: &Survey,
    alarms: &[(&String, &LiveAlarm)],
    force: bool,
) -> anyhow::Result<()> {
    let Some(deployments) = survey.deployments.as_ref().filter(|_| !force) else {
        return Ok(());
    };
    let watched = alarms
        .iter()
        .find(|(name, _)| deployments.names().contains(name));
    match watched {
        Some((name, _)) if deployments.is_deploying => Err(Fault::new(
            exit::FAILED,
            format!("a deployment is under way that {name} would roll back"),
        )
        .with_hint("wait for its end, or give --force")
        .into()),
        _ => Ok(()),
    }
}

fn actions(alarm: &LiveAlarm) -> &Actions {
    match &alarm.shape {
        Shape::Metric(definition) => &definition.actions,
        Shape::Composite(composite) => &composite.actions,
    }
}

async fn drill(cloud: &Cloud, name: &str, alarm: &LiveAlarm) -> anyhow::Result<Drill> {
    let drill = |outcome: &str, said| Drill {
        alarm: name.to_owned(),
        outcome: outcome.to_owned(),
        said,
    };
    if alarm.state == "ALARM" {
        let said = vec![format!("it rings in earnest: {}", alarm.reason)];
        return Ok(drill("skipped", said));
    }
    let actions = actions(alarm);
    if actions.is_empty() {
        return Ok(drill("skipped", vec!["it has no actions".to_owned()]));
    }
    let since = SystemTime::now() - MARGIN;
    let before = cloud.told_since(name, since).await?.len();
    let mut expected = before;
    let mut told = Vec::new();
    // Back to OK in the end: a composite would keep what it was set to until one of its alarms changes.
    for (state, actions) in [
        ("ALARM", &actions.alarm),
        ("INSUFFICIENT_DATA", &actions.insufficient),
        ("OK", &actions.ok),
    ] {
        if actions.is_empty() && state == "INSUFFICIENT_DATA" {
            continue;
        }
        cloud.set_state(name, state, REASON).await?;
        expected += actions.len();
        match heard(cloud, name, since, expected).await? {
            Some(all) => told = all,
            None => {
                cloud.set_state(name, &alarm.state, REASON).await?;
                let said = vec![format!(
                    "nothing came of the actions for {state} within {} s",
                    PATIENCE.as_secs()
                )];
                return Ok(drill("unanswered", said));
            }
        }
    }
    let told = &told[before.min(told.len())..];
    let outcome = if told.iter().all(|one| one.succeeded) {
        "succeeded"
    } else {
        "failed"
    };
    let said = told.iter().map(|one| one.summary.clone()).collect();
    Ok(drill(outcome, said))
}

/// Waits until so many actions are in the history.
async fn heard(
    cloud: &Cloud,
    name: &str,
    since: SystemTime,
    expected: usize,
) -> anyhow::Result<Option<Vec<Told>>> {
    poll(PACE, Instant::now() + PATIENCE, async || {
        let told = cloud.told_since(name, since).await?;
        Ok((told.len() >= expected).then_some(told))
    })
    .await
}
