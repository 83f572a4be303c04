//! Rules of composite alarms: `ALARM(a) AND NOT (OK("b") OR INSUFFICIENT_DATA(c))`. Pure.

use super::AlarmState;

/// How deep a rule may be nested.
const DEEPEST: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    Constant(bool),
    Is(AlarmState, String),
    Not(Box<Rule>),
    And(Box<Rule>, Box<Rule>),
    Or(Box<Rule>, Box<Rule>),
}

impl Rule {
    /// Reads a rule; the error is a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser {
            rest: text,
            depth: 0,
        };
        let rule = parser.any()?;
        if parser.rest.trim().is_empty() {
            Ok(rule)
        } else {
            Err(parser.unexpected())
        }
    }

    /// Whether the rule holds where alarms have the states that `state` tells, by name or ARN as the rule has it.
    pub(super) fn holds(&self, state: &impl Fn(&str) -> Option<AlarmState>) -> bool {
        match self {
            Self::Constant(value) => *value,
            Self::Is(expected, alarm) => state(alarm) == Some(*expected),
            Self::Not(rule) => !rule.holds(state),
            Self::And(left, right) => left.holds(state) && right.holds(state),
            Self::Or(left, right) => left.holds(state) || right.holds(state),
        }
    }

    /// The alarms that the rule refers to, as it names them.
    pub(super) fn alarms(&self) -> Vec<&str> {
        match self {
            Self::Constant(_) => Vec::new(),
            Self::Is(_, alarm) => vec![alarm],
            Self::Not(rule) => rule.alarms(),
            Self::And(left, right) | Self::Or(left, right) => {
                let mut alarms = left.alarms();
                alarms.extend(right.alarms());
                alarms
            }
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Rule, String> {
        let mut rule = self.all()?;
        while self.take_word("OR") {
            rule = Rule::Or(Box::new(rule), Box::new(self.all()?));
        }
        Ok(rule)
    }

    fn all(&mut self) -> Result<Rule, String> {
        let mut rule = self.single()?;
        while self.take_word("AND") {
            rule = Rule::And(Box::new(rule), Box::new(self.single()?));
        }
        Ok(rule)
    }

    fn single(&mut self) -> Result<Rule, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the rule is nested too deeply".to_owned());
        }
        let rule = if self.take_word("NOT") {
            Rule::Not(Box::new(self.single()?))
        } else if self.take("(") {
            let rule = self.any()?;
            self.expect(")")?;
            rule
        } else if self.take_word("TRUE") {
            Rule::Constant(true)
        } else if self.take_word("FALSE") {
            Rule::Constant(false)
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(rule)
    }

    fn test(&mut self) -> Result<Rule, String> {
        let states = [
            AlarmState::Alarm,
            AlarmState::Ok,
            AlarmState::InsufficientData,
        ];
        for state in states {
            if self.take_word(state.as_str()) {
                self.expect("(")?;
                let alarm = self.name()?;
                self.expect(")")?;
                return Ok(Rule::Is(state, alarm));
            }
        }
        Err(self.unexpected())
    }

    /// In double quotes, in which `\"` stands for a quote, or bare up to the closing parenthesis.
    fn name(&mut self) -> Result<String, String> {
        self.rest = self.rest.trim_start();
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find(')').unwrap_or(self.rest.len());
            let name = self.rest[..end].trim().to_owned();
            self.rest = &self.rest[end..];
            if name.is_empty() {
                return Err(self.unexpected());
            }
            return Ok(name);
        };
        let mut name = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Ok(name);
                }
                '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
                other => name.push(other),
            }
        }
        Err("the rule has a name without a closing quote".to_owned())
    }

    fn take(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(self.rest.len());
        let matches = self.rest[..end].eq_ignore_ascii_case(word);
        if matches {
            self.rest = &self.rest[end..];
        }
        matches
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn unexpected(&self) -> String {
        match self.rest.trim_start() {
            "" => "the rule ends too early".to_owned(),
            rest => format!("unexpected '{rest}' in the rule"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(alarm: &str) -> Option<AlarmState> {
        match alarm {
            "bad" | "a \"b\"" => Some(AlarmState::Alarm),
            "good" | "arn:aws:cloudwatch:us-east-1:000000000000:alarm:good" => Some(AlarmState::Ok),
            "new" => Some(AlarmState::InsufficientData),
            _ => None,
        }
    }

    #[test]
    fn holds_by_the_states_of_alarms() {
        let cases = [
            ("ALARM(bad)", true),
            ("ALARM(\"bad\")", true),
            ("ALARM(good)", false),
            ("OK( good )", true),
            (
                "OK(arn:aws:cloudwatch:us-east-1:000000000000:alarm:good)",
                true,
            ),
            ("INSUFFICIENT_DATA(new)", true),
            ("ALARM(\"a \\\"b\\\"\")", true),
            ("ALARM(nobody) OR OK(nobody)", false),
            ("TRUE", true),
            ("false", false),
            ("NOT ALARM(good) AND ALARM(bad)", true),
            ("NOT (ALARM(good) OR ALARM(bad))", false),
            ("TRUE OR FALSE AND FALSE", true),
            ("(TRUE OR FALSE) AND FALSE", false),
        ];
        for (text, expected) in cases {
            let rule = Rule::parse(text).expect(text);
            assert_eq!(rule.holds(&state), expected, "{text}");
        }
    }

    #[test]
    fn names_its_alarms() {
        let rule = Rule::parse("ALARM(a) AND (OK(\"b\") OR NOT ALARM(c)) AND TRUE").unwrap();
        assert_eq!(rule.alarms(), ["a", "b", "c"]);
    }

    #[test]
    fn refuses_what_is_no_rule() {
        let cases = [
            ("", "the rule ends too early"),
            ("ALARM(a", "the rule ends too early"),
            ("ALARM()", "unexpected ')' in the rule"),
            ("ALARM(a) XOR OK(b)", "unexpected 'XOR OK(b)' in the rule"),
            ("BROKEN(a)", "unexpected 'BROKEN(a)' in the rule"),
            ("ALARM(\"a", "the rule has a name without a closing quote"),
        ];
        for (text, message) in cases {
            assert_eq!(Rule::parse(text), Err(message.to_owned()), "{text}");
        }
        assert_eq!(
            Rule::parse(&"NOT ".repeat(1000)),
            Err("the rule is nested too deeply".to_owned())
        );
    }
}
