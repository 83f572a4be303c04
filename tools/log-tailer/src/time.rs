//! Points in time as people write them.

use jiff::Timestamp;

/// Milliseconds since 1970 for `90s`, `10m`, `2h`, `1d` (before `now`) or an RFC 3339 time.
pub(crate) fn parse(text: &str, now: i64) -> Option<i64> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_millisecond());
    }
    let unit = match text.chars().last()? {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let count: i64 = if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.parse().ok()?
    } else {
        return None;
    };
    now.checked_sub(count.checked_mul(unit)?)
}

/// `2026-11-24T09:00:00.123Z`.
pub(crate) fn rfc3339(milliseconds: i64) -> String {
    match Timestamp::from_millisecond(milliseconds) {
        Ok(moment) => format!("{moment:.3}"),
        Err(_out_of_range) => milliseconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_relative_and_absolute_times() {
        let now = 1_000_000_000;
        let cases = [
            ("90s", Some(now - 90_000)),
            ("10m", Some(now - 600_000)),
            ("2h", Some(now - 7_200_000)),
            ("1d", Some(now - 86_400_000)),
            ("1970-01-01T00:00:01Z", Some(1_000)),
            ("1970-01-01T01:00:01.5+01:00", Some(1_500)),
            ("m", None),
            ("-5m", None),
            ("5 m", None),
            ("yesterday", None),
            ("99999999999999999999d", None),
            ("5ü", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text, now), expected, "{text}");
        }
    }

    #[test]
    fn writes_milliseconds() {
        assert_eq!(rfc3339(1_500), "1970-01-01T00:00:01.500Z");
    }
}
