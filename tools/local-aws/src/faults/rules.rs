//! Which request meets which fault. Pure: the same rules and the same requests give the same faults.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// In a rule: every service, or every operation.
pub(crate) const ANY: &str = "*";
/// Ten minutes: no client waits longer.
const LONGEST_DELAY_MS: u64 = 600_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The request is refused for coming too often
    Throttle,
    /// The service fails: HTTP 500
    ServerError,
    /// The service is not there: HTTP 503
    Unavailable,
    /// The operation is carried out, and its answer comes later
    Delay,
    /// The connection is closed without an answer
    Cut,
    /// The caller's session has ended
    ExpiredCredentials,
    /// The caller may not do this
    AccessDenied,
}

/// One rule, as it is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// The service's signing name, or `*`.
    pub service: String,
    /// The operation's name, or `*`.
    pub operation: String,
    /// What goes wrong.
    pub fault: Kind,
    /// For [`Kind::Delay`]: milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// How many requests pass before the first that may meet it.
    #[serde(default)]
    pub skip: u64,
    /// How many requests meet it; without it there is no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Milliseconds after which it ends, from when it was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
    /// How likely a request meets it, from 0 to 1.
    #[serde(default = "certain")]
    pub probability: f64,
    /// What the dice begin with.
    #[serde(default)]
    pub seed: u64,
    /// For [`Kind::Cut`]: the first cut and every other after it come when the operation has been carried out.
    #[serde(default)]
    pub after: bool,
}

fn certain() -> f64 {
    1.0
}

impl Rule {
    /// Why the rule means nothing, if so.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.operation.is_empty() {
            return Err("the operation is empty; * is every operation".to_owned());
        }
        match (self.fault, self.delay_ms) {
            (Kind::Delay, Some(1..=LONGEST_DELAY_MS)) => {}
            (Kind::Delay, _) => {
                return Err(format!(
                    "the fault delay needs delayMs, from 1 to {LONGEST_DELAY_MS}"
                ));
            }
            (_, Some(_)) => return Err("delayMs belongs to the fault delay".to_owned()),
            (_, None) => {}
        }
        if self.after && self.fault != Kind::Cut {
            return Err("after belongs to the fault cut".to_owned());
        }
        if self.count == Some(0) {
            return Err("count is at least 1; leave it out for no end".to_owned());
        }
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(format!(
                "the probability {} is not between 0 and 1",
                self.probability
            ));
        }
        Ok(())
    }

    fn is_about(&self, service: &str, operation: &str) -> bool {
        (self.service == ANY || self.service == service)
            && (self.operation == ANY || self.operation == operation)
    }
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Verdict {
    /// The answer comes so much later, whatever it is. Milliseconds.
    pub(crate) delay_ms: u64,
    /// What goes wrong, other than a delay.
    pub(crate) outcome: Outcome,
}

/// What becomes of the operation and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Outcome {
    /// Both are as they should be.
    #[default]
    Right,
    /// It is not carried out; the answer is this error.
    Refused(Kind),
    /// It is not carried out, and nobody answers.
    CutBefore,
    /// It is carried out, and nobody answers.
    CutAfter,
}

/// The rules of one server, in the order of their coming.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Vec<Active>,
    next_id: u64,
}

/// A rule and its record.
#[derive(Debug)]
struct Active {
    id: u64,
    rule: Rule,
    added_ms: u64,
    /// Requests that it is about, and those of them that met it.
    seen: u64,
    applied: u64,
    dice: Dice,
}

impl Rules {
    /// Adds rules that were checked. `now_ms` is the reading of a clock that does not go back.
    pub(crate) fn add(&mut self, rules: Vec<Rule>, now_ms: u64) {
        for rule in rules {
            self.next_id += 1;
            self.rules.push(Active {
                id: self.next_id,
                dice: Dice(rule.seed),
                rule,
                added_ms: now_ms,
                seen: 0,
                applied: 0,
            });
        }
    }

