//! Reads JUnit XML, in the dialect of whatever runner wrote it.
//!
//! The crate junit-parser does not fit here: it keeps only the last of several `<failure>` of a case, gives
//! up a whole file at its first flaw (one byte, one number, a missing end) together with all that was read
//! before, and recurses once for each nested suite, so that a hostile file overflows the stack. This reader
//! streams, counts the cases themselves and not the attributes, and keeps what it read before a flaw.

mod document;
mod element;
mod repair;

use std::io::{BufReader, Read};

use quick_xml::Reader;
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::events::Event;

use crate::case::Source;
use document::Document;
use repair::Repaired;

/// Nested elements; real reports have fewer than ten.
const DEEPEST: usize = 100;

/// Reads a report. Whatever is wrong with it is among the source's problems, beside the cases that were read.
/// `accepted` says that the test command ended well.
pub(crate) fn read(name: &str, input: impl Read, accepted: bool) -> Source {
    let mut document = Document::new(accepted);
    let flaw = walk(input, &mut document);
    let mut source = document.finish(name);
    if let Some(flaw) = flaw {
        source.problems.push(format!("{name} {flaw}"));
    }
    source
}

/// Hands the elements of the input to the document; gives the flaw that ended it too early.
fn walk(input: impl Read, document: &mut Document) -> Option<String> {
    let mut reader = Reader::from_reader(BufReader::with_capacity(1 << 16, Repaired::new(input)));
    reader.config_mut().allow_dangling_amp = true;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(tag)) if document.depth() >= DEEPEST => {
                let name = tag.name().into_inner().to_owned();
                return Some(format!(
                    "is nested deeper than {DEEPEST} elements (at <{}>)",
                    crate::case::one_line(&name)
                ));
            }
            Ok(Event::Start(tag)) => document.open(&tag),
            Ok(Event::Empty(tag)) => {
                document.open(&tag);
                document.close();
            }
            Ok(Event::End(_)) => document.close(),
            Ok(Event::Text(text)) => document.text(&text.into_inner()),
            Ok(Event::CData(text)) => document.text(&text.into_inner()),
            Ok(Event::GeneralRef(reference)) => document.reference(&reference.into_inner()),
            // Entities that a document type declares are never expanded.
            Ok(Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_)) => {}
            Ok(Event::Eof) => return document.end(),
            Err(error) => return Some(flaw(&error, reader.error_position())),
        }
    }
}

fn flaw(error: &Error, position: u64) -> String {
    match error {
        // Every syntax error of the reader is markup without an end.
        Error::Syntax(_) | Error::IllFormed(IllFormedError::UnclosedReference) => {
            "ends in the middle of the markup: the run was cut off, or the disk is full".to_owned()
        }
        Error::Io(error) => format!("cannot be read: {error}"),
        other => format!(
            "is not well-formed at byte {position}: {}",
            crate::case::one_line(&other.to_string())
        ),
    }
}

#[cfg(test)]
mod tests;
