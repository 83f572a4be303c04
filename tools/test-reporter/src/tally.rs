//! The cases of one source, counted as they come and kept in the store.

use std::cmp::Reverse;

use crate::case::{Case, Source, Verdict};
use crate::record::Writer;
use crate::store::Store;

/// Records that are handed to the store at once, in bytes.
const CHUNK: usize = 1 << 18;
/// Slow tests that are remembered.
pub(crate) const SLOWEST: usize = 20;

/// Counts the cases of one source.
pub(crate) struct Tally<'s> {
    store: &'s Store,
    source: Source,
    plain: Writer,
    notable: Writer,
    slowest: Slowest,
}

/// A test by its duration.
pub(crate) type Slow = (u64, Reverse<(String, String)>);

/// The slowest tests: the same ones in whatever order they come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Slowest {
    tests: Vec<Slow>,
    /// What is faster is none of the slowest.
    least: u64,
}

impl<'s> Tally<'s> {
    pub(crate) fn new(name: &str, store: &'s Store) -> Self {
        Self {
            store,
            source: Source {
                name: name.to_owned(),
                ..Source::default()
            },
            plain: Writer::default(),
            notable: Writer::default(),
            slowest: Slowest::default(),
        }
    }

    pub(crate) fn add(&mut self, case: &Case) {
        self.source.counts.total += 1;
        *case.verdict.counter(&mut self.source.counts) += 1;
        self.source.duration_ms = self.source.duration_ms.saturating_add(case.duration_ms);
        self.slowest.add(case);
        if self.store.keeps_all() {
            self.plain.push(case);
        }
        if case.verdict >= Verdict::Flaky {
            self.notable.push(case);
        }
        if self.plain.bytes.len() + self.notable.bytes.len() >= CHUNK {
            self.flush();
        }
    }

    /// Says something that makes the source unreliable.
    pub(crate) fn problem(&mut self, problem: String) {
        if !self.source.problems.contains(&problem) {
            self.source.problems.push(problem);
        }
    }

    fn flush(&mut self) {
        for (writer, extents) in [
            (&mut self.plain, &mut self.source.cases),
            (&mut self.notable, &mut self.source.notable),
        ] {
            if writer.bytes.is_empty() {
                continue;
            }
            match self.store.append(&writer.bytes) {
                Ok(extent) => extents.push(extent),
                Err(error) => {
                    let problem = format!(
                        "the cases of {} cannot be kept for the report: {error}",
                        self.source.name
                    );
                    if !self.source.problems.contains(&problem) {
                        self.source.problems.push(problem);
                    }
                }
            }
            writer.clear();
        }
    }

    pub(crate) fn finish(mut self) -> Source {
        self.flush();
        self.source.slowest = self.slowest;
        self.source
    }
}

impl Slowest {
    fn add(&mut self, case: &Case) {
        if case.duration_ms == 0 || case.duration_ms < self.least {
            return;
        }
        let name = (case.suite.as_ref().to_owned(), case.name.clone());
        self.tests.push((case.duration_ms, Reverse(name)));
        if self.tests.len() >= SLOWEST * 4 {
            self.trim();
        }
    }

    /// Takes those of another source in.
    pub(crate) fn join(&mut self, other: Self) {
        self.tests.extend(other.tests);
        self.trim();
    }

    fn trim(&mut self) {
        self.tests.sort_unstable_by(|one, other| other.cmp(one));
        self.tests.truncate(SLOWEST);
        if let (SLOWEST, Some((duration, _))) = (self.tests.len(), self.tests.last()) {
            self.least = *duration;
        }
    }

    /// Duration, suite and name, the slowest first.
    pub(crate) fn tests(&self) -> impl Iterator<Item = (u64, &str, &str)> {
        self.tests
            .iter()
            .map(|(duration, Reverse((suite, name)))| (*duration, suite.as_str(), name.as_str()))
    }
}
