//! Points in time as people write them, and as they are shown.

use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// What a time may look like, for hints.
pub(crate) const FORMS: &str = "write now, 30s, 10m, 2h, 1d, 1h30m, a time of today such as 09:30 or 09:30:15, a date such as 2026-11-24, \
     or 2026-11-24T09:00:00Z";

/// Milliseconds since 1970 for `90s`, `10m`, `2h`, `1d`, `1w`, `1h30m` (before `now`), an RFC 3339 time, or a date, a
/// time or both in the time zone of `now`.
pub(crate) fn parse(text: &str, now: &ZonedDateTime) -> Option<i64> {
    let text = text.strip_suffix(" ago").unwrap_or(text);
    if text == "now" {
        return Some(now.timestamp().as_millisecond());
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_millisecond());
    }
    if let Some(ago) = duration(text) {
        let ago = i64::try_from(ago.as_millis()).ok()?;
        return now.timestamp().as_millisecond().checked_sub(ago);
    }
    let local = |moment: DateTime| {
        let zoned = moment.to_zoned_datetime(now.time_zone().clone()).ok()?;
        Some(zoned.timestamp().as_millisecond())
    };
    let spaced = text.replacen(' ', "T", 1);
    if spaced.contains(':') && !spaced.contains('-') {
        let time: Time = spaced.parse().ok()?;
        return local(now.date().to_datetime(time));
    }
    if spaced.contains('T') {
        return local(spaced.parse::<DateTime>().ok()?);
    }
    local(spaced.parse::<Date>().ok()?.to_datetime(Time::midnight()))
}

/// `90s`, `500ms`, `1h30m`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut total = 0_u64;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        rest = &rest[letters..];
        total = total.checked_add(count.checked_mul(unit)?)?;
    }
    Some(Duration::from_millis(total))
}

/// Writes times as `2026-11-24T09:00:00.123Z`. Neighbouring events mostly share their second.
#[derive(Debug)]
pub(crate) struct Clock {
    zone: TimeZone,
    second: i64,
    /// Up to the seconds.
    head: String,
    /// The offset, or Z.
    tail: String,
}

impl Clock {
    pub(crate) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            second: i64::MIN,
            head: String::new(),
            tail: String::new(),
        }
    }

    /// Appends the time.
    pub(crate) fn write(&mut self, milliseconds: i64, out: &mut Vec<u8>) {
        let second = milliseconds.div_euclid(1000);
        if second != self.second {
            let Ok(moment) = Timestamp::from_second(second) else {
                out.extend_from_slice(milliseconds.to_string().as_bytes());
                return;
            };
            let zoned = moment.to_zoned_datetime(self.zone.clone());
            self.head = zoned.strftime("%Y-%m-%dT%H:%M:%S").to_string();
            self.tail = if zoned.offset().is_zero() {
                "Z".to_owned()
            } else {
                zoned.strftime("%:z").to_string()
            };
            self.second = second;
        }
        let rest = milliseconds.rem_euclid(1000);
        out.extend_from_slice(self.head.as_bytes());
        let digit = |value: i64| b'0' + u8::try_from(value % 10).unwrap_or_default();
        out.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
        out.extend_from_slice(self.tail.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_relative_and_absolute_times() {
        let now: ZonedDateTime = "2026-11-24T12:00:00+01:00[+01:00]".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let base = now.timestamp().as_millisecond();
        let cases = [
            ("now", Some(base)),
            ("90s", Some(base - 90_000)),
            ("10m", Some(base - 600_000)),
            ("2h", Some(base - 7_200_000)),
            ("2h ago", Some(base - 7_200_000)),
            ("1d", Some(base - 86_400_000)),
            ("1h30m", Some(base - 5_400_000)),
            ("1970-01-01T00:00:01Z", Some(1_000)),
            ("1970-01-01T01:00:01.5+01:00", Some(1_500)),
            ("2026-11-23", Some(at("2026-11-22T23:00:00Z"))),
            ("2026-11-23T09:30", Some(at("2026-11-23T08:30:00Z"))),
            ("2026-11-23 09:30:15", Some(at("2026-11-23T08:30:15Z"))),
            ("09:30", Some(at("2026-11-24T08:30:00Z"))),
            ("09:30:15", Some(at("2026-11-24T08:30:15Z"))),
            ("", None),
            ("m", None),
            ("-5m", None),
            ("5 m", None),
            ("5", None),
            ("yesterday", None),
            ("99999999999999999999d", None),
            ("5ü", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text, &now), expected, "{text}");
        }
    }

    fn written(zone: TimeZone, times: &[i64]) -> Vec<String> {
        let mut clock = Clock::new(zone);
        times
            .iter()
            .map(|time| {
                let mut out = Vec::new();
                clock.write(*time, &mut out);
                String::from_utf8(out).unwrap()
            })
            .collect()
    }

    #[test]
    fn writes_milliseconds() {
        assert_eq!(
            written(TimeZone::UTC, &[1_500, 1_007, -1, i64::MAX]),
            [
                "1970-01-01T00:00:01.500Z",
                "1970-01-01T00:00:01.007Z",
                "1969-12-31T23:59:59.999Z",
                "9223372036854775807"
            ]
        );
    }

    #[test]
    fn writes_the_offset_of_another_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(written(zone, &[0]), ["1970-01-01T01:00:00.000+01:00"]);
    }
}
