//! Patterns with wildcards, as rules have them. Pure.

/// A compiled pattern: `*` stands for any characters, `?` for exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    tokens: Box<[Token]>,
    any_case: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Byte(u8),
    One,
    Any,
}

impl Pattern {
    /// A pattern that tells `a` from `A`.
    pub(super) fn exact_case(text: &str) -> Self {
        Self {
            tokens: text.bytes().map(wildcard).collect(),
            any_case: false,
        }
    }

    /// A pattern that takes `a` for `A`.
    pub(super) fn any_case(text: &str) -> Self {
        Self {
            tokens: text
                .bytes()
                .map(|byte| wildcard(byte.to_ascii_lowercase()))
                .collect(),
            any_case: true,
        }
    }

    /// The same, in which a backslash takes the meaning from a wildcard.
    pub(super) fn any_case_escaped(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut bytes = text.bytes().map(|byte| byte.to_ascii_lowercase());
        while let Some(byte) = bytes.next() {
            tokens.push(match byte {
                b'\\' => Token::Byte(bytes.next().unwrap_or(b'\\')),
                other => wildcard(other),
            });
        }
        Self {
            tokens: tokens.into(),
            any_case: true,
        }
    }

    /// Whether the whole of `text` fits. Takes at most the product of both lengths in steps.
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        let (mut token, mut at) = (0, 0);
        // Where to go on after the last `*`, and how much of the text it has taken.
        let mut retreat: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.tokens.get(token) {
                Some(Token::Any) => {
                    token += 1;
                    retreat = Some((token, at));
                    continue;
                }
                Some(Token::One) => {
                    token += 1;
                    at += 1;
                    continue;
                }
                Some(Token::Byte(byte)) if *byte == self.folded(text[at]) => {
                    token += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            let Some((after, taken)) = retreat else {
                return false;
            };
            token = after;
            at = taken + 1;
            retreat = Some((after, at));
        }
        self.tokens[token..]
            .iter()
            .all(|token| *token == Token::Any)
    }

    fn folded(&self, byte: u8) -> u8 {
        if self.any_case {
            byte.to_ascii_lowercase()
        } else {
            byte
        }
    }
}

fn wildcard(byte: u8) -> Token {
    match byte {
        b'*' => Token::Any,
        b'?' => Token::One,
        other => Token::Byte(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_wildcards() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(
                Pattern::exact_case(pattern).matches(text.as_bytes()),
                expected,
                "{pattern} on {text}"
            );
        };
        check("/img/*", "/img/", true);
        check("/img/*", "/img/a/b", true);
        check("/img/*", "/img", false);
        check("/img/*/pics", "/img/a/pics/pics", true);
        check("/img/*/pics", "/img/pics", false);
        check("/a?c", "/abc", true);
        check("/a?c", "/ac", false);
        check("/A", "/a", false);
        check("*", "", true);
        check("", "", true);
        check("", "a", false);
        check("a*b*c", "aXbYbZc", true);
        check("a*b*c", "aXcYb", false);
        check("**", "x", true);
    }

    #[test]
    fn ignores_case_where_asked() {
        let pattern = Pattern::any_case("*.Example.com");
        assert!(pattern.matches(b"WWW.eXample.COM"));
        assert!(!pattern.matches(b"example.com"));
    }

    #[test]
    fn takes_escaped_wildcards_literally() {
        let pattern = Pattern::any_case_escaped(r"a\*b*");
        assert!(pattern.matches(b"A*bcd"));
        assert!(!pattern.matches(b"aXb"));
    }

    #[test]
    fn stays_quick_on_hostile_patterns() {
        let pattern = Pattern::exact_case(&"*a".repeat(64));
        assert!(pattern.matches(&[b'a'; 4000]));
        assert!(!pattern.matches(&[b'a'; 63]));
        assert!(!pattern.matches("ab".repeat(8000).as_bytes()));
        assert!(!pattern.matches(&[b'b'; 16_000]));
    }
}
