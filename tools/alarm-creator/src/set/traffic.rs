//! What visitors notice, and what the load balancer thinks of the tasks.

use aws_sdk_cloudwatch::types::ComparisonOperator;
use contract::config::Busy;

use super::{Balancer, Measured, Subject, Threshold, Wanted};
use crate::definition::{Input, Missing};
use crate::math::Math;
use crate::math::Operator::{Above, And, AtLeast, AtMost, Below, Or, Over, Plus, Times};

const NAMESPACE: &str = "AWS/ApplicationELB";
/// Below this many requests a minute, one failed request would be a high percentage of nothing.
const ENOUGH_REQUESTS: f64 = 10.0;

pub(super) fn alarms(subject: &Subject<'_>, balancer: &Balancer) -> Vec<Wanted> {
    let mut alarms = vec![
        target_errors(subject, balancer),
        balancer_errors(subject, balancer),
    ];
    alarms.extend(latency(subject, balancer));
    alarms.extend(hosts(subject, balancer));
    alarms.extend(no_traffic(subject, balancer));
    alarms
}

/// A statistic of the target group's metric.
fn of_group(balancer: &Balancer, metric: &str, statistic: &str) -> Input {
    let dimensions = [
        ("LoadBalancer", balancer.load_balancer.as_str()),
        ("TargetGroup", balancer.target_group.as_str()),
    ];
    Input::new(NAMESPACE, metric, &dimensions, statistic)
}

fn of_balancer(balancer: &Balancer, metric: &str) -> Input {
    let dimensions = [("LoadBalancer", balancer.load_balancer.as_str())];
    Input::new(NAMESPACE, metric, &dimensions, "Sum")
}

fn target_errors(subject: &Subject<'_>, balancer: &Balancer) -> Wanted {
    let threshold = subject.threshold("error-percent", subject.thresholds.error_percent);
    let rate = Math::choose(
        Math::Input("requests").binary(Above, Math::Number(ENOUGH_REQUESTS)),
        Math::Number(100.0)
            .binary(Times, Math::Filled("errors", 0.0))
            .binary(Over, Math::Input("requests")),
        Math::Number(0.0),
    );
    let inputs = vec![
        (
            "errors",
            of_group(balancer, "HTTPCode_Target_5XX_Count", "Sum"),
        ),
        ("requests", of_group(balancer, "RequestCount", "Sum")),
    ];
    let reason = format!(
        "more than {} % of the requests are answered with 5xx by the service",
        threshold.value
    );
    subject.alarm(
        "target-5xx",
        &reason,
        threshold,
        Measured::Expression(rate, inputs),
    )
}

/// Requests for which the load balancer found no target are no part of RequestCount: they are its 503s.
fn balancer_errors(subject: &Subject<'_>, balancer: &Balancer) -> Wanted {
    let threshold = subject.threshold("error-percent", subject.thresholds.error_percent);
    let all = || Math::Filled("requests", 0.0).binary(Plus, Math::Filled("unserved", 0.0));
    let rate = Math::choose(
        all().binary(Above, Math::Number(ENOUGH_REQUESTS)),
        Math::Number(100.0)
            .binary(Times, Math::Filled("errors", 0.0))
            .binary(Over, all()),
        Math::Number(0.0),
    );
    let inputs = vec![
        ("errors", of_balancer(balancer, "HTTPCode_ELB_5XX_Count")),
        ("requests", of_balancer(balancer, "RequestCount")),
        ("unserved", of_balancer(balancer, "HTTPCode_ELB_503_Count")),
    ];
    let reason = format!(
        "the load balancer itself answers more than {} % of all its requests with 5xx: no target, or one that breaks off",
        threshold.value
    );
    subject.alarm(
        "balancer-5xx",
        &reason,
        threshold,
        Measured::Expression(rate, inputs),
    )
}

