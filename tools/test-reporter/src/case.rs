//! A test case and how it ended.

use std::sync::Arc;

use contract::test_report::{Counts, Coverage, FailedCase};

use crate::place;
use crate::store::Extent;
use crate::tally::Slowest;
use crate::text::{clean, shortened};

/// Bytes of a message that are kept.
const LONGEST_MESSAGE: usize = 2_000;
/// Bytes of a failure's details that are kept: stack and difference, not the output of a whole run.
pub(crate) const LONGEST_DETAILS: usize = 16_384;

/// A test case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// Suite, outermost first, joined by ` > `.
    pub(crate) suite: Arc<str>,
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
    pub(crate) duration_ms: u64,
    /// What went wrong, the earliest attempt first.
    pub(crate) failures: Vec<Failure>,
    /// Where the test is, if the report says so.
    pub(crate) place: Option<String>,
}

/// How a case ended, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Skipped,
    Passed,
    /// Failed first, passed in the end.
    Flaky,
    Failed,
    /// Something else went wrong, such as set-up.
    Error,
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// One line.
    pub(crate) message: String,
    /// Everything that is known.
    pub(crate) details: String,
}

impl Case {
    /// A case that passed; the caller changes what else is known.
    pub(crate) fn new(suite: Arc<str>, name: &str) -> Self {
        Self {
            suite,
            name: one_line(name),
            verdict: Verdict::Passed,
            duration_ms: 0,
            failures: Vec::new(),
            place: None,
        }
    }

    /// Whether it closes the gate.
    pub(crate) fn is_bad(&self) -> bool {
        self.verdict >= Verdict::Failed
    }

    /// For the document.
    pub(crate) fn as_failed(&self) -> FailedCase {
        let details: Vec<&str> = self
            .failures
            .iter()
            .map(|failure| failure.details.as_str())
            .filter(|details| !details.is_empty())
            .collect();
        FailedCase {
            suite: self.suite.as_ref().to_owned(),
            name: self.name.clone(),
            message: self
                .failures
                .first()
                .map(|failure| failure.message.clone())
                .unwrap_or_default(),
            place: self.failed_at(),
            details: shortened(&details.join("\n\n"), LONGEST_DETAILS),
        }
    }

    /// Where it went wrong, or at least where the test is.
    pub(crate) fn failed_at(&self) -> Option<String> {
        self.failures
            .iter()
            .find_map(|failure| {
                place::first(&failure.details).or_else(|| place::first(&failure.message))
            })
            .or_else(|| self.place.clone())
    }
}

impl Failure {
    /// From a report's message and text. Some runners write the word "failed" as the message and the reason
    /// into the text; then its first line is the message.
    pub(crate) fn new(message: &str, details: &str) -> Self {
        let (message, details) = (clean(message), clean(details));
        let said = message.trim();
        let is_empty_talk =
            ["", "failed", "failure", "error"].contains(&said.to_lowercase().as_str());
        let text = if is_empty_talk { details.trim() } else { said };
        let first = match panic_message(text) {
            // The message is only the place, and the reason is in the details.
            Some(_) => panic_message(&details).unwrap_or(text),
            None => text,
        };
        let first = first.lines().next().unwrap_or_default();
        let first = if first.is_empty() { said } else { first };
        let rest = if details.trim().is_empty() {
            &message
        } else {
            &details
        };
        Self {
            message: shortened(first.trim_end(), LONGEST_MESSAGE),
            details: shortened(rest.trim_matches('\n').trim_end(), LONGEST_DETAILS),
        }
    }
}

/// The line after the one that says where a Rust program panicked; in the old form, that line itself.
pub(crate) fn panic_message(text: &str) -> Option<&str> {
    let mut lines = text.lines();
    let place = lines.find(|line| line.contains(" panicked at "))?;
    match lines.next() {
        Some(reason) if place.ends_with(':') => Some(reason),
        _ => Some(place),
    }
}

/// A name as one clean line.
pub(crate) fn one_line(name: &str) -> String {
    let is_plain = name.len() <= LONGEST_MESSAGE
        && name.bytes().all(|byte| (b' '..0x7f).contains(&byte))
        && !name.starts_with(' ')
        && !name.ends_with(' ');
    if is_plain {
        return name.to_owned();
    }
    let cleaned = clean(name).replace(['\n', '\t'], " ");
    shortened(cleaned.trim(), LONGEST_MESSAGE)
}

