//! Reading a pattern from left to right.

use super::PatternError;
use super::regex;

/// AWS takes no more than two regular expressions in one pattern.
const MOST_REGEXES: usize = 2;

pub(super) struct Scanner<'a> {
    rest: &'a str,
    regexes: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            regexes: 0,
        }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes `token` if it comes next.
    pub(super) fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes `word` if it comes next as a whole word, in any case.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let Some(found) = self.rest.get(..word.len()) else {
            return false;
        };
        let after = self.rest[word.len()..].chars().next();
        let ends = after.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        if ends && found.eq_ignore_ascii_case(word) {
            self.rest = &self.rest[word.len()..];
            true
        } else {
            false
        }
    }

    /// Takes as many characters as `accept` allows.
    pub(super) fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !accept(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Nothing but space may be left.
    pub(super) fn finish(&mut self) -> Result<(), PatternError> {
        self.skip_space();
        match self.peek() {
            None => Ok(()),
            Some(found) => Err(PatternError::character(found)),
        }
    }

    /// The error for what comes next, where `expected` should have been.
    pub(super) fn unexpected(&self, expected: &str) -> PatternError {
        match self.peek() {
            Some(found) => PatternError::character(found),
            None => PatternError::ended(expected),
        }
    }

    /// A text in double quotes, if one comes next; `\"` and `\\` stand for a quote and a backslash.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, PatternError> {
        if !self.take("\"") {
            return Ok(None);
        }
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(Some(text));
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => text.push('\\'),
                },
                other => text.push(other),
            }
        }
        Err(PatternError::ended("a closing quote"))
    }

    /// A regular expression between `%` signs, if one comes next.
    pub(super) fn regex(&mut self) -> Result<Option<::regex::Regex>, PatternError> {
        if !self.take("%") {
            return Ok(None);
        }
        let Some((source, rest)) = self.rest.split_once('%') else {
            return Err(PatternError::ended("a closing % sign"));
        };
        self.rest = rest;
        self.regexes += 1;
        if self.regexes > MOST_REGEXES {
            return Err(PatternError::new(format!(
                "Invalid filter pattern: it has more than {MOST_REGEXES} regular expressions"
            )));
        }
        regex::compile(source).map(Some)
    }
}
