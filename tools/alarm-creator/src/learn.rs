//! Thresholds from what a service has been doing. Pure.
//!
//! A threshold that nobody states should be above what is usual, and not follow every wiggle: it is the 99.5th
//! percentile of the minutes with room above it, rounded, and a live one that is near enough is kept.

use std::collections::BTreeMap;

use contract::config::Busy;

use crate::definition::Input;
use crate::history::History;
use crate::math::{day, hour};
use crate::set::Set;

/// Fewer minutes with data say nothing about what is usual: about a day.
const ENOUGH: usize = 1000;
const USUAL: f64 = 0.995;
/// A live threshold within this factor of the new one is kept.
const NEAR: f64 = 1.25;
/// An hour is busy if no stretch without requests was longer than this part of what rings.
const QUIET_PART: f64 = 0.5;
/// Busy hours are worth an alarm from so many on.
const LEAST_HOURS: usize = 4;
/// An hour of a day of the week must have been seen for so many minutes.
const LEAST_SEEN: usize = 60;

/// What is learnt: key of longshore.toml, kind of the alarm, room above, least and greatest.
const RULES: [(&str, &str, f64, f64, f64); 5] = [
    ("error-percent", "target-5xx", 2.0, 1.0, 25.0),
    ("latency-seconds", "latency-p99", 1.5, 0.1, 30.0),
    ("median-seconds", "latency-p50", 1.5, 0.05, 30.0),
    ("cpu-percent", "cpu", 1.2, 50.0, 95.0),
    ("memory-percent", "memory", 1.2, 50.0, 95.0),
];

/// What a history says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Learned {
    thresholds: BTreeMap<&'static str, Lesson>,
    busy: Option<(Busy, String)>,
    excuse: Option<String>,
}

/// A threshold and what it is based on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lesson {
    pub(crate) value: f64,
    pub(crate) source: String,
}

impl Learned {
    pub(crate) fn threshold(&self, key: &str) -> Option<&Lesson> {
        self.thresholds.get(key)
    }

    pub(crate) fn busy(&self) -> Option<&(Busy, String)> {
        self.busy.as_ref()
    }

    /// Why there is nothing, where something was asked for.
    pub(crate) fn excuse(&self) -> Option<&str> {
        self.excuse.as_deref()
    }
}

/// Learns from a history with the metrics of `set`. `live` are the thresholds of today, by kind of alarm.
pub(crate) fn learn(
    set: &Set,
    history: &History,
    live: &BTreeMap<String, f64>,
    quiet_minutes: u32,
) -> Learned {
    let mut learned = Learned::default();
    let days = days(history);
    let mut fewest = usize::MAX;
    for (key, kind, room, least, greatest) in RULES {
        let Some(wanted) = set.alarms.iter().find(|alarm| alarm.kind == kind) else {
            continue;
        };
        let mut values: Vec<f64> = history.values(wanted).into_iter().flatten().collect();
        fewest = fewest.min(values.len());
        if values.len() < ENOUGH {
            continue;
        }
        values.sort_by(f64::total_cmp);
        let usual = percentile(&values, USUAL);
        let new = rounded((usual * room).clamp(least, greatest));
        let kept = live
            .get(kind)
            .copied()
            .filter(|live| *live <= new * NEAR && new <= live * NEAR);
        let source = format!(
            "history: {room} × the 99.5th percentile, {}, of the minutes of {days} days, between {least} and {greatest}",
            rounded(usual)
        );
        learned.thresholds.insert(
            key,
            Lesson {
                value: kept.unwrap_or(new),
                source,
            },
        );
    }
    if learned.thresholds.is_empty() {
        let found = if fewest == usize::MAX { 0 } else { fewest };
        learned.excuse = Some(format!(
            "the history has only {found} minutes with data, and {ENOUGH} are needed"
        ));
    }
    learned.busy = requests(set)
        .and_then(|input| busy(history, input, quiet_minutes))
        .map(|busy| {
            (
                busy,
                format!("history: requests came in these hours of {days} days"),
            )
        });
    learned
}

fn requests(set: &Set) -> Option<&Input> {
    let alarm = set.alarms.iter().find(|alarm| alarm.kind == "target-5xx")?;
    let inputs = alarm.definition.measure.inputs();
    inputs
        .into_iter()
        .find_map(|(id, input)| (id == "requests").then_some(input))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list of some ten thousand"
)]
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let place = (part * (sorted.len() - 1) as f64).round() as usize;
    sorted[place]
}

/// Two digits that matter.
fn rounded(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let step = 10_f64.powf(value.log10().floor() - 1.0);
    // Without the noise of binary fractions, before and after.
    let up = (value / step - 1e-9).ceil() * step;
    (up * 1e6).round() / 1e6
}

fn days(history: &History) -> usize {
    let periods = i64::try_from(history.periods).unwrap_or(i64::MAX);
    let span = periods.saturating_mul(history.period_ms);
    usize::try_from(span / 86_400_000).unwrap_or(0)
}

