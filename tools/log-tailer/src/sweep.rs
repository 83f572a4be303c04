//! All lanes read together, once: their events in the order of time.
//!
//! Each lane holds one page back until the next has come, because CloudWatch gives pages that are not in order;
//! the lanes are merged by time. Memory is so bounded by two pages for each lane.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::sleep;
use toolkit::Console;

use crate::event::Event;
use crate::lane::{Asking, FetchError, Lane};
use crate::pace::Pace;

/// Events in a page at least and at most, if they are limited.
const FEWEST: usize = 1_000;
const MOST: usize = 10_000;
/// Pauses after a failure.
const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);
/// Failures in a row, other than throttling, that a reading without `--follow` bears: about a minute.
const PATIENCE: u32 = 10;

/// The lanes, and what has been read of them.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) pace: Pace,
    asking: Asking,
    /// Whether nothing is given up.
    is_endless: bool,
    /// To be shown, in order, with the lane that each comes from.
    pub(crate) ready: VecDeque<(usize, Event)>,
    trouble: Trouble,
}

/// What is to be done next.
enum Next {
    Show(usize),
    Fetch(usize),
    End,
}

impl Sweep {
    pub(crate) fn new(pace: Pace, asking: Asking, is_endless: bool) -> Self {
        Self {
            lanes: Vec::new(),
            pace,
            asking,
            is_endless,
            ready: VecDeque::new(),
            trouble: Trouble::default(),
        }
    }

    /// Pages have no more events than this from now on, so that many lanes take no more memory than few.
    pub(crate) fn limit(&mut self, events: usize) {
        self.asking.limit = i32::try_from(events.clamp(FEWEST, MOST)).ok();
    }

    /// Begins to read all lanes.
    pub(crate) fn begin(&mut self, forced: bool) {
        for lane in &mut self.lanes {
            lane.begin(forced);
        }
    }

    /// Reads until something is ready to be shown; false when the sweep is over.
    pub(crate) async fn advance(&mut self, console: &Console) -> anyhow::Result<bool> {
        loop {
            match self.next() {
                Next::Show(lane) => {
                    if let Some(event) = self.lanes[lane].pending.pop_front() {
                        self.ready.push_back((lane, event));
                    }
                }
                Next::Fetch(_) if !self.ready.is_empty() => return Ok(true),
                Next::End => return Ok(!self.ready.is_empty()),
                Next::Fetch(lane) => self.fetch(lane, console).await?,
            }
        }
    }

    fn next(&self) -> Next {
        let mut first: Option<(usize, (i64, i64))> = None;
        for (index, lane) in self.lanes.iter().enumerate() {
            match lane.pending.front() {
                None if lane.is_over() => {}
                None => return Next::Fetch(index),
                Some(event) => {
                    let order = event.order();
                    if first.is_none_or(|(_, least)| order < least) {
                        first = Some((index, order));
                    }
                }
            }
        }
        match first {
            None => Next::End,
            Some((index, _)) => {
                let lane = &self.lanes[index];
                if !lane.is_over() && lane.pending.len() <= lane.held {
                    Next::Fetch(index)
                } else {
                    Next::Show(index)
                }
            }
        }
    }

    /// One page of one lane, however long it takes.
    async fn fetch(&mut self, index: usize, console: &Console) -> anyhow::Result<()> {
        self.pace.turn().await;
        let lane = &mut self.lanes[index];
        match lane.fetch(&self.asking).await {
            Ok(()) => {
                self.pace.answered();
                self.trouble.is_over(console);
                return Ok(());
            }
            Err(FetchError::Final(error)) => return Err(error),
            Err(FetchError::Absent(error)) => {
                if !lane.place.may_be_absent {
                    return Err(error);
                }
                if !lane.is_absent {
                    let group = &lane.place.group;
                    let wait = if self.is_endless {
                        "; waiting for it"
                    } else {
                        ""
                    };
                    console.status(&format!("the log group {group} does not exist yet{wait}"));
                }
                lane.is_absent = true;
                lane.abandon();
                return Ok(());
            }
            Err(FetchError::Throttled(error)) => {
                console.detail(&format!("{error:#}"));
                // The pauses grow with each refusal in a row; the pace is for what comes after them.
                if self.trouble.begins() {
                    self.pace.throttled();
                    let rate = self.pace.rate();
                    console.warning(&format!(
                        "CloudWatch throttles this account; going on with {rate:.1} calls a second"
                    ));
                }
            }
            Err(FetchError::Passing(error)) => {
                if !self.is_endless && self.trouble.attempts >= PATIENCE {
                    return Err(error);
                }
                if self.trouble.begins() {
                    console.warning(&format!("{error:#}; trying again"));
                }
            }
        }
        sleep(self.trouble.pause()).await;
        Ok(())
    }
}

/// What keeps events from being read, said once and not at every attempt.
#[derive(Debug, Default)]
struct Trouble {
    attempts: u32,
}

impl Trouble {
    /// One more failure; whether it is the first in a row.
    fn begins(&mut self) -> bool {
        self.attempts += 1;
        self.attempts == 1
    }

    fn is_over(&mut self, console: &Console) {
        if self.attempts > 0 {
            console.detail("log events can be read again");
        }
        self.attempts = 0;
    }

    fn pause(&self) -> Duration {
        SHORTEST
            .saturating_mul(2_u32.saturating_pow(self.attempts.saturating_sub(1).min(8)))
            .min(LONGEST)
    }
}
