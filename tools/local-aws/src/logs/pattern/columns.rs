//! Conditions on the fields of a line that spaces separate.

use super::PatternError;
use super::operand::{Comparison, Operator};
use super::scanner::Scanner;

/// The columns, before and after an ellipsis if there is one.
#[derive(Debug)]
pub(super) struct Columns {
    head: Vec<Option<Condition>>,
    /// Present where any number of fields may stand between head and tail.
    tail: Option<Vec<Option<Condition>>>,
}

#[derive(Debug)]
enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Test(Comparison),
}

impl Columns {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let mut scanner = Scanner::new(text);
        if !scanner.take("[") {
            return Err(scanner.unexpected("an opening bracket"));
        }
        let mut columns = Self {
            head: Vec::new(),
            tail: None,
        };
        loop {
            scanner.skip_space();
            if scanner.take("...") {
                if columns.tail.is_some() {
                    return Err(PatternError::new(
                        "Invalid filter pattern: it has more than one ellipsis",
                    ));
                }
                columns.tail = Some(Vec::new());
            } else {
                let column = column(&mut scanner)?;
                columns
                    .tail
                    .as_mut()
                    .unwrap_or(&mut columns.head)
                    .push(column);
            }
            scanner.skip_space();
            if scanner.take("]") {
                scanner.finish()?;
                return Ok(columns);
            }
            if !scanner.take(",") {
                return Err(scanner.unexpected("a comma or a closing bracket"));
            }
        }
    }

    pub(super) fn match_text(&self, message: &str) -> bool {
        let fields = fields(message);
        let tail = self.tail.as_deref().unwrap_or(&[]);
        let named = self.head.len() + tail.len();
        if fields.len() < named || (self.tail.is_none() && fields.len() > named) {
            return false;
        }
        let ends = &fields[fields.len() - tail.len()..];
        let pairs = self.head.iter().zip(&fields).chain(tail.iter().zip(ends));
        pairs
            .into_iter()
            .all(|(column, field)| column.as_ref().is_none_or(|c| c.holds(field)))
    }
}

/// A name, which may be absent, and the conditions on its field, which may be absent too.
fn column(scanner: &mut Scanner<'_>) -> Result<Option<Condition>, PatternError> {
    let name = name(scanner);
    scanner.skip_space();
    let Some(operator) = Operator::parse(scanner) else {
        return Ok(None);
    };
    if name.is_empty() {
        return Err(PatternError::new(
            "Invalid filter pattern: a condition needs the name of its column",
        ));
    }
    let mut any = Condition::Test(Comparison::parse(operator, scanner)?);
    loop {
        scanner.skip_space();
        let is_and = scanner.take("&&");
        if !is_and && !scanner.take("||") {
            return Ok(Some(any));
        }
        let next = Condition::Test(again(scanner, name)?);
        any = any.followed_by(is_and, next);
    }
}

/// Another condition of the same column.
fn again(scanner: &mut Scanner<'_>, expected: &str) -> Result<Comparison, PatternError> {
    scanner.skip_space();
    let found = name(scanner);
    if found != expected {
        return Err(PatternError::new(format!(
            "Invalid filter pattern: the condition on '{found}' stands in the column '{expected}'"
        )));
    }
    scanner.skip_space();
    let operator = Operator::parse(scanner).ok_or_else(|| scanner.unexpected("an operator"))?;
    Comparison::parse(operator, scanner)
}

