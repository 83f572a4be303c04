//! What log lines say: the service's own, and those that tell the life of its tasks.

use aws_sdk_cloudwatch::types::ComparisonOperator;

use super::{Measured, Subject, Threshold, Wanted};
use crate::definition::Input;
use crate::math::Math;

/// The namespace of the metrics that filters count into.
pub(crate) const NAMESPACE: &str = "Longshore";
/// The restarts alarm counts within this many seconds.
const RESTART_WINDOW: i32 = 300;

/// A metric filter: each matching line adds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    /// The filter's name, and the metric's.
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) pattern: String,
    /// The kind of the alarm on it.
    pub(crate) kind: String,
}

pub(super) fn filters(subject: &Subject<'_>) -> Vec<Filter> {
    let filter = |kind: String, group: String, pattern: String| Filter {
        name: subject.names.alarm(subject.service, &kind),
        group,
        pattern,
        kind,
    };
    let mut filters = Vec::new();
    if subject.has_lifecycle {
        // ECS stops a task itself when it is not needed or not healthy; these two codes are ends of its own.
        let pattern = format!(
            "{{ ($.detail.group = \"service:{}\") && ($.detail.lastStatus = \"STOPPED\") && \
             (($.detail.stopCode = \"EssentialContainerExited\") || ($.detail.stopCode = \"TaskFailedToStart\")) }}",
            subject.names.service(subject.service)
        );
        filters.push(filter(
            "restarts".to_owned(),
            subject.names.lifecycle_log_group(),
            pattern,
        ));
    }
    for (name, pattern) in &subject.thresholds.logs {
        filters.push(filter(
            format!("log-{name}"),
            subject.names.log_group(),
            pattern.clone(),
        ));
    }
    filters
}

pub(super) fn alarms(subject: &Subject<'_>, filters: &[Filter]) -> Vec<Wanted> {
    filters
        .iter()
        .map(|filter| {
            // Lines come seldom. CloudWatch looks further back for datapoints where there are gaps, and would ring
            // a second time for what is over; without gaps it does not.
            let input = Input::new(NAMESPACE, &filter.name, &[], "Sum");
            let measure = Measured::Expression(Math::Filled("lines", 0.0), vec![("lines", input)]);
            if filter.kind == "restarts" {
                restarts(subject, filter, measure)
            } else {
                pattern(subject, filter, measure)
            }
        })
        .collect()
}

fn restarts(subject: &Subject<'_>, filter: &Filter, measure: Measured) -> Wanted {
    let threshold = subject.threshold("restarts", f64::from(subject.thresholds.restarts));
    let reason = format!(
        "{} tasks or more end by themselves within five minutes",
        threshold.value
    );
    let mut alarm = subject
        .alarm(&filter.kind, &reason, threshold, measure)
        .compared(ComparisonOperator::GreaterThanOrEqualToThreshold)
        .within(1, 1);
    alarm.definition.period = RESTART_WINDOW;
    alarm
}

fn pattern(subject: &Subject<'_>, filter: &Filter, measure: Measured) -> Wanted {
    let threshold = Threshold {
        value: 1.0,
        source: format!(
            "longshore.toml: alarms.logs.{}",
            filter.kind.trim_start_matches("log-")
        ),
    };
    // A metric filter sees the whole group, which all services of the environment write to.
    let reason = format!("a line in {} matches {}", filter.group, filter.pattern);
    subject
        .alarm(&filter.kind, &reason, threshold, measure)
        .compared(ComparisonOperator::GreaterThanOrEqualToThreshold)
        .within(1, 1)
}
