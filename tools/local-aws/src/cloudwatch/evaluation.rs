//! From datapoints to an alarm's state. Pure.
//!
//! As in AWS's "How alarm state is evaluated when data is missing": more periods are looked at than are evaluated.
//! If enough of them have data, the newest count; if not, the gaps count as the alarm says.

use serde::{Deserialize, Serialize};

use super::AlarmState;
use super::text;

/// Periods that are looked at beyond those that are evaluated: AWS's own example looks at 5 for 3.
pub(super) const FURTHER_PERIODS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Comparison {
    GreaterOrEqual,
    Greater,
    Less,
    LessOrEqual,
}

impl Comparison {
    pub(super) const ALL: [Self; 4] = [
        Self::GreaterOrEqual,
        Self::Greater,
        Self::Less,
        Self::LessOrEqual,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::GreaterOrEqual => "GreaterThanOrEqualToThreshold",
            Self::Greater => "GreaterThanThreshold",
            Self::Less => "LessThanThreshold",
            Self::LessOrEqual => "LessThanOrEqualToThreshold",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::GreaterOrEqual => "greater than or equal to",
            Self::Greater => "greater than",
            Self::Less => "less than",
            Self::LessOrEqual => "less than or equal to",
        }
    }

    fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterOrEqual => value >= threshold,
            Self::Greater => value > threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }
}

/// How a period without data counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum MissingData {
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

impl MissingData {
    pub(super) const ALL: [Self; 4] = [
        Self::Missing,
        Self::Ignore,
        Self::Breaching,
        Self::NotBreaching,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ignore => "ignore",
            Self::Breaching => "breaching",
            Self::NotBreaching => "notBreaching",
        }
    }
}

/// When an alarm fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Rule {
    pub comparison: Comparison,
    pub threshold: f64,
    /// N: how many datapoints are evaluated.
    pub periods: usize,
    /// M: how many of them must breach; absent means all.
    pub to_alarm: Option<usize>,
    /// Absent means `missing`.
    pub missing_data: Option<MissingData>,
}

impl Rule {
    fn needed(&self) -> usize {
        self.to_alarm.unwrap_or(self.periods)
    }

    fn breaches(&self, point: &Datapoint) -> bool {
        self.comparison.holds(point.value, self.threshold)
    }
}

/// The statistic of one period that has data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Datapoint {
    pub start_ms: i64,
    pub value: f64,
    /// Absent for a datapoint of an expression.
    pub samples: Option<f64>,
}

/// What the periods had: newest first, `periods + FURTHER_PERIODS` of them.
pub(super) type Periods = [Option<Datapoint>];

/// A state with its reason.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub state: AlarmState,
    pub reason: String,
    /// The datapoints that decided, newest first.
    pub evaluated: Vec<Datapoint>,
}

/// The state that the datapoints ask for; absent where the current one is to be kept.
pub(super) fn evaluate(rule: &Rule, periods: &Periods) -> Option<Verdict> {
    let found: Vec<(usize, Datapoint)> = periods
        .iter()
        .enumerate()
        .filter_map(|(age, point)| point.map(|point| (age, point)))
        .take(rule.periods)
        .collect();
    let points: Vec<Datapoint> = found.iter().map(|(_, point)| *point).collect();
    let gaps = rule.periods - points.len();
    let breaching = points.iter().filter(|point| rule.breaches(point)).count();
    let needed = rule.needed();
    let treatment = rule.missing_data.unwrap_or(MissingData::Missing);
    let state = if gaps == 0 || breaching >= needed {
        by_count(breaching, needed)
    } else {
        match treatment {
            MissingData::Breaching => by_count(breaching + gaps, needed),
            MissingData::NotBreaching => AlarmState::Ok,
            // One good datapoint is enough to be well; only bad ones, or none, leave it open.
            MissingData::Ignore | MissingData::Missing if breaching < points.len() => {
                AlarmState::Ok
            }
            MissingData::Ignore => return None,
            MissingData::Missing => {
                let oldest = found.last().map(|(age, _)| age + 1);
                if oldest.is_some_and(|age| age >= needed) {
                    AlarmState::Alarm
                } else {
                    AlarmState::InsufficientData
                }
            }
        }
    };
    Some(Verdict {
        state,
        reason: reason(rule, state, &points),
        evaluated: points,
    })
}

