//! Splits XML into tags and text while it streams, whatever is wrong with it.
//!
//! An ordinary XML reader does not fit a report. It gives up the whole file at its first flaw, although runners
//! write bad bytes, bare ampersands and output that was never escaped; and it holds every text in memory, though
//! one test may have printed gigabytes. This one holds a window, hands text on in pieces, repairs what has only
//! one sensible meaning, and says where the damage was that has none.

mod encoding;
mod scan;
mod tag;
mod text;

pub(crate) use encoding::Decoded;
pub(crate) use scan::{Event, Scanner};
pub(crate) use tag::{Tag, value_of};
pub(crate) use text::Text;

#[cfg(test)]
mod tests;
