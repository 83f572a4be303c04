//! How long a release takes at least, what it needs at its peak, and what would make it faster. It calls nobody.
//!
//! The minimum counts what AWS imposes: health checks, batches, draining. What an image takes to be pulled and an
//! application to start comes on top and is not known here. Times are seconds.

pub(crate) mod gather;

use serde::Serialize;

/// Without any check a task counts as healthy so long after it began to run (botocore's model,
/// DeploymentConfiguration).
const UNCHECKED: u64 = 40;
/// More batches than this are a sign that nothing moves.
const MOST_BATCHES: u32 = 1_000;

/// What decides how long it takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) desired: u32,
    pub(crate) minimum_percent: u32,
    pub(crate) maximum_percent: u32,
    /// For every task: CPU units and MiB.
    pub(crate) cpu: u32,
    pub(crate) memory: u32,
    /// The load balancer's check, where there is one.
    pub(crate) target: Option<TargetFacts>,
    /// Interval and start period of the slowest essential container's own check, where there is one.
    pub(crate) container: Option<(u64, u64)>,
    pub(crate) grace: u64,
    /// The longest stop time-out of a container.
    pub(crate) stop_timeout: u64,
    pub(crate) strategy: Strategy,
}

/// What a target group imposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TargetFacts {
    pub(crate) interval: u64,
    pub(crate) unhealthy_threshold: u64,
    pub(crate) deregistration_delay: u64,
}

/// How new tasks take over.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) enum Strategy {
    #[default]
    Rolling,
    /// All at once, then so long with both.
    BlueGreen { bake: u64 },
    /// In steps of so many percent, with so long between them.
    Linear { percent: f64, step: u64, bake: u64 },
    /// So many percent for so long, then the rest.
    Canary { first: u64, bake: u64 },
}

/// What can be expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Forecast {
    /// Seconds from UpdateService to the end, at least; none where nothing could move.
    pub(crate) minimum_seconds: Option<u64>,
    pub(crate) parts: Vec<Part>,
    pub(crate) batches: u32,
    /// Tasks at the peak, without those that drain.
    pub(crate) peak_tasks: u32,
    /// CPU units at the peak.
    pub(crate) peak_cpu: u32,
    /// MiB at the peak.
    pub(crate) peak_memory: u32,
    pub(crate) advice: Vec<String>,
}

/// One part of the minimum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Part {
    pub(crate) what: String,
    pub(crate) seconds: u64,
}

/// How tasks are replaced, batch by batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Batches {
    count: u32,
    /// Tasks at the peak, without those that drain.
    peak: u32,
    /// Whether old tasks must stop before the first new ones start.
    stops_first: bool,
}

pub(crate) fn forecast(facts: &Facts) -> Forecast {
    let healthy = until_healthy(facts);
    let drain = facts.target.map_or(0, |target| target.deregistration_delay);
    let (batches, mut parts) = match facts.strategy {
        Strategy::Rolling => {
            let batches = batches(facts);
            let count = u64::from(batches.map_or(0, |batches| batches.count));
            let parts = vec![Part {
                what: format!("{count} batches until new tasks are healthy, {healthy} s each"),
                seconds: count * healthy,
            }];
            (batches, parts)
        }
        strategy => {
            let side_by_side = Batches {
                count: 1,
                peak: facts.desired * 2,
                stops_first: false,
            };
            (Some(side_by_side), shifted(strategy, healthy))
        }
    };
    if batches.is_some_and(|batches| batches.stops_first) && drain > 0 {
        parts.insert(
            0,
            Part {
                what: "old tasks drain before the first new ones have room".to_owned(),
                seconds: drain,
            },
        );
    }
    if facts.desired > 0 {
        parts.push(Part {
            what: "the last old tasks drain (deregistration delay)".to_owned(),
            seconds: drain,
        });
        parts.push(Part {
            what: format!(
                "and stop: at once if they heed the stop signal, after {} s if not",
                facts.stop_timeout
            ),
            seconds: 0,
        });
    }
    let peak_tasks = batches.map_or(facts.desired, |batches| batches.peak);
    Forecast {
        minimum_seconds: batches.map(|_| parts.iter().map(|part| part.seconds).sum()),
        batches: batches.map_or(0, |batches| batches.count),
        peak_tasks,
        peak_cpu: peak_tasks * facts.cpu,
        peak_memory: peak_tasks * facts.memory,
        advice: advice(facts, batches, healthy, drain),
        parts,
    }
}

