//! Spans of time on the command line.

use std::time::Duration;

/// `90s`, `15m`, `2h`, or a number of seconds. None is longer than a week.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    const WEEK: u64 = 7 * 24 * 3600;
    let (number, unit) = match text.chars().last() {
        Some('s') => (&text[..text.len() - 1], 1),
        Some('m') => (&text[..text.len() - 1], 60),
        Some('h') => (&text[..text.len() - 1], 3600),
        _ => (text, 1),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| (1..=WEEK).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| "write 90s, 15m or 2h; at most a week".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds_minutes_and_hours() {
        let table = [
            ("90s", Some(90)),
            ("90", Some(90)),
            ("15m", Some(900)),
            ("2h", Some(7200)),
            ("168h", Some(604_800)),
            ("169h", None),
            ("0", None),
            ("-1s", None),
            ("m", None),
            ("", None),
            ("1d", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ];
        for (text, seconds) in table {
            assert_eq!(parse(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
