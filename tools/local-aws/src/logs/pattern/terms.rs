//! Words and phrases of unstructured text.

use ::regex::Regex;

use super::PatternError;
use super::scanner::Scanner;

/// What must, may and must not occur.
#[derive(Debug, Default)]
pub(super) struct Terms {
    required: Vec<Term>,
    optional: Vec<Term>,
    excluded: Vec<Term>,
}

#[derive(Debug)]
enum Term {
    Text(String),
    Regex(Regex),
}

impl Terms {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let mut terms = Self::default();
        let mut scanner = Scanner::new(text);
        loop {
            scanner.skip_space();
            if scanner.rest().is_empty() {
                return Ok(terms);
            }
            let group = if scanner.take("?") {
                &mut terms.optional
            } else if scanner.take("-") {
                &mut terms.excluded
            } else {
                &mut terms.required
            };
            group.push(Term::parse(&mut scanner)?);
        }
    }

    pub(super) fn match_text(&self, message: &str) -> bool {
        let found = |term: &Term| term.is_in(message);
        // AWS ignores the question marks' terms next to any other.
        let has_others = !self.required.is_empty() || !self.excluded.is_empty();
        self.required.iter().all(found)
            && !self.excluded.iter().any(found)
            && (has_others || self.optional.iter().any(found))
    }
}

impl Term {
    fn parse(scanner: &mut Scanner<'_>) -> Result<Self, PatternError> {
        if let Some(phrase) = scanner.quoted()? {
            return Ok(Self::Text(phrase));
        }
        if let Some(regex) = scanner.regex()? {
            return Ok(Self::Regex(regex));
        }
        let word = scanner.take_while(|c| c.is_alphanumeric() || c == '_');
        let ends = scanner.peek().is_none_or(char::is_whitespace);
        if word.is_empty() || !ends {
            return Err(scanner.unexpected("a term"));
        }
        Ok(Self::Text(word.to_owned()))
    }

    fn is_in(&self, message: &str) -> bool {
        match self {
            Self::Text(text) => message.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, check_refused};

    #[test]
    fn selects_by_terms() {
        let both = "ERROR WARN message";
        let error = "ERROR message";
        let warn = "WARN message";
        check("ERROR", &[both, error, "ERRORCODE: -1"], &[warn, "error"]);
        check("ERROR WARN", &[both, "WARN then ERROR"], &[error, warn]);
        check("?ERROR ?WARN", &[both, error, warn], &["INFO message"]);
        check("ERROR -WARN", &[error], &[both, warn]);
        check("-WARN", &[error, ""], &[both, warn]);
        check("ERROR ?WARN", &[both, error], &[warn]);
        check("?ERROR ?WARN -message", &["INFO"], &[both, error, warn]);
    }

    #[test]
    fn selects_by_phrases() {
        check(
            r#""status: 5" -"a \"b\"""#,
            &["status: 500", "status: 5 a b"],
            &["status 5", r#"status: 5 a "b""#],
        );
        check(r#""c:\\dir""#, &[r"c:\dir"], &[r"c:\\dir"]);
        check(r#"?"a b" ?"c d""#, &["x a b y", "c d"], &["a c"]);
        check("\"\"", &["", "anything"], &[]);
    }

    #[test]
    fn selects_by_regular_expressions() {
        check("%AUTHORIZED%", &["UNAUTHORIZED", "AUTHORIZED"], &["author"]);
        check(r"%^\d{3} [a-c]+$%", &["404 abc"], &["404 abd", "x404 abc"]);
        check(r"-%4\d\d% GET", &["GET 500"], &["GET 404", "PUT 500"]);
        check(r"%\(x\)%", &["f(x)"], &["fx"]);
    }

    #[test]
    fn refuses_what_needs_quotes() {
        check_refused("status:500", "Invalid character(s) in term ':'");
        check_refused("?Status: timeout", "Invalid character(s) in term ':'");
        check_refused("foo-bar", "Invalid character(s) in term '-'");
        check_refused("ERROR*", "Invalid character(s) in term '*'");
        check_refused("(a)", "Invalid character(s) in term '('");
        check_refused("- Exiting", "Invalid character(s) in term ' '");
        check_refused(
            "ERROR ?",
            "Invalid filter pattern: it ends where a term is expected",
        );
        check_refused(
            "\"open",
            "Invalid filter pattern: it ends where a closing quote is expected",
        );
    }

    #[test]
    fn refuses_regular_expressions_that_aws_refuses() {
        check_refused("%something!%", "Invalid character(s) in term '!'");
        check_refused("%(a|b)%", "Invalid character(s) in term '('");
        check_refused("%é%", "Invalid character(s) in term 'é'");
        check_refused(
            "%a% %b% %c%",
            "Invalid filter pattern: it has more than 2 regular expressions",
        );
        check_refused(
            "%[a%",
            "Invalid filter pattern: '%[a%' is no regular expression: unclosed character class",
        );
        check_refused(
            "%a",
            "Invalid filter pattern: it ends where a closing % sign is expected",
        );
        assert!(super::super::Pattern::parse(r"%\w{1000}{1000}%").is_err());
    }
}
