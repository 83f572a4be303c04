//! Metric math: expressions over series of datapoints, such as `IF(requests > 10, 100 * errors / requests, 0)`. Pure.

mod evaluate;
mod function;
mod parse;

use std::collections::BTreeMap;
use std::fmt;

pub(super) use evaluate::Scope;

/// Datapoints by the time at which their period begins; milliseconds since 1970.
pub(super) type Series = BTreeMap<i64, f64>;

/// What an expression has as its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    Scalar(f64),
    Series(Series),
    List(Vec<Series>),
}

/// An expression that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expression(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    Text(String),
    /// A datapoint series of another query, or `REPEAT` and `LINEAR`.
    Name(String),
    Negate(Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    Call(String, Vec<Node>),
    List(Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

/// Why an expression was not understood or has no value; its display is a sentence for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExpressionError(String);

impl ExpressionError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Expression {
    /// Reads an expression.
    pub(super) fn parse(text: &str) -> Result<Self, ExpressionError> {
        parse::parse(text).map(Self)
    }

    /// The ids of other queries that the expression refers to.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.collect_names(&mut names);
        names
    }

    /// The value over the series of `scope`.
    pub(super) fn evaluate(&self, scope: &Scope<'_>) -> Result<Data, ExpressionError> {
        scope.evaluate(&self.0)
    }
}

impl Node {
    fn collect_names<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Number(_) | Self::Text(_) => {}
            Self::Name(name) if function::is_fill_mode(name) => {}
            Self::Name(name) => names.push(name),
            Self::Negate(node) => node.collect_names(names),
            Self::Binary(_, left, right) => {
                left.collect_names(names);
                right.collect_names(names);
            }
            Self::Call(_, nodes) | Self::List(nodes) => {
                for node in nodes {
                    node.collect_names(names);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