fn by_count(breaching: usize, needed: usize) -> AlarmState {
    if breaching >= needed {
        AlarmState::Alarm
    } else {
        AlarmState::Ok
    }
}

/// AWS's sentence. It names the datapoints that speak for the state, and how gaps counted.
fn reason(rule: &Rule, state: AlarmState, points: &[Datapoint]) -> String {
    if state == AlarmState::InsufficientData {
        let unknown = text::were(rule.periods, "datapoint");
        return format!("Insufficient Data: {unknown} unknown.");
    }
    let is_alarm = state == AlarmState::Alarm;
    let deciding: Vec<&Datapoint> = points
        .iter()
        .filter(|point| rule.breaches(point) == is_alarm)
        .collect();
    let treated = treated(rule, rule.periods - points.len());
    if deciding.is_empty() {
        let received = match points.len() {
            0 => "no datapoints were".to_owned(),
            some => text::were(some, "datapoint"),
        };
        let periods = text::count(rule.periods, "period");
        return format!("Threshold Crossed: {received} received for {periods}{treated}.");
    }
    let fact = fact(rule, is_alarm, &deciding);
    let Some(needed) = rule.to_alarm else {
        let number = text::count(deciding.len(), "datapoint");
        return format!("Threshold Crossed: {number} {fact}{treated}.");
    };
    let (least, transition) = if is_alarm {
        (needed, "OK -> ALARM")
    } else {
        (rule.periods - needed + 1, "ALARM -> OK")
    };
    format!(
        "Threshold Crossed: {} out of the last {} datapoints {fact}{treated} (minimum {} for {transition} transition).",
        deciding.len(),
        rule.periods,
        text::count(least, "datapoint")
    )
}

/// How gaps counted, where that decided something.
fn treated(rule: &Rule, gaps: usize) -> String {
    let name = match rule.missing_data {
        Some(MissingData::Breaching) if gaps > 0 => "Breaching",
        Some(MissingData::NotBreaching) if gaps > 0 => "NonBreaching",
        _ => return String::new(),
    };
    let number = text::were(gaps, "missing datapoint");
    format!(" and {number} treated as [{name}]")
}