/// The longest run of hours in which requests always came: of every day, or of weekdays only.
fn busy(history: &History, input: &Input, quiet_minutes: u32) -> Option<Busy> {
    let points = &history.series(input)?.points;
    let limit = f64::from(quiet_minutes) * QUIET_PART;
    // By day of the week and hour: how often it was seen, and the longest stretch without a request that ended in it.
    let mut seen = [[0_usize; 24]; 7];
    let mut silence = [[0_u32; 24]; 7];
    let mut quiet = 0_u32;
    for place in 0..history.periods {
        let at = history.time(place);
        let (day, hour) = (place_of(day(at)) - 1, place_of(hour(at)));
        seen[day][hour] += 1;
        let has_requests = points.get(&place).is_some_and(|count| *count > 0.0);
        quiet = if has_requests { 0 } else { quiet + 1 };
        silence[day][hour] = silence[day][hour].max(quiet);
    }
    let is_busy = |days: std::ops::Range<usize>, hour: usize| {
        days.into_iter()
            .all(|day| seen[day][hour] >= LEAST_SEEN && f64::from(silence[day][hour]) <= limit)
    };
    [(0..7, (1, 7)), (0..5, (1, 5))]
        .into_iter()
        .find_map(|(days, (first_day, last_day))| {
            let hours: Vec<bool> = (0..24).map(|hour| is_busy(days.clone(), hour)).collect();
            let (from, length) = longest_run(&hours)?;
            Some(Busy {
                from: u8::try_from(from).ok()?,
                to: u8::try_from((from + length - 1) % 24 + 1).ok()?,
                first_day,
                last_day,
            })
        })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "hours and days are small whole numbers"
)]
fn place_of(number: f64) -> usize {
    number as usize
}

/// Where the longest run begins, and how long it is; it may go over midnight.
fn longest_run(hours: &[bool]) -> Option<(usize, usize)> {
    let length_from = |from: usize| (0..24).take_while(|step| hours[(from + step) % 24]).count();
    (0..24)
        .map(|from| (from, length_from(from)))
        .filter(|(_, length)| *length >= LEAST_HOURS)
        // Of equally long ones the first.
        .max_by_key(|(from, length)| (*length, 24 - from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Selector, Series};
    use crate::set::tests::{balancer, subject, with_subject};

    const MINUTES: usize = 14 * 1440;

    /// What a metric was in each minute.
    type Minutes<'f> = &'f dyn Fn(usize) -> Option<f64>;

    /// Two weeks from a Monday on.
    fn history(columns: &[(&str, &str, Minutes<'_>)]) -> History {
        History {
            period_ms: 60_000,
            // 2026-11-09T00:00:00Z, a Monday.
            from_ms: 1_794_182_400_000,
            periods: MINUTES,
            series: columns
                .iter()
                .map(|(metric, statistic, point)| Series {
                    of: Selector {
                        namespace: None,
                        metric: (*metric).to_owned(),
                        statistic: (*statistic).to_owned(),
                        dimensions: None,
                    },
                    points: (0..MINUTES)
                        .filter_map(|place| Some((place, point(place)?)))
                        .collect(),
                })
                .collect(),
        }
    }

    fn lessons(history: &History, live: &[(&str, f64)]) -> Learned {
        with_subject("port = 8080", "", |parts| {
            let set = crate::set::set(&subject(parts, Some(balancer())), &[]);
            let live = live
                .iter()
                .map(|(kind, value)| ((*kind).to_owned(), *value))
                .collect();
            learn(&set, history, &live, 15)
        })
    }

    #[test]
    fn takes_what_is_usual_with_room_above() {
        // 0.2 s, and one minute of an hour 0.4 s: a spike a month would not count, this does.
        let seconds = |place: usize| Some(if place.is_multiple_of(60) { 0.4 } else { 0.2 });
        let requests = |_: usize| Some(50.0);
        let learned = lessons(
            &history(&[
                ("RequestCount", "Sum", &requests),
                ("TargetResponseTime", "p99", &seconds),
            ]),
            &[],
        );
        let lesson = learned.threshold("latency-seconds").unwrap();
        assert_eq!(lesson.value, 0.6);
        assert_eq!(
            lesson.source,
            "history: 1.5 × the 99.5th percentile, 0.4, of the minutes of 14 days, between 0.1 and 30"
        );
        // Nothing fails: the least that is sensible.
        assert_eq!(learned.threshold("error-percent").unwrap().value, 1.0);
        assert_eq!(learned.threshold("cpu-percent"), None);
        assert_eq!(learned.excuse(), None);
    }

    #[test]
    fn keeps_a_live_threshold_that_is_near() {
        let cpu = |_: usize| Some(60.0);
        let history = history(&[("CPUUtilization", "Average", &cpu)]);
        let value = |live: f64| {
            let learned = lessons(&history, &[("cpu", live)]);
            learned.threshold("cpu-percent").unwrap().value
        };
        assert_eq!((value(80.0), value(40.0)), (80.0, 72.0));
    }

    #[test]
    fn says_why_it_has_learnt_nothing() {
        let learned = lessons(&history(&[("CPUUtilization", "Average", &|_| None)]), &[]);
        assert_eq!(
            learned.excuse(),
            Some("the history has only 0 minutes with data, and 1000 are needed")
        );
    }

    #[test]
    fn finds_the_hours_in_which_requests_always_come() {
        let is_weekday = |place: usize| (place / 1440) % 7 < 5;
        let hour = |place: usize| (place / 60) % 24;
        let office =
            |place: usize| (is_weekday(place) && (7..19).contains(&hour(place))).then_some(20.0);
        let busy = |requests: &dyn Fn(usize) -> Option<f64>| {
            let learned = lessons(&history(&[("RequestCount", "Sum", requests)]), &[]);
            learned.busy().map(|(busy, _)| *busy)
        };
        assert_eq!(
            busy(&office),
            Some(Busy {
                from: 7,
                to: 19,
                first_day: 1,
                last_day: 5
            })
        );
        // Every evening and night, also on Sundays.
        let night = |place: usize| (!(4..20).contains(&hour(place))).then_some(20.0);
        assert_eq!(
            busy(&night),
            Some(Busy {
                from: 20,
                to: 4,
                first_day: 1,
                last_day: 7
            })
        );
        let seldom = |place: usize| place.is_multiple_of(30).then_some(1.0);
        assert_eq!(busy(&seldom), None);
    }
}
