//! Which lines are shown: a local regular expression, its inverse, and the lines around.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use regex::Regex;

use crate::directory::Label;
use crate::event::Event;

/// Streams whose last lines are kept for context; beyond, the others' are forgotten.
const MOST_STREAMS: usize = 1_000;

/// An event on its way to be shown.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) event: Event,
    pub(crate) label: Rc<Label>,
    pub(crate) is_late: bool,
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Pattern {
    /// A line that matches one of them is shown; none is every line.
    pub any: Vec<Regex>,
    /// Those are left out instead.
    pub invert: bool,
    /// Lines of the same stream before a match.
    pub before: usize,
    /// And after it.
    pub after: usize,
}

/// The pattern, and the lines that may turn out to belong to a match.
#[derive(Debug)]
pub(crate) struct Matching {
    pattern: Pattern,
    streams: HashMap<Arc<str>, Context>,
}

/// Of one stream.
#[derive(Debug, Default)]
struct Context {
    before: VecDeque<Item>,
    /// So many lines more belong to the last match.
    after: usize,
}

impl Matching {
    pub(crate) fn new(pattern: Pattern) -> Self {
        Self {
            pattern,
            streams: HashMap::new(),
        }
    }

    fn matches(&self, event: &Event) -> bool {
        let Pattern { any, invert, .. } = &self.pattern;
        any.is_empty() || any.iter().any(|regex| regex.is_match(&event.message)) != *invert
    }

    /// What is to be shown now, in order: nothing, the item, or the item after lines before it. The flag says
    /// whether it matches itself.
    pub(crate) fn take(
        &mut self,
        item: Item,
        mut show: impl FnMut(Item, bool) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let is_match = self.matches(&item.event);
        let Pattern { before, after, .. } = self.pattern;
        if before == 0 && after == 0 {
            return if is_match { show(item, true) } else { Ok(()) };
        }
        if self.streams.len() >= MOST_STREAMS && !self.streams.contains_key(&item.event.stream) {
            self.streams.clear();
        }
        let context = self
            .streams
            .entry(Arc::clone(&item.event.stream))
            .or_default();
        if is_match {
            for earlier in context.before.drain(..) {
                show(earlier, false)?;
            }
            context.after = after;
            return show(item, true);
        }
        if context.after > 0 {
            context.after -= 1;
            return show(item, false);
        }
        if before > 0 {
            if context.before.len() == before {
                context.before.pop_front();
            }
            context.before.push_back(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Key;

    fn shown(pattern: Pattern, lines: &[(&str, &str)]) -> Vec<String> {
        let mut matching = Matching::new(pattern);
        let mut shown = Vec::new();
        for (stream, message) in lines {
            let item = Item {
                event: Event {
                    key: Key(0),
                    stream: (*stream).into(),
                    timestamp: 0,
                    ingestion: 0,
                    message: (*message).into(),
                },
                label: Rc::default(),
                is_late: false,
            };
            matching
                .take(item, |item, is_match| {
                    let mark = if is_match { ":" } else { "-" };
                    shown.push(format!("{}{mark}{}", item.event.stream, item.event.message));
                    Ok(())
                })
                .unwrap();
        }
        shown
    }

    fn pattern(any: &[&str], before: usize, after: usize) -> Pattern {
        Pattern {
            any: any.iter().map(|regex| Regex::new(regex).unwrap()).collect(),
            invert: false,
            before,
            after,
        }
    }

    const LINES: [(&str, &str); 7] = [
        ("a", "1"),
        ("a", "2"),
        ("b", "3"),
        ("a", "x4"),
        ("b", "5"),
        ("a", "6"),
        ("a", "7"),
    ];

    #[test]
    fn shows_what_matches() {
        assert_eq!(shown(pattern(&["x", "5"], 0, 0), &LINES), ["a:x4", "b:5"]);
        assert_eq!(shown(pattern(&[], 0, 0), &LINES).len(), 7);
    }

    #[test]
    fn leaves_out_what_matches() {
        let mut pattern = pattern(&["x", "[1-3]"], 0, 0);
        pattern.invert = true;
        assert_eq!(shown(pattern, &LINES), ["b:5", "a:6", "a:7"]);
    }

    #[test]
    fn shows_the_lines_around_of_the_same_stream() {
        assert_eq!(shown(pattern(&["x"], 1, 1), &LINES), ["a-2", "a:x4", "a-6"]);
    }

    #[test]
    fn shows_no_line_twice_where_contexts_overlap() {
        let lines = [("a", "x"), ("a", "1"), ("a", "x"), ("a", "2"), ("a", "3")];
        assert_eq!(
            shown(pattern(&["x"], 2, 1), &lines),
            ["a:x", "a-1", "a:x", "a-2"]
        );
    }
}
