//! Events gathered into requests that PutLogEvents takes.
//!
//! Its limits: 1,048,576 bytes, each event counting its UTF-8 bytes and 26; 10,000 events; 24 hours between the first
//! and the last; events in the order of time.

/// Bytes in one request.
pub(crate) const MOST_BYTES: usize = 1_048_576;
/// What an event counts beside its text.
pub(crate) const OVERHEAD: usize = 26;
/// Events in one request.
pub(crate) const MOST_EVENTS: usize = 10_000;
/// Milliseconds between the first event and the last.
pub(crate) const LONGEST: i64 = 24 * 3_600_000;
/// Bytes of one event's text.
const MOST_TEXT: usize = MOST_BYTES - OVERHEAD;

/// A line with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Milliseconds since 1970.
    pub(crate) timestamp: i64,
    pub(crate) message: String,
}

/// What is gathered for the next request.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    entries: Vec<Entry>,
    bytes: usize,
    first: i64,
    last: i64,
}

impl Batch {
    /// Adds an entry; gives the batch before it if they do not go together.
    pub(crate) fn add(&mut self, entry: Entry) -> Option<Vec<Entry>> {
        let size = entry.message.len() + OVERHEAD;
        let (first, last) = if self.entries.is_empty() {
            (entry.timestamp, entry.timestamp)
        } else {
            (
                self.first.min(entry.timestamp),
                self.last.max(entry.timestamp),
            )
        };
        let is_full = self.entries.len() == MOST_EVENTS
            || self.bytes + size > MOST_BYTES
            || last - first > LONGEST;
        let full = if is_full { self.take() } else { None };
        if full.is_some() {
            self.first = entry.timestamp;
            self.last = entry.timestamp;
        } else {
            self.first = first;
            self.last = last;
        }
        self.bytes += size;
        self.entries.push(entry);
        full
    }

    /// What is gathered, in the order of time; lines of the same time stay in theirs.
    pub(crate) fn take(&mut self) -> Option<Vec<Entry>> {
        if self.entries.is_empty() {
            return None;
        }
        self.bytes = 0;
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_by_key(|entry| entry.timestamp);
        Some(entries)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The entries of one line: several where it is longer than an event may be, cut between characters. An event
/// may not be empty, so that an empty line is a blank.
pub(crate) fn split(line: &str, timestamp: i64) -> Vec<Entry> {
    let entry = |message: &str| Entry {
        timestamp,
        message: message.to_owned(),
    };
    if line.is_empty() {
        return vec![entry(" ")];
    }
    let mut entries = Vec::new();
    let mut rest = line;
    while rest.len() > MOST_TEXT {
        let (head, tail) = rest.split_at(rest.floor_char_boundary(MOST_TEXT));
        entries.push(entry(head));
        rest = tail;
    }
    entries.push(entry(rest));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(entries: impl IntoIterator<Item = (i64, usize)>) -> Vec<Vec<Entry>> {
        let mut batch = Batch::default();
        let mut batches = Vec::new();
        for (timestamp, length) in entries {
            batches.extend(batch.add(Entry {
                timestamp,
                message: "x".repeat(length),
            }));
        }
        batches.extend(batch.take());
        batches
    }

    fn sizes(batches: &[Vec<Entry>]) -> Vec<usize> {
        batches.iter().map(Vec::len).collect()
    }

    #[test]
    fn keeps_to_the_number_of_events() {
        let made = batches((0..25_001).map(|number| (number, 1)));
        assert_eq!(sizes(&made), [10_000, 10_000, 5_001]);
    }

    #[test]
    fn keeps_to_the_number_of_bytes() {
        // 1,048,576 / (1,000 + 26) is 1,022 and a bit.
        let made = batches((0..2_045).map(|number| (number, 1_000)));
        assert_eq!(sizes(&made), [1_022, 1_022, 1]);
        let exact = batches([(0, MOST_TEXT), (1, 1)]);
        assert_eq!(sizes(&exact), [1, 1]);
        let exact = batches([
            (0, MOST_BYTES / 2 - OVERHEAD),
            (1, MOST_BYTES / 2 - OVERHEAD),
        ]);
        assert_eq!(sizes(&exact), [2]);
    }

    #[test]
    fn keeps_to_a_day() {
        assert_eq!(sizes(&batches([(0, 1), (LONGEST, 1)])), [2]);
        assert_eq!(sizes(&batches([(0, 1), (LONGEST + 1, 1)])), [1, 1]);
        assert_eq!(sizes(&batches([(LONGEST + 1, 1), (5, 1), (0, 1)])), [2, 1]);
    }

    #[test]
    fn puts_each_request_in_order() {
        let made = batches([(3, 1), (1, 2), (2, 3), (1, 4)]);
        let order: Vec<(i64, usize)> = made[0]
            .iter()
            .map(|entry| (entry.timestamp, entry.message.len()))
            .collect();
        assert_eq!(order, [(1, 2), (1, 4), (2, 3), (3, 1)]);
    }

    #[test]
    fn cuts_a_line_between_characters() {
        let line = format!("{}é{}", "x".repeat(MOST_TEXT - 1), "y".repeat(3));
        let parts = split(&line, 7);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].message.len(), MOST_TEXT - 1);
        assert_eq!(parts[1].message, "éyyy");
        assert_eq!(split("", 7)[0].message, " ");
    }
}
