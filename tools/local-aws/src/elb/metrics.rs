//! What the proxy counts, and how it becomes CloudWatch metrics.
//!
//! Counting must cost next to nothing, so requests only add to numbers here; once a second they are recorded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;

/// Response times recorded per second and group; of more, as many that are spread evenly over all of them.
const RECORDED_TIMES: usize = 100;
/// Response times kept between two recordings; more would be 10 MB within a second.
const KEPT_TIMES: usize = 100_000;

/// A number that is taken when it is recorded.
#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Nothing is recorded where nothing happened, as on AWS.
    fn take(&self, metric: &'static str, samples: &mut Vec<(&'static str, f64)>) {
        let count = self.0.swap(0, Ordering::Relaxed);
        if count > 0 {
            #[expect(
                clippy::cast_precision_loss,
                reason = "requests of one second fit 53 bits"
            )]
            samples.push((metric, count as f64));
        }
    }
}

/// What a load balancer does itself.
#[derive(Debug, Default)]
pub(super) struct BalancerCounters {
    requests: Count,
    fixed: Count,
    redirects: Count,
    errors_4xx: Count,
    errors_5xx: Count,
    errors_502: Count,
    errors_503: Count,
    errors_504: Count,
}

impl BalancerCounters {
    /// A request for which there was a target.
    pub(super) fn count_request(&self) {
        self.requests.add();
    }

    pub(super) fn count_fixed(&self) {
        self.fixed.add();
    }

    pub(super) fn count_redirect(&self) {
        self.redirects.add();
    }

    /// An error that the load balancer answered itself.
    pub(super) fn count_error(&self, status: StatusCode) {
        if status.is_server_error() {
            self.errors_5xx.add();
        } else {
            self.errors_4xx.add();
        }
        match status {
            StatusCode::BAD_GATEWAY => self.errors_502.add(),
            StatusCode::SERVICE_UNAVAILABLE => self.errors_503.add(),
            StatusCode::GATEWAY_TIMEOUT => self.errors_504.add(),
            _ => {}
        }
    }

    /// What was counted since the last time, by metric.
    pub(super) fn take(&self) -> Vec<(&'static str, f64)> {
        let mut samples = Vec::new();
        self.requests.take("RequestCount", &mut samples);
        self.fixed.take("HTTP_Fixed_Response_Count", &mut samples);
        self.redirects.take("HTTP_Redirect_Count", &mut samples);
        self.errors_4xx.take("HTTPCode_ELB_4XX_Count", &mut samples);
        self.errors_5xx.take("HTTPCode_ELB_5XX_Count", &mut samples);
        self.errors_502.take("HTTPCode_ELB_502_Count", &mut samples);
        self.errors_503.take("HTTPCode_ELB_503_Count", &mut samples);
        self.errors_504.take("HTTPCode_ELB_504_Count", &mut samples);
        samples
    }
}

/// What the targets of a group do.
#[derive(Debug, Default)]
pub(super) struct TargetCounters {
    requests: Count,
    answers_2xx: Count,
    answers_3xx: Count,
    answers_4xx: Count,
    answers_5xx: Count,
    /// Seconds.
    times: Mutex<Vec<f64>>,
}

impl TargetCounters {
    /// A request that was given to a target.
    pub(super) fn count_request(&self) {
        self.requests.add();
    }

    /// An answer, and how long its head took.
    pub(super) fn count_answer(&self, status: StatusCode, time: Duration) {
        match status.as_u16() {
            200..300 => self.answers_2xx.add(),
            300..400 => self.answers_3xx.add(),
            400..500 => self.answers_4xx.add(),
            500..600 => self.answers_5xx.add(),
            _ => {}
        }
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if times.len() < KEPT_TIMES {
            times.push(time.as_secs_f64());
        }
    }

    /// What was counted since the last time, by metric.
    pub(super) fn take(&self) -> Vec<(&'static str, f64)> {
        let mut samples = Vec::new();
        self.requests.take("RequestCount", &mut samples);
        self.answers_2xx
            .take("HTTPCode_Target_2XX_Count", &mut samples);
        self.answers_3xx
            .take("HTTPCode_Target_3XX_Count", &mut samples);
        self.answers_4xx
            .take("HTTPCode_Target_4XX_Count", &mut samples);
        self.answers_5xx
            .take("HTTPCode_Target_5XX_Count", &mut samples);
        let times = std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner));
        samples.extend(
            representative(times)
                .into_iter()
                .map(|time| ("TargetResponseTime", time)),
        );
        samples
    }
}

/// At most `RECORDED_TIMES` values that stand for all of them: the least, the greatest, and evenly many between.
fn representative(mut times: Vec<f64>) -> Vec<f64> {
    if times.len() <= RECORDED_TIMES {
        return times;
    }
    times.sort_by(f64::total_cmp);
    let last = times.len() - 1;
    (0..RECORDED_TIMES)
        .map(|step| times[step * last / (RECORDED_TIMES - 1)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_was_counted_and_nothing_else() {
        let counters = TargetCounters::default();
        counters.count_request();
        counters.count_request();
        counters.count_answer(StatusCode::OK, Duration::from_millis(250));
        counters.count_answer(StatusCode::BAD_GATEWAY, Duration::from_millis(500));
        assert_eq!(
            counters.take(),
            [
                ("RequestCount", 2.0),
                ("HTTPCode_Target_2XX_Count", 1.0),
                ("HTTPCode_Target_5XX_Count", 1.0),
                ("TargetResponseTime", 0.25),
                ("TargetResponseTime", 0.5),
            ]
        );
        assert_eq!(counters.take(), []);
    }

    #[test]
    fn counts_errors_by_class_and_code() {
        let counters = BalancerCounters::default();
        for code in [502, 503, 503, 504, 408] {
            counters.count_error(StatusCode::from_u16(code).unwrap());
        }
        assert_eq!(
            counters.take(),
            [
                ("HTTPCode_ELB_4XX_Count", 1.0),
                ("HTTPCode_ELB_5XX_Count", 4.0),
                ("HTTPCode_ELB_502_Count", 1.0),
                ("HTTPCode_ELB_503_Count", 2.0),
                ("HTTPCode_ELB_504_Count", 1.0),
            ]
        );
    }

    #[test]
    fn many_times_are_represented_by_few() {
        let few = representative((0..1000).rev().map(f64::from).collect());
        assert_eq!(few.len(), RECORDED_TIMES);
        assert_eq!((few[0], few[99]), (0.0, 999.0));
        let mean = few.iter().sum::<f64>() / 100.0;
        assert!((490.0..510.0).contains(&mean), "{mean}");
    }
}
