//! What closes the gate, beside tests that failed.

use std::str::FromStr;

/// Conditions of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gates {
    /// Fewest tests that must have run.
    pub minimum: u64,
    /// Tests that may fail.
    pub failures: u64,
    /// Whether tests may fail that failed in the run before.
    pub known_failures: bool,
    /// Most tests that may be flaky.
    pub flaky: Option<u64>,
    /// Least coverage of lines.
    pub coverage: Option<Percent>,
    /// Most points of coverage that may be lost since the run before.
    pub drop: Option<Percent>,
    /// Most tests that may be missing since the run before.
    pub lost: Option<u64>,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            minimum: 1,
            failures: 0,
            known_failures: false,
            flaky: None,
            coverage: None,
            drop: None,
            lost: None,
        }
    }
}

/// A percentage in hundredths of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub(crate) u64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "is not a percentage from 0 to 100 with at most two decimals".to_owned();
        let number = text.trim().trim_end_matches('%').trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(decimals) || decimals.len() > 2 {
            return Err(wrong());
        }
        let hundredths = format!("{whole}{decimals:0<2}")
            .parse()
            .map_err(|_too_long| wrong())?;
        if hundredths > 10_000 {
            return Err(wrong());
        }
        Ok(Self(hundredths))
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02} %", self.0 / 100, self.0 % 100)
    }
}

/// How much of a whole that is, rounded down. None of nothing.
pub(crate) fn percent_of(covered: u64, total: u64) -> Option<Percent> {
    let hundredths = u128::from(covered) * 10_000 / u128::from(total).max(1);
    (total > 0).then(|| Percent(u64::try_from(hundredths).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_percentages() {
        for (text, hundredths) in [
            ("80", 8_000),
            ("84.6%", 8_460),
            ("0.05", 5),
            ("100", 10_000),
        ] {
            assert_eq!(text.parse(), Ok(Percent(hundredths)), "{text}");
        }
        for text in ["", "x", "100.01", "1.234", "-1", "1e2", ".5"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
        assert_eq!(percent_of(1_999, 2_000).unwrap().to_string(), "99.95 %");
        assert_eq!(percent_of(0, 0), None);
    }
}
