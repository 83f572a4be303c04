//! When each alarm would have rung, had it watched over a history. Pure, apart from the files in [`mod@file`].

pub(crate) mod document;
mod evaluate;
pub(crate) mod file;

use std::ops::Range;

use evaluate::{FURTHER, Rule, State};

use crate::definition::Missing;
use crate::history::History;
use crate::set::{Set, Wanted};

/// What an alarm would have done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Simulated {
    pub(crate) name: String,
    /// Where it was in ALARM, by the places of the history's periods; the last one may go on.
    pub(crate) firings: Vec<Range<usize>>,
    /// Periods in INSUFFICIENT_DATA.
    pub(crate) unknown: usize,
    /// Periods with a datapoint.
    pub(crate) datapoints: usize,
    /// Metrics that the history has nothing of.
    pub(crate) absent: Vec<String>,
}

/// Every alarm of the set, and the composite last.
pub(crate) fn simulate(set: &Set, history: &History) -> Vec<Simulated> {
    let mut all: Vec<Simulated> = set
        .alarms
        .iter()
        .map(|wanted| alarm(wanted, history))
        .collect();
    let children = all
        .iter()
        .filter(|alarm| {
            let quoted = format!("\"{}\"", alarm.name);
            set.composite.rule.contains(&quoted)
        })
        .flat_map(|alarm| alarm.firings.clone())
        .collect();
    all.push(Simulated {
        name: set.composite.name.clone(),
        firings: united(children),
        unknown: 0,
        datapoints: 0,
        absent: Vec::new(),
    });
    all
}

fn alarm(wanted: &Wanted, history: &History) -> Simulated {
    let inputs = wanted.definition.measure.inputs();
    let absent: Vec<String> = inputs
        .iter()
        .filter(|(_, input)| history.series(input).is_none())
        .map(|(_, input)| format!("{}:{}", input.metric, input.statistic))
        .collect();
    // What nobody has written down is not what CloudWatch did not have: it would ring for the lack of it.
    let is_blind = absent.len() == inputs.len()
        || (!absent.is_empty() && wanted.definition.missing == Missing::Breaching);
    if is_blind {
        return Simulated {
            name: wanted.definition.name.clone(),
            firings: Vec::new(),
            unknown: 0,
            datapoints: 0,
            absent,
        };
    }
    let values = history.values(wanted);
    let rule = Rule::of(&wanted.definition);
    let width = history.width(wanted);
    let mut state = State::InsufficientData;
    let mut firings: Vec<Range<usize>> = Vec::new();
    let mut unknown = 0;
    // Evaluated at the end of every period, over whole periods of the alarm.
    for end in 1..=history.periods {
        let points = (1..=rule.periods + FURTHER)
            .map(|age| end.checked_sub(age * width).and_then(|place| values[place]));
        let next = rule.state(points).unwrap_or(state);
        // What was before the history is not known: nothing may ring for lack of it.
        let next = if end < rule.periods * width && next == State::Alarm && !is_known(&values, end)
        {
            state
        } else {
            next
        };
        match (state, next) {
            (State::Alarm, State::Alarm) | (_, State::Ok | State::InsufficientData) => {}
            (_, State::Alarm) => firings.push(end..history.periods),
        }
        if let (State::Alarm, State::Ok | State::InsufficientData, Some(last)) =
            (state, next, firings.last_mut())
        {
            last.end = end;
        }
        unknown += usize::from(next == State::InsufficientData);
        state = next;
    }
    Simulated {
        name: wanted.definition.name.clone(),
        firings,
        unknown,
        datapoints: values.iter().flatten().count(),
        absent,
    }
}

/// Whether every period up to `end` has a datapoint.
fn is_known(values: &[Option<f64>], end: usize) -> bool {
    values[..end].iter().all(Option::is_some)
}