    /// What happens to a request. Delays add up; of the other faults the first rule's counts, and the rules after
    /// it do not see the request: "throttle twice, then fail once" is two rules.
    pub(crate) fn decide(&mut self, service: &str, operation: &str, now_ms: u64) -> Verdict {
        let mut verdict = Verdict::default();
        for active in &mut self.rules {
            let is_delay = active.rule.fault == Kind::Delay;
            if !is_delay && verdict.outcome != Outcome::Right
                || !active.rule.is_about(service, operation)
                || !active.strikes(now_ms)
            {
                continue;
            }
            match active.rule.fault {
                Kind::Delay => verdict.delay_ms += active.rule.delay_ms.unwrap_or_default(),
                Kind::Cut if active.rule.after && active.applied % 2 == 1 => {
                    verdict.outcome = Outcome::CutAfter;
                }
                Kind::Cut => verdict.outcome = Outcome::CutBefore,
                refusal => verdict.outcome = Outcome::Refused(refusal),
            }
        }
        verdict
    }

    /// Each rule with its record, for people and programs.
    pub(crate) fn describe(&self, now_ms: u64) -> Vec<Value> {
        self.rules
            .iter()
            .map(|active| {
                let mut members = json!(active.rule);
                members["id"] = json!(active.id);
                members["seen"] = json!(active.seen);
                members["applied"] = json!(active.applied);
                members["active"] = json!(!active.has_ended(now_ms));
                members
            })
            .collect()
    }
}

impl Active {
    fn has_ended(&self, now_ms: u64) -> bool {
        let is_old = self
            .rule
            .for_ms
            .is_some_and(|lasts| now_ms.saturating_sub(self.added_ms) >= lasts);
        is_old || self.rule.count.is_some_and(|count| self.applied >= count)
    }

