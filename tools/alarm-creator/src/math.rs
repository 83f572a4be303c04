//! The part of CloudWatch's metric math that the alarms use: as text for CloudWatch, and computed here, so that a
//! simulation says what CloudWatch would. Pure.

use std::collections::BTreeMap;
use std::fmt;

/// An expression over the inputs of an alarm.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Math {
    Number(f64),
    /// An input, by its id.
    Input(&'static str),
    Binary(Operator, Box<Math>, Box<Math>),
    /// Condition, then, otherwise.
    If(Box<Math>, Box<Math>, Box<Math>),
    /// An input whose gaps have this value.
    Filled(&'static str, f64),
    /// Hour of the day in UTC, at the times that the input has.
    Hour(&'static str),
    /// Day of the week in UTC, Monday being 1, at the times that the input has.
    Day(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Plus,
    Times,
    Over,
    Above,
    AtLeast,
    Below,
    AtMost,
    And,
    Or,
}

/// What each input has at one time; an input without data is absent.
pub(crate) type Values<'a> = BTreeMap<&'a str, f64>;

impl Operator {
    fn symbol(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Times => "*",
            Self::Over => "/",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::And => " AND ",
            Self::Or => " OR ",
        }
    }

    fn binds(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Above | Self::AtLeast | Self::Below | Self::AtMost => 3,
            Self::Plus => 4,
            Self::Times | Self::Over => 5,
        }
    }

    fn apply(self, left: f64, right: f64) -> f64 {
        let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
        match self {
            Self::Plus => left + right,
            Self::Times => left * right,
            Self::Over => left / right,
            Self::Above => truth(left > right),
            Self::AtLeast => truth(left >= right),
            Self::Below => truth(left < right),
            Self::AtMost => truth(left <= right),
            Self::And => truth(left != 0.0 && right != 0.0),
            Self::Or => truth(left != 0.0 || right != 0.0),
        }
    }
}

impl Math {
    pub(crate) fn binary(self, operator: Operator, right: Self) -> Self {
        Self::Binary(operator, Box::new(self), Box::new(right))
    }

    pub(crate) fn choose(condition: Self, then: Self, otherwise: Self) -> Self {
        Self::If(Box::new(condition), Box::new(then), Box::new(otherwise))
    }

    /// The value at one time (milliseconds since 1970); none where CloudWatch would have no datapoint.
    pub(crate) fn value(&self, values: &Values<'_>, at_ms: i64) -> Option<f64> {
        let value = match self {
            Self::Number(number) => *number,
            Self::Input(id) => *values.get(id)?,
            Self::Filled(id, otherwise) => values.get(id).copied().unwrap_or(*otherwise),
            Self::Hour(id) => values.get(id).map(|_| hour(at_ms))?,
            Self::Day(id) => values.get(id).map(|_| day(at_ms))?,
            Self::Binary(operator, left, right) => {
                operator.apply(left.value(values, at_ms)?, right.value(values, at_ms)?)
            }
            Self::If(condition, then, otherwise) => {
                let chosen = if condition.value(values, at_ms)? == 0.0 {
                    otherwise
                } else {
                    then
                };
                chosen.value(values, at_ms)?
            }
        };
        // A division by zero leaves no datapoint.
        value.is_finite().then_some(value)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, outer: u8) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Input(id) => f.write_str(id),
            Self::Filled(id, value) => write!(f, "FILL({id}, {value})"),
            Self::Hour(id) => write!(f, "HOUR({id})"),
            Self::Day(id) => write!(f, "DAY({id})"),
            Self::If(condition, then, otherwise) => {
                write!(f, "IF({condition}, {then}, {otherwise})")
            }
            Self::Binary(operator, left, right) => {
                let binds = operator.binds();
                let is_enclosed = binds < outer;
                if is_enclosed {
                    f.write_str("(")?;
                }
                left.write(f, binds)?;
                f.write_str(operator.symbol())?;
                // What stands right of a division is a unit of its own.
                right.write(f, binds + u8::from(*operator == Operator::Over))?;
                if is_enclosed {
                    f.write_str(")")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Math {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Hour of the day in UTC.
#[expect(clippy::cast_precision_loss, reason = "hours and days are small")]
pub(crate) fn hour(at_ms: i64) -> f64 {
    (at_ms.rem_euclid(DAY_MS) / HOUR_MS) as f64
}

/// Day of the week in UTC, Monday being 1.
#[expect(clippy::cast_precision_loss, reason = "hours and days are small")]
pub(crate) fn day(at_ms: i64) -> f64 {
    // 1970-01-01 was a Thursday.
    ((at_ms.div_euclid(DAY_MS) + 3).rem_euclid(7) + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::Operator::{Above, And, Below, Over, Plus, Times};
    use super::*;

    /// 2026-11-24 is a Tuesday.
    const TEN: i64 = 1_795_514_400_000;

    #[test]
    fn writes_and_computes_the_same_thing() {
        let number = Math::Number;
        let rate = Math::choose(
            Math::Input("requests").binary(Above, number(10.0)),
            number(100.0)
                .binary(Times, Math::Filled("errors", 0.0))
                .binary(
                    Over,
                    Math::Input("requests").binary(Plus, Math::Filled("unserved", 0.0)),
                ),
            number(0.0),
        );
        assert_eq!(
            rate.to_string(),
            "IF(requests>10, 100*FILL(errors, 0)/(requests+FILL(unserved, 0)), 0)"
        );
        let check = |values: &[(&str, f64)], expected: Option<f64>| {
            let values: Values<'_> = values.iter().copied().collect();
            assert_eq!(rate.value(&values, TEN), expected, "{values:?}");
        };
        check(
            &[("requests", 40.0), ("errors", 5.0), ("unserved", 10.0)],
            Some(10.0),
        );
        check(&[("requests", 40.0)], Some(0.0));
        check(&[("requests", 10.0), ("errors", 10.0)], Some(0.0));
        check(&[("errors", 5.0)], None);
    }

    #[test]
    fn knows_the_calendar() {
        let busy = Math::Hour("hosts")
            .binary(Above, Math::Number(9.0))
            .binary(And, Math::Day("hosts").binary(Below, Math::Number(3.0)));
        assert_eq!(busy.to_string(), "HOUR(hosts)>9 AND DAY(hosts)<3");
        let values = Values::from([("hosts", 2.0)]);
        assert_eq!((hour(TEN), day(TEN)), (10.0, 2.0));
        assert_eq!(busy.value(&values, TEN), Some(1.0));
        assert_eq!(busy.value(&values, TEN - HOUR_MS), Some(0.0));
        assert_eq!(busy.value(&Values::new(), TEN), None);
    }

    #[test]
    fn leaves_no_datapoint_where_nothing_can_be_divided() {
        let share = Math::Input("a").binary(Over, Math::Input("b"));
        let values = Values::from([("a", 1.0), ("b", 0.0)]);
        assert_eq!(share.value(&values, TEN), None);
    }
}