/// What one file, or the command's output, said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// File, or `stdout`.
    pub(crate) name: String,
    pub(crate) counts: Counts,
    /// Where the store has its cases.
    pub(crate) cases: Vec<Extent>,
    /// Where the store has those that failed or were flaky, once more.
    pub(crate) notable: Vec<Extent>,
    pub(crate) slowest: Slowest,
    /// Milliseconds of all cases together.
    pub(crate) duration_ms: u64,
    /// Why it cannot be relied on: each closes the gate.
    pub(crate) problems: Vec<String>,
    /// What deserves a look.
    pub(crate) warnings: Vec<String>,
    /// Coverage of lines, if it says so.
    pub(crate) coverage: Option<Coverage>,
}

impl Verdict {
    /// What two signs of one case say together: a failure counts more than that it was skipped.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Passed, other) | (other, Self::Passed) => other,
            (one, other) => one.max(other),
        }
    }

    /// Where cases of this verdict are counted.
    pub(crate) fn counter(self, counts: &mut Counts) -> &mut u64 {
        match self {
            Self::Skipped => &mut counts.skipped,
            Self::Passed => &mut counts.passed,
            Self::Flaky => &mut counts.flaky,
            Self::Failed => &mut counts.failed,
            Self::Error => &mut counts.errors,
        }
    }
}

/// A source and its cases, for tests.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Understood {
    source: Source,
    pub(crate) cases: Vec<Case>,
}

#[cfg(test)]
impl Understood {
    pub(crate) fn new(source: Source, store: &crate::store::Store) -> Self {
        Self {
            cases: source.cases(store),
            source,
        }
    }

    /// Suite, name and verdict of every case.
    pub(crate) fn verdicts(&self) -> Vec<(&str, &str, Verdict)> {
        self.cases
            .iter()
            .map(|case| (case.suite.as_ref(), case.name.as_str(), case.verdict))
            .collect()
    }
}

#[cfg(test)]
impl std::ops::Deref for Understood {
    type Target = Source;

    fn deref(&self) -> &Source {
        &self.source
    }
}

/// The numbers of all sources together.
pub(crate) fn counts(sources: &[Source]) -> Counts {
    sources
        .iter()
        .fold(Counts::default(), |sum, source| Counts {
            total: sum.total + source.counts.total,
            passed: sum.passed + source.counts.passed,
            flaky: sum.flaky + source.counts.flaky,
            failed: sum.failed + source.counts.failed,
            errors: sum.errors + source.counts.errors,
            skipped: sum.skipped + source.counts.skipped,
        })
}

#[cfg(test)]
impl Source {
    /// All cases, in their order.
    pub(crate) fn cases(&self, store: &crate::store::Store) -> Vec<Case> {
        let mut cases = Vec::new();
        store
            .each(&self.cases, |case| {
                cases.push(case);
                Ok::<_, std::io::Error>(())
            })
            .expect("the store keeps what it took");
        cases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_reason_from_where_the_runner_put_it() {
        for (message, details, first) in [
            ("expected 6", "Error: expected 6\n at x", "expected 6"),
            (
                "FAILED",
                "\nExpected 6 to be 7.\n    at x",
                "Expected 6 to be 7.",
            ),
            ("", "Expected 6", "Expected 6"),
            ("FAILED", "", "FAILED"),
            ("a\nb", "", "a"),
            (
                "thread 't' (7) panicked at src/lib.rs:6:1",
                "thread 't' (7) panicked at src/lib.rs:6:1:\nleft == right\n",
                "left == right",
            ),
            (
                "thread 't' panicked at 'no', a.rs:1:2",
                "",
                "thread 't' panicked at 'no', a.rs:1:2",
            ),
            ("\u{1b}[31mred\u{1b}[0m", "x", "red"),
        ] {
            assert_eq!(Failure::new(message, details).message, first);
        }
        assert_eq!(Failure::new("a\nb", "").details, "a\nb");
    }

    #[test]
    fn keeps_the_beginning_of_a_long_text() {
        let failure = Failure::new("m", &"x".repeat(LONGEST_DETAILS + 1));
        assert_eq!(failure.details, format!("{}…", "x".repeat(LONGEST_DETAILS)));
    }
}