fn latency(subject: &Subject<'_>, balancer: &Balancer) -> [Wanted; 2] {
    let alarm = |kind: &str, statistic: &str, what: &str, threshold: Threshold| {
        // CloudWatch's own guard against percentiles of too few samples would need 1,000 requests a minute for p99.
        let time = Math::choose(
            Math::Input("requests").binary(Above, Math::Number(ENOUGH_REQUESTS)),
            Math::Input("seconds"),
            Math::Number(0.0),
        );
        let inputs = vec![
            ("requests", of_group(balancer, "RequestCount", "Sum")),
            (
                "seconds",
                of_group(balancer, "TargetResponseTime", statistic),
            ),
        ];
        let reason = format!("{what} takes more than {} s", threshold.value);
        subject.alarm(kind, &reason, threshold, Measured::Expression(time, inputs))
    };
    let thresholds = subject.thresholds;
    [
        alarm(
            "latency-p99",
            "p99",
            "the slowest hundredth of the requests",
            subject.threshold("latency-seconds", thresholds.latency_seconds),
        ),
        alarm(
            "latency-p50",
            "p50",
            "half of the requests",
            subject.threshold("median-seconds", thresholds.median_seconds),
        ),
    ]
}

fn hosts(subject: &Subject<'_>, balancer: &Balancer) -> [Wanted; 2] {
    [
        subject
            .alarm(
                "unhealthy-hosts",
                "a task fails the load balancer's health check",
                subject.fixed(1.0),
                // A maximum: one unhealthy target among many is one too many.
                Measured::Metric(of_group(balancer, "UnHealthyHostCount", "Maximum")),
            )
            .compared(ComparisonOperator::GreaterThanOrEqualToThreshold),
        subject
            .alarm(
                "no-healthy-host",
                "no task can answer requests",
                subject.fixed(1.0),
                Measured::Metric(of_group(balancer, "HealthyHostCount", "Minimum")),
            )
            .compared(ComparisonOperator::LessThanThreshold)
            // Nothing answers: no reason to wait five minutes.
            .within(2, 2)
            .missing(Missing::Breaching),
    ]
}

/// Only where it is known when requests always come: otherwise every quiet night would ring.
fn no_traffic(subject: &Subject<'_>, balancer: &Balancer) -> Option<Wanted> {
    let (busy, source) = subject.busy()?;
    // The count of hosts has a datapoint every minute, also where there are no requests.
    let requests = Math::choose(
        window(busy),
        Math::Filled("requests", 0.0),
        Math::Number(1.0),
    );
    let inputs = vec![
        ("hosts", of_group(balancer, "HealthyHostCount", "Maximum")),
        ("requests", of_group(balancer, "RequestCount", "Sum")),
    ];
    let minutes = subject.thresholds.quiet_minutes;
    let periods = i32::try_from(minutes).unwrap_or(i32::MAX);
    let reason = format!(
        "no request for {minutes} min, between {}:00 and {}:00 UTC on {}",
        busy.from,
        busy.to,
        days(busy)
    );
    let threshold = Threshold { value: 1.0, source };
    let alarm = subject
        .alarm(
            "no-traffic",
            &reason,
            threshold,
            Measured::Expression(requests, inputs),
        )
        .compared(ComparisonOperator::LessThanThreshold)
        .within(periods, periods);
    Some(alarm)
}

/// Whether a time is within the busy hours, by the times of `hosts`.
fn window(busy: Busy) -> Math {
    let hour =
        |operator, hour: u8| Math::Hour("hosts").binary(operator, Math::Number(f64::from(hour)));
    let day = |operator, day: u8| Math::Day("hosts").binary(operator, Math::Number(f64::from(day)));
    let (from, to) = (hour(AtLeast, busy.from), hour(Below, busy.to));
    let hours = if busy.from < busy.to {
        from.binary(And, to)
    } else {
        from.binary(Or, to)
    };
    if (busy.first_day, busy.last_day) == (1, 7) {
        return hours;
    }
    hours
        .binary(And, day(AtLeast, busy.first_day))
        .binary(And, day(AtMost, busy.last_day))
}

fn days(busy: Busy) -> String {
    const NAMES: [&str; 7] = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    let name = |day: u8| NAMES[usize::from(day.clamp(1, 7)) - 1];
    match (busy.first_day, busy.last_day) {
        (1, 7) => "every day".to_owned(),
        (first, last) if first == last => name(first).to_owned(),
        (first, last) => format!("{} to {}", name(first), name(last)),
    }
}
