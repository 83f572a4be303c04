//! Values of expressions.

use std::collections::BTreeMap;

use super::function;
use super::{Binary, Data, ExpressionError, Node, Series};

/// What the names of an expression stand for.
pub(in super::super) struct Scope<'a> {
    /// Values of other queries by id.
    pub values: &'a BTreeMap<String, Data>,
    /// The ids whose values are metrics, for `METRICS()`.
    pub metrics: &'a [String],
    /// The beginnings of all periods that are looked at, in order; milliseconds since 1970.
    pub times: &'a [i64],
    /// The length of a period in milliseconds.
    pub period_ms: i64,
}

impl Scope<'_> {
    pub(super) fn evaluate(&self, node: &Node) -> Result<Data, ExpressionError> {
        match node {
            Node::Number(value) => Ok(Data::Scalar(*value)),
            Node::Text(text) => Err(ExpressionError::new(format!(
                "the text '{text}' is no number and no series"
            ))),
            Node::Name(name) => self.value(name),
            Node::Negate(node) => Ok(map(self.evaluate(node)?, |value| -value)),
            Node::Binary(operator, left, right) => {
                combine(self.evaluate(left)?, self.evaluate(right)?, |a, b| {
                    operator.apply(a, b)
                })
            }
            Node::Call(name, arguments) => function::call(self, name, arguments),
            Node::List(nodes) => {
                let mut all = Vec::new();
                for node in nodes {
                    match self.evaluate(node)? {
                        Data::Series(series) => all.push(series),
                        Data::List(list) => all.extend(list),
                        Data::Scalar(value) => all.push(self.constant(value)),
                    }
                }
                Ok(Data::List(all))
            }
        }
    }

    fn value(&self, name: &str) -> Result<Data, ExpressionError> {
        self.values
            .get(name)
            .cloned()
            .ok_or_else(|| ExpressionError::new(format!("no query has the id '{name}'")))
    }

    /// A series that has one value everywhere.
    pub(super) fn constant(&self, value: f64) -> Series {
        self.times.iter().map(|time| (*time, value)).collect()
    }
}

impl Binary {
    fn apply(self, a: f64, b: f64) -> f64 {
        let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
        #[expect(
            clippy::float_cmp,
            reason = "== and != compare exactly in metric math, too"
        )]
        match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Power => a.powf(b),
            Self::Less => truth(a < b),
            Self::LessOrEqual => truth(a <= b),
            Self::Greater => truth(a > b),
            Self::GreaterOrEqual => truth(a >= b),
            Self::Equal => truth(a == b),
            Self::NotEqual => truth(a != b),
            Self::And => truth(a != 0.0 && b != 0.0),
            Self::Or => truth(a != 0.0 || b != 0.0),
        }
    }
}

/// Applies `change` to every value; a point without a finite result is left out.
pub(super) fn map(data: Data, change: impl Fn(f64) -> f64) -> Data {
    let series = |series: Series| finite(series.into_iter().map(|(time, v)| (time, change(v))));
    match data {
        Data::Scalar(value) => Data::Scalar(change(value)),
        Data::Series(points) => Data::Series(series(points)),
        Data::List(list) => Data::List(list.into_iter().map(series).collect()),
    }
}

/// Applies `operation` to two values: between series at the times that both have; a division by zero leaves no point.
pub(super) fn combine(
    left: Data,
    right: Data,
    operation: impl Fn(f64, f64) -> f64,
) -> Result<Data, ExpressionError> {
    Ok(match (left, right) {
        (Data::Scalar(a), right) => map(right, |b| operation(a, b)),
        (left, Data::Scalar(b)) => map(left, |a| operation(a, b)),
        (Data::Series(a), Data::Series(b)) => Data::Series(between(&a, &b, &operation)),
        (Data::List(list), Data::Series(b)) => {
            Data::List(list.iter().map(|a| between(a, &b, &operation)).collect())
        }
        (Data::Series(a), Data::List(list)) => {
            Data::List(list.iter().map(|b| between(&a, b, &operation)).collect())
        }
        (Data::List(_), Data::List(_)) => {
            return Err(ExpressionError::new(
                "two arrays of series cannot be combined",
            ));
        }
    })
}

fn between(a: &Series, b: &Series, operation: &impl Fn(f64, f64) -> f64) -> Series {
    finite(
        a.iter()
            .filter_map(|(time, a)| b.get(time).map(|b| (*time, operation(*a, *b)))),
    )
}

pub(super) fn finite(points: impl Iterator<Item = (i64, f64)>) -> Series {
    points.filter(|(_, value)| value.is_finite()).collect()
}
