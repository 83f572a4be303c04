//! Conditions on events that are JSON objects.

use serde_json::Value;

use super::PatternError;
use super::operand::{Comparison, Operator};
use super::scanner::Scanner;

/// AWS's limits on wildcards in selectors.
const MOST_WILDCARDS_IN_SELECTOR: usize = 1;
const MOST_WILDCARDS: usize = 3;

#[derive(Debug)]
pub(super) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Test(Selector, Test),
}

#[derive(Debug)]
pub(super) struct Selector(Vec<Step>);

#[derive(Debug)]
enum Step {
    Member(String),
    AnyMember,
    Item(usize),
    AnyItem,
}

#[derive(Debug)]
pub(super) enum Test {
    Compare(Comparison),
    Null,
    True,
    False,
    Exists,
    NotExists,
}

impl Condition {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let mut scanner = Scanner::new(text);
        if !scanner.take("{") {
            return Err(scanner.unexpected("an opening brace"));
        }
        let condition = Self::any(&mut scanner)?;
        if !scanner.take("}") {
            return Err(scanner.unexpected("a closing brace"));
        }
        scanner.finish()?;
        if condition.wildcards() > MOST_WILDCARDS {
            return Err(PatternError::new(format!(
                "Invalid filter pattern: it has more than {MOST_WILDCARDS} wildcards in selectors"
            )));
        }
        Ok(condition)
    }

    pub(super) fn match_text(&self, message: &str) -> bool {
        // Most lines of most services are no JSON: not even tried.
        let message = message.trim_start();
        if !message.starts_with(['{', '[']) {
            return false;
        }
        serde_json::from_str::<Value>(message).is_ok_and(|value| self.holds(&value))
    }

    fn any(scanner: &mut Scanner<'_>) -> Result<Self, PatternError> {
        let mut condition = Self::all(scanner)?;
        while scanner.take("||") {
            condition = Self::Or(Box::new(condition), Box::new(Self::all(scanner)?));
        }
        Ok(condition)
    }

    fn all(scanner: &mut Scanner<'_>) -> Result<Self, PatternError> {
        let mut condition = Self::single(scanner)?;
        while scanner.take("&&") {
            condition = Self::And(Box::new(condition), Box::new(Self::single(scanner)?));
        }
        Ok(condition)
    }

    fn single(scanner: &mut Scanner<'_>) -> Result<Self, PatternError> {
        scanner.skip_space();
        let condition = if scanner.take("(") {
            let inner = Self::any(scanner)?;
            if !scanner.take(")") {
                return Err(scanner.unexpected("a closing parenthesis"));
            }
            inner
        } else {
            Self::Test(Selector::parse(scanner)?, Test::parse(scanner)?)
        };
        scanner.skip_space();
        Ok(condition)
    }

    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::And(left, right) => left.holds(value) && right.holds(value),
            Self::Or(left, right) => left.holds(value) || right.holds(value),
            Self::Test(selector, test) => test.holds(&selector.select(value)),
        }
    }

    fn wildcards(&self) -> usize {
        match self {
            Self::And(left, right) | Self::Or(left, right) => left.wildcards() + right.wildcards(),
            Self::Test(selector, _) => selector.wildcards(),
        }
    }
}

impl Selector {
    fn parse(scanner: &mut Scanner<'_>) -> Result<Self, PatternError> {
        if !scanner.take("$") {
            return Err(scanner.unexpected("a selector"));
        }
        let mut steps = Vec::new();
        loop {
            if scanner.take(".") {
                steps.push(Self::member(scanner)?);
            } else if scanner.take("[") {
                steps.push(Self::item(scanner)?);
            } else {
                break;
            }
        }
        let selector = Self(steps);
        if selector.0.is_empty() {
            return Err(scanner.unexpected("a property"));
        }
        if selector.wildcards() > MOST_WILDCARDS_IN_SELECTOR {
            return Err(PatternError::new(
                "Invalid filter pattern: a selector has more than one wildcard",
            ));
        }
        Ok(selector)
    }