    /// Whether the request that just came meets this fault.
    fn strikes(&mut self, now_ms: u64) -> bool {
        self.seen += 1;
        if self.seen <= self.rule.skip || self.has_ended(now_ms) {
            return false;
        }
        // Without a throw where the outcome is certain, the dice of two such rules stay comparable.
        if self.rule.probability < 1.0 && self.dice.throw() >= self.rule.probability {
            return false;
        }
        self.applied += 1;
        true
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014): one word of state, good enough to spread faults over requests.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    /// From 0 to below 1.
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        #[expect(
            clippy::cast_precision_loss,
            reason = "53 bits are what a double holds exactly"
        )]
        let fraction = (word >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: Value) -> Rules {
        let mut rules = Rules::default();
        rules.add(serde_json::from_value(json).unwrap(), 0);
        rules
    }

    /// What becomes of `count` requests of ecs.DescribeServices that come one millisecond after the other.
    fn outcomes(rules: &mut Rules, count: u64) -> Vec<Outcome> {
        (0..count)
            .map(|now| rules.decide("ecs", "DescribeServices", now).outcome)
            .collect()
    }

    const RIGHT: Outcome = Outcome::Right;
    const THROTTLED: Outcome = Outcome::Refused(Kind::Throttle);
    const FAILED: Outcome = Outcome::Refused(Kind::ServerError);

    #[test]
    fn skips_then_counts() {
        let mut rules = rules(json!([{
            "service": "ecs", "operation": "DescribeServices", "fault": "throttle", "skip": 1, "count": 2
        }]));
        assert_eq!(rules.decide("ecs", "ListTasks", 0), Verdict::default());
        assert_eq!(
            rules.decide("ecr", "DescribeServices", 0),
            Verdict::default()
        );
        assert_eq!(
            outcomes(&mut rules, 4),
            [RIGHT, THROTTLED, THROTTLED, RIGHT]
        );
        assert_eq!(
            rules.describe(0),
            [json!({
                "id": 1, "service": "ecs", "operation": "DescribeServices", "fault": "throttle", "skip": 1, "count": 2,
                "probability": 1.0, "seed": 0, "after": false, "seen": 4, "applied": 2, "active": false,
            })]
        );
    }

    #[test]
    fn plays_rules_one_after_the_other() {
        let mut rules = rules(json!([
            { "service": "*", "operation": "*", "fault": "throttle", "count": 2 },
            { "service": "ecs", "operation": "*", "fault": "server-error", "count": 1 },
        ]));
        assert_eq!(
            outcomes(&mut rules, 4),
            [THROTTLED, THROTTLED, FAILED, RIGHT]
        );
    }

    #[test]
    fn ends_by_time() {
        let mut rules = rules(json!([
            { "service": "ecs", "operation": "*", "fault": "throttle", "forMs": 2 },
        ]));
        assert_eq!(outcomes(&mut rules, 3), [THROTTLED, THROTTLED, RIGHT]);
        assert_eq!(rules.describe(1)[0]["active"], true);
        assert_eq!(rules.describe(2)[0]["active"], false);
    }

    #[test]
    fn adds_delays_to_whatever_happens() {
        let mut rules = rules(json!([
            { "service": "ecs", "operation": "*", "fault": "throttle", "count": 1 },
            { "service": "ecs", "operation": "*", "fault": "delay", "delayMs": 20 },
            { "service": "*", "operation": "*", "fault": "delay", "delayMs": 3 },
        ]));
        let both = rules.decide("ecs", "ListTasks", 0);
        assert_eq!((both.delay_ms, both.outcome), (23, THROTTLED));
        let late = rules.decide("ecs", "ListTasks", 0);
        assert_eq!((late.delay_ms, late.outcome), (23, RIGHT));
        assert_eq!(rules.decide("ecr", "ListImages", 0).delay_ms, 3);
    }

    #[test]
    fn cuts_before_or_by_turns_after_the_operation() {
        let mut rules = rules(json!([
            { "service": "ecs", "operation": "*", "fault": "cut", "count": 2 },
            { "service": "ecs", "operation": "*", "fault": "cut", "count": 3, "after": true },
        ]));
        let (before, after) = (Outcome::CutBefore, Outcome::CutAfter);
        assert_eq!(
            outcomes(&mut rules, 6),
            [before, before, after, before, after, RIGHT]
        );
    }

    #[test]
    fn throws_the_same_dice_for_the_same_seed() {
        let of_seed = |seed: u64| {
            outcomes(
                &mut rules(json!([{
                    "service": "ecs", "operation": "*", "fault": "throttle", "probability": 0.25, "seed": seed
                }])),
                1000,
            )
        };
        let first = of_seed(1);
        assert_eq!(first, of_seed(1));
        assert_ne!(first, of_seed(2));
        let struck = first
            .iter()
            .filter(|outcome| **outcome == THROTTLED)
            .count();
        // Reproducible, so it may be said exactly; the expectation is 250.
        assert_eq!(struck, 269);
    }

    #[test]
    fn refuses_rules_that_mean_nothing() {
        let table = [
            (
                json!({ "fault": "cut", "operation": "" }),
                "the operation is empty; * is every operation",
            ),
            (
                json!({ "fault": "delay" }),
                "the fault delay needs delayMs, from 1 to 600000",
            ),
            (
                json!({ "fault": "delay", "delayMs": 0 }),
                "the fault delay needs delayMs, from 1 to 600000",
            ),
            (
                json!({ "fault": "cut", "delayMs": 1 }),
                "delayMs belongs to the fault delay",
            ),
            (
                json!({ "fault": "throttle", "after": true }),
                "after belongs to the fault cut",
            ),
            (
                json!({ "fault": "throttle", "count": 0 }),
                "count is at least 1; leave it out for no end",
            ),
            (
                json!({ "fault": "throttle", "probability": 1.5 }),
                "the probability 1.5 is not between 0 and 1",
            ),
        ];
        for (members, reason) in table {
            let mut rule = json!({ "service": "ecs", "operation": "*" });
            rule.as_object_mut()
                .unwrap()
                .extend(members.as_object().unwrap().clone());
            let rule: Rule = serde_json::from_value(rule).unwrap();
            assert_eq!(rule.check(), Err(reason.to_owned()));
        }
    }
}
