//! The command and its document.

use contract::exit;
use serde::{Deserialize, Serialize};
use toolkit::file::Secrecy;
use toolkit::{Console, output};

use super::file::{self, Saved, moment};
use super::{Simulated, simulate};
use crate::cloud::{Cloud, Span};
use crate::history::History;
use crate::set::{Balancer, Set, Subject};
use crate::survey::{Survey, inputs};
use crate::{Request, SimulateFrom};

/// Firings that are told one by one on stderr; the document has all.
const TOLD: usize = 3;

/// What the alarms would have done.
#[derive(Debug, Serialize, Deserialize)]
struct Simulation {
    from: String,
    to: String,
    /// Seconds.
    period: i64,
    alarms: Vec<Outcome>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    name: String,
    /// How often it went to ALARM.
    fired: usize,
    seconds_in_alarm: i64,
    longest_seconds: i64,
    seconds_without_data: i64,
    /// Periods with a datapoint.
    datapoints: usize,
    firings: Vec<Firing>,
    /// Metrics that the history has nothing of. An alarm that sees nothing without them is not simulated.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    absent: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Firing {
    from: String,
    /// None if it still rang in the end.
    to: Option<String>,
    seconds: i64,
}

impl contract::Document for Simulation {
    const KIND: &'static str = "alarm-simulation";
    const SCHEMA: u32 = 1;
}

/// Simulates over the service's own history.
pub(crate) async fn of_service(
    cloud: &Cloud,
    request: &Request,
    console: &Console,
    alarms: &[String],
    from: &SimulateFrom,
) -> anyhow::Result<u8> {
    let mut survey = Survey::of(cloud, request).await?;
    survey.learn(cloud, request, console).await?;
    let set = survey.set(request);
    let SimulateFrom::CloudWatch { days, save } = from else {
        return of_files(request, console, alarms, from);
    };
    let span = Span {
        period: request.minute,
        periods: usize::from(*days) * 1440,
    };
    let history = cloud.history(&inputs(&set), span).await?;
    if let Some(file) = save {
        let saved = Saved::of(&history);
        output::document(
            &contract::document::labelled(&saved),
            Some(file),
            Secrecy::Public,
        )?;
    }
    finish(request, console, alarms, &set, &history)
}

/// Simulates over files, without asking AWS anything.
pub(crate) fn of_files(
    request: &Request,
    console: &Console,
    alarms: &[String],
    from: &SimulateFrom,
) -> anyhow::Result<u8> {
    let SimulateFrom::Files(files) = from else {
        anyhow::bail!("no file is named");
    };
    let history = file::read(files, request.minute)?;
    // In files metrics go by their names: those of the load balancer do not matter.
    let placeholder = || Balancer {
        load_balancer: "app/LOAD-BALANCER".to_owned(),
        target_group: "targetgroup/TARGET-GROUP".to_owned(),
    };
    let has = |metric: &str| {
        history
            .series
            .iter()
            .any(|series| series.of.metric == metric)
    };
    let subject = Subject {
        service: &request.service,
        settings: &request.settings,
        thresholds: &request.thresholds,
        names: &request.names,
        balancer: request.settings.port.map(|_| placeholder()),
        has_insights: has("RunningTaskCount") || !has("MemoryUtilization"),
        has_lifecycle: true,
        learned: crate::learn::Learned::default(),
    };
    let set = crate::set::set(&subject, &[]);
    for series in &history.series {
        let is_used = inputs(&set).iter().any(|input| series.of.fits(input));
        if !is_used {
            console.warning(&format!(
                "no alarm looks at {}:{}",
                series.of.metric, series.of.statistic
            ));
        }
    }
    finish(request, console, alarms, &set, &history)
}

fn finish(
    request: &Request,
    console: &Console,
    kinds: &[String],
    set: &Set,
    history: &History,
) -> anyhow::Result<u8> {
    let is_wanted = |name: &str| {
        kinds.is_empty()
            || kinds
                .iter()
                .any(|kind| name == request.names.alarm(&request.service, kind))
    };
    let alarms: Vec<Outcome> = simulate(set, history)
        .into_iter()
        .filter(|simulated| is_wanted(&simulated.name))
        .map(|simulated| outcome(simulated, history))
        .collect();
    let simulation = Simulation {
        from: moment(history.from_ms),
        to: moment(history.time(history.periods)),
        period: history.period_ms / 1000,
        alarms,
    };
    say(console, &simulation);
    output::document(
        &contract::document::labelled(&simulation),
        request.output.as_deref(),
        Secrecy::Public,
    )?;
    Ok(exit::DONE)
}

fn outcome(simulated: Simulated, history: &History) -> Outcome {
    let seconds = |periods: usize| {
        i64::try_from(periods)
            .unwrap_or(i64::MAX)
            .saturating_mul(history.period_ms / 1000)
    };
    let firings: Vec<Firing> = simulated
        .firings
        .iter()
        .map(|span| Firing {
            from: moment(history.time(span.start)),
            to: (span.end < history.periods).then(|| moment(history.time(span.end))),
            seconds: seconds(span.len()),
        })
        .collect();
    Outcome {
        name: simulated.name,
        fired: firings.len(),
        seconds_in_alarm: firings.iter().map(|firing| firing.seconds).sum(),
        longest_seconds: firings
            .iter()
            .map(|firing| firing.seconds)
            .max()
            .unwrap_or(0),
        seconds_without_data: seconds(simulated.unknown),
        datapoints: simulated.datapoints,
        firings,
        absent: simulated.absent,
    }
}

fn say(console: &Console, simulation: &Simulation) {
    console.status(&format!("from {} to {}", simulation.from, simulation.to));
    for alarm in &simulation.alarms {
        if alarm.fired == 0 {
            let blind = match alarm.absent.as_slice() {
                [] => String::new(),
                absent => format!(" (the history has no {})", absent.join(", ")),
            };
            console.status(&format!("{}: never{blind}", alarm.name));
            continue;
        }
        console.status(&format!(
            "{}: {}, {} s altogether, {} s at the longest",
            alarm.name,
            match alarm.fired {
                1 => "once".to_owned(),
                times => format!("{times} times"),
            },
            alarm.seconds_in_alarm,
            alarm.longest_seconds
        ));
        for firing in alarm.firings.iter().take(TOLD) {
            let end = firing.to.as_deref().unwrap_or("the end, and on");
            console.status(&format!("  from {} to {end}", firing.from));
        }
        if alarm.firings.len() > TOLD {
            console.status(&format!("  and {} more", alarm.firings.len() - TOLD));
        }
    }
}