    fn member(scanner: &mut Scanner<'_>) -> Result<Step, PatternError> {
        if scanner.take("*") {
            return Ok(Step::AnyMember);
        }
        let name = scanner.take_while(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if name.is_empty() {
            return Err(scanner.unexpected("a property"));
        }
        Ok(Step::Member(name.to_owned()))
    }

    fn item(scanner: &mut Scanner<'_>) -> Result<Step, PatternError> {
        let step = if scanner.take("*") {
            Step::AnyItem
        } else {
            match scanner.take_while(|c| c.is_ascii_digit()).parse() {
                Ok(index) => Step::Item(index),
                Err(_) => return Err(scanner.unexpected("an index")),
            }
        };
        if scanner.take("]") {
            Ok(step)
        } else {
            Err(scanner.unexpected("a closing bracket"))
        }
    }

    fn wildcards(&self) -> usize {
        let is_wildcard = |step: &&Step| matches!(step, Step::AnyMember | Step::AnyItem);
        self.0.iter().filter(is_wildcard).count()
    }

    fn select<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![value];
        for step in &self.0 {
            found = found
                .into_iter()
                .flat_map(|value| step.select(value))
                .collect();
        }
        found
    }
}

impl Step {
    fn select<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match (self, value) {
            (Self::Member(name), Value::Object(members)) => members.get(name).into_iter().collect(),
            (Self::AnyMember, Value::Object(members)) => members.values().collect(),
            (Self::Item(index), Value::Array(items)) => items.get(*index).into_iter().collect(),
            (Self::AnyItem, Value::Array(items)) => items.iter().collect(),
            _ => Vec::new(),
        }
    }
}

impl Test {
    fn parse(scanner: &mut Scanner<'_>) -> Result<Self, PatternError> {
        scanner.skip_space();
        if let Some(operator) = Operator::parse(scanner) {
            return Comparison::parse(operator, scanner).map(Self::Compare);
        }
        if scanner.take_word("EXISTS") {
            return Ok(Self::Exists);
        }
        let (word, outcomes) = if scanner.take_word("IS") {
            (
                "NULL, TRUE or FALSE",
                vec![
                    ("NULL", Self::Null),
                    ("TRUE", Self::True),
                    ("FALSE", Self::False),
                ],
            )
        } else if scanner.take_word("NOT") {
            ("EXISTS", vec![("EXISTS", Self::NotExists)])
        } else {
            return Err(scanner.unexpected("an operator"));
        };
        scanner.skip_space();
        outcomes
            .into_iter()
            .find_map(|(word, test)| scanner.take_word(word).then_some(test))
            .ok_or_else(|| scanner.unexpected(word))
    }

    fn holds(&self, found: &[&Value]) -> bool {
        let any = |test: fn(&Value) -> bool| found.iter().any(|value| test(value));
        match self {
            Self::Compare(comparison) => found.iter().any(|value| compare(comparison, value)),
            Self::Null => any(Value::is_null),
            Self::True => any(|value| value == &Value::Bool(true)),
            Self::False => any(|value| value == &Value::Bool(false)),
            Self::Exists => !found.is_empty(),
            Self::NotExists => found.is_empty(),
        }
    }
}

