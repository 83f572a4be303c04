//! Time: what now is, and how long AWS's own waits last here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The clock of one local AWS.
///
/// `speed` divides the waits that AWS imposes (health intervals, deregistration delay, scheduler passes,
/// back-off). It never touches what belongs to the application, such as a container's stop time-out.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    speed: f64,
}

impl Clock {
    /// A clock at `speed` times AWS's pace; 1 is AWS's own.
    #[must_use]
    pub fn new(speed: f64) -> Self {
        Self { speed }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }

    /// How long a wait of AWS's lasts at this speed.
    #[must_use]
    pub fn wait(&self, aws: Duration) -> Duration {
        aws.div_f64(self.speed)
    }

    /// The same for a number of seconds, in milliseconds.
    #[must_use]
    pub fn wait_ms(&self, aws_seconds: i64) -> i64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "waits are far below 2^53 ms"
        )]
        let milliseconds = (aws_seconds as f64 * 1000.0 / self.speed) as i64;
        milliseconds
    }

    /// The divisor itself.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.speed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_the_waits_of_aws() {
        assert_eq!(
            Clock::new(20.0).wait(Duration::from_secs(30)),
            Duration::from_millis(1500)
        );
        assert_eq!(Clock::new(1.0).wait_ms(30), 30_000);
    }
}