/// From a task's start to its being healthy. One good answer is enough for a new target; it comes after an
/// interval at the latest.
fn until_healthy(facts: &Facts) -> u64 {
    let by_target = facts.target.map(|target| target.interval);
    let by_container = facts.container.map(|(interval, _)| interval);
    match (by_target, by_container) {
        (None, None) => UNCHECKED,
        (target, container) => target.unwrap_or(0).max(container.unwrap_or(0)),
    }
}

/// None where the percentages let nothing move.
fn batches(facts: &Facts) -> Option<Batches> {
    let desired = facts.desired;
    let floor = (desired * facts.minimum_percent).div_ceil(100);
    let cap = desired * facts.maximum_percent / 100;
    let (mut old, mut new, mut count, mut peak) = (desired, 0, 0, desired);
    let mut stops_first = false;
    while new < desired {
        // Old tasks may go as far as the healthy ones hold the floor.
        let gone = (old + new).saturating_sub(floor).min(old);
        let room = cap.saturating_sub(old + new);
        let (gone, start) = if room > 0 {
            (0, room.min(desired - new))
        } else {
            stops_first |= new == 0;
            let room = cap.saturating_sub(old - gone + new);
            (gone, room.min(desired - new))
        };
        if start == 0 {
            return None;
        }
        old -= gone;
        new += start;
        peak = peak.max(old + new);
        // The new ones are healthy: as many old ones go.
        old -= (old + new).saturating_sub(desired.max(floor)).min(old);
        count += 1;
        if count > MOST_BATCHES {
            return None;
        }
    }
    Some(Batches {
        count,
        peak,
        stops_first,
    })
}

fn shifted(strategy: Strategy, healthy: u64) -> Vec<Part> {
    let mut parts = vec![Part {
        what: "all new tasks become healthy beside the old ones".to_owned(),
        seconds: healthy,
    }];
    let bake = match strategy {
        Strategy::Linear {
            percent,
            step,
            bake,
        } => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "steps of at least 3 percent are at most 34"
            )]
            let steps = (100.0 / percent.max(3.0)).ceil() as u64;
            // The last step, to 100 percent, has no bake time of its own.
            parts.push(Part {
                what: format!("{steps} steps of traffic, {step} s each but the last"),
                seconds: steps.saturating_sub(1) * step,
            });
            bake
        }
        Strategy::Canary { first, bake } => {
            parts.push(Part {
                what: "the canary's bake time".to_owned(),
                seconds: first,
            });
            bake
        }
        Strategy::BlueGreen { bake } => bake,
        Strategy::Rolling => 0,
    };
    parts.push(Part {
        what: "bake time with all traffic on the new tasks".to_owned(),
        seconds: bake,
    });
    parts
}

