//! From datapoints to a state, as CloudWatch's documentation has it ("How alarm state is evaluated when data is
//! missing"). Pure.

use aws_sdk_cloudwatch::types::ComparisonOperator;

use crate::definition::{Definition, Missing};

/// Periods that are looked at beyond those that are evaluated: the documentation's example looks at 5 for 3.
pub(crate) const FURTHER: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Ok,
    Alarm,
    InsufficientData,
}

/// When an alarm rings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    comparison: ComparisonOperator,
    threshold: f64,
    /// N.
    pub(crate) periods: usize,
    /// M.
    datapoints: usize,
    missing: Missing,
}

impl Rule {
    pub(crate) fn of(definition: &Definition) -> Self {
        let count = |number: i32| usize::try_from(number).unwrap_or(1).max(1);
        Self {
            comparison: definition.comparison.clone(),
            threshold: definition.threshold,
            periods: count(definition.periods),
            datapoints: count(definition.datapoints),
            missing: definition.missing,
        }
    }

    fn breaches(&self, value: f64) -> bool {
        match self.comparison {
            ComparisonOperator::GreaterThanThreshold => value > self.threshold,
            ComparisonOperator::GreaterThanOrEqualToThreshold => value >= self.threshold,
            ComparisonOperator::LessThanThreshold => value < self.threshold,
            ComparisonOperator::LessThanOrEqualToThreshold => value <= self.threshold,
            _ => false,
        }
    }

    /// The state that `points` ask for, the newest first, `periods + FURTHER` of them; none where the alarm keeps its.
    pub(crate) fn state(&self, points: impl Iterator<Item = Option<f64>>) -> Option<State> {
        // With enough datapoints in the range, the newest N count, wherever there are gaps between them.
        let found: Vec<(usize, bool)> = points
            .enumerate()
            .filter_map(|(age, point)| Some((age, self.breaches(point?))))
            .take(self.periods)
            .collect();
        let breaching = found.iter().filter(|(_, breaches)| *breaches).count();
        let gaps = self.periods - found.len();
        if breaching >= self.datapoints {
            return Some(State::Alarm);
        }
        if gaps == 0 {
            return Some(State::Ok);
        }
        match self.missing {
            Missing::Breaching if breaching + gaps >= self.datapoints => Some(State::Alarm),
            Missing::Breaching | Missing::NotBreaching => Some(State::Ok),
            Missing::Unknown | Missing::Ignore if breaching < found.len() => Some(State::Ok),
            Missing::Ignore => None,
            // Only breaching datapoints, or none: it rings if the oldest is as old as so many would have to be.
            Missing::Unknown => match found.last() {
                Some((age, _)) if age + 1 >= self.datapoints => Some(State::Alarm),
                Some(_) | None => Some(State::InsufficientData),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documentation's drawings: oldest first, `0` good, `X` breaching, `-` missing.
    fn drawn(picture: &str) -> Vec<Option<f64>> {
        picture
            .split(' ')
            .rev()
            .map(|mark| match mark {
                "0" => Some(0.0),
                "X" => Some(5.0),
                _ => None,
            })
            .collect()
    }

    fn rule(datapoints: usize, missing: Missing) -> Rule {
        Rule {
            comparison: ComparisonOperator::GreaterThanThreshold,
            threshold: 1.0,
            periods: 3,
            datapoints,
            missing,
        }
    }

    #[test]
    fn follows_the_tables_of_the_documentation() {
        use State::{Alarm as A, InsufficientData as I, Ok as O};
        // Missing, ignore, breaching, not breaching.
        let table = [
            (3, "0 - X - X", [Some(O), Some(O), Some(O), Some(O)]),
            (3, "- - - - 0", [Some(O), Some(O), Some(O), Some(O)]),
            (3, "- - - - -", [Some(I), None, Some(A), Some(O)]),
            (3, "0 X X - X", [Some(A), Some(A), Some(A), Some(A)]),
            (3, "- - X - -", [Some(A), None, Some(A), Some(O)]),
            (3, "- - - - X", [Some(I), None, Some(A), Some(O)]),
            (2, "0 - X - X", [Some(A), Some(A), Some(A), Some(A)]),
            (2, "0 0 X 0 X", [Some(A), Some(A), Some(A), Some(A)]),
            (2, "0 - X - -", [Some(O), Some(O), Some(A), Some(O)]),
            (2, "- - - - 0", [Some(O), Some(O), Some(A), Some(O)]),
            (3, "X X X X 0", [Some(O), Some(O), Some(O), Some(O)]),
        ];
        let treatments = [
            Missing::Unknown,
            Missing::Ignore,
            Missing::Breaching,
            Missing::NotBreaching,
        ];
        for (datapoints, picture, expected) in table {
            let found = treatments
                .map(|missing| rule(datapoints, missing).state(drawn(picture).into_iter()));
            assert_eq!(found, expected, "{datapoints} of 3, {picture}");
        }
    }
}
