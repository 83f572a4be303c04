//! The deployer beside fabfuel's `ecs deploy` and the AWS CLI (register, update, `wait services-stable`): the same
//! releases on the same service, one after the other, and what each said of them.

mod contender;
mod service;

use std::collections::BTreeMap;
use std::time::Duration;

use toolkit::Console;

use super::measure::{Figures, Run, median, run};
use super::stand::{Server, Stand};
use super::table::{Comparison, Comparisons, Entry};
use contender::{CONTENDERS, Contender};
use service::Service;

/// AWS's waits pass so many times as fast. Pauses between looks are the programs' own and do not.
const SPEED: u32 = 10;

const START_UP: &str = "start-up";

/// A release.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    /// What differs from the version that runs, if anything.
    change: Option<Edit>,
    /// Whether ECS's circuit breaker is on, with its rollback.
    breaker: bool,
    /// Whether the version that is released serves in the end.
    succeeds: bool,
}

/// What differs.
#[derive(Debug, Clone, Copy)]
enum Edit {
    /// A variable of the container.
    Variable(&'static str, &'static str),
    /// The tag of its image: one that is not there.
    Tag(&'static str),
}

const CASES: [Case; 5] = [
    Case {
        name: "a release that works",
        change: Some(Edit::Variable("APP_VERSION", "next")),
        breaker: true,
        succeeds: true,
    },
    Case {
        name: "nothing has changed",
        change: None,
        breaker: true,
        succeeds: true,
    },
    Case {
        name: "crash loop, ECS rolls back",
        change: Some(Edit::Variable("LUDLOW_CRASH", "start")),
        breaker: true,
        succeeds: false,
    },
    Case {
        name: "crash loop, no circuit breaker",
        change: Some(Edit::Variable("LUDLOW_CRASH", "start")),
        breaker: false,
        succeeds: false,
    },
    Case {
        name: "an image that is not there",
        change: Some(Edit::Tag("absent")),
        breaker: false,
        succeeds: false,
    },
];

/// One run of one contender in one case.
struct Outcome {
    run: Run,
    /// By operation.
    calls: BTreeMap<String, u64>,
    lag: Option<Duration>,
}

/// Runs every contender in every case.
pub(crate) fn run_all(
    console: &Console,
    stand: &Stand,
    runs: u32,
    only: Option<&str>,
) -> anyhow::Result<Comparisons> {
    let is_wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    let mut comparisons = Vec::new();
    if is_wanted(START_UP) {
        comparisons.push(start_up(stand, runs)?);
    }
    let server = Server::start(stand, SPEED)?;
    let service = Service::create(stand, &server)?;
    for case in CASES.iter().filter(|case| is_wanted(case.name)) {
        let mut outcomes: Vec<Vec<Outcome>> = CONTENDERS.iter().map(|_| Vec::new()).collect();
        for round in 1..=runs {
            for (contender, outcomes) in CONTENDERS.iter().zip(&mut outcomes) {
                console.status(&format!(
                    "{}, {} ({round} of {runs})",
                    case.name, contender.name
                ));
                outcomes.push(compete(stand, &server, &service, case, contender)?);
            }
        }
        let entries = CONTENDERS
            .iter()
            .zip(&outcomes)
            .filter_map(|(contender, outcomes)| entry(case, contender, outcomes))
            .collect();
        comparisons.push(Comparison {
            case: case.name.to_owned(),
            entries,
        });
    }
    Ok(Comparisons::of("deploy", comparisons))
}

/// How long it takes until a program has read its command line.
fn start_up(stand: &Stand, runs: u32) -> anyhow::Result<Comparison> {
    let programs = [
        ("deployer --version", stand.program("deployer"), "--version"),
        ("ecs --help", stand.client("ecs"), "--help"),
        ("aws --version", stand.client("aws"), "--version"),
    ];
    let mut all: Vec<(&str, Vec<Run>)> = Vec::new();
    for (name, mut program, argument) in programs {
        program.arg(argument);
        // The first one finds nothing in memory.
        run(&mut program)?;
        let runs: anyhow::Result<Vec<Run>> = (0..runs.max(10)).map(|_| run(&mut program)).collect();
        all.push((name, runs?));
    }
    let entries = all
        .iter()
        .filter_map(|(name, runs)| {
            Some(Entry {
                name: (*name).to_owned(),
                figures: Figures::of(runs)?,
                calls: None,
                operations: BTreeMap::new(),
                lag_ms: None,
                said: String::new(),
            })
        })
        .collect();
    Ok(Comparison {
        case: START_UP.to_owned(),
        entries,
    })
}

fn compete(
    stand: &Stand,
    server: &Server<'_>,
    service: &Service,
    case: &Case,
    contender: &Contender,
) -> anyhow::Result<Outcome> {
    service.make_good(stand, server, case.breaker)?;
    let definition = service.definition(case.change);
    let file = stand.file("release.json", &definition.to_string())?;
    let begun = service::now();
    let mut command = contender.command(stand, case.change, &file);
    server.forget_calls()?;
    let run = run(server.reached_by(&mut command))?;
    let ended = service::now();
    let calls = server.calls()?;
    let happened = if case.succeeds {
        service.completed_at(server)?
    } else {
        service.first_failure(server, begun)?
    };
    // Nothing happened where nothing was to be done; and who left before it happened did not wait for it.
    let lag = happened
        .filter(|at| *at >= begun && *at <= ended)
        .map(|at| Duration::from_secs_f64(ended - at));
    Ok(Outcome { run, calls, lag })
}

fn entry(case: &Case, contender: &Contender, outcomes: &[Outcome]) -> Option<Entry> {
    let runs: Vec<Run> = outcomes.iter().map(|outcome| outcome.run).collect();
    let mut calls: Vec<&BTreeMap<String, u64>> =
        outcomes.iter().map(|outcome| &outcome.calls).collect();
    calls.sort_by_key(|calls| calls.values().sum::<u64>());
    let calls = calls.get(calls.len().saturating_sub(1) / 2)?;
    let lags: Vec<Duration> = outcomes.iter().filter_map(|outcome| outcome.lag).collect();
    let is_right = |run: &Run| match run.code {
        Some(0) => case.succeeds,
        // `timeout` ended it.
        Some(124) | None => false,
        Some(_) => !case.succeeds,
    };
    let said = runs.iter().map(|run| match run.code {
        _ if is_right(run) => "right",
        Some(124) => "no verdict in a minute",
        _ => "WRONG",
    });
    let mut said: Vec<&str> = said.collect();
    said.dedup();
    Some(Entry {
        name: contender.name.to_owned(),
        figures: Figures::of(&runs)?,
        calls: Some(calls.values().sum()),
        operations: (*calls).clone(),
        lag_ms: (!lags.is_empty()).then(|| median(lags.into_iter())),
        said: said.join(", "),
    })
}
