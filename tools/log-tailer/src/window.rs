//! Which events a follower has shown, and from when on it must look again.

use std::collections::{BTreeSet, HashSet};

use crate::event::Event;

/// How late an event may appear and still be shown, in milliseconds. The delay between taking an event in
/// and letting it be read is not documented; log drivers batch for 5 s.
pub(crate) const LATENESS: i64 = 60_000;

/// The memory of a follower. It holds the ids of the last minute's events, so it stays small however long
/// the follower runs.
#[derive(Debug)]
pub(crate) struct Window {
    begin: i64,
    newest: i64,
    shown: HashSet<String>,
    by_time: BTreeSet<(i64, String)>,
}

/// An event that has not been shown, and whether a newer one already has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fresh {
    pub(crate) event: Event,
    pub(crate) late: bool,
}

impl Window {
    /// A window that begins at `since`.
    pub(crate) fn new(since: i64) -> Self {
        Self {
            begin: since,
            newest: i64::MIN,
            shown: HashSet::new(),
            by_time: BTreeSet::new(),
        }
    }

    /// From when on to ask next.
    pub(crate) fn since(&self) -> i64 {
        self.begin.max(self.newest.saturating_sub(LATENESS))
    }

    /// What of `events` is new, in the order of time, then of arrival.
    pub(crate) fn admit(&mut self, mut events: Vec<Event>) -> Vec<Fresh> {
        events.sort_by_key(|event| (event.timestamp, event.ingestion));
        let before = self.newest;
        let mut fresh = Vec::new();
        for event in events {
            if event.timestamp < self.since() || !self.shown.insert(event.id.clone()) {
                continue;
            }
            self.by_time.insert((event.timestamp, event.id.clone()));
            self.newest = self.newest.max(event.timestamp);
            let late = event.timestamp < before;
            fresh.push(Fresh { event, late });
        }
        self.forget();
        fresh
    }

    /// Ids that will not be asked for again need not be remembered.
    fn forget(&mut self) {
        let since = self.since();
        while let Some((timestamp, id)) = self.by_time.pop_first() {
            if timestamp >= since {
                self.by_time.insert((timestamp, id));
                break;
            }
            self.shown.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, timestamp: i64) -> Event {
        Event {
            id: id.to_owned(),
            stream: "s".to_owned(),
            timestamp,
            ingestion: timestamp,
            message: id.to_owned(),
        }
    }

    fn ids(fresh: &[Fresh]) -> Vec<(&str, bool)> {
        fresh
            .iter()
            .map(|fresh| (fresh.event.id.as_str(), fresh.late))
            .collect()
    }

    #[test]
    fn shows_each_event_once_and_marks_the_late_ones() {
        let mut window = Window::new(0);
        assert_eq!(
            ids(&window.admit(vec![event("first", 100_000)])),
            [("first", false)]
        );
        assert_eq!(window.since(), 40_000);
        let second = window.admit(vec![
            event("late", 85_000),
            event("first", 100_000),
            event("last", 101_000),
        ]);
        assert_eq!(ids(&second), [("late", true), ("last", false)]);
        assert_eq!(
            ids(&window.admit(vec![event("late", 85_000), event("last", 101_000)])),
            [("", false); 0]
        );
    }

    #[test]
    fn orders_a_batch_by_time() {
        let mut window = Window::new(0);
        let fresh = window.admit(vec![event("b", 2), event("a", 1), event("c", 3)]);
        assert_eq!(ids(&fresh), [("a", false), ("b", false), ("c", false)]);
    }

    #[test]
    fn never_goes_back_before_its_begin() {
        let mut window = Window::new(50_000);
        window.admit(vec![event("a", 60_000)]);
        assert_eq!(window.since(), 50_000);
    }

    #[test]
    fn forgets_what_it_will_not_ask_for_again() {
        let mut window = Window::new(0);
        for minute in 0..1_000 {
            window.admit(vec![event(&minute.to_string(), minute * 30_000)]);
            assert!(
                window.shown.len() <= 3,
                "{} ids are remembered",
                window.shown.len()
            );
            assert_eq!(window.shown.len(), window.by_time.len());
        }
    }
}
