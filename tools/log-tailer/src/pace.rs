//! How fast CloudWatch and ECS are asked.
//!
//! FilterLogEvents has 5 calls a second for the whole account and region, and colleagues follow logs too. All calls of this
//! program take turns here, so that never more than that come from it, and throttling makes it slower.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// However often it is throttled, one call in five seconds goes out.
const SLOWEST: f64 = 0.2;
/// Calls without throttling after which it becomes faster again.
const CALM: u32 = 20;

/// Turns to make a call.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Calls a second at most.
    most: f64,
    /// Calls a second at present.
    rate: f64,
    calm: u32,
    recent: VecDeque<Instant>,
}

impl Pace {
    pub(crate) fn new(most: f64) -> Self {
        Self {
            most,
            rate: most,
            calm: 0,
            recent: VecDeque::new(),
        }
    }

    /// Waits until a call may be made, and counts it.
    pub(crate) async fn turn(&mut self) {
        let (calls, span) = self.limit();
        while self.recent.len() > calls {
            self.recent.pop_front();
        }
        if self.recent.len() == calls
            && let Some(first) = self.recent.pop_front()
        {
            sleep_until(first + span).await;
        }
        self.recent.push_back(Instant::now());
    }

    /// So many calls in any span of that length.
    fn limit(&self) -> (usize, Duration) {
        let calls = self.rate.floor().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and the highest rate of the command line"
        )]
        let count = calls as usize;
        (count, Duration::from_secs_f64(calls / self.rate))
    }

    /// A call was refused for coming too often: half as many from now on.
    pub(crate) fn throttled(&mut self) {
        self.rate = (self.rate / 2.0).max(SLOWEST);
        self.calm = 0;
    }

    /// A call was answered; after a while of that it becomes faster again.
    pub(crate) fn answered(&mut self) {
        if self.rate < self.most {
            self.calm += 1;
            if self.calm >= CALM {
                self.rate = (self.rate * 1.5).min(self.most);
                self.calm = 0;
            }
        }
    }

    /// Calls a second at present.
    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn calls(pace: &mut Pace, count: usize) -> Vec<u128> {
        let start = Instant::now();
        let mut times = Vec::new();
        for _ in 0..count {
            pace.turn().await;
            times.push(start.elapsed().as_millis());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn never_makes_more_than_five_calls_in_a_second() {
        let times = calls(&mut Pace::new(5.0), 50).await;
        assert_eq!(times[..5], [0; 5]);
        for six in times.windows(6) {
            assert!(six[5] - six[0] >= 1000, "{six:?}");
        }
        assert_eq!(times[49], 9_000);
    }

    #[tokio::test(start_paused = true)]
    async fn becomes_slower_when_throttled_and_recovers() {
        let mut pace = Pace::new(5.0);
        for _ in 0..10 {
            pace.throttled();
        }
        assert!((pace.rate() - SLOWEST).abs() < 1e-9);
        assert_eq!(calls(&mut pace, 3).await, [0, 5_000, 10_000]);
        for _ in 0..10 * CALM {
            pace.answered();
        }
        assert!((pace.rate() - 5.0).abs() < 1e-9);
    }
}
