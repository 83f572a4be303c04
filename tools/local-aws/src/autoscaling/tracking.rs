//! When target tracking scales, and to how many. Pure.
//!
//! As on AWS: out after three minutes above the target, in after fifteen minutes below nine tenths of it. Without
//! data nothing is done, and nothing is scaled in while one policy of several still wants its capacity.

use serde::{Deserialize, Serialize};

/// Minutes above the target before scaling out: the datapoints of AWS's AlarmHigh.
const MINUTES_HIGH: u32 = 3;
/// Minutes below the lower bound before scaling in: the datapoints of AWS's AlarmLow.
const MINUTES_LOW: u32 = 15;
/// AWS's AlarmLow begins this far below the target.
const LOW: f64 = 0.9;

/// Within what the desired count is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bounds {
    pub(super) min: i64,
    pub(super) max: i64,
}

impl Bounds {
    pub(super) fn hold(self, desired: i64) -> i64 {
        desired.max(self.min).min(self.max)
    }
}

/// One change of the desired count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scaled {
    pub(super) at_ms: i64,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// For how many minutes in a row a metric has been on one side of its target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Streak {
    high: u32,
    low: u32,
}

impl Streak {
    /// One more minute and its value, if there was one.
    pub(super) fn note(&mut self, value: Option<f64>, target: f64) {
        let is = |holds: bool, before: u32| if holds { before.saturating_add(1) } else { 0 };
        *self = Self {
            high: is(value.is_some_and(|value| value > target), self.high),
            low: is(value.is_some_and(|value| value < target * LOW), self.low),
        };
    }
}

/// What a policy says, and what it has seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tracked {
    pub(super) target: f64,
    pub(super) value: Option<f64>,
    pub(super) streak: Streak,
    /// Milliseconds at the clock's speed.
    pub(super) out_cooldown_ms: i64,
    pub(super) in_cooldown_ms: i64,
    pub(super) may_scale_in: bool,
    pub(super) last_out: Option<Scaled>,
    pub(super) last_in: Option<Scaled>,
}

/// The service at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Situation {
    pub(super) desired: i64,
    pub(super) bounds: Bounds,
    pub(super) now_ms: i64,
    pub(super) may_scale_out: bool,
    /// Not while it is suspended or a deployment goes on.
    pub(super) may_scale_in: bool,
}

/// A change that is to be made, and the policy that asks for it, by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) policy: usize,
    pub(super) to: i64,
}

/// What is to be done for all policies of a target: the largest capacity that one of them wants.
pub(super) fn decide(situation: Situation, policies: &[Tracked]) -> Option<Decision> {
    let out = policies
        .iter()
        .enumerate()
        .filter_map(|(policy, tracked)| {
            let to = situation.bounds.hold(tracked.wants_out(situation)?);
            (to > situation.desired).then_some(Decision { policy, to })
        })
        .max_by_key(|decision| decision.to);
    if let Some(out) = out {
        return situation.may_scale_out.then_some(out);
    }
    if !situation.may_scale_in {
        return None;
    }
    let mut inward: Option<Decision> = None;
    for (policy, tracked) in policies.iter().enumerate() {
        if !tracked.may_scale_in {
            continue;
        }
        let to = situation.bounds.hold(tracked.wants_in(situation)?);
        if inward.is_none_or(|before| to > before.to) {
            inward = Some(Decision { policy, to });
        }
    }
    inward.filter(|decision| decision.to < situation.desired)
}

impl Tracked {
    /// During the cooldown a larger step counts from the capacity before the last one, which is still taking effect.
    fn wants_out(&self, situation: Situation) -> Option<i64> {
        if self.streak.high < MINUTES_HIGH {
            return None;
        }
        let base = self
            .last_out
            .filter(|last| situation.now_ms - last.at_ms < self.out_cooldown_ms)
            .map_or(situation.desired, |last| last.from);
        Some(needed(base, self.value?, self.target))
    }

    fn wants_in(&self, situation: Situation) -> Option<i64> {
        let is_cooling = self
            .last_in
            .is_some_and(|last| situation.now_ms - last.at_ms < self.in_cooldown_ms);
        if self.streak.low < MINUTES_LOW || is_cooling {
            return None;
        }
        Some(needed(situation.desired, self.value?, self.target))
    }
}

