//! How AWS writes numbers and moments in its sentences. Pure.

use jiff::Timestamp;

/// A double as Java prints it: `5.0`, `1.0E-5`, `1.25E8`.
pub(super) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{value:?}");
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => format!("{mantissa}E{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}.0E{exponent}"),
        None => scientific,
    }
}

/// `24/11/26 10:00:00`, in UTC.
pub(super) fn moment(milliseconds: i64) -> String {
    format(milliseconds, "%d/%m/%y %H:%M:%S")
}

/// `2026-11-24T10:00:00.000+0000`.
pub(super) fn iso(milliseconds: i64) -> String {
    format!(
        "{}.{:03}+0000",
        format(milliseconds, "%Y-%m-%dT%H:%M:%S"),
        milliseconds.rem_euclid(1000)
    )
}

/// `Tuesday 24 November, 2026 10:00:00 UTC`.
pub(super) fn long_moment(milliseconds: i64) -> String {
    format(milliseconds, "%A %d %B, %Y %H:%M:%S UTC")
}

fn format(milliseconds: i64, pattern: &str) -> String {
    let moment = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.strftime(pattern).to_string()
}

/// `1 datapoint`, `3 datapoints`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `1 datapoint was`, `3 datapoints were`.
pub(super) fn were(number: usize, noun: &str) -> String {
    let verb = if number == 1 { "was" } else { "were" };
    format!("{} {verb}", count(number, noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_as_java_does() {
        let cases = [
            (0.0, "0.0"),
            (5.0, "5.0"),
            (-2.5, "-2.5"),
            (0.001, "0.001"),
            (0.00001, "1.0E-5"),
            (9_999_999.0, "9999999.0"),
            (10_000_000.0, "1.0E7"),
            (125_000_000.0, "1.25E8"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn writes_moments() {
        assert_eq!(moment(1_795_514_400_000), "24/11/26 10:00:00");
        assert_eq!(iso(1_795_514_400_007), "2026-11-24T10:00:00.007+0000");
        assert_eq!(
            long_moment(1_795_514_400_000),
            "Tuesday 24 November, 2026 10:00:00 UTC"
        );
    }
}
