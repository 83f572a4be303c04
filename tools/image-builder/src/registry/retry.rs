//! Asking again, a little later each time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::answer::Failure;

/// How often, and how long between. Shared by the threads of one push: when one gives up, none waits any more.
#[derive(Debug)]
pub(crate) struct Retries {
    attempts: u32,
    first: Duration,
    given_up: Mutex<bool>,
    change: Condvar,
}

/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(10);

impl Retries {
    /// Six attempts within about half a minute.
    pub(crate) fn usual() -> Self {
        Self::new(6, Duration::from_millis(300))
    }

    /// Two attempts.
    pub(crate) fn few() -> Self {
        Self::new(2, Duration::from_millis(300))
    }

    pub(crate) fn new(attempts: u32, first: Duration) -> Self {
        Self {
            attempts,
            first,
            given_up: Mutex::new(false),
            change: Condvar::new(),
        }
    }

    /// Calls `attempt` until it succeeds, fails for good, or has failed too often.
    pub(crate) fn run<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut pause = self.first;
        for _ in 1..self.attempts {
            match attempt() {
                Err(Failure::Passing(error)) => {
                    if self.pause(pause) {
                        return Err(Failure::Passing(error));
                    }
                }
                settled => return settled,
            }
            pause = (pause * 2).min(LONGEST);
        }
        attempt()
    }

    /// Ends all pauses, and every wait for another attempt.
    pub(crate) fn give_up(&self) {
        *self.given_up.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.change.notify_all();
    }

    /// Whether another thread has given up.
    pub(crate) fn is_over(&self) -> bool {
        *self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pause(&self, pause: Duration) -> bool {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        let (given_up, _) = self
            .change
            .wait_timeout_while(given_up, pause, |given_up| !*given_up)
            .unwrap_or_else(PoisonError::into_inner);
        *given_up
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    fn retries() -> Retries {
        Retries::new(3, Duration::ZERO)
    }

    #[test]
    fn asks_again_while_failures_pass() {
        let mut count = 0;
        let result = retries().run(|| {
            count += 1;
            if count < 3 {
                Err(Failure::Passing(anyhow!("busy")))
            } else {
                Ok(count)
            }
        });
        assert_eq!(result.unwrap(), 3);
    }

    #[test]
    fn gives_up_after_the_last_attempt_and_at_once_where_it_is_pointless() {
        let mut count = 0;
        let result = retries().run(|| -> Result<(), Failure> {
            count += 1;
            Err(Failure::Passing(anyhow!("busy")))
        });
        assert_eq!(
            (result.unwrap_err().explain("push").to_string(), count),
            ("cannot push".to_owned(), 3)
        );
        let mut count = 0;
        let refused = retries().run(|| -> Result<(), Failure> {
            count += 1;
            Err(Failure::Refused {
                code: "DENIED".to_owned(),
                message: "no".to_owned(),
            })
        });
        assert_eq!(
            (refused.unwrap_err().explain("push").to_string(), count),
            ("cannot push: no (DENIED)".to_owned(), 1)
        );
    }

    #[test]
    fn waits_no_more_when_another_thread_has_given_up() {
        let retries = Retries::new(9, Duration::from_secs(3600));
        retries.give_up();
        let mut count = 0;
        let result = retries.run(|| -> Result<(), Failure> {
            count += 1;
            Err(Failure::Passing(anyhow!("busy")))
        });
        assert!(result.is_err() && retries.is_over());
        assert_eq!(count, 1);
    }
}
