//! `[environments.NAME.alarms]`: thresholds, recipients, and what a release does about an alarm.

use std::collections::{BTreeMap, BTreeSet};

use super::decode::plain;
use super::reader::{Located, Table, nearest};

/// Thresholds and recipients of alarms.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarms {
    /// E-mail addresses, topics' ARNs or webhook addresses.
    pub notify: Vec<String>,
    /// Whether every alarm tells the recipients itself, instead of one composite alarm for the service.
    pub notify_each: bool,
    /// Percent of requests that may end in a 5xx.
    pub error_percent: f64,
    /// 99th percentile of the response time, in seconds.
    pub latency_seconds: f64,
    /// Median of the response time, in seconds.
    pub median_seconds: f64,
    /// Percent of the reserved CPU.
    pub cpu_percent: f64,
    /// Percent of the reserved memory.
    pub memory_percent: f64,
    /// Percent of the cluster's CPU or memory that tasks have reserved.
    pub reservation_percent: f64,
    /// Tasks that end by themselves within five minutes.
    pub restarts: u32,
    /// Minutes without a request, within the busy hours, until somebody should look.
    pub quiet_minutes: u32,
    /// When requests always come; none if the file does not say.
    pub busy: Option<Busy>,
    /// Filter patterns of log lines that must not appear, by name.
    pub logs: BTreeMap<String, String>,
    /// Whether thresholds that the file does not state are taken from the service's own history.
    pub from_history: bool,
    /// The keys of thresholds that the file states.
    pub stated: BTreeSet<String>,
    /// Kinds of alarms that stop a deployment: an empty list stops none, an absent one leaves the service as it is.
    pub deployment: Option<Vec<String>>,
}

/// Hours of the day and days of the week, both in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// The first hour, 0 to 23.
    pub from: u8,
    /// The hour before which it ends, 1 to 24. Before `from` where it goes over midnight.
    pub to: u8,
    /// First day, 1 being Monday.
    pub first_day: u8,
    /// Last day, 7 being Sunday.
    pub last_day: u8,
}

/// The kinds of alarms there are, beside `log-NAME` for each of `alarms.logs`.
pub const KINDS: [&str; 13] = [
    "target-5xx",
    "balancer-5xx",
    "latency-p99",
    "latency-p50",
    "unhealthy-hosts",
    "no-healthy-host",
    "cpu",
    "memory",
    "running",
    "restarts",
    "no-traffic",
    "cpu-reservation",
    "memory-reservation",
];

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// The restarts of five minutes that nobody needs to see.
const RESTARTS: u32 = 3;
const QUIET_MINUTES: u32 = 15;
/// An alarm looks back at most a day.
const LONGEST_QUIET: u32 = 1440;

impl Default for Alarms {
    fn default() -> Self {
        Self {
            notify: Vec::new(),
            notify_each: false,
            error_percent: 5.0,
            latency_seconds: 1.0,
            median_seconds: 0.5,
            cpu_percent: 80.0,
            memory_percent: 80.0,
            reservation_percent: 80.0,
            restarts: RESTARTS,
            quiet_minutes: QUIET_MINUTES,
            busy: None,
            logs: BTreeMap::new(),
            from_history: false,
            stated: BTreeSet::new(),
            deployment: None,
        }
    }
}

pub(super) fn alarms(table: Option<Table<'_, '_>>) -> Alarms {
    let mut alarms = Alarms::default();
    let Some(table) = table else { return alarms };
    alarms.notify = plain(table.texts("notify"));
    alarms.notify_each = table
        .word("notify-by", &[("service", false), ("alarm", true)])
        .unwrap_or(false);
    thresholds(&table, &mut alarms);
    alarms.busy = busy(&table);
    alarms.from_history = table.flag("from-history").unwrap_or(false);
    if let Some(logs) = table.table("logs") {
        alarms.logs = patterns(&logs);
    }
    alarms.deployment = deployment(&table, &alarms.logs);
    table.finish();
    alarms
}

