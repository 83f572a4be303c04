//! The grammar of metric math.

use super::function;
use super::{Binary, ExpressionError, Node};

/// How deep an expression may be nested.
const DEEPEST: usize = 50;

pub(super) fn parse(text: &str) -> Result<Node, ExpressionError> {
    let mut parser = Parser {
        rest: text,
        depth: 0,
    };
    let node = parser.level(0)?;
    parser.skip_space();
    if parser.rest.is_empty() {
        Ok(node)
    } else {
        Err(parser.unexpected())
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

/// Binary operators, from those that bind least; longer tokens before their beginnings.
const LEVELS: [&[(&str, Binary)]; 5] = [
    &[("||", Binary::Or), ("OR", Binary::Or)],
    &[("&&", Binary::And), ("AND", Binary::And)],
    &[
        ("<=", Binary::LessOrEqual),
        (">=", Binary::GreaterOrEqual),
        ("==", Binary::Equal),
        ("!=", Binary::NotEqual),
        ("<", Binary::Less),
        (">", Binary::Greater),
    ],
    &[("+", Binary::Add), ("-", Binary::Subtract)],
    &[("*", Binary::Multiply), ("/", Binary::Divide)],
];

impl<'a> Parser<'a> {
    /// A chain of operators of one level, taken from the left.
    fn level(&mut self, level: usize) -> Result<Node, ExpressionError> {
        let Some(operators) = LEVELS.get(level) else {
            return self.power();
        };
        let mut node = self.level(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            let right = self.level(level + 1)?;
            node = Node::Binary(operator, Box::new(node), Box::new(right));
        }
        Ok(node)
    }

    fn power(&mut self) -> Result<Node, ExpressionError> {
        let base = self.unary()?;
        if self.take("^") {
            // From the right: 2^3^2 is 2^9.
            let exponent = self.nested(Self::power)?;
            return Ok(Node::Binary(
                Binary::Power,
                Box::new(base),
                Box::new(exponent),
            ));
        }
        Ok(base)
    }

    fn unary(&mut self) -> Result<Node, ExpressionError> {
        if self.take("-") {
            let node = self.nested(Self::unary)?;
            return Ok(Node::Negate(Box::new(node)));
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Node, ExpressionError> {
        self.skip_space();
        match self.rest.chars().next() {
            Some('(') => {
                self.take("(");
                let node = self.nested(|parser| parser.level(0))?;
                self.expect(")")?;
                Ok(node)
            }
            Some('[') => {
                self.take("[");
                Ok(Node::List(self.list("]")?))
            }
            Some('"') => self.text('"'),
            Some('\'') => self.text('\''),
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_alphabetic() => self.name_or_call(),
            _ => Err(self.unexpected()),
        }
    }

    fn text(&mut self, quote: char) -> Result<Node, ExpressionError> {
        let Some((text, rest)) = self.rest[1..].split_once(quote) else {
            return Err(ExpressionError::new("a text has no closing quote"));
        };
        self.rest = rest;
        Ok(Node::Text(text.to_owned()))
    }

    fn number(&mut self) -> Result<Node, ExpressionError> {
        let digits =
            |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let mut end = digits(self.rest);
        if self.rest[end..].starts_with('.') {
            end += 1 + digits(&self.rest[end + 1..]);
        }
        if let Some(exponent) = self.rest[end..].strip_prefix(['e', 'E']) {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let length = digits(unsigned);
            if length > 0 {
                end += 1 + (exponent.len() - unsigned.len()) + length;
            }
        }
        let (number, rest) = self.rest.split_at(end);
        let Ok(value) = number.parse() else {
            return Err(self.unexpected());
        };
        self.rest = rest;
        Ok(Node::Number(value))
    }

    fn name_or_call(&mut self) -> Result<Node, ExpressionError> {
        let name = self.word();
        if !self.take("(") {
            return Ok(Node::Name(name.to_owned()));
        }
        let arguments = self.list(")")?;
        function::check(name, arguments.len())?;
        Ok(Node::Call(name.to_owned(), arguments))
    }

    fn list(&mut self, closing: &str) -> Result<Vec<Node>, ExpressionError> {
        let mut nodes = Vec::new();
        if self.take(closing) {
            return Ok(nodes);
        }
        loop {
            nodes.push(self.nested(|parser| parser.level(0))?);
            if self.take(closing) {
                return Ok(nodes);
            }
            self.expect(",")?;
        }
    }

    fn nested(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<Node, ExpressionError>,
    ) -> Result<Node, ExpressionError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(ExpressionError::new("the expression is nested too deeply"));
        }
        let node = parse(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn operator(&mut self, operators: &[(&str, Binary)]) -> Option<Binary> {
        self.skip_space();
        operators.iter().find_map(|(token, operator)| {
            let is_word = token.starts_with(|c: char| c.is_ascii_alphabetic());
            if is_word && self.peek_word() != *token {
                return None;
            }
            self.take(token).then_some(*operator)
        })
    }

    fn peek_word(&self) -> &'a str {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(self.rest.len());
        &self.rest[..end]
    }

    fn word(&mut self) -> &'a str {
        let word = self.peek_word();
        self.rest = &self.rest[word.len()..];
        word
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), ExpressionError> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn unexpected(&self) -> ExpressionError {
        match self.rest.chars().next() {
            Some(found) => ExpressionError::new(format!("unexpected '{found}' at '{}'", self.rest)),
            None => ExpressionError::new("the expression ends too early"),
        }
    }
}