fn advice(facts: &Facts, batches: Option<Batches>, healthy: u64, drain: u64) -> Vec<String> {
    let mut advice = Vec::new();
    let (minimum, maximum) = (facts.minimum_percent, facts.maximum_percent);
    match batches {
        None => advice.push(format!(
            "at {minimum}/{maximum} percent of {} tasks nothing can move: ECS can neither start nor stop one; raise the maximum or lower the minimum",
            facts.desired
        )),
        Some(batches) if batches.count > 1 => advice.push(format!(
            "a maximum of 200 percent replaces all tasks in one batch: {} s less, {} more tasks for that time",
            u64::from(batches.count - 1) * healthy,
            facts.desired * 2 - batches.peak
        )),
        Some(_) => {}
    }
    if drain > 30 {
        advice.push(format!(
            "a deregistration delay of 30 s instead of {drain} s: {} s less, if no request takes longer than that",
            drain - 30
        ));
    }
    if let Some(target) = facts.target
        && target.interval > 10
    {
        advice.push(format!(
            "a health check interval of 10 s instead of {} s: {} s less a batch",
            target.interval,
            target.interval - 10
        ));
    }
    if facts.target.is_none() && facts.container.is_none() && facts.desired > 0 {
        advice.push(
            "a container health check: without any check ECS waits 40 s for each task, and learns nothing".to_owned(),
        );
    }
    if let Some(target) = facts.target {
        if facts.stop_timeout > drain {
            advice.push(format!(
                "the stop time-out of {} s is longer than the deregistration delay of {drain} s: requests end with the delay",
                facts.stop_timeout
            ));
        }
        let patience = target.interval * target.unhealthy_threshold;
        let start_period = facts.container.map_or(0, |(_, start)| start);
        if start_period > facts.grace + patience {
            advice.push(format!(
                "a grace period of at least {start_period} s: the load balancer gives up {patience} s after it, before the container's own start period is over",
            ));
        }
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(desired: u32, minimum_percent: u32, maximum_percent: u32) -> Facts {
        Facts {
            desired,
            minimum_percent,
            maximum_percent,
            cpu: 256,
            memory: 512,
            target: Some(TargetFacts {
                interval: 30,
                unhealthy_threshold: 2,
                deregistration_delay: 300,
            }),
            stop_timeout: 30,
            ..Facts::default()
        }
    }

    #[test]
    fn counts_batches_at_the_percentages() {
        let table = [
            ((2, 100, 200), Some((1, 4, false))),
            ((4, 100, 150), Some((2, 6, false))),
            ((4, 100, 125), Some((4, 5, false))),
            ((2, 50, 100), Some((2, 2, true))),
            ((1, 0, 100), Some((1, 1, true))),
            ((3, 100, 125), None),
            ((0, 100, 200), Some((0, 0, false))),
        ];
        for ((desired, minimum, maximum), expected) in table {
            let found = batches(&facts(desired, minimum, maximum));
            assert_eq!(
                found.map(|found| (found.count, found.peak, found.stops_first)),
                expected,
                "{desired} at {minimum}/{maximum}"
            );
        }
    }

    #[test]
    fn adds_up_what_aws_imposes() {
        let forecast = forecast(&facts(2, 100, 200));
        assert_eq!(forecast.minimum_seconds, Some(30 + 300));
        assert_eq!(
            (forecast.peak_tasks, forecast.peak_cpu, forecast.peak_memory),
            (4, 1024, 2048)
        );
        assert_eq!(forecast.advice.len(), 2, "{:?}", forecast.advice);
        assert!(
            forecast.advice[0]
                .starts_with("a deregistration delay of 30 s instead of 300 s: 270 s less")
        );
    }

    #[test]
    fn says_when_nothing_can_move() {
        let forecast = forecast(&facts(3, 100, 125));
        assert_eq!(forecast.minimum_seconds, None);
        assert!(forecast.advice[0].starts_with("at 100/125 percent of 3 tasks nothing can move"));
    }

    #[test]
    fn waits_forty_seconds_where_nobody_checks() {
        let unchecked = Facts {
            target: None,
            ..facts(1, 100, 200)
        };
        assert_eq!(forecast(&unchecked).minimum_seconds, Some(40));
    }

    #[test]
    fn counts_the_stages_of_shifted_traffic() {
        let with = |strategy| {
            let facts = Facts {
                strategy,
                ..facts(2, 100, 200)
            };
            let forecast = forecast(&facts);
            (forecast.minimum_seconds, forecast.peak_tasks)
        };
        assert_eq!(with(Strategy::BlueGreen { bake: 600 }), (Some(930), 4));
        let linear = Strategy::Linear {
            percent: 25.0,
            step: 60,
            bake: 0,
        };
        assert_eq!(with(linear), (Some(30 + 180 + 300), 4));
        let canary = Strategy::Canary {
            first: 120,
            bake: 60,
        };
        assert_eq!(with(canary), (Some(30 + 120 + 60 + 300), 4));
    }
}
