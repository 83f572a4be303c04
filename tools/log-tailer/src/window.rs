//! Which events have been seen, and from when on the log must be read again.
//!
//! CloudWatch shows an event when it has arrived, under the time that its writer gave it. So the recent past is read
//! again and again, and what has been seen is remembered for as long as it can come again.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::event::{Event, Key};

/// Between the arrival of an event and its appearance in answers; milliseconds. Not documented; the log drivers'
/// own batches (5 s) come before the arrival and are lateness.
pub(crate) const APPEARANCE: i64 = 10_000;

/// More remembered events than this are forgotten in the middle of a reading too. Ten thousand events a second
/// stay below it.
const MOST: usize = 1_000_000;

type Keys = HashSet<Key, BuildHasherDefault<Low>>;

/// The memory of a follower, for one group.
#[derive(Debug)]
pub(crate) struct Window {
    /// Nothing before this is wanted.
    begin: i64,
    /// How far back each reading reaches; milliseconds.
    span: i64,
    /// By second of the event's time.
    seen: BTreeMap<i64, Keys>,
    count: usize,
    newest: i64,
    /// What was seen before this has been forgotten.
    kept_from: i64,
}

impl Window {
    /// A window for events from `begin` on that may be `lateness` milliseconds late.
    pub(crate) fn new(begin: i64, lateness: i64) -> Self {
        Self {
            begin,
            span: lateness + APPEARANCE,
            seen: BTreeMap::new(),
            count: 0,
            newest: i64::MIN,
            kept_from: i64::MIN,
        }
    }

    /// From when on to read, if the reading before began at `before` of the server's clock: what arrived since
    /// then was written no longer ago than the span.
    pub(crate) fn since(&self, before: Option<i64>) -> i64 {
        before.map_or(self.begin, |before| {
            self.begin.max(before.saturating_sub(self.span))
        })
    }

    /// Whether the event has not been seen; it has, from now on.
    pub(crate) fn admit(&mut self, event: &Event) -> bool {
        self.newest = self.newest.max(event.timestamp);
        let is_new = self
            .seen
            .entry(event.timestamp.div_euclid(1000))
            .or_default()
            .insert(event.key);
        self.count += usize::from(is_new);
        is_new
    }

    /// Forgets what is older than `since`, which will not be read again.
    pub(crate) fn forget(&mut self, since: i64) {
        let second = since.div_euclid(1000);
        self.kept_from = self.kept_from.max(second.saturating_mul(1000));
        while let Some(entry) = self.seen.first_entry()
            && *entry.key() < second
        {
            self.count -= entry.remove().len();
        }
    }

    /// In the middle of a reading that goes forward in time: forgets what the pages have passed by more than the
    /// span. `is_first` says that nothing was read before, so that nothing there can come again.
    pub(crate) fn pass(&mut self, before: i64, is_first: bool) {
        if is_first || self.count > MOST {
            self.forget(self.newest.min(before).saturating_sub(self.span));
        }
    }

    /// Remembers an event of an earlier run.
    pub(crate) fn recall(&mut self, second: i64, key: Key) {
        self.count += usize::from(self.seen.entry(second).or_default().insert(key));
    }

    /// The events of each second.
    pub(crate) fn seconds(&self, since: i64) -> impl Iterator<Item = (i64, Vec<Key>)> {
        self.seen
            .range(since.div_euclid(1000)..)
            .map(|(second, keys)| (*second, keys.iter().copied().collect()))
    }

    /// How many events are remembered.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Where a reading begins anew whose token is no longer taken: what was seen from there on is remembered.
    pub(crate) fn floor(&self, since: i64) -> i64 {
        since.max(self.kept_from)
    }
}

/// Keys are hashes already.
#[derive(Debug, Default)]
struct Low(u64);

impl Hasher for Low {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENESS: i64 = 60_000;

    fn event(id: u128, timestamp: i64) -> Event {
        Event {
            key: Key(id),
            stream: "s".into(),
            timestamp,
            ingestion: timestamp,
            message: "m".into(),
        }
    }

    #[test]
    fn admits_each_event_once() {
        let mut window = Window::new(0, LATENESS);
        assert!(window.admit(&event(1, 100_000)));
        assert!(window.admit(&event(2, 100_000)));
        assert!(!window.admit(&event(1, 100_000)));
        assert!(window.admit(&event(3, 40_000)));
        assert_eq!(window.len(), 3);
    }

    #[test]
    fn reaches_back_as_far_as_an_event_may_be_late() {
        let window = Window::new(50_000, LATENESS);
        assert_eq!(window.since(None), 50_000);
        assert_eq!(window.since(Some(100_000)), 50_000);
        assert_eq!(window.since(Some(200_000)), 130_000);
    }

    #[test]
    fn an_event_from_the_future_does_not_move_it() {
        let mut window = Window::new(0, LATENESS);
        window.admit(&event(1, 7_200_000));
        window.pass(100_000, true);
        assert!(window.admit(&event(2, 95_000)));
        window.pass(100_000, true);
        assert!(!window.admit(&event(2, 95_000)));
    }

    #[test]
    fn stays_small_however_much_of_the_past_is_read() {
        let mut window = Window::new(0, LATENESS);
        for second in 0..10_000_i64 {
            window.admit(&event(second.unsigned_abs().into(), second * 1000));
            window.pass(20_000_000, true);
            assert!(window.len() <= 71, "{} are remembered", window.len());
        }
    }

    #[test]
    fn knows_where_to_begin_anew() {
        let mut window = Window::new(0, LATENESS);
        assert_eq!(window.floor(0), 0);
        window.admit(&event(1, 500_000));
        window.pass(1_000_000, true);
        assert_eq!(window.floor(0), 430_000);
    }
}
