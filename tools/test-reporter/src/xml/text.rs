//! The text of an element, from the pieces in which it comes.

use std::borrow::Cow;

/// Text that is gathered up to a limit.
#[derive(Debug, Default)]
pub(crate) struct Text {
    done: String,
    /// Bytes whose references are still to be resolved, or which are still in the middle of a character.
    raw: Vec<u8>,
    is_literal: bool,
}

impl Text {
    pub(crate) fn clear(&mut self) {
        self.done.clear();
        self.raw.clear();
    }

    /// A piece of text, at most `most` bytes in all; `is_literal` says that references are none (CDATA).
    pub(crate) fn push(&mut self, piece: &[u8], is_literal: bool, most: usize) {
        if is_literal != self.is_literal {
            self.settle();
            self.is_literal = is_literal;
        }
        let room = most.saturating_sub(self.done.len() + self.raw.len());
        self.raw.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// What was gathered.
    pub(crate) fn taken(&mut self) -> String {
        self.settle();
        std::mem::take(&mut self.done)
    }

    fn settle(&mut self) {
        let text = lossy(&self.raw);
        if self.is_literal {
            self.done.push_str(&text);
        } else {
            self.done.push_str(&resolved(&text));
        }
        self.raw.clear();
    }
}

/// Bytes as text. What is no UTF-8 but was declared as Latin-1 cannot be told from damage, and is marked.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_bad) => String::from_utf8_lossy(bytes),
    }
}

/// Text with its references resolved; what is none stays as it is.
pub(crate) fn resolved(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'&') {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        result.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        match after.split_once(';') {
            Some((name, behind)) if is_reference(name) => {
                push_reference(name, &mut result);
                rest = behind;
            }
            _ => {
                result.push('&');
                rest = after;
            }
        }
    }
    result.push_str(rest);
    Cow::Owned(result)
}

fn is_reference(name: &str) -> bool {
    !name.is_empty()
        && name.len() < 32
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#')
}

/// Appends what `&NAME;` stands for: nothing for a character that XML does not allow, the reference itself
/// for an entity that only a document type could define.
fn push_reference(name: &str, text: &mut String) {
    let character = match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let Some(number) = name.strip_prefix('#') else {
                text.push('&');
                text.push_str(name);
                text.push(';');
                return;
            };
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => number.parse().ok(),
            };
            // The escape character is let through so that a terminal sequence can be taken out whole.
            code.and_then(char::from_u32)
                .filter(|c| is_allowed(*c) || *c == '\u{1b}')
        }
    };
    text.extend(character);
}

/// What XML 1.0 calls a character.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}