fn name<'a>(scanner: &mut Scanner<'a>) -> &'a str {
    scanner.take_while(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

impl Condition {
    /// Adds a condition on the right; `&&` binds closer than `||`.
    fn followed_by(self, is_and: bool, next: Self) -> Self {
        match (self, is_and) {
            (Self::Or(left, right), true) => {
                Self::Or(left, Box::new(right.followed_by(true, next)))
            }
            (all, true) => Self::And(Box::new(all), Box::new(next)),
            (all, false) => Self::Or(Box::new(all), Box::new(next)),
        }
    }

    fn holds(&self, field: &str) -> bool {
        match self {
            Self::And(left, right) => left.holds(field) && right.holds(field),
            Self::Or(left, right) => left.holds(field) || right.holds(field),
            Self::Test(comparison) => comparison.holds(field, field.parse().ok()),
        }
    }
}

/// The fields of a line: what stands in double quotes or in brackets is one field, without them.
fn fields(message: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = message.trim();
    while let Some(first) = rest.chars().next() {
        let closing = match first {
            '"' => Some('"'),
            '[' => Some(']'),
            _ => None,
        };
        let enclosed = closing.and_then(|closing| rest[1..].split_once(closing));
        let (field, after) = match enclosed {
            Some(parts) => parts,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        fields.push(field);
        rest = after.trim_start();
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, check_refused};
    use super::fields;

    const OK: &str =
        r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 200 1534"#;
    const FAILED: &str =
        r#"127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] "GET /index.html HTTP/1.0" 500 532"#;
    const MISSING: &str =
        r#"127.0.0.1 - frank [10/Oct/2000:13:50:35 -0700] "GET /a.html HTTP/1.0" 404 4355"#;

    #[test]
    fn splits_a_line_into_fields() {
        assert_eq!(
            fields(OK),
            [
                "127.0.0.1",
                "-",
                "frank",
                "10/Oct/2000:13:25:15 -0700",
                "GET /apache_pb.gif HTTP/1.0",
                "200",
                "1534"
            ]
        );
        assert_eq!(fields("  a  \"b  "), ["a", "\"b"]);
        assert_eq!(fields(""), Vec::<&str>::new());
    }

    #[test]
    fn needs_as_many_fields_as_columns() {
        check(
            "[ip, user, username, timestamp, request, status_code, bytes]",
            &[OK, FAILED],
            &["one two", &format!("{OK} more")],
        );
        check("[a, b]", &["x y"], &["x", "x y z"]);
        check("[a, b, ...]", &["x y", "x y z"], &["x"]);
        check("[..., a]", &["x", "x y"], &[""]);
        check("[...]", &["", "x y"], &[]);
    }

    #[test]
    fn selects_by_conditions() {
        let columns = "ip, user, username, timestamp";
        check(
            &format!("[{columns}, request, status_code, bytes > 1000]"),
            &[OK, MISSING],
            &[FAILED],
        );
        check(
            &format!("[{columns}, request = *html*, status_code = 4*, bytes]"),
            &[MISSING],
            &[OK, FAILED],
        );
        check(
            "[..., request=*.html*, status_code=4*,]",
            &[MISSING],
            &[OK, FAILED],
        );
        check(
            "[..., status_code = 4* && status_code != 404, bytes]",
            &[],
            &[OK, MISSING],
        );
        check(
            "[..., code = 404 || code = 500, bytes]",
            &[MISSING, FAILED],
            &[OK],
        );
        check(
            "[..., code = 200 || code = 5* && code > 500, bytes]",
            &[OK],
            &[FAILED, MISSING],
        );
        check(r"[ip=%127\.0\.0\.[1-9]%, ...]", &[OK], &["10.0.0.1 x"]);
        check("[w1!=ERROR, w2]", &["INFO x"], &["ERROR x"]);
        check("[w1 = \"a b\", w2]", &["\"a b\" c"], &["a b"]);
    }

    #[test]
    fn refuses_what_are_no_columns() {
        let cases = [
            (
                "[a, b",
                "Invalid filter pattern: it ends where a comma or a closing bracket is expected",
            ),
            (
                "[a, ..., b, ...]",
                "Invalid filter pattern: it has more than one ellipsis",
            ),
            (
                "[a = 1 && b = 2]",
                "Invalid filter pattern: the condition on 'b' stands in the column 'a'",
            ),
            (
                "[= 1]",
                "Invalid filter pattern: a condition needs the name of its column",
            ),
            (
                "[a > x]",
                "Invalid filter pattern: <, <=, > and >= need a number on their right",
            ),
            ("[a; b]", "Invalid character(s) in term ';'"),
            ("[a] b", "Invalid character(s) in term 'b'"),
        ];
        for (pattern, sentence) in cases {
            check_refused(pattern, sentence);
        }
    }
}
