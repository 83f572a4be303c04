//! One page of events: bounded in number, in bytes and in what is looked at.

use std::ops::ControlFlow;

use super::journal::{self, Direction, Position, Record, Source, Span};
use crate::protocol::AwsError;
use crate::state::Store;

/// How much each statement reads, so that others get at the database in between.
const CHUNK: usize = 1000;

/// AWS's page size; an event counts its text and 26 bytes.
pub(super) const MOST_BYTES: usize = 1_048_576;
pub(super) const MOST_EVENTS: usize = 10_000;
/// What AWS adds to the size of every event.
pub(super) const EVENT_OVERHEAD: usize = 26;

/// Events looked at for one page. A page may come back empty though more follow, as it may on AWS.
const MOST_SCANNED: usize = 20_000;

/// A page, and where the next one begins.
pub(super) struct Page {
    pub records: Vec<Record>,
    /// The last event looked at; absent when nothing is left.
    pub next: Option<Position>,
}

/// Reads the events that `keep` accepts, at most `most` of them.
pub(super) fn read(
    store: &Store,
    source: &Source,
    mut span: Span,
    direction: Direction,
    most: usize,
    keep: impl Fn(&Record) -> bool,
) -> Result<Page, AwsError> {
    let mut filling = Filling {
        records: Vec::new(),
        bytes: 0,
        most,
        last: None,
    };
    let chunk = CHUNK.min(most + 1);
    let mut scanned = 0;
    loop {
        let rows = journal::read(&store.connection(), source, span, direction, chunk)?;
        let is_last = rows.len() < chunk;
        scanned += rows.len();
        for row in rows {
            if filling.take(row, &keep).is_break() {
                return Ok(Page {
                    records: filling.records,
                    next: filling.last,
                });
            }
        }
        if is_last || scanned >= MOST_SCANNED {
            return Ok(Page {
                records: filling.records,
                next: filling.last.filter(|_| !is_last),
            });
        }
        match (direction, filling.last) {
            (Direction::Forward, Some(last)) => span.after = last,
            (Direction::Backward, Some(last)) => span.before = last,
            (_, None) => {}
        }
    }
}

struct Filling {
    records: Vec<Record>,
    bytes: usize,
    most: usize,
    last: Option<Position>,
}

impl Filling {
    /// Breaks where `row` belongs to the next page.
    fn take(&mut self, row: Record, keep: impl Fn(&Record) -> bool) -> ControlFlow<()> {
        let position = row.position();
        if keep(&row) {
            let size = row.message.len() + EVENT_OVERHEAD;
            let is_full = self.records.len() == self.most
                || (!self.records.is_empty() && self.bytes + size > MOST_BYTES);
            if is_full {
                return ControlFlow::Break(());
            }
            self.bytes += size;
            self.records.push(row);
        }
        self.last = Some(position);
        ControlFlow::Continue(())
    }
}
