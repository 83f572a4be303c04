//! CloudWatch metrics and alarms.
//!
//! Times and speed: samples have real times, and what clients read (GetMetricStatistics, GetMetricData) has real
//! periods. Alarms wait as AWS does, hence faster: at speed S an alarm's period of 60 s is a bucket of 60/S real
//! seconds. A `Sum` over such a bucket is therefore S times smaller than over AWS's minute, while averages, rates,
//! percentiles and ratios are what they are on AWS.
//!
//! Actions that name a topic are announced on it; any other is not carried out. The alarm's history says which.

mod action;
mod alarm;
mod alarms;
mod composite;
mod configure;
mod dashboards;
mod evaluation;
mod expression;
mod history;
mod metrics;
mod outlook;
mod query;
mod read;
mod request;
mod series;
mod statistics;
mod text;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolkit::Console;

use crate::account::Account;
use crate::clock::Clock;
use crate::protocol::{Answer, AwsError, Input};
use crate::sns::Sns;
use crate::state::Store;
use alarm::Alarm;
use alarms::{Alarms, Entry};
pub use outlook::Outlook;
use series::Samples;

/// All metrics and alarms of the account.
pub struct CloudWatch {
    account: Account,
    clock: Clock,
    store: Arc<Store>,
    samples: Samples,
    // Taken before the store's connection, never after it.
    alarms: Mutex<Alarms>,
    /// Where actions are announced; none in tests of metrics alone.
    announcer: OnceLock<Arc<Sns>>,
    console: Console,
}

/// What an alarm says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Ok, Self::Alarm, Self::InsufficientData]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

impl CloudWatch {
    /// Loads what the store holds.
    pub fn open(store: Arc<Store>, account: Account, clock: Clock) -> anyhow::Result<Arc<Self>> {
        // Alarms look at periods of 10 s and its multiples; clients at one second and its multiples.
        let width_ms = clock.wait_ms(10).clamp(50, 1000);
        history::create(&store.connection())?;
        let now = clock.now_ms();
        let alarms = store
            .all::<Alarm>()?
            .into_iter()
            .map(|alarm| (alarm.name.clone(), Entry::due_at(alarm, now)))
            .collect();
        Ok(Arc::new(Self {
            samples: Samples::open(Arc::clone(&store), width_ms)?,
            account,
            clock,
            store,
            alarms: Mutex::new(alarms),
            announcer: OnceLock::new(),
            console: Console::from_environment(),
        }))
    }

    /// Runs one API operation. Errors have the codes of the query dialect; [`shape`] tells the others'.
    pub fn call(&self, operation: &str, input: &Value) -> Answer {
        let input = Input::new(input, request::INVALID);
        match operation {
            "PutMetricData" => self.put_metric_data(input),
            "ListMetrics" => self.list_metrics(input),
            "GetMetricStatistics" => self.get_metric_statistics(input),
            "GetMetricData" => self.get_metric_data(input),
            "PutMetricAlarm" => self.put_metric_alarm(input),
            "PutCompositeAlarm" => self.put_composite_alarm(input),
            "DescribeAlarms" => self.describe_alarms(input),
            "DescribeAlarmsForMetric" => self.describe_alarms_for_metric(input),
            "DescribeAlarmHistory" => self.describe_alarm_history(input),
            "DeleteAlarms" => self.delete_alarms(input),
            "SetAlarmState" => self.set_alarm_state(input),
            "EnableAlarmActions" => self.enable_alarm_actions(input, true),
            "DisableAlarmActions" => self.enable_alarm_actions(input, false),
            "TagResource" => self.tag_resource(input),
            "UntagResource" => self.untag_resource(input),
            "ListTagsForResource" => self.list_tags_for_resource(input),
            "PutDashboard" => self.put_dashboard(input),
            "GetDashboard" => self.get_dashboard(input),
            "ListDashboards" => self.list_dashboards(input),
            "DeleteDashboards" => self.delete_dashboards(input),
            other => Err(AwsError::unsupported("cloudwatch", other)),
        }
    }

    /// Adds one sample, now. Cheap enough for every request of a proxy: it touches memory only, and is written
    /// within about a second, hence lost if the process is killed before.
    pub fn record(&self, namespace: &str, metric: &str, dimensions: &[(&str, &str)], value: f64) {
        let unit = metrics::unit_of(namespace, metric);
        let sample = (self.clock.now_ms(), value);
        self.samples
            .record(namespace, metric, dimensions, unit, sample);
    }

    /// Has actions that name topics carried out. The first call counts.
    pub fn announce_by(&self, sns: Arc<Sns>) {
        self.announcer.get_or_init(|| sns);
    }

    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        // Memory changes only after the store has taken the change, so it is whole even after a panic.
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of an error's shape in the JSON and CBOR dialects, by its code in the query dialect.
#[must_use]
pub fn shape(code: &str) -> &str {
    match code {
        "InvalidParameterValue" => "InvalidParameterValueException",
        "InvalidParameterCombination" => "InvalidParameterCombinationException",
        "InvalidParameterInput" => "DashboardInvalidInputError",
        "MissingParameter" => "MissingRequiredParameterException",
        "InvalidFormat" => "InvalidFormatFault",
        "LimitExceeded" => "LimitExceededFault",
        "ValidationError" => "ValidationException",
        "InternalFailure" => "InternalServiceFault",
        "Throttling" => "ThrottlingException",
        "ServiceUnavailable" => "ServiceUnavailableException",
        "ExpiredToken" => "ExpiredTokenException",
        same => same,
    }
}

/// The answer of an operation that has no output.
fn nothing() -> Value {
    Value::Null
}

#[cfg(test)]
mod tests;