fn thresholds(table: &Table<'_, '_>, alarms: &mut Alarms) {
    let mut stated = BTreeSet::new();
    for (key, threshold) in [
        ("error-percent", &mut alarms.error_percent),
        ("latency-seconds", &mut alarms.latency_seconds),
        ("median-seconds", &mut alarms.median_seconds),
        ("cpu-percent", &mut alarms.cpu_percent),
        ("memory-percent", &mut alarms.memory_percent),
        ("reservation-percent", &mut alarms.reservation_percent),
    ] {
        if let Some(value) = table.positive(key) {
            *threshold = value;
            stated.insert(key.to_owned());
        }
    }
    for (key, threshold, most) in [
        ("restarts", &mut alarms.restarts, 1_000_000),
        ("quiet-minutes", &mut alarms.quiet_minutes, LONGEST_QUIET),
    ] {
        if let Some(value) = table.integer(key, 1..=most) {
            *threshold = value;
            stated.insert(key.to_owned());
        }
    }
    // Half of all requests being slower than the slowest should be would make no sense.
    if stated.contains("latency-seconds") && !stated.contains("median-seconds") {
        alarms.median_seconds = alarms.latency_seconds / 2.0;
    }
    alarms.stated = stated;
}

/// `busy-hours = "7-22"` and `busy-days = "mon-fri"`.
fn busy(table: &Table<'_, '_>) -> Option<Busy> {
    let hours = table.text("busy-hours");
    let days = table.text("busy-days");
    if let (None, Some(days)) = (&hours, &days) {
        table.problem(
            &days.span,
            "busy-days says nothing without busy-hours",
            Some("write busy-hours = \"0-24\" too".to_owned()),
        );
    }
    let hours = hours?;
    let Some((from, to)) = hours_of(&hours.value) else {
        table.problem(
            &hours.span,
            format!("busy-hours cannot be \"{}\"", hours.value),
            Some("write two hours of UTC, such as \"7-22\" or \"20-4\"".to_owned()),
        );
        return None;
    };
    let (first_day, last_day) = match days {
        None => (1, 7),
        Some(days) => days_of(table, &days)?,
    };
    Some(Busy {
        from,
        to,
        first_day,
        last_day,
    })
}

fn hours_of(text: &str) -> Option<(u8, u8)> {
    let (from, to) = text.split_once('-')?;
    let (from, to): (u8, u8) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    ((0..24).contains(&from) && (1..=24).contains(&to) && from != to).then_some((from, to))
}

fn days_of(table: &Table<'_, '_>, days: &Located<String>) -> Option<(u8, u8)> {
    let place = |name: &str| {
        let name = name.trim().to_ascii_lowercase();
        (1..)
            .zip(DAYS)
            .find_map(|(number, day)| (day == name).then_some(number))
    };
    let range = days
        .value
        .split_once('-')
        .and_then(|(first, last)| Some((place(first)?, place(last)?)))
        .filter(|(first, last): &(u8, u8)| first <= last);
    if range.is_none() {
        table.problem(
            &days.span,
            format!("busy-days cannot be \"{}\"", days.value),
            Some("write two days from mon to sun, such as \"mon-fri\"".to_owned()),
        );
    }
    range
}

fn patterns(table: &Table<'_, '_>) -> BTreeMap<String, String> {
    let mut patterns = BTreeMap::new();
    for (name, pattern) in table.named_texts() {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.value.is_empty() || !name.value.bytes().all(is_allowed) {
            table.problem(
                &name.span,
                format!("\"{}\" cannot be part of an alarm's name", name.value),
                Some("write lower-case letters, digits and hyphens".to_owned()),
            );
        } else if pattern.value.trim().is_empty() {
            table.problem(
                &pattern.span,
                format!("the pattern {} would count every line", name.value),
                Some("write a filter pattern, such as \"panicked\"".to_owned()),
            );
        } else {
            patterns.insert(name.value, pattern.value);
        }
    }
    patterns
}

