//! Alarms as other services look at them.

use super::alarm::Watch;
use super::{AlarmState, CloudWatch};

/// A composite alarm has no period of its own: it follows others, which are evaluated each minute.
const MINUTE_S: i64 = 60;

/// What an alarm says, and how long it takes to say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    pub state: AlarmState,
    /// Its period times its evaluation periods, in seconds of AWS's.
    pub window_s: i64,
}

impl CloudWatch {
    /// How an alarm stands now; none if there is no such alarm.
    pub fn outlook(&self, alarm: &str) -> Option<Outlook> {
        let alarms = self.alarms();
        let alarm = &alarms.get(alarm)?.alarm;
        let window_s = match &alarm.watch {
            Watch::Metric(watch) => watch
                .source
                .period()
                .saturating_mul(i64::try_from(watch.rule.periods).unwrap_or(i64::MAX)),
            Watch::Composite(_) => MINUTE_S,
        };
        Some(Outlook {
            state: alarm.state.value,
            window_s,
        })
    }
}