/// `[5.0 (24/11/26 10:00:00)] was not greater than the threshold (1.0)`.
fn fact(rule: &Rule, is_alarm: bool, deciding: &[&Datapoint]) -> String {
    let list: Vec<String> = deciding
        .iter()
        .map(|point| {
            let value = text::number(point.value);
            format!("{value} ({})", text::moment(point.start_ms))
        })
        .collect();
    let verb = if deciding.len() == 1 { "was" } else { "were" };
    let negation = if is_alarm { "" } else { "not " };
    format!(
        "[{}] {verb} {negation}{} the threshold ({})",
        list.join(", "),
        rule.comparison.words(),
        text::number(rule.threshold)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24T10:00:00Z.
    const TEN: i64 = 1_795_514_400_000;

    /// Periods as AWS's documentation draws them: oldest first, `0` good, `X` breaching, `-` missing.
    fn periods(drawn: &str) -> Vec<Option<Datapoint>> {
        drawn
            .chars()
            .filter(|c| !c.is_whitespace())
            .rev()
            .zip(0..)
            .map(|(mark, age): (char, i64)| {
                let value = match mark {
                    '0' => 0.0,
                    'X' => 5.0,
                    _ => return None,
                };
                Some(Datapoint {
                    start_ms: TEN - age * 60_000,
                    value,
                    samples: Some(1.0),
                })
            })
            .collect()
    }

    fn rule(periods: usize, to_alarm: Option<usize>, missing_data: Option<MissingData>) -> Rule {
        Rule {
            comparison: Comparison::Greater,
            threshold: 1.0,
            periods,
            to_alarm,
            missing_data,
        }
    }

    /// Checks the states under `missing`, `ignore`, `breaching` and `notBreaching`; `keep` is no verdict.
    fn check(needed: usize, drawn: &str, expected: [&str; 4]) {
        for (treatment, expected) in MissingData::ALL.into_iter().zip(expected) {
            let verdict = evaluate(&rule(3, Some(needed), Some(treatment)), &periods(drawn));
            let state = verdict.map_or("keep", |verdict| verdict.state.as_str());
            assert_eq!(state, expected, "{needed} of 3, {drawn}, {treatment:?}");
        }
    }

    #[test]
    fn decides_as_the_tables_of_aws_do() {
        let none = "INSUFFICIENT_DATA";
        check(3, "0 - X - X", ["OK", "OK", "OK", "OK"]);
        check(3, "0 - - - -", ["OK", "OK", "OK", "OK"]);
        check(3, "- - - - -", [none, "keep", "ALARM", "OK"]);
        check(3, "0 X X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        check(3, "- - - - X", [none, "keep", "ALARM", "OK"]);
        check(3, "X - - - -", ["ALARM", "keep", "ALARM", "OK"]);
        check(3, "- - X - -", ["ALARM", "keep", "ALARM", "OK"]);
        check(2, "0 - X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        check(2, "0 0 X 0 X", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        check(2, "0 - X - -", ["OK", "OK", "ALARM", "OK"]);
        check(2, "- - - - 0", ["OK", "OK", "ALARM", "OK"]);
        check(2, "- - - X -", ["ALARM", "keep", "ALARM", "OK"]);
        check(2, "- - - - X", [none, "keep", "ALARM", "OK"]);
        check(1, "- - - - X", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        check(3, "X X X X 0", ["OK", "OK", "OK", "OK"]);
    }

    #[test]
    fn compares_in_four_ways() {
        for (comparison, holds) in Comparison::ALL.into_iter().zip([
            [false, true, true],
            [false, false, true],
            [true, false, false],
            [true, true, false],
        ]) {
            let found = [0.0, 1.0, 2.0].map(|value| comparison.holds(value, 1.0));
            assert_eq!(found, holds, "{comparison:?}");
        }
    }

    fn check_reason(rule: &Rule, drawn: &str, expected: &str) {
        let verdict = evaluate(rule, &periods(drawn)).expect("a verdict");
        assert_eq!(verdict.reason, expected, "{drawn}");
    }

    #[test]
    fn gives_reasons_in_the_words_of_aws() {
        let one = rule(1, None, None);
        check_reason(
            &one,
            "- - X",
            "Threshold Crossed: 1 datapoint [5.0 (24/11/26 10:00:00)] was greater than the threshold (1.0).",
        );
        check_reason(
            &one,
            "- - 0",
            "Threshold Crossed: 1 datapoint [0.0 (24/11/26 10:00:00)] was not greater than the threshold (1.0).",
        );
        check_reason(&one, "- - -", "Insufficient Data: 1 datapoint was unknown.");
        check_reason(
            &rule(3, None, None),
            "0 0 X X X",
            "Threshold Crossed: 3 datapoints [5.0 (24/11/26 10:00:00), 5.0 (24/11/26 09:59:00), 5.0 (24/11/26 09:58:00)] \
             were greater than the threshold (1.0).",
        );
        check_reason(
            &rule(3, None, None),
            "- - - - -",
            "Insufficient Data: 3 datapoints were unknown.",
        );
        check_reason(
            &rule(3, Some(2), None),
            "0 0 X 0 X",
            "Threshold Crossed: 2 out of the last 3 datapoints [5.0 (24/11/26 10:00:00), 5.0 (24/11/26 09:58:00)] \
             were greater than the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition).",
        );
        check_reason(
            &rule(1, Some(1), None),
            "- - 0",
            "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (24/11/26 10:00:00)] \
             was not greater than the threshold (1.0) (minimum 1 datapoint for ALARM -> OK transition).",
        );
    }

    #[test]
    fn says_how_missing_data_counted() {
        let good = Some(MissingData::NotBreaching);
        let bad = Some(MissingData::Breaching);
        check_reason(
            &rule(1, None, good),
            "- - -",
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].",
        );
        check_reason(
            &rule(3, None, bad),
            "- - - - -",
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [Breaching].",
        );
        check_reason(
            &rule(3, Some(1), good),
            "- - - - X",
            "Threshold Crossed: 1 out of the last 3 datapoints [5.0 (24/11/26 10:00:00)] was greater than the threshold (1.0) \
             and 2 missing datapoints were treated as [NonBreaching] (minimum 1 datapoint for OK -> ALARM transition).",
        );
        check_reason(
            &rule(3, Some(2), bad),
            "- - - - 0",
            "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints were treated as [Breaching].",
        );
        check_reason(
            &rule(3, None, bad),
            "0 - - - -",
            "Threshold Crossed: 1 datapoint [0.0 (24/11/26 09:56:00)] was not greater than the threshold (1.0) \
             and 2 missing datapoints were treated as [Breaching].",
        );
    }
}