fn deployment(table: &Table<'_, '_>, logs: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let kinds = table.texts("deployment");
    if kinds.is_empty() && !table.has("deployment") {
        return None;
    }
    let of_logs: Vec<String> = logs.keys().map(|name| format!("log-{name}")).collect();
    let known: Vec<&str> = KINDS
        .into_iter()
        .chain(of_logs.iter().map(String::as_str))
        .collect();
    for kind in &kinds {
        if !known.contains(&kind.value.as_str()) {
            let suggestion = match nearest(&kind.value, &known) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("the alarms are {}", known.join(", ")),
            };
            table.problem(
                &kind.span,
                format!("there is no alarm \"{}\"", kind.value),
                Some(suggestion),
            );
        }
    }
    Some(plain(kinds))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const PROJECT: &str = "[app]\nname = \"ludlow\"\nregion = \"us-east-1\"\n[services.api]\nport = 8080\n\
                           [environments.prod]\n";

    fn read(lines: &str) -> Alarms {
        let project = parse(&format!("{PROJECT}{lines}\n"), "longshore.toml").unwrap();
        project.environment("prod").unwrap().alarms.clone()
    }

    fn mistakes(lines: &str) -> String {
        parse(&format!("{PROJECT}{lines}\n"), "longshore.toml")
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn reads_everything_that_can_be_said() {
        let alarms = read(
            "alarms.notify = [\"a@b.c\"]\nalarms.notify-by = \"alarm\"\nalarms.latency-seconds = 3\n\
             alarms.restarts = 7\nalarms.busy-hours = \"20-4\"\nalarms.busy-days = \"mon-fri\"\n\
             alarms.from-history = true\nalarms.logs.panics = \"panicked\"\n\
             alarms.deployment = [\"target-5xx\", \"log-panics\"]",
        );
        let expected = Alarms {
            notify: vec!["a@b.c".to_owned()],
            notify_each: true,
            latency_seconds: 3.0,
            median_seconds: 1.5,
            restarts: 7,
            busy: Some(Busy {
                from: 20,
                to: 4,
                first_day: 1,
                last_day: 5,
            }),
            logs: BTreeMap::from([("panics".to_owned(), "panicked".to_owned())]),
            from_history: true,
            stated: BTreeSet::from(["latency-seconds".to_owned(), "restarts".to_owned()]),
            deployment: Some(vec!["target-5xx".to_owned(), "log-panics".to_owned()]),
            ..Alarms::default()
        };
        assert_eq!(alarms, expected);
    }

    #[test]
    fn tells_no_list_from_an_empty_one() {
        assert_eq!(read("").deployment, None);
        assert_eq!(read("alarms.deployment = []").deployment, Some(Vec::new()));
    }

    #[test]
    fn names_what_cannot_be() {
        assert_eq!(
            mistakes(
                "alarms.busy-hours = \"7 to 22\"\nalarms.deployment = [\"target-5x\"]\n\
                 alarms.logs.Panics = \"x\"\nalarms.logs.all = \" \""
            ),
            "4 mistakes in longshore.toml\n  \
             longshore.toml:7:21: busy-hours cannot be \"7 to 22\"; write two hours of UTC, such as \"7-22\" or \"20-4\"\n  \
             longshore.toml:8:22: there is no alarm \"target-5x\"; did you mean \"target-5xx\"?\n  \
             longshore.toml:9:13: \"Panics\" cannot be part of an alarm's name; write lower-case letters, digits and hyphens\n  \
             longshore.toml:10:19: the pattern all would count every line; write a filter pattern, such as \"panicked\""
        );
        assert_eq!(
            mistakes("alarms.busy-days = \"mon-fri\""),
            "1 mistake in longshore.toml\n  \
             longshore.toml:7:20: busy-days says nothing without busy-hours; write busy-hours = \"0-24\" too"
        );
    }
}