/// Only strings, numbers and booleans compare; an array, an object or null never does, not even with `!=`.
fn compare(comparison: &Comparison, value: &Value) -> bool {
    match value {
        Value::String(text) => comparison.holds(text, None),
        Value::Number(number) => comparison.holds(&number.to_string(), number.as_f64()),
        Value::Bool(flag) => comparison.holds(&flag.to_string(), None),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, check_refused};

    const EVENT: &str = r#"{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","latency":500,
        "ratio":0.5,"code":"400","arrayKey":["value","another value"],"a-b_c":1,
        "objectList":[{"name":"a","id":1},{"name":"b","id":2}],
        "SomeObject":null,"ThisFlag":true,"coordinates":[[0,1],[4,5]],"user":{"id":1,"email":"j@x.com"}}"#;

    fn check_event(conditions: &[&str], refused: &[&str]) {
        for condition in conditions {
            check(&format!("{{ {condition} }}"), &[EVENT], &["plain", "{}"]);
        }
        for condition in refused {
            check(&format!("{{ {condition} }}"), &[], &[EVENT]);
        }
    }

    #[test]
    fn compares_texts() {
        check_event(
            &[
                r#"$.eventType = "UpdateTrail""#,
                "$.eventType=UpdateTrail",
                "$.eventType = Update*",
                "$.eventType = *Trail",
                "$.eventType = *teTr*",
                "$.eventType = *",
                r#"$.sourceIPAddress != 123.123.*"#,
                r#"$.arrayKey[0] = "value""#,
                r#"$.user.email = "j@x.com""#,
                "$.eventType = %^Up[a-z]+Trail$%",
                "$.eventType != %^Down%",
                "$.a-b_c = 1",
                "$.code = 400",
            ],
            &[
                r#"$.eventType = "updatetrail""#,
                r#"$.eventType = "Upd*Trail""#,
                "$.sourceIPAddress != 111.*",
                "$.arrayKey[2] = *",
                "$.eventType[0] = *",
                "$.user = *",
                "$.user != x",
                "$.SomeObject != x",
                "$.nothing != x",
            ],
        );
    }

    #[test]
    fn compares_numbers() {
        check_event(
            &[
                "$.latency >= 500",
                "$.latency <= 5e2",
                "$.latency = 500.0",
                "$.latency != 499",
                "$.latency > +499",
                "$.latency < 10e3",
                "$.ratio > 10e-3",
                "$.coordinates[1][0] = 4",
                "$.objectList[1].id = 2",
                "$.latency = 5*",
            ],
            &[
                "$.latency > 500",
                "$.latency < 500",
                "$.latency = 400",
                "$.latency != 500",
                "$.eventType > 1",
                "$.objectList[0].id = 2",
            ],
        );
    }

    #[test]
    fn tests_for_presence_and_constants() {
        check_event(
            &[
                "$.SomeObject IS NULL",
                "$.ThisFlag IS TRUE",
                "$.user EXISTS",
            ],
            &[
                "$.eventType IS NULL",
                "$.missing IS NULL",
                "$.ThisFlag IS FALSE",
                "$.SomeObject NOT EXISTS",
            ],
        );
        check("{ $.other NOT EXISTS }", &[EVENT, "{}"], &["plain"]);
    }

    #[test]
    fn combines_conditions_with_and_before_or() {
        check_event(
            &[
                "($.user.id = 1) && ($.arrayKey[0] = value)",
                "$.user.id = 1 || $.latency = 1 && $.latency = 2",
                "$.latency = 1 && $.latency = 2 || $.user.id = 1",
            ],
            &[
                "($.user.id = 2 && $.latency = 1) || $.arrayKey[1] = value",
                "($.user.id = 1 || $.latency = 1) && $.latency = 2",
            ],
        );
    }

    #[test]
    fn selects_any_item_or_member() {
        check_event(
            &[
                "$.objectList[*].id = 2",
                "$.arrayKey[*] = value",
                "$.* = 500",
            ],
            &["$.objectList[*].id = 3", "$.* = 501"],
        );
        check_refused(
            "{ $.*.a[*] = 1 }",
            "Invalid filter pattern: a selector has more than one wildcard",
        );
        check_refused(
            "{ $.a[*] = 1 || $.b[*] = 1 || $.c[*] = 1 || $.d[*] = 1 }",
            "Invalid filter pattern: it has more than 3 wildcards in selectors",
        );
    }

    #[test]
    fn refuses_what_is_no_condition() {
        let cases = [
            (
                "{ $.\"sc-status\" = 5* }",
                "Invalid character(s) in term '\"'",
            ),
            ("{ level = error }", "Invalid character(s) in term 'l'"),
            ("{ $.a = \"b\" } x", "Invalid character(s) in term 'x'"),
            ("{ $.a == 1 }", "Invalid character(s) in term '='"),
            ("{ $.a ~ 1 }", "Invalid character(s) in term '~'"),
            ("{ $.a IS EMPTY }", "Invalid character(s) in term 'E'"),
            ("{ $.a[x] = 1 }", "Invalid character(s) in term 'x'"),
            (
                "{ $.a = 1",
                "Invalid filter pattern: it ends where a closing brace is expected",
            ),
            ("{ ($.a = 1 }", "Invalid character(s) in term '}'"),
            (
                "{ $.a > x }",
                "Invalid filter pattern: <, <=, > and >= need a number on their right",
            ),
        ];
        for (pattern, sentence) in cases {
            check_refused(pattern, sentence);
        }
    }

    #[test]
    fn survives_deep_nesting() {
        let deep = format!("{{{}$.a=1{}}}", "(".repeat(500), ")".repeat(500));
        check(&deep, &[r#"{"a":1}"#], &[]);
    }
}
