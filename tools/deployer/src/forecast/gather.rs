//! What a forecast is made from, read from AWS.

use aws_sdk_ecs::types::DeploymentStrategy;
use serde::Serialize;
use serde_json::Value;
use toolkit::Console;

use super::{Facts, Forecast, Strategy, TargetFacts, forecast};
use crate::cloud::Cloud;
use crate::diff::{self, Differences};
use crate::service::Service;
use crate::source::Source;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Service name.
    pub service: String,
    /// What it would run.
    pub task_definition: Source,
}

/// A plan, as a document.
#[derive(Debug, Serialize)]
pub(crate) struct Prospect {
    kind: &'static str,
    schema: u32,
    pub(crate) diff: Differences,
    pub(crate) forecast: Forecast,
}

/// Looks at everything and changes nothing.
pub(crate) async fn outlook(
    cloud: &Cloud,
    console: &Console,
    request: &Outlook,
) -> anyhow::Result<Prospect> {
    let read = request.task_definition.read()?;
    let live = cloud.cluster.live(&request.service).await?;
    let wanted = request
        .task_definition
        .resolve(read, &cloud.cluster, Some(&live))
        .await?;
    let mut facts = facts(&live.service, wanted.json());
    for balanced in &live.service.balanced {
        match cloud.balancing.facts(&balanced.target_group).await {
            Ok(found) => facts.target = Some(slower(facts.target, found)),
            Err(error) => console.warning(&format!("the forecast lacks a part: {error:#}")),
        }
    }
    Ok(Prospect {
        kind: "plan",
        schema: 1,
        diff: diff::between(&live, &wanted),
        forecast: forecast(&facts),
    })
}

fn slower(known: Option<TargetFacts>, found: TargetFacts) -> TargetFacts {
    match known {
        Some(known) => TargetFacts {
            interval: known.interval.max(found.interval),
            unhealthy_threshold: known.unhealthy_threshold.max(found.unhealthy_threshold),
            deregistration_delay: known.deregistration_delay.max(found.deregistration_delay),
        },
        None => found,
    }
}

fn facts(service: &Service, definition: &Value) -> Facts {
    let configuration = service.configuration.as_ref();
    let percent = |found: Option<i32>, usual: u32| {
        found
            .and_then(|found| u32::try_from(found).ok())
            .unwrap_or(usual)
    };
    let containers = definition["containerDefinitions"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let sum = |name: &str| -> u32 {
        let own = number(&definition[name]);
        let all = containers
            .iter()
            .filter_map(|container| number(&container[name]))
            .sum();
        own.unwrap_or(all)
    };
    let check = |container: &Value| {
        let check = &container["healthCheck"];
        let seconds = |name: &str, usual: u64| check[name].as_u64().unwrap_or(usual);
        (!check.is_null()).then(|| (seconds("interval", 30), seconds("startPeriod", 0)))
    };
    Facts {
        desired: u32::try_from(service.desired).unwrap_or(0),
        minimum_percent: percent(configuration.and_then(|c| c.minimum_healthy_percent()), 100),
        maximum_percent: percent(configuration.and_then(|c| c.maximum_percent()), 200),
        cpu: sum("cpu"),
        memory: sum("memory"),
        target: None,
        container: containers
            .iter()
            .filter(|container| container["essential"].as_bool().unwrap_or(true))
            .filter_map(check)
            .max(),
        grace: u64::try_from(service.grace_seconds).unwrap_or(0),
        stop_timeout: containers
            .iter()
            .map(|container| container["stopTimeout"].as_u64().unwrap_or(30))
            .max()
            .unwrap_or(30),
        strategy: strategy(service),
    }
}

/// A number, or a text that is one: ECS has the task's own cpu and memory as texts.
fn number(value: &Value) -> Option<u32> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u32::try_from(number).ok()
}

fn strategy(service: &Service) -> Strategy {
    let Some(configuration) = &service.configuration else {
        return Strategy::Rolling;
    };
    let seconds = |minutes: Option<i32>| u64::try_from(minutes.unwrap_or(0)).unwrap_or(0) * 60;
    let bake = seconds(configuration.bake_time_in_minutes());
    match configuration.strategy() {
        Some(DeploymentStrategy::BlueGreen) => Strategy::BlueGreen { bake },
        Some(DeploymentStrategy::Linear) => {
            let linear = configuration.linear_configuration();
            Strategy::Linear {
                percent: linear.and_then(|l| l.step_percent()).unwrap_or(10.0),
                step: seconds(
                    linear
                        .and_then(|l| l.step_bake_time_in_minutes())
                        .or(Some(6)),
                ),
                bake,
            }
        }
        Some(DeploymentStrategy::Canary) => {
            let canary = configuration.canary_configuration();
            let first = canary.and_then(|c| c.canary_bake_time_in_minutes());
            Strategy::Canary {
                first: seconds(first.or(Some(10))),
                bake,
            }
        }
        _ => Strategy::Rolling,
    }
}

/// For people.
pub(crate) fn text(prospect: &Prospect) -> String {
    let mut out = diff::text(&prospect.diff);
    let forecast = &prospect.forecast;
    match forecast.minimum_seconds {
        Some(seconds) => out.push_str(&format!(
            "\nat least {seconds} s, beside what the image takes to be pulled and the application to start:\n"
        )),
        None => out.push_str("\nit would never end:\n"),
    }
    for part in &forecast.parts {
        out.push_str(&format!("  {:>5} s  {}\n", part.seconds, part.what));
    }
    out.push_str(&format!(
        "at the peak {} tasks, {} CPU units, {} MiB\n",
        forecast.peak_tasks, forecast.peak_cpu, forecast.peak_memory
    ));
    for advice in &forecast.advice {
        out.push_str(&format!("faster: {advice}\n"));
    }
    out
}
