//! How much of the cluster's instances is given away. Fargate has no instances.

use super::{Measured, Subject, Wanted};
use crate::definition::{Input, Missing};

pub(super) fn alarms(subject: &Subject<'_>) -> [Wanted; 2] {
    let alarm = |kind: &str, metric: &str, noun: &str| {
        let threshold = subject.threshold(
            "reservation-percent",
            subject.thresholds.reservation_percent,
        );
        let cluster = subject.names.cluster();
        let input = Input::new(
            "AWS/ECS",
            metric,
            &[("ClusterName", cluster.as_str())],
            "Average",
        );
        let reason = format!(
            "more than {} % of the {noun} of the cluster {cluster} is reserved: the next release may find no place for its tasks",
            threshold.value
        );
        subject
            .alarm(kind, &reason, threshold, Measured::Metric(input))
            // A cluster without a single instance reports nothing, and that is news.
            .missing(Missing::Unknown)
    };
    [
        alarm("cpu-reservation", "CPUReservation", "CPU"),
        alarm("memory-reservation", "MemoryReservation", "memory"),
    ]
}