/// How many tasks bring the metric to its target, if the load is shared evenly.
fn needed(tasks: i64, value: f64, target: f64) -> i64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "counts of tasks are small, and a cast of what is too large gives the largest"
    )]
    let needed = (tasks as f64 * value / target).ceil() as i64;
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGH: Streak = Streak { high: 3, low: 0 };
    const DOWN: Streak = Streak { high: 0, low: 15 };

    fn tracked(value: f64, streak: Streak) -> Tracked {
        Tracked {
            target: 50.0,
            value: Some(value),
            streak,
            out_cooldown_ms: 1000,
            in_cooldown_ms: 1000,
            may_scale_in: true,
            last_out: None,
            last_in: None,
        }
    }

    fn situation(desired: i64) -> Situation {
        Situation {
            desired,
            bounds: Bounds { min: 1, max: 10 },
            now_ms: 5000,
            may_scale_out: true,
            may_scale_in: true,
        }
    }

    fn to(situation: Situation, policies: &[Tracked]) -> Option<i64> {
        decide(situation, policies).map(|decision| decision.to)
    }

    #[test]
    fn counts_minutes_in_a_row() {
        let mut streak = Streak::default();
        let mut after = |value| {
            streak.note(value, 50.0);
            (streak.high, streak.low)
        };
        assert_eq!(after(Some(50.1)), (1, 0));
        assert_eq!(after(Some(51.0)), (2, 0));
        assert_eq!(after(Some(50.0)), (0, 0));
        assert_eq!(after(Some(44.9)), (0, 1));
        assert_eq!(after(Some(45.0)), (0, 0));
        assert_eq!(after(Some(1.0)), (0, 1));
        assert_eq!(after(None), (0, 0));
    }

    #[test]
    fn scales_in_proportion_and_within_bounds() {
        let table = [
            (4, 75.0, HIGH, Some(6)),
            (4, 50.1, HIGH, Some(5)),
            (4, 500.0, HIGH, Some(10)),
            (10, 500.0, HIGH, None),
            (12, 500.0, HIGH, None),
            (0, 500.0, HIGH, Some(1)),
            (4, 75.0, Streak { high: 2, low: 0 }, None),
            (4, 25.0, DOWN, Some(2)),
            (4, 0.0, DOWN, Some(1)),
            (1, 0.0, DOWN, None),
            (4, 44.0, DOWN, None),
            (4, 25.0, Streak { high: 0, low: 14 }, None),
        ];
        for (desired, value, streak, expected) in table {
            let found = to(situation(desired), &[tracked(value, streak)]);
            assert_eq!(found, expected, "{desired} tasks at {value}");
        }
    }

    #[test]
    fn does_not_scale_out_again_while_it_cools_down_but_further() {
        let policy = |value| Tracked {
            last_out: Some(Scaled {
                at_ms: 4001,
                from: 2,
                to: 4,
            }),
            ..tracked(value, HIGH)
        };
        assert_eq!(to(situation(4), &[policy(90.0)]), None);
        assert_eq!(to(situation(4), &[policy(120.0)]), Some(5));
        let later = Situation {
            now_ms: 5001,
            ..situation(4)
        };
        assert_eq!(to(later, &[policy(90.0)]), Some(8));
    }

    #[test]
    fn does_not_scale_in_again_while_it_cools_down() {
        let policy = Tracked {
            last_in: Some(Scaled {
                at_ms: 4001,
                from: 8,
                to: 4,
            }),
            ..tracked(10.0, DOWN)
        };
        assert_eq!(to(situation(4), &[policy]), None);
        let later = Situation {
            now_ms: 5001,
            ..situation(4)
        };
        assert_eq!(to(later, &[policy]), Some(1));
        // A rise is answered all the same.
        let risen = Tracked {
            streak: HIGH,
            value: Some(100.0),
            ..policy
        };
        assert_eq!(to(situation(4), &[risen]), Some(8));
    }

    #[test]
    fn does_the_most_that_one_of_several_policies_wants() {
        let more = [tracked(60.0, HIGH), tracked(100.0, HIGH)];
        assert_eq!(
            decide(situation(4), &more),
            Some(Decision { policy: 1, to: 8 })
        );
        let less = [tracked(10.0, DOWN), tracked(30.0, DOWN)];
        assert_eq!(
            decide(situation(4), &less),
            Some(Decision { policy: 1, to: 3 })
        );
        let blocked = [tracked(10.0, DOWN), tracked(48.0, Streak::default())];
        assert_eq!(decide(situation(4), &blocked), None);
        let silent = Tracked {
            value: None,
            streak: Streak::default(),
            ..tracked(0.0, DOWN)
        };
        assert_eq!(decide(situation(4), &[tracked(10.0, DOWN), silent]), None);
        let never_in = Tracked {
            may_scale_in: false,
            ..silent
        };
        assert_eq!(to(situation(4), &[tracked(10.0, DOWN), never_in]), Some(1));
        assert_eq!(to(situation(4), &[never_in]), None);
    }

    #[test]
    fn heeds_what_is_suspended() {
        let no_out = Situation {
            may_scale_out: false,
            ..situation(4)
        };
        assert_eq!(to(no_out, &[tracked(100.0, HIGH)]), None);
        assert_eq!(to(no_out, &[tracked(10.0, DOWN)]), Some(1));
        let no_in = Situation {
            may_scale_in: false,
            ..situation(4)
        };
        assert_eq!(to(no_in, &[tracked(10.0, DOWN)]), None);
        assert_eq!(to(no_in, &[tracked(100.0, HIGH)]), Some(8));
    }
}
