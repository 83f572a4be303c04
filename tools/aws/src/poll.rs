//! Waiting for something, without hammering and without end.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How often to ask: quickly at first, when a fast answer is likely, slower later.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The first pause.
    pub first: Duration,
    /// Pauses grow by half each time, up to this.
    pub longest: Duration,
}

impl Pace {
    /// From half a second to five.
    pub const USUAL: Self = Self {
        first: Duration::from_millis(500),
        longest: Duration::from_secs(5),
    };

    fn after(self, pause: Duration) -> Duration {
        (pause + pause / 2).min(self.longest)
    }
}

/// Asks until there is an answer, an error, or the deadline; `Ok(None)` is the deadline.
///
/// The first question comes at once, and one more at the deadline itself.
pub async fn poll<T>(
    pace: Pace,
    deadline: Instant,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<Option<T>> {
    let mut pause = pace.first;
    loop {
        let is_last = Instant::now() >= deadline;
        if let Some(answer) = ask().await? {
            return Ok(Some(answer));
        }
        if is_last {
            return Ok(None);
        }
        sleep_until((Instant::now() + pause).min(deadline)).await;
        pause = pace.after(pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        first: Duration::from_secs(2),
        longest: Duration::from_secs(4),
    };

    #[tokio::test(start_paused = true)]
    async fn slows_down_and_ends_at_the_deadline() {
        let start = Instant::now();
        let mut asked = Vec::new();
        let answer = poll(PACE, start + Duration::from_secs(10), async || {
            asked.push(start.elapsed().as_secs());
            Ok(None::<()>)
        })
        .await
        .unwrap();
        assert_eq!(answer, None);
        assert_eq!(asked, [0, 2, 5, 9, 10]);
    }

    #[tokio::test(start_paused = true)]
    async fn gives_the_first_answer() {
        let mut left = 3;
        let answer = poll(PACE, Instant::now() + Duration::from_secs(60), async || {
            left -= 1;
            Ok((left == 0).then_some("there"))
        })
        .await
        .unwrap();
        assert_eq!(answer, Some("there"));
        assert_eq!(left, 0);
    }
}
