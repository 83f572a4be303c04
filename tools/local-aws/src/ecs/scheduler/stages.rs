//! The lifecycle stages of a deployment: which there are, what each of them wants, and when the next one begins.
//!
//! A deployment's course is laid down when it begins. A stage that shifts production traffic in steps is in it once
//! for each step, with the hooks' stage before it (AWS documentation, lifecycle hooks).

use serde::{Deserialize, Serialize};

/// Tenths of a percent that are all the traffic.
pub(crate) const ALL: u16 = 1000;

/// How a service's tasks are replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Strategy {
    #[default]
    Rolling,
    BlueGreen,
    Linear,
    Canary,
}

impl Strategy {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rolling => "ROLLING",
            Self::BlueGreen => "BLUE_GREEN",
            Self::Linear => "LINEAR",
            Self::Canary => "CANARY",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Rolling, Self::BlueGreen, Self::Linear, Self::Canary]
            .into_iter()
            .find(|strategy| strategy.as_str() == name)
    }
}

/// A lifecycle stage, in ECS's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Stage {
    ReconcileService,
    PreScaleUp,
    ScaleUp,
    PostScaleUp,
    TestTrafficShift,
    PostTestTrafficShift,
    /// Known to hooks only.
    PreProductionTrafficShift,
    ProductionTrafficShift,
    PostProductionTrafficShift,
    BakeTime,
    CleanUp,
}

impl Stage {
    const EVERY: [Self; 11] = [
        Self::ReconcileService,
        Self::PreScaleUp,
        Self::ScaleUp,
        Self::PostScaleUp,
        Self::TestTrafficShift,
        Self::PostTestTrafficShift,
        Self::PreProductionTrafficShift,
        Self::ProductionTrafficShift,
        Self::PostProductionTrafficShift,
        Self::BakeTime,
        Self::CleanUp,
    ];

    /// As hooks name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ReconcileService => "RECONCILE_SERVICE",
            Self::PreScaleUp => "PRE_SCALE_UP",
            Self::ScaleUp => "SCALE_UP",
            Self::PostScaleUp => "POST_SCALE_UP",
            Self::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Self::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Self::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Self::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Self::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            Self::BakeTime => "BAKE_TIME",
            Self::CleanUp => "CLEAN_UP",
        }
    }

    /// As a service deployment shows it, whose `lifecycleStage` has no PRE_PRODUCTION_TRAFFIC_SHIFT (botocore's model).
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::PreProductionTrafficShift => Self::ProductionTrafficShift.as_str(),
            other => other.as_str(),
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|stage| stage.as_str() == name)
    }

    /// Whether the deployment can be paused there (AWS documentation, pause hooks).
    pub(crate) fn can_pause(self) -> bool {
        matches!(
            self,
            Self::ReconcileService
                | Self::PreScaleUp
                | Self::PostScaleUp
                | Self::PostTestTrafficShift
                | Self::PreProductionTrafficShift
                | Self::PostProductionTrafficShift
        )
    }

    /// Whether rolling deployments come by here; they shift no traffic.
    pub(crate) fn is_of_rolling(self) -> bool {
        matches!(
            self,
            Self::PreScaleUp | Self::ScaleUp | Self::PostScaleUp | Self::BakeTime
        )
    }
}

/// One stop of a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stop {
    pub(crate) stage: Stage,
    /// The new revision's share of the production traffic, in tenths of a percent.
    pub(crate) production: u16,
    /// Whether the new revision gets the test traffic.
    pub(crate) test: bool,
    /// Seconds of AWS's to stay at least.
    pub(crate) wait_s: i64,
}

/// What a course is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) strategy: Strategy,
    /// Shares of production traffic in tenths of a percent, rising, without the last one, which is all.
    pub(crate) steps: Vec<u16>,
    /// After each of these steps, in seconds of AWS's.
    pub(crate) step_wait_s: i64,
    pub(crate) bake_s: i64,
    /// More than one older revision runs.
    pub(crate) must_reconcile: bool,
}