/// Spans that touch or overlap, made one.
fn united(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| span.start);
    let mut all: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match all.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => all.push(span),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::history::{Selector, Series};
    use crate::set::tests::{balancer, subject, with_subject};

    fn history(columns: &[(&str, &str, &[Option<f64>])]) -> History {
        History {
            period_ms: 60_000,
            // 2026-11-24T10:00:00Z.
            from_ms: 1_795_514_400_000,
            periods: columns[0].2.len(),
            series: columns
                .iter()
                .map(|(metric, statistic, points)| Series {
                    of: Selector {
                        namespace: None,
                        metric: (*metric).to_owned(),
                        statistic: (*statistic).to_owned(),
                        dimensions: None,
                    },
                    points: points
                        .iter()
                        .enumerate()
                        .filter_map(|(place, point)| Some((place, (*point)?)))
                        .collect::<BTreeMap<_, _>>(),
                })
                .collect(),
        }
    }

    /// Where the alarm rings and where it stops.
    fn firings(kind: &str, history: &History) -> Vec<(usize, usize)> {
        with_subject(
            "port = 8080",
            "alarms.busy-hours = \"10-11\"\nalarms.quiet-minutes = 3",
            |parts| {
                let subject = subject(parts, Some(balancer()));
                let set = crate::set::set(&subject, &[]);
                let wanted = set.alarms.iter().find(|alarm| alarm.kind == kind).unwrap();
                let firings = alarm(wanted, history).firings;
                firings.iter().map(|span| (span.start, span.end)).collect()
            },
        )
    }

    #[test]
    fn rings_after_five_bad_minutes_and_stops_with_the_first_good_one() {
        let requests = [Some(100.0); 12];
        let mut errors = [Some(0.0); 12];
        errors[2..9].fill(Some(50.0));
        let bad = history(&[
            ("RequestCount", "Sum", &requests),
            ("HTTPCode_Target_5XX_Count", "Sum", &errors),
        ]);
        assert_eq!(firings("target-5xx", &bad), [(7, 10)]);
        // An error among few requests is no rate.
        let few = history(&[
            ("RequestCount", "Sum", &[Some(8.0); 12]),
            ("HTTPCode_Target_5XX_Count", "Sum", &[Some(8.0); 12]),
        ]);
        assert_eq!(firings("target-5xx", &few), []);
    }

    #[test]
    fn a_night_without_data_is_quiet_and_lost_hosts_are_not() {
        let nothing = history(&[("HealthyHostCount", "Minimum", &[None; 20])]);
        assert_eq!(firings("latency-p99", &nothing), []);
        assert_eq!(firings("cpu", &nothing), []);
        assert_eq!(firings("no-traffic", &nothing), []);
        let mut hosts = [Some(2.0); 20];
        hosts[8..].fill(None);
        let lost = history(&[("HealthyHostCount", "Minimum", &hosts)]);
        // Four periods are looked at for two, so it takes four without data.
        assert_eq!(firings("no-healthy-host", &lost), [(12, 20)]);
    }

    #[test]
    fn says_nothing_of_what_a_file_does_not_have() {
        let requests = history(&[("RequestCount", "Sum", &[Some(100.0); 20])]);
        for kind in ["running", "no-healthy-host", "cpu", "no-traffic"] {
            assert_eq!(firings(kind, &requests), [], "{kind}");
        }
        let half = history(&[("DesiredTaskCount", "Maximum", &[Some(2.0); 20])]);
        assert_eq!(firings("running", &half), []);
    }

    #[test]
    fn misses_traffic_in_the_busy_hour_only() {
        // From 10:00 on, of which the first five minutes and the last twenty have requests.
        let mut requests = vec![None; 80];
        requests[..5].fill(Some(3.0));
        requests[40..60].fill(Some(3.0));
        let hosts = vec![Some(2.0); 80];
        let day = history(&[
            ("HealthyHostCount", "Maximum", &hosts),
            ("RequestCount", "Sum", &requests),
        ]);
        assert_eq!(firings("no-traffic", &day), [(8, 41)]);
    }

    #[test]
    fn counts_restarts_over_five_minutes() {
        let mut ends = vec![None; 20];
        for place in [3, 5, 7] {
            ends[place] = Some(1.0);
        }
        let crashes = history(&[("ludlow-prod-api-restarts", "Sum", &ends)]);
        assert_eq!(firings("restarts", &crashes), [(8, 9)]);
    }

    #[test]
    fn the_composite_rings_as_long_as_any_of_them() {
        assert_eq!(united(vec![8..12, 1..3, 3..5, 9..10]), [1..5, 8..12]);
    }
}
