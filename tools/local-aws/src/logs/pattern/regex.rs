//! The part of regular expressions that AWS takes.

use ::regex::{Regex, RegexBuilder};

use super::PatternError;

const SYMBOLS: &str = ":_#=@/;,-";
const OPERATORS: &str = "^$?[]{}|\\*+.";
/// A pattern of 1,024 characters may ask for much more memory than this by repetition; it is refused.
const MOST_COMPILED_BYTES: usize = 1 << 20;

/// Compiles the text between two `%` signs; it matches anywhere in a text, case-sensitively.
pub(super) fn compile(source: &str) -> Result<Regex, PatternError> {
    let is_allowed = |c: char| {
        c.is_ascii_alphanumeric() || c == ' ' || SYMBOLS.contains(c) || OPERATORS.contains(c)
    };
    let mut escaped = false;
    for c in source.chars() {
        // A backslash makes any punctuation of ASCII a literal.
        let is_literal = escaped && c.is_ascii_punctuation();
        if !is_allowed(c) && !is_literal {
            return Err(PatternError::character(c));
        }
        escaped = c == '\\' && !escaped;
    }
    if source.is_empty() {
        return Err(PatternError::new(
            "Invalid filter pattern: a regular expression is empty",
        ));
    }
    RegexBuilder::new(source)
        .unicode(true)
        .size_limit(MOST_COMPILED_BYTES)
        .build()
        .map_err(|error| {
            let reason = error.to_string();
            let last = reason.lines().last().unwrap_or_default().trim();
            PatternError::new(format!(
                "Invalid filter pattern: '%{source}%' is no regular expression: {}",
                last.trim_start_matches("error: ")
            ))
        })
}
