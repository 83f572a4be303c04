//! A log of 200,000 events that come late, while tasks restart, from a CloudWatch in a bad mood.
//!
//! Its clock goes on by five seconds whenever somebody begins to read. Nothing depends on the time of the machine.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::Value;

use crate::support::Answer;

pub(crate) const EVENTS: usize = 200_000;
const STREAMS: u64 = 20;
/// A task lives for so many events of its stream.
const LIFE: usize = 2_500;
/// Of the clock at the first call; 2026-11-24T09:00:00Z.
pub(crate) const BEGIN: i64 = 1_795_510_800_000;
/// Milliseconds between two events.
const APART: i64 = 10;
/// Milliseconds that pass with each reading.
const STEP: i64 = 5_000;
/// The window that is promised, milliseconds.
const LATEST: u64 = 60_000;
/// Between arrival and appearance, milliseconds.
const APPEARANCE: u64 = 3_000;

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % limit
    }
}

struct Event {
    timestamp: i64,
    /// When it can be read.
    visible: i64,
    json: String,
}

pub(crate) struct Feed {
    /// By the time of their appearance.
    events: Vec<Event>,
    state: Mutex<State>,
}

struct State {
    clock: i64,
    dice: Dice,
    /// Pages that are still to be read, by the number in their token.
    readings: HashMap<u64, Vec<Vec<usize>>>,
    serial: u64,
    faults: Faults,
}

/// How often each thing went wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    pub(crate) throttled: u32,
    pub(crate) failed: u32,
    pub(crate) cut: u32,
    pub(crate) expired: u32,
    pub(crate) empty: u32,
    pub(crate) swapped: u32,
    pub(crate) repeated: u32,
}

impl Faults {
    pub(crate) fn all_happened(self) {
        let counts = [
            self.throttled,
            self.failed,
            self.cut,
            self.expired,
            self.empty,
            self.swapped,
            self.repeated,
        ];
        assert!(counts.iter().all(|count| *count > 0), "{self:?}");
    }
}

impl Feed {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut written = [0_usize; STREAMS as usize];
        let mut events: Vec<Event> = (0..EVENTS)
            .map(|number| {
                let arrival = BEGIN + i64::try_from(number).unwrap() * APART;
                let late = match dice.below(100) {
                    0..70 => dice.below(5_000),
                    70..95 => dice.below(30_000),
                    // To the very edge of the window.
                    95..99 => dice.below(LATEST),
                    _ => LATEST,
                };
                let timestamp = arrival - i64::try_from(late).unwrap();
                let slot = usize::try_from(dice.below(STREAMS)).unwrap();
                written[slot] += 1;
                let task = slot * 1_000 + written[slot] / LIFE;
                let json = format!(
                    r#"{{"logStreamName":"api/api/{task:032x}","timestamp":{timestamp},"ingestionTime":{arrival},"eventId":"{number:056}","message":"event {number} of a service that has a few words to say about each request"}}"#
                );
                Event {
                    timestamp,
                    visible: arrival + i64::try_from(dice.below(APPEARANCE)).unwrap(),
                    json,
                }
            })
            .collect();
        events.sort_by_key(|event| event.visible);
        Self {
            events,
            state: Mutex::new(State {
                clock: BEGIN,
                dice,
                readings: HashMap::new(),
                serial: 0,
                faults: Faults::default(),
            }),
        }
    }

    pub(crate) fn faults(&self) -> Faults {
        self.state.lock().unwrap().faults
    }

    /// Answers FilterLogEvents.
    pub(crate) fn answer(&self, operation: &str, input: &Value) -> Answer {
        assert_eq!(operation, "FilterLogEvents");
        let mut state = self.state.lock().unwrap();
        // Whoever has lost an event would wait for it for ever.
        if state.clock > self.events.last().unwrap().visible + 300_000 {
            return Answer::Error(400, "AccessDeniedException", "the feed is over");
        }
        if let Some(failure) = state.failure() {
            return failure;
        }
        let mut pages = match input["nextToken"].as_str() {
            None => {
                state.clock += STEP;
                self.pages(&mut state, input["startTime"].as_i64().unwrap())
            }
            Some(token) => match state.rest(token.parse().unwrap()) {
                Some(pages) => pages,
                None => {
                    let message = "The specified nextToken is invalid.";
                    return Answer::Error(400, "InvalidParameterException", message);
                }
            },
        };
        let page = if state.dice.below(6) == 0 {
            state.faults.empty += 1;
            Vec::new()
        } else {
            pages.pop().unwrap_or_default()
        };
        let events: Vec<&str> = page
            .iter()
            .map(|index| self.events[*index].json.as_str())
            .collect();
        let mut body = format!(r#"{{"events":[{}]"#, events.join(","));
        if !pages.is_empty() {
            state.serial += 1;
            let serial = state.serial;
            state.readings.insert(serial, pages);
            body.push_str(&format!(r#","nextToken":"{serial}""#));
        }
        body.push('}');
        Answer::Body(body, Some(state.clock))
    }

    /// The pages of a reading, the first one last: of all sizes, some changed with their neighbours, and some
    /// beginning with what the page before ended with.
    fn pages(&self, state: &mut State, since: i64) -> Vec<Vec<usize>> {
        let visible = self
            .events
            .partition_point(|event| event.visible <= state.clock);
        // Nothing is visible earlier than it was written.
        let first = self.events.partition_point(|event| event.visible < since);
        let mut found: Vec<usize> = (first..visible)
            .filter(|index| self.events[*index].timestamp >= since)
            .collect();
        found.sort_by_key(|index| self.events[*index].timestamp);
        let mut pages: Vec<Vec<usize>> = Vec::new();
        let mut rest = found.as_slice();
        while !rest.is_empty() {
            let size = usize::try_from(500 + state.dice.below(1_500)).unwrap();
            let (page, after) = rest.split_at(size.min(rest.len()));
            let mut page = page.to_vec();
            if let Some(last) = pages.last().and_then(|page| page.last())
                && state.dice.below(5) == 0
            {
                page.insert(0, *last);
                state.faults.repeated += 1;
            }
            pages.push(page);
            rest = after;
        }
        for index in 1..pages.len() {
            if state.dice.below(4) == 0 {
                pages.swap(index - 1, index);
                state.faults.swapped += 1;
            }
        }
        pages.reverse();
        pages
    }
}

impl State {
    /// What goes wrong with a call, if anything does.
    fn failure(&mut self) -> Option<Answer> {
        match self.dice.below(100) {
            0 => {
                self.faults.throttled += 1;
                Some(Answer::Error(400, "ThrottlingException", "Rate exceeded"))
            }
            1 => {
                self.faults.failed += 1;
                Some(Answer::Error(503, "ServiceUnavailableException", "not now"))
            }
            2 => {
                self.faults.cut += 1;
                Some(Answer::Cut)
            }
            _ => None,
        }
    }

    /// The pages that a token stands for, if it is still good.
    fn rest(&mut self, token: u64) -> Option<Vec<Vec<usize>>> {
        if self.dice.below(50) == 0 {
            self.readings.remove(&token);
        }
        let rest = self.readings.remove(&token);
        self.faults.expired += u32::from(rest.is_none());
        rest
    }
}