/// The shares of a linear deployment before the last.
pub(crate) fn linear_steps(step: u16) -> Vec<u16> {
    let step = step.max(1);
    (1..)
        .map(|count: u16| count.saturating_mul(step))
        .take_while(|share| *share < ALL)
        .collect()
}

/// The stops of a deployment.
pub(crate) fn course(outline: &Outline) -> Vec<Stop> {
    let stop = |stage, production, test, wait_s| Stop {
        stage,
        production,
        test,
        wait_s,
    };
    if outline.strategy == Strategy::Rolling {
        return vec![
            stop(Stage::PreScaleUp, 0, false, 0),
            stop(Stage::ScaleUp, 0, false, 0),
            stop(Stage::PostScaleUp, 0, false, 0),
            stop(Stage::BakeTime, 0, false, outline.bake_s),
        ];
    }
    let mut stops = Vec::new();
    if outline.must_reconcile {
        stops.push(stop(Stage::ReconcileService, 0, false, 0));
    }
    stops.extend([
        stop(Stage::PreScaleUp, 0, false, 0),
        stop(Stage::ScaleUp, 0, false, 0),
        stop(Stage::PostScaleUp, 0, false, 0),
        stop(Stage::TestTrafficShift, 0, true, 0),
        stop(Stage::PostTestTrafficShift, 0, true, 0),
    ]);
    let mut share = 0;
    for step in &outline.steps {
        stops.push(stop(Stage::PreProductionTrafficShift, share, true, 0));
        stops.push(stop(
            Stage::ProductionTrafficShift,
            *step,
            true,
            outline.step_wait_s,
        ));
        share = *step;
    }
    stops.extend([
        stop(Stage::PreProductionTrafficShift, share, true, 0),
        stop(Stage::ProductionTrafficShift, ALL, true, 0),
        stop(Stage::PostProductionTrafficShift, ALL, true, 0),
        stop(Stage::BakeTime, ALL, true, outline.bake_s),
        stop(Stage::CleanUp, ALL, true, 0),
    ]);
    stops
}

/// What is seen of a deployment at its stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Seconds of AWS's since the stop was reached.
    pub(crate) waited_s: i64,
    /// Every hook of this stop has let it pass.
    pub(crate) hooks_passed: bool,
    /// The new revision has all its tasks, and each is healthy.
    pub(crate) green_ready: bool,
    /// No task of an older revision is left.
    pub(crate) old_gone: bool,
    /// No task is left that is neither of the new revision nor of the one that it replaces.
    pub(crate) others_gone: bool,
}

/// Whether a deployment may leave its stop.
pub(crate) fn may_go_on(strategy: Strategy, stop: &Stop, seen: &Seen) -> bool {
    let has_what_it_wants = match stop.stage {
        Stage::ReconcileService => seen.others_gone,
        // A rolling deployment replaces its tasks in this one stage.
        Stage::ScaleUp => seen.green_ready && (strategy != Strategy::Rolling || seen.old_gone),
        Stage::CleanUp => seen.old_gone,
        _ => true,
    };
    has_what_it_wants && seen.hooks_passed && seen.waited_s >= stop.wait_s
}

/// How many tasks each side of a deployment is to have. None: as the percentages of a rolling update say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sides {
    /// Of the revision that is replaced.
    pub(crate) blue: u32,
    /// Of the new one.
    pub(crate) green: u32,
    /// Whether tasks of any other revision are to go.
    pub(crate) others_go: bool,
}

/// What a stop wants of the tasks.
pub(crate) fn sides(strategy: Strategy, stage: Stage, desired: u32) -> Option<Sides> {
    if strategy == Strategy::Rolling {
        let is_held = stage < Stage::ScaleUp;
        return is_held.then_some(Sides {
            blue: desired,
            green: 0,
            others_go: false,
        });
    }
    Some(Sides {
        blue: if stage < Stage::CleanUp { desired } else { 0 },
        green: if stage < Stage::ScaleUp { 0 } else { desired },
        others_go: true,
    })
}

#[cfg(test)]
#[path = "stages_tests.rs"]
mod tests;
