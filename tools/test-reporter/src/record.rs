//! A case as bytes, for the store.

use std::io;
use std::sync::Arc;

use crate::case::{Case, Failure, Verdict};

const VERDICTS: [Verdict; 5] = [
    Verdict::Skipped,
    Verdict::Passed,
    Verdict::Flaky,
    Verdict::Failed,
    Verdict::Error,
];
/// The case has a place.
const PLACED: u8 = 8;
/// Its suite is that of the case before.
const SAME_SUITE: u8 = 16;

/// Writes cases one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
    suite: Option<Arc<str>>,
}

impl Writer {
    pub(crate) fn push(&mut self, case: &Case) {
        let is_same = self
            .suite
            .as_ref()
            .is_some_and(|suite| Arc::ptr_eq(suite, &case.suite) || *suite == case.suite);
        let verdict = VERDICTS
            .iter()
            .position(|verdict| *verdict == case.verdict)
            .map_or(0, |at| at as u8);
        let placed = if case.place.is_some() { PLACED } else { 0 };
        let same = if is_same { SAME_SUITE } else { 0 };
        self.bytes.push(verdict | placed | same);
        self.bytes
            .extend_from_slice(&case.duration_ms.to_le_bytes());
        if !is_same {
            self.text(&case.suite);
            self.suite = Some(Arc::clone(&case.suite));
        }
        self.text(&case.name);
        if let Some(place) = &case.place {
            self.text(place);
        }
        self.number(case.failures.len());
        for failure in &case.failures {
            self.text(&failure.message);
            self.text(&failure.details);
        }
    }

    /// The records so far; what follows stands alone.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.suite = None;
    }

    fn number(&mut self, number: usize) {
        // Texts are shortened long before this could overflow.
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

/// Reads them again.
pub(crate) struct Records<'b> {
    rest: &'b [u8],
    suite: Arc<str>,
}

impl<'b> Records<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self {
            rest: bytes,
            suite: Arc::default(),
        }
    }

    fn record(&mut self) -> Option<Case> {
        let [flags] = self.array()?;
        let duration_ms = u64::from_le_bytes(self.array()?);
        if flags & SAME_SUITE == 0 {
            self.suite = self.text()?.into();
        }
        let name = self.text()?.to_owned();
        let place = match flags & PLACED {
            0 => None,
            _ => Some(self.text()?.to_owned()),
        };
        let failures = (0..self.number()?)
            .map(|_| {
                Some(Failure {
                    message: self.text()?.to_owned(),
                    details: self.text()?.to_owned(),
                })
            })
            .collect::<Option<_>>()?;
        Some(Case {
            suite: Arc::clone(&self.suite),
            name,
            verdict: *VERDICTS.get(usize::from(flags & 7))?,
            duration_ms,
            failures,
            place,
        })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*array)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.array()?))
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }
}

impl Iterator for Records<'_> {
    type Item = io::Result<Case>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = self.record();
        if record.is_none() {
            self.rest = &[];
        }
        Some(record.ok_or_else(|| io::Error::other("a case that was kept cannot be read again")))
    }
}
