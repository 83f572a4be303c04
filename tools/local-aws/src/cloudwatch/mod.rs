//! CloudWatch metrics and alarms.
//!
//! Times and speed: samples have real times, and what clients read (GetMetricStatistics, GetMetricData) has real
//! periods. Alarms wait as AWS does, hence faster: at speed S an alarm's period of 60 s is a bucket of 60/S real
//! seconds. A `Sum` over such a bucket is therefore S times smaller than over AWS's minute, while averages, rates,
//! percentiles and ratios are what they are on AWS.

mod series;
mod statistics;

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::Value;

use crate::account::Account;
use crate::clock::Clock;
use crate::protocol::{Answer, AwsError};
use crate::state::Store;
use series::Samples;

/// All metrics and alarms of the account.
pub struct CloudWatch {
    account: Account,
    clock: Clock,
    store: Arc<Store>,
    samples: Samples,
}

/// What an alarm says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmState {
    /// Within the threshold.
    Ok,
    /// Beyond it.
    Alarm,
    /// Not enough data, or not evaluated yet.
    InsufficientData,
}

impl AlarmState {
    /// AWS's name for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// How often gathered samples are written.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

impl CloudWatch {
    /// Loads what the store holds.
    pub fn open(store: Arc<Store>, account: Account, clock: Clock) -> anyhow::Result<Arc<Self>> {
        // Alarms look at periods of 10 s and its multiples; clients at one second and its multiples.
        let width_ms = clock.wait_ms(10).clamp(50, 1000);
        Ok(Arc::new(Self {
            samples: Samples::open(Arc::clone(&store), width_ms)?,
            account,
            clock,
            store,
        }))
    }

    /// Runs one API operation.
    pub fn call(&self, operation: &str, _input: &Value) -> Answer {
        Err(AwsError::unsupported("cloudwatch", operation))
    }

    /// Adds one sample, now. Cheap enough for every request of a proxy: it touches memory only, and is written
    /// within about a second, hence lost if the process is killed before.
    pub fn record(&self, namespace: &str, metric: &str, dimensions: &[(&str, &str)], value: f64) {
        self.samples.record(
            namespace,
            metric,
            dimensions,
            "None",
            (self.clock.now_ms(), value),
        );
    }

    /// The states of those of the named alarms that exist.
    pub fn alarm_states(&self, _names: &[String]) -> Vec<(String, AlarmState)> {
        Vec::new()
    }

    /// Starts writing samples; ends by itself when the service is dropped. Needs a tokio runtime.
    pub fn start(service: &Arc<Self>) {
        let service = Arc::downgrade(service);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(FLUSH_EVERY);
            loop {
                ticks.tick().await;
                let Some(service) = Weak::upgrade(&service) else {
                    return;
                };
                if service.samples.flush().is_err() {
                    return;
                }
            }
        });
    }
}
