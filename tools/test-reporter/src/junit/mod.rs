//! Reads JUnit XML, in the dialect of whatever runner wrote it.
//!
//! The crate junit-parser does not fit here: it keeps only the last of several `<failure>` of a case, gives
//! up a whole file at its first flaw (one byte, one number, a missing end) together with all that was read
//! before, holds every case in memory, and recurses once for each nested suite, so that a hostile file overflows
//! the stack. This reader streams, counts the cases themselves and not the attributes, and keeps what it read
//! before a flaw.

mod document;
mod element;

use std::io::Read;

use crate::case::Source;
use crate::store::Store;
use crate::xml::{Decoded, Event, Scanner};
use document::Document;

/// Nested elements; real reports have fewer than ten.
const DEEPEST: usize = 100;

/// Reads a report. Whatever is wrong with it is among the source's problems, beside the cases that were read.
/// `accepted` says that the test command ended well.
pub(crate) fn read(name: &str, input: impl Read, accepted: bool, store: &Store) -> Source {
    let mut document = Document::new(name, accepted, store);
    let flaw = match Decoded::new(input) {
        Ok(input) => walk(input, &mut document),
        Err(error) => Some(format!("cannot be read: {error}")),
    };
    let mut source = document.finish();
    if let Some(flaw) = flaw {
        source.problems.push(format!("{name} {flaw}"));
    }
    source
}

/// Hands the elements of the input to the document; gives the flaw that makes it unreliable.
fn walk(input: impl Read, document: &mut Document<'_>) -> Option<String> {
    let mut scanner = Scanner::new(input);
    let is_cut = loop {
        match scanner.next() {
            Ok(Event::Open(tag)) => {
                if document.depth() >= DEEPEST {
                    let name = crate::case::one_line(&String::from_utf8_lossy(&tag.name()));
                    return Some(format!(
                        "is nested deeper than {DEEPEST} elements (at <{name}>)"
                    ));
                }
                let text_of = document.open(&tag);
                if tag.is_empty() {
                    document.close_last();
                } else if let Some(name) = text_of {
                    scanner.take_text(name);
                }
            }
            Ok(Event::Close(name)) => document.close(&name),
            Ok(Event::Text(piece)) => document.text(piece, false),
            Ok(Event::Literal(piece)) => document.text(piece, true),
            Ok(Event::End(is_cut)) => break is_cut,
            Err(error) => return Some(format!("cannot be read: {error}")),
        }
        if let Some(what) = document.take_damage() {
            scanner.note(what);
        }
    };
    if is_cut && document.is_report() {
        return Some(
            "ends in the middle of the markup: the run was cut off, or the disk is full".to_owned(),
        );
    }
    if document.depth() > 0 && document.is_report() {
        return Some(
            "ends before its last element does: the run was cut off, or the disk is full"
                .to_owned(),
        );
    }
    if !document.is_report() {
        return Some("is not a JUnit report".to_owned());
    }
    scanner
        .damage()
        .map(|(at, what)| format!("is damaged at byte {at}: {what}"))
}

#[cfg(test)]
mod tests;
