//! A start tag and its attributes.

use std::borrow::Cow;

use super::text::{lossy, resolved};

/// A start tag in the scanner's window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag<'w> {
    pub(super) bytes: &'w [u8],
    pub(super) parts: &'w Parts,
}

/// Where in the window the parts of a tag are, counted from its `<`.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) name: (usize, usize),
    attributes: Vec<Attribute>,
    pub(super) is_empty: bool,
    /// Bytes of the whole tag.
    pub(super) length: usize,
    /// What was wrong with it and has no single meaning.
    pub(super) damage: Option<&'static str>,
}

#[derive(Debug)]
struct Attribute {
    key: (usize, usize),
    value: (usize, usize),
}

/// How far a tag could be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Whole,
    /// The window ends first; inside a value, where that begins.
    Cut(Option<usize>),
    /// The `<` was text.
    Text,
}

impl<'w> Tag<'w> {
    /// Its name without a prefix and without control characters.
    pub(crate) fn name(&self) -> Cow<'w, [u8]> {
        let (from, until) = self.parts.name;
        local(&self.bytes[from..until])
    }

    /// Whether it is closed at once.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty
    }

    /// An attribute's value, with its references resolved.
    pub(crate) fn attribute(&self, name: &str) -> Option<Cow<'w, str>> {
        self.attributes()
            .find(|(key, _)| *key == name.as_bytes())
            .map(|(_, value)| value_of(value))
    }

    /// Every attribute, its value as it is written; `value_of` makes text of it.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'w [u8], &'w [u8])> {
        let bytes = self.bytes;
        self.parts.attributes.iter().map(move |attribute| {
            let ((from, until), (begin, end)) = (attribute.key, attribute.value);
            (&bytes[from..until], &bytes[begin..end])
        })
    }
}

/// An attribute's value as text, with its references resolved.
pub(crate) fn value_of(bytes: &[u8]) -> Cow<'_, str> {
    match lossy(bytes) {
        Cow::Borrowed(text) => resolved(text),
        Cow::Owned(text) => Cow::Owned(resolved(&text).into_owned()),
    }
}

/// A name without prefix; control characters in it are bad bytes that are left out.
pub(super) fn local(name: &[u8]) -> Cow<'_, [u8]> {
    let name = match memchr::memrchr(b':', name) {
        Some(at) => &name[at + 1..],
        None => name,
    };
    if name.iter().any(u8::is_ascii_control) {
        Cow::Owned(
            name.iter()
                .copied()
                .filter(|byte| !byte.is_ascii_control())
                .collect(),
        )
    } else {
        Cow::Borrowed(name)
    }
}

/// Whether a tag can begin with this byte after its `<`: a letter, or a bad byte in front of one.
pub(super) fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
        || byte == b'_'
        || byte == b':'
        || byte >= 0x80
        || (byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

fn is_name(byte: u8) -> bool {
    begins_name(byte) || byte.is_ascii_digit() || byte == b'-' || byte == b'.'
}

fn ends_name(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'=' | b'<' | b'"' | b'\'')
}

fn after(bytes: &[u8], mut at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    while at < bytes.len() && belongs(bytes[at]) {
        at += 1;
    }
    at
}

impl Parts {
    /// Reads the tag at the beginning of `bytes`.
    pub(super) fn read(&mut self, bytes: &[u8], at_end: bool) -> Reach {
        self.attributes.clear();
        self.damage = None;
        self.is_empty = false;
        let mut at = after(bytes, 1, |byte| !ends_name(byte));
        self.name = (1, at);
        loop {
            at = after(bytes, at, |byte| byte.is_ascii_whitespace());
            match bytes.get(at) {
                None => return Reach::Cut(None),
                Some(b'>') => {
                    self.length = at + 1;
                    return Reach::Whole;
                }
                Some(b'/') => match bytes.get(at + 1) {
                    None => return Reach::Cut(None),
                    Some(b'>') => {
                        self.is_empty = true;
                        self.length = at + 2;
                        return Reach::Whole;
                    }
                    Some(_) => at += 1,
                },
                Some(b'<') => return Reach::Text,
                Some(b'"' | b'\'' | b'=') => {
                    self.damage = Some("a tag has a value without a name");
                    at += 1;
                }
                Some(_) => match self.attribute(bytes, at, at_end) {
                    Ok(next) => at = next,
                    Err(value) => return Reach::Cut(value),
                },
            }
        }
    }

    /// Reads the attribute that begins at `from` and gives where it ends.
    fn attribute(
        &mut self,
        bytes: &[u8],
        from: usize,
        at_end: bool,
    ) -> Result<usize, Option<usize>> {
        let end_of_key = after(bytes, from, |byte| !ends_name(byte));
        let equals = after(bytes, end_of_key, |byte| byte.is_ascii_whitespace());
        match bytes.get(equals) {
            None => return Err(None),
            Some(b'=') => {}
            Some(_) => {
                self.damage = Some("a tag has an attribute without a value");
                return Ok(end_of_key);
            }
        }
        let begin = after(bytes, equals + 1, |byte| byte.is_ascii_whitespace());
        let key = (from, end_of_key);
        match bytes.get(begin) {
            None => Err(None),
            Some(&quote @ (b'"' | b'\'')) => {
                let begin = begin + 1;
                let end = end_of_value(bytes, begin, quote, at_end).ok_or(Some(begin))?;
                self.push(bytes, key, (begin, end));
                Ok(end + 1)
            }
            // Without quotes, as HTML has it.
            Some(_) => {
                let end = after(bytes, begin, |byte| {
                    !byte.is_ascii_whitespace() && byte != b'>' && byte != b'<'
                });
                self.push(bytes, key, (begin, end));
                Ok(end)
            }
        }
    }

    fn push(&mut self, bytes: &[u8], key: (usize, usize), value: (usize, usize)) {
        if swallows(&bytes[value.0..value.1]) {
            self.damage = Some("an attribute without an end swallowed other tags");
        }
        self.attributes.push(Attribute { key, value });
    }
}

/// Whether text holds tags that decide what passed. XML has them escaped in a value.
pub(super) fn swallows(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'<', rest) {
        rest = &rest[at + 1..];
        let is_tag = [
            &b"testcase"[..],
            b"testsuite",
            b"failure",
            b"error",
            b"/testcase",
        ]
        .iter()
        .any(|name| rest.starts_with(name));
        if is_tag {
            return true;
        }
    }
    false
}

/// Where the quotation mark is that ends a value: one that the rest of a tag can follow. Runners that escape
/// nothing write others.
fn end_of_value(bytes: &[u8], begin: usize, quote: u8, at_end: bool) -> Option<usize> {
    let mut from = begin;
    loop {
        let at = from + memchr::memchr(quote, &bytes[from..])?;
        match can_follow(bytes, at + 1) {
            Some(true) => return Some(at),
            None if at_end => return Some(at),
            None => return None,
            Some(false) => from = at + 1,
        }
    }
}

/// None where the window ends too early to tell.
fn can_follow(bytes: &[u8], at: usize) -> Option<bool> {
    let next = after(bytes, at, |byte| byte.is_ascii_whitespace());
    match bytes.get(next)? {
        b'>' => Some(true),
        b'/' | b'?' => Some(*bytes.get(next + 1)? == b'>'),
        byte if begins_name(*byte) => {
            let end = after(bytes, next, is_name);
            let equals = after(bytes, end, |byte| byte.is_ascii_whitespace());
            Some(*bytes.get(equals)? == b'=')
        }
        _ => Some(false),
    }
}
