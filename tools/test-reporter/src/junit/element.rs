//! What the elements and attributes of a report mean.

/// An element, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// `<testsuites>` and what other runners call it.
    Root,
    Suite,
    Case,
    Outcome(Outcome),
    /// Text in an outcome, such as Surefire's `<stackTrace>`.
    Detail,
    /// What a test printed.
    Output(&'static str),
    /// Properties, attachments, anything unknown.
    Other,
}

/// An element that says that a case did not simply pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Failure,
    Error,
    Skipped,
    /// A failed attempt before one that passed.
    Flaky,
    /// A failed attempt after one that failed.
    Rerun,
}

/// Names that must not be lost to a flipped letter.
const OUTCOMES: [&str; 6] = [
    "failure",
    "error",
    "flakyFailure",
    "flakyError",
    "rerunFailure",
    "rerunError",
];

impl Element {
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"testcase" => Self::Case,
            b"testsuite" => Self::Suite,
            b"testsuites" | b"testrun" => Self::Root,
            b"failure" => Self::Outcome(Outcome::Failure),
            b"error" => Self::Outcome(Outcome::Error),
            b"skipped" | b"skip" | b"ignored" | b"pending" | b"disabled" | b"notrun" => {
                Self::Outcome(Outcome::Skipped)
            }
            b"flakyFailure" | b"flakyError" => Self::Outcome(Outcome::Flaky),
            b"rerunFailure" | b"rerunError" => Self::Outcome(Outcome::Rerun),
            b"stackTrace" => Self::Detail,
            b"system-out" => Self::Output("system-out"),
            b"system-err" => Self::Output("system-err"),
            _ => Self::Other,
        }
    }

    /// The element's name where its content is text alone, which some runners write without escaping it.
    pub(super) fn text_of(self) -> Option<&'static str> {
        match self {
            Self::Outcome(Outcome::Failure) => Some("failure"),
            Self::Outcome(Outcome::Error) => Some("error"),
            Self::Detail => Some("stackTrace"),
            Self::Output(name) => Some(name),
            _ => None,
        }
    }
}

/// Whether a name that nobody uses is a damaged one of an outcome.
pub(super) fn is_misspelt(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    OUTCOMES
        .iter()
        .any(|outcome| strsim::levenshtein(&name, outcome) <= 2)
}

/// Seconds, as `0.007`, `1,234.5` or `0,007`, in milliseconds.
pub(super) fn milliseconds(time: &str) -> u64 {
    let time = time.trim();
    let seconds: f64 = match time.split_once(',') {
        None => time.parse(),
        // A comma for the decimals, where it cannot be one between thousands.
        Some((whole, decimals))
            if !decimals.contains([',', '.']) && (whole == "0" || decimals.len() != 3) =>
        {
            format!("{whole}.{decimals}").parse()
        }
        Some(_) => time.replace(',', "").parse(),
    }
    .unwrap_or(0.0);
    // The cast takes negative numbers and what is not a number as 0.
    (seconds * 1_000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds() {
        for (time, expected) in [
            ("0.007", 7),
            ("1,234.5", 1_234_500),
            ("1,234", 1_234_000),
            ("0,007", 7),
            ("12,5", 12_500),
            ("", 0),
            ("-1", 0),
            ("NaN", 0),
            ("x", 0),
        ] {
            assert_eq!(milliseconds(time), expected, "{time}");
        }
        assert_eq!(milliseconds("1e300"), u64::MAX);
    }

    #[test]
    fn knows_a_damaged_name() {
        for name in ["failurx", "falure", "errpr", "rerunFailurf"] {
            assert!(is_misspelt(name.as_bytes()), "{name}");
        }
        for name in [
            "properties",
            "attachments",
            "perf",
            "output",
            "trace",
            "meta",
        ] {
            assert!(!is_misspelt(name.as_bytes()), "{name}");
        }
    }
}
