//! What the tasks use of what they have reserved, and whether there are as many as there should be.

use aws_sdk_cloudwatch::types::ComparisonOperator;

use super::{Measured, Subject, Threshold, Wanted};
use crate::definition::{Input, Missing};
use crate::math::Math;
use crate::math::Operator::{Above, Over, Times};

const ECS: &str = "AWS/ECS";
const INSIGHTS: &str = "ECS/ContainerInsights";

pub(super) fn alarms(subject: &Subject<'_>) -> [Wanted; 3] {
    let thresholds = subject.thresholds;
    [
        usage(
            subject,
            "cpu",
            "CPUUtilization",
            "CPU",
            subject.threshold("cpu-percent", thresholds.cpu_percent),
        ),
        usage(
            subject,
            "memory",
            "MemoryUtilization",
            "memory",
            subject.threshold("memory-percent", thresholds.memory_percent),
        ),
        running(subject),
    ]
}

fn of_service(subject: &Subject<'_>, namespace: &str, metric: &str, statistic: &str) -> Input {
    let (cluster, service) = (
        subject.names.cluster(),
        subject.names.service(subject.service),
    );
    let dimensions = [
        ("ClusterName", cluster.as_str()),
        ("ServiceName", service.as_str()),
    ];
    Input::new(namespace, metric, &dimensions, statistic)
}

/// ECS reports usage of running tasks only, so a service that is scaled to nothing is quiet.
fn usage(
    subject: &Subject<'_>,
    kind: &str,
    metric: &str,
    noun: &str,
    threshold: Threshold,
) -> Wanted {
    let reason = format!(
        "the tasks use more than {} % of their {noun}",
        threshold.value
    );
    let input = of_service(subject, ECS, metric, "Average");
    subject.alarm(kind, &reason, threshold, Measured::Metric(input))
}

fn running(subject: &Subject<'_>) -> Wanted {
    // A release may go below, where it is allowed to: then only what lasts longer than one is a fault.
    let periods = if subject.settings.minimum_healthy_percent >= 100 {
        5
    } else {
        15
    };
    let alarm = if subject.has_insights {
        let share = Math::choose(
            Math::Input("desired").binary(Above, Math::Number(0.0)),
            Math::Number(100.0)
                .binary(Times, Math::Input("running"))
                .binary(Over, Math::Input("desired")),
            Math::Number(100.0),
        );
        let inputs = vec![
            (
                "desired",
                of_service(subject, INSIGHTS, "DesiredTaskCount", "Maximum"),
            ),
            (
                "running",
                of_service(subject, INSIGHTS, "RunningTaskCount", "Maximum"),
            ),
        ];
        subject.alarm(
            "running",
            "fewer tasks run than should",
            subject.fixed(100.0),
            Measured::Expression(share, inputs),
        )
    } else {
        // Each running task reports its usage once a minute, so the number of reports is the number of tasks.
        let count = subject.settings.count;
        let threshold = Threshold {
            value: f64::from(count),
            source: format!("longshore.toml: services.{}.count", subject.service),
        };
        subject.alarm(
            "running",
            &format!("fewer than {count} tasks run"),
            threshold,
            Measured::Metric(of_service(subject, ECS, "MemoryUtilization", "SampleCount")),
        )
    };
    alarm
        .compared(ComparisonOperator::LessThanThreshold)
        .within(periods, periods)
        .missing(Missing::Breaching)
}
