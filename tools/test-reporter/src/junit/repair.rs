//! Bytes that no XML may hold, repaired on the way in: every generation of runners writes some.

use std::io::{self, Read};

/// Bytes that are taken from the input at once.
const CHUNK: usize = 1 << 16;

/// An input in which bad UTF-8 is U+FFFD, and what XML 1.0 does not allow is gone.
pub(super) struct Repaired<R> {
    input: R,
    /// The beginning of a character that the next bytes may complete.
    rest: Vec<u8>,
    ready: Vec<u8>,
    /// How much of `ready` is given away.
    given: usize,
    at_end: bool,
}

impl<R: Read> Repaired<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            rest: Vec::new(),
            ready: Vec::new(),
            given: 0,
            at_end: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut raw = std::mem::take(&mut self.rest);
        let read = (&mut self.input).take(CHUNK as u64).read_to_end(&mut raw)?;
        self.at_end = read == 0;
        self.ready.clear();
        self.given = 0;
        self.rest = repair(&raw, self.at_end, &mut self.ready);
        Ok(())
    }
}

impl<R: Read> Read for Repaired<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            if self.at_end {
                return Ok(0);
            }
            self.refill()?;
        }
        let count = buffer.len().min(self.ready.len() - self.given);
        buffer[..count].copy_from_slice(&self.ready[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

/// Appends the repaired bytes to `ready` and gives back an unfinished character.
fn repair(mut raw: &[u8], at_end: bool, ready: &mut Vec<u8>) -> Vec<u8> {
    loop {
        let error = match std::str::from_utf8(raw) {
            Ok(text) => {
                allowed(text, ready);
                return Vec::new();
            }
            Err(error) => error,
        };
        let (good, bad) = raw.split_at(error.valid_up_to());
        allowed(std::str::from_utf8(good).unwrap_or_default(), ready);
        match error.error_len() {
            None if !at_end => return bad.to_vec(),
            length => {
                ready.extend_from_slice("\u{fffd}".as_bytes());
                raw = &bad[length.unwrap_or(bad.len())..];
            }
        }
    }
}

fn allowed(text: &str, ready: &mut Vec<u8>) {
    let mut from = 0;
    for (at, c) in text.char_indices() {
        if !is_allowed(c) {
            ready.extend_from_slice(&text.as_bytes()[from..at]);
            from = at + c.len_utf8();
        }
    }
    ready.extend_from_slice(&text.as_bytes()[from..]);
}

/// What XML 1.0 calls a character.
pub(crate) fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, so that every character is cut.
    struct Drops<'b>(&'b [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (Some(first), false) = (self.0.first(), buffer.is_empty()) else {
                return Ok(0);
            };
            buffer[0] = *first;
            self.0 = &self.0[1..];
            Ok(1)
        }
    }

    #[test]
    fn repairs_bytes_wherever_they_are_cut() {
        for (raw, repaired) in [
            (&b"a\x00b\x1b[31mc"[..], "ab[31mc"),
            ("ü日🚀\u{ffff}x".as_bytes(), "ü日🚀x"),
            (b"\xff<a>\xc3", "\u{fffd}<a>\u{fffd}"),
            (b"\xe6\x97x", "\u{fffd}x"),
            (b"", ""),
        ] {
            let mut text = String::new();
            Repaired::new(raw).read_to_string(&mut text).unwrap();
            assert_eq!(text, repaired);
            let mut ready = Vec::new();
            let mut rest = Vec::new();
            for byte in raw {
                rest.push(*byte);
                rest = repair(&rest, false, &mut ready);
            }
            rest = repair(&rest, true, &mut ready);
            assert_eq!(rest, b"");
            assert_eq!(String::from_utf8(ready).unwrap(), repaired);
            let mut text = String::new();
            Repaired::new(Drops(raw)).read_to_string(&mut text).unwrap();
            assert_eq!(text, repaired);
        }
    }
}
