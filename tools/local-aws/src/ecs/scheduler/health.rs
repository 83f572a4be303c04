//! When a task counts as healthy.
//!
//! Without a load balancer and without a health check of its own, 40 seconds after it began to run; otherwise when
//! everything that checks it says so (botocore's model, DeploymentConfiguration).

use super::plan::Health;
use crate::ecs::model::HealthState;
use crate::elb::TargetState;

/// Seconds after which a task that nobody checks is taken for healthy.
pub(crate) const UNCHECKED_SECONDS: i64 = 40;

/// What is known of a running task.
#[derive(Debug, Clone)]
pub(crate) struct Signs {
    /// Milliseconds since it began to run.
    pub(crate) age_ms: i64,
    /// [`UNCHECKED_SECONDS`] at the clock's speed, in milliseconds.
    pub(crate) unchecked_ms: i64,
    /// The service's grace period at the clock's speed, in milliseconds.
    pub(crate) grace_ms: i64,
    /// Of every target group it is registered in.
    pub(crate) targets: Vec<Option<TargetState>>,
    /// Of the essential containers that have a check.
    pub(crate) containers: Vec<HealthState>,
}

/// The health that counts.
pub(crate) fn assess(signs: &Signs) -> Health {
    let in_grace = signs.age_ms < signs.grace_ms;
    let bad = if in_grace {
        Health::Pending
    } else {
        Health::Unhealthy
    };
    if signs.targets.is_empty() && signs.containers.is_empty() {
        return if signs.age_ms >= signs.unchecked_ms {
            Health::Healthy
        } else {
            Health::Pending
        };
    }
    let of_targets = signs.targets.iter().map(|target| match target {
        Some(TargetState::Healthy) => Health::Healthy,
        Some(TargetState::Unhealthy) => bad,
        _ => Health::Pending,
    });
    let of_containers = signs.containers.iter().map(|container| match container {
        HealthState::Healthy => Health::Healthy,
        HealthState::Unhealthy => bad,
        HealthState::Unknown => Health::Pending,
    });
    let all: Vec<Health> = of_targets.chain(of_containers).collect();
    if all.contains(&Health::Unhealthy) {
        Health::Unhealthy
    } else if all.iter().all(|health| *health == Health::Healthy) {
        Health::Healthy
    } else {
        Health::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(age_ms: i64, targets: &[TargetState], containers: &[HealthState]) -> Signs {
        Signs {
            age_ms,
            unchecked_ms: 40_000,
            grace_ms: 10_000,
            targets: targets.iter().copied().map(Some).collect(),
            containers: containers.to_vec(),
        }
    }

    #[test]
    fn waits_forty_seconds_where_nobody_checks() {
        assert_eq!(assess(&signs(39_999, &[], &[])), Health::Pending);
        assert_eq!(assess(&signs(40_000, &[], &[])), Health::Healthy);
    }

    #[test]
    fn needs_every_check_to_agree() {
        use HealthState::{Healthy, Unhealthy, Unknown};
        let cases = [
            (&[TargetState::Healthy][..], &[][..], Health::Healthy),
            (&[TargetState::Initial], &[Healthy], Health::Pending),
            (&[TargetState::Healthy], &[Unknown], Health::Pending),
            (&[TargetState::Healthy], &[Healthy], Health::Healthy),
            (&[TargetState::Healthy], &[Unhealthy], Health::Unhealthy),
            (&[TargetState::Unhealthy], &[Healthy], Health::Unhealthy),
            (&[], &[Healthy, Healthy], Health::Healthy),
        ];
        for (targets, containers, expected) in cases {
            assert_eq!(
                assess(&signs(50_000, targets, containers)),
                expected,
                "{targets:?} {containers:?}"
            );
        }
    }

    #[test]
    fn ignores_bad_health_within_the_grace_period() {
        assert_eq!(
            assess(&signs(9_999, &[TargetState::Unhealthy], &[])),
            Health::Pending
        );
        assert_eq!(
            assess(&signs(10_000, &[TargetState::Unhealthy], &[])),
            Health::Unhealthy
        );
    }
}
