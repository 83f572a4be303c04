//! What a policy's metric is at present.

use std::time::Duration;

use serde_json::{Value, json};

use super::AutoScaling;
use super::model::{MetricType, Predefined, Target};
use crate::protocol::AwsError;

/// Metrics come once a minute of AWS's, not always in time for the same minute's look.
const LOOK_BACK: Duration = Duration::from_secs(120);
/// The load balancer records once a second, however fast the clock is.
const SHORTEST_LOOK_BACK_MS: i64 = 2000;
/// What CloudWatch gives in one answer, at one datapoint a second.
const MOST_SECONDS: i64 = 1440;

/// The part between a load balancer and a target group in a resource label.
const BETWEEN: &str = "/targetgroup/";

/// The sum and the number of a metric's samples.
struct Samples {
    sum: f64,
    count: f64,
}

impl Samples {
    fn average(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }
}

/// From when to when.
#[derive(Clone, Copy)]
struct Window {
    from_ms: i64,
    to_ms: i64,
}

impl AutoScaling {
    /// The metric over the last two minutes of AWS's; none if there is no data.
    pub(super) fn value(
        &self,
        target: &Target,
        metric: &Predefined,
        now_ms: i64,
    ) -> Result<Option<f64>, AwsError> {
        let look_back = self.parts.clock.wait(LOOK_BACK).as_millis();
        let look_back = i64::try_from(look_back)
            .unwrap_or(i64::MAX)
            .max(SHORTEST_LOOK_BACK_MS);
        let window = Window {
            // CloudWatch looks at whole seconds.
            from_ms: (now_ms - look_back).div_euclid(1000) * 1000,
            to_ms: now_ms + 1,
        };
        let of_service = |name| {
            let dimensions = [
                ("ClusterName", target.cluster.as_str()),
                ("ServiceName", target.service.as_str()),
            ];
            self.samples("AWS/ECS", name, &dimensions, window)
        };
        match metric.predefined_metric_type {
            MetricType::ECSServiceAverageCPUUtilization => {
                Ok(of_service("CPUUtilization")?.average())
            }
            MetricType::ECSServiceAverageMemoryUtilization => {
                Ok(of_service("MemoryUtilization")?.average())
            }
            MetricType::ALBRequestCountPerTarget => {
                let label = metric.resource_label.as_deref().unwrap_or_default();
                self.requests_per_target(label, window)
            }
        }
    }

    /// Requests of a real minute at the present rate, by the healthy targets. AWS's target value is of a minute, so
    /// the clock's speed must not change what it means.
    fn requests_per_target(&self, label: &str, window: Window) -> Result<Option<f64>, AwsError> {
        let Some((balancer, group)) = split_label(label) else {
            return Ok(None);
        };
        let dimensions = [("TargetGroup", group.as_str()), ("LoadBalancer", balancer)];
        let of = |name| self.samples("AWS/ApplicationELB", name, &dimensions, window);
        let requests = of("RequestCount")?;
        let hosts = of("HealthyHostCount")?.average();
        #[expect(clippy::cast_precision_loss, reason = "a window has few milliseconds")]
        let minutes = (window.to_ms - window.from_ms) as f64 / 60_000.0;
        Ok(hosts
            .filter(|hosts| *hosts > 0.0 && requests.count > 0.0)
            .map(|hosts| requests.sum / minutes / hosts))
    }

    fn samples(
        &self,
        namespace: &str,
        name: &str,
        dimensions: &[(&str, &str)],
        window: Window,
    ) -> Result<Samples, AwsError> {
        let seconds = (window.to_ms - window.from_ms).div_euclid(1000) + 1;
        let dimensions: Vec<Value> = dimensions
            .iter()
            .map(|(name, value)| json!({ "Name": name, "Value": value }))
            .collect();
        let answer = self.parts.cloudwatch.call(
            "GetMetricStatistics",
            &json!({
                "Namespace": namespace,
                "MetricName": name,
                "Dimensions": dimensions,
                "StartTime": epoch_seconds(window.from_ms),
                "EndTime": epoch_seconds(window.to_ms),
                "Period": if seconds > MOST_SECONDS { 60 } else { 1 },
                "Statistics": ["Sum", "SampleCount"],
            }),
        )?;
        let total = |member: &str| {
            let datapoints = answer["Datapoints"].as_array().into_iter().flatten();
            datapoints
                .filter_map(|datapoint| datapoint[member].as_f64())
                .sum()
        };
        Ok(Samples {
            sum: total("Sum"),
            count: total("SampleCount"),
        })
    }
}

/// The load balancer's and the target group's dimension in `app/NAME/ID/targetgroup/NAME/ID`.
pub(super) fn split_label(label: &str) -> Option<(&str, String)> {
    let (balancer, group) = label.split_once(BETWEEN)?;
    let is_pair = |text: &str| text.split('/').count() == 2 && !text.split('/').any(str::is_empty);
    let is_whole = balancer.strip_prefix("app/").is_some_and(is_pair) && is_pair(group);
    is_whole.then(|| (balancer, format!("targetgroup/{group}")))
}

fn epoch_seconds(milliseconds: i64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of this era fit 53 bits"
    )]
    let seconds = milliseconds as f64 / 1000.0;
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_resource_label() {
        assert_eq!(
            split_label("app/web/50dc/targetgroup/web/73e2"),
            Some(("app/web/50dc", "targetgroup/web/73e2".to_owned()))
        );
        for wrong in [
            "",
            "app/web/50dc",
            "app/web/50dc/targetgroup/web",
            "net/web/50dc/targetgroup/web/73e2",
            "app/web//targetgroup/web/73e2",
        ] {
            assert_eq!(split_label(wrong), None, "{wrong}");
        }
    }
}
