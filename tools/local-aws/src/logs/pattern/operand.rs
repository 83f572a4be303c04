//! The right-hand side of a comparison, and how a value is compared with it.

use ::regex::Regex;

use super::PatternError;
use super::scanner::Scanner;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// The operator that comes next, if any.
    pub(super) fn parse(scanner: &mut Scanner<'_>) -> Option<Self> {
        // Longer ones first: `<=` begins with `<`.
        [
            ("!=", Self::NotEqual),
            ("<=", Self::LessOrEqual),
            (">=", Self::GreaterOrEqual),
            ("=", Self::Equal),
            ("<", Self::Less),
            (">", Self::Greater),
        ]
        .into_iter()
        .find_map(|(token, operator)| scanner.take(token).then_some(operator))
    }

    fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

#[derive(Debug)]
enum Operand {
    /// A text of which a star at either end stands for anything.
    Text(Wildcard),
    Number {
        value: f64,
        text: String,
    },
    Regex(Regex),
}

#[derive(Debug)]
struct Wildcard {
    text: String,
    open_start: bool,
    open_end: bool,
}

/// An operator with its right-hand side.
#[derive(Debug)]
pub(super) struct Comparison {
    operator: Operator,
    operand: Operand,
}

impl Comparison {
    /// Reads the right-hand side of `operator`.
    pub(super) fn parse(
        operator: Operator,
        scanner: &mut Scanner<'_>,
    ) -> Result<Self, PatternError> {
        let operand = Operand::parse(scanner)?;
        if operator.is_order() && !matches!(operand, Operand::Number { .. }) {
            return Err(PatternError::new(
                "Invalid filter pattern: <, <=, > and >= need a number on their right",
            ));
        }
        Ok(Self { operator, operand })
    }

    /// Compares a value, of which `number` is the numeric form if it has one.
    pub(super) fn holds(&self, text: &str, number: Option<f64>) -> bool {
        match (&self.operand, self.operator) {
            (operand, Operator::Equal) => operand.equals(text, number),
            (operand, Operator::NotEqual) => !operand.equals(text, number),
            (Operand::Number { value, .. }, order) => number.is_some_and(|number| match order {
                Operator::Less => number < *value,
                Operator::LessOrEqual => number <= *value,
                Operator::Greater => number > *value,
                _ => number >= *value,
            }),
            // `parse` takes an order only with a number.
            (Operand::Text(_) | Operand::Regex(_), _) => false,
        }
    }
}

impl Operand {
    fn parse(scanner: &mut Scanner<'_>) -> Result<Self, PatternError> {
        scanner.skip_space();
        if let Some(quoted) = scanner.quoted()? {
            return Ok(Self::Text(Wildcard::new(&quoted)));
        }
        if let Some(regex) = scanner.regex()? {
            return Ok(Self::Regex(regex));
        }
        let word = scanner.take_while(|c| c.is_alphanumeric() || "_-.*+/:".contains(c));
        if word.is_empty() {
            return Err(scanner.unexpected("a value"));
        }
        let is_numeric = word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        Ok(match word.parse() {
            Ok(value) if is_numeric => Self::Number {
                value,
                text: word.to_owned(),
            },
            _ => Self::Text(Wildcard::new(word)),
        })
    }

    fn equals(&self, text: &str, number: Option<f64>) -> bool {
        match self {
            Self::Text(wildcard) => wildcard.matches(text),
            #[expect(
                clippy::float_cmp,
                reason = "equal as written is what the pattern asks for"
            )]
            Self::Number {
                value,
                text: written,
            } => number.map_or(text == written, |number| number == *value),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Wildcard {
    fn new(text: &str) -> Self {
        if text == "*" {
            return Self {
                text: String::new(),
                open_start: true,
                open_end: true,
            };
        }
        let body = text.strip_prefix('*').unwrap_or(text);
        let open_start = body.len() < text.len();
        let inner = body.strip_suffix('*').unwrap_or(body);
        Self {
            open_start,
            open_end: inner.len() < body.len(),
            text: inner.to_owned(),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match (self.open_start, self.open_end) {
            (false, false) => text == self.text,
            (false, true) => text.starts_with(&self.text),
            (true, false) => text.ends_with(&self.text),
            (true, true) => text.contains(&self.text),
        }
    }
}
