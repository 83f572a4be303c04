//! The window over the input, and what is found in it.

use std::borrow::Cow;
use std::io::{self, Read};

use memchr::memmem;

use super::tag::{Parts, Reach, Tag, begins_name, local, swallows};

/// Bytes that are held at once.
const WINDOW: usize = 1 << 18;
/// The longest tag that is held whole; of a longer one, the middle of a value is left out.
const LONGEST_TAG: usize = 1 << 20;
/// What is kept of a value that is too long, and behind which its end is sought.
const KEPT: usize = 1 << 16;
/// What must be seen behind a `<` to tell what it begins.
const AHEAD: usize = 32;

/// What comes next.
#[derive(Debug)]
pub(crate) enum Event<'w> {
    Open(Tag<'w>),
    /// A name without its prefix.
    Close(Cow<'w, [u8]>),
    /// A piece of text, its references unresolved.
    Text(&'w [u8]),
    /// A piece of a CDATA section.
    Literal(&'w [u8]),
    /// The end of the input; true if that was in the middle of markup.
    End(bool),
}

/// Reads events one after the other.
pub(crate) struct Scanner<R> {
    input: R,
    window: Vec<u8>,
    from: usize,
    until: usize,
    at_end: bool,
    /// Bytes of the input before the window.
    before: u64,
    inside: Inside,
    /// The element whose content is text alone, whatever it looks like.
    text_of: Option<&'static str>,
    parts: Parts,
    damage: Option<(u64, &'static str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Content,
    Section(Section),
    /// A document type, in this many brackets.
    DocType(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Literal,
    Comment,
    Instruction,
}

impl Section {
    fn end(self) -> &'static [u8] {
        match self {
            Self::Literal => b"]]>",
            Self::Comment => b"-->",
            Self::Instruction => b"?>",
        }
    }
}

/// An event by its place in the window.
enum Found {
    Open(usize),
    Close(usize, usize),
    Text(usize, usize),
    Literal(usize, usize),
    End(bool),
}

impl<R: Read> Scanner<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            window: vec![0; WINDOW],
            from: 0,
            until: 0,
            at_end: false,
            before: 0,
            inside: Inside::Content,
            text_of: None,
            parts: Parts::default(),
            damage: None,
        }
    }

    /// Takes everything up to the end tag of this element, which was just opened, as its text.
    pub(crate) fn take_text(&mut self, name: &'static str) {
        self.text_of = Some(name);
    }

    /// The first flaw that has no single meaning: at which byte, and what.
    pub(crate) fn damage(&self) -> Option<(u64, &'static str)> {
        self.damage
    }

    /// Notes a flaw that the reader of the events has seen.
    pub(crate) fn note(&mut self, what: &'static str) {
        self.damage
            .get_or_insert((self.before + self.from as u64, what));
    }

    pub(crate) fn next(&mut self) -> io::Result<Event<'_>> {
        let found = loop {
            if let Some(found) = self.step()? {
                break found;
            }
        };
        Ok(match found {
            Found::Open(at) => Event::Open(Tag {
                bytes: &self.window[at..self.from],
                parts: &self.parts,
            }),
            Found::Close(from, until) => Event::Close(local(&self.window[from..until])),
            Found::Text(from, until) => Event::Text(&self.window[from..until]),
            Found::Literal(from, until) => Event::Literal(&self.window[from..until]),
            Found::End(is_cut) => Event::End(is_cut),
        })
    }

    fn step(&mut self) -> io::Result<Option<Found>> {
        if self.from == self.until && !self.fill()? {
            return Ok(Some(Found::End(self.inside != Inside::Content)));
        }
        match self.inside {
            Inside::Content => self.content(),
            Inside::Section(section) => self.section(section),
            Inside::DocType(depth) => {
                self.doc_type(depth);
                Ok(None)
            }
        }
    }

    fn content(&mut self) -> io::Result<Option<Found>> {
        let bytes = &self.window[self.from..self.until];
        match memchr::memchr(b'<', bytes) {
            None => Ok(Some(self.text(bytes.len()))),
            Some(0) => {
                while self.until - self.from < AHEAD && self.fill()? {}
                self.markup()
            }
            Some(length) => Ok(Some(self.text(length))),
        }
    }

    fn text(&mut self, length: usize) -> Found {
        let from = self.from;
        self.from += length;
        Found::Text(from, self.from)
    }

    /// Something begins with `<`.
    fn markup(&mut self) -> io::Result<Option<Found>> {
        let bytes = &self.window[self.from..self.until];
        if bytes.starts_with(b"<![CDATA[") {
            return Ok(self.enter(9, Inside::Section(Section::Literal)));
        }
        if bytes.starts_with(b"</") {
            return self.close();
        }
        if self.text_of.is_some() {
            return Ok(Some(self.text(1)));
        }
        match bytes.get(1) {
            Some(b'!') if bytes.starts_with(b"<!--") => {
                Ok(self.enter(4, Inside::Section(Section::Comment)))
            }
            Some(b'!') if bytes.starts_with(b"<!DOCTYPE") => Ok(self.enter(9, Inside::DocType(0))),
            Some(b'!') => {
                self.note("a declaration is none that a report has");
                Ok(Some(self.text(2)))
            }
            Some(b'?') => Ok(self.enter(2, Inside::Section(Section::Instruction))),
            Some(byte) if begins_name(*byte) => self.open(),
            Some(_) => Ok(Some(self.text(1))),
            None => {
                self.from = self.until;
                Ok(Some(Found::End(true)))
            }
        }
    }

    fn enter(&mut self, length: usize, inside: Inside) -> Option<Found> {
        self.from += length;
        self.inside = inside;
        None
    }

    fn open(&mut self) -> io::Result<Option<Found>> {
        loop {
            let bytes = &self.window[self.from..self.until];
            match self.parts.read(bytes, self.at_end) {
                Reach::Whole => {
                    let at = self.from;
                    if let Some(what) = self.parts.damage {
                        self.note(what);
                    }
                    self.from += self.parts.length;
                    return Ok(Some(Found::Open(at)));
                }
                Reach::Text => {
                    self.note("a tag begins within another");
                    return Ok(Some(self.text(1)));
                }
                Reach::Cut(value) => {
                    if bytes.len() >= LONGEST_TAG {
                        match value {
                            Some(value) => self.leave_out(value),
                            None => {
                                self.note("a tag has no end");
                                return Ok(Some(self.text(1)));
                            }
                        }
                    }
                    if !self.fill()? {
                        self.from = self.until;
                        return Ok(Some(Found::End(true)));
                    }
                }
            }
        }
    }

    /// Drops the middle of the value that begins at `value` in the tag and has no end yet.
    fn leave_out(&mut self, value: usize) {
        let from = self.from + value + KEPT;
        let until = self.until.saturating_sub(KEPT);
        if from < until {
            self.window.copy_within(until..self.until, from);
            self.until -= until - from;
            self.before += (until - from) as u64;
        }
    }

    fn close(&mut self) -> io::Result<Option<Found>> {
        let mut sought = 2;
        loop {
            let bytes = &self.window[self.from..self.until];
            match memchr::memchr2(b'>', b'<', &bytes[sought..]) {
                Some(at) => {
                    let length = sought + at;
                    let is_whole = bytes[length] == b'>';
                    let name = bytes[2..length].trim_ascii();
                    let ends_here = self.text_of.is_none_or(|element| {
                        let name = local(name);
                        [element.as_bytes(), b"testcase", b"testsuite", b"testsuites"]
                            .contains(&name.as_ref())
                    });
                    if !ends_here {
                        return Ok(Some(self.text(2)));
                    }
                    let until = self.from + 2 + name.len();
                    let from = self.from + 2;
                    self.text_of = None;
                    if is_whole {
                        self.from += length + 1;
                    } else {
                        self.note("an end tag has no end");
                        self.from += length;
                    }
                    return Ok(Some(Found::Close(from, until)));
                }
                None if self.text_of.is_some() && bytes.len() > AHEAD => {
                    return Ok(Some(self.text(2)));
                }
                None if bytes.len() >= WINDOW => {
                    self.note("an end tag has no end");
                    return Ok(Some(self.text(2)));
                }
                None => {
                    sought = bytes.len();
                    if !self.fill()? {
                        self.from = self.until;
                        return Ok(Some(Found::End(true)));
                    }
                }
            }
        }
    }

    fn section(&mut self, section: Section) -> io::Result<Option<Found>> {
        let end = section.end();
        let bytes = &self.window[self.from..self.until];
        let (from, length, taken) = match memmem::find(bytes, end) {
            Some(at) => {
                self.inside = Inside::Content;
                (self.from, at, at + end.len())
            }
            // The end may be cut by the window's.
            None if bytes.len() >= end.len() => {
                let length = bytes.len() - (end.len() - 1);
                (self.from, length, length)
            }
            None => {
                if !self.fill()? {
                    self.from = self.until;
                }
                return Ok(None);
            }
        };
        let content = &self.window[from..from + length];
        // Where no text is expected, a section may be damage that hides tests.
        if section != Section::Instruction && self.text_of.is_none() && swallows(content) {
            self.note("a comment or a CDATA section holds tests");
        }
        self.from += taken;
        if section != Section::Literal {
            return Ok(None);
        }
        Ok(Some(Found::Literal(from, from + length)))
    }

    fn doc_type(&mut self, mut depth: usize) {
        while self.from < self.until {
            let byte = self.window[self.from];
            self.from += 1;
            match byte {
                b'[' => depth += 1,
                b']' => depth = depth.saturating_sub(1),
                b'>' if depth == 0 => {
                    self.inside = Inside::Content;
                    return;
                }
                _ => {}
            }
        }
        self.inside = Inside::DocType(depth);
    }

    /// Reads more; false at the end of the input. The beginning of what is held stays at `from`.
    fn fill(&mut self) -> io::Result<bool> {
        if self.at_end {
            return Ok(false);
        }
        if self.from > 0 {
            self.window.copy_within(self.from..self.until, 0);
            self.before += self.from as u64;
            self.until -= self.from;
            self.from = 0;
        }
        if self.until == self.window.len() {
            self.window.resize(self.window.len() * 2, 0);
        }
        loop {
            match self.input.read(&mut self.window[self.until..]) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.until += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
