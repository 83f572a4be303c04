//! The deployment circuit breaker.

use serde::{Deserialize, Serialize};

/// Bounds of [`Threshold::BoundedPercent`] (AWS documentation, deployment circuit breaker).
const LEAST: u32 = 3;
const MOST: u32 = 200;

/// How many failed tasks end a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Threshold {
    /// Percent of the desired count, at least 3 and at most 200 tasks.
    BoundedPercent(u32),
    /// Percent of the desired count.
    UnboundedPercent(u32),
    Count(u32),
}

impl Default for Threshold {
    fn default() -> Self {
        Self::BoundedPercent(50)
    }
}

impl Threshold {
    /// The threshold of this type, in ECS's words.
    pub(crate) fn of(kind: &str, value: u32) -> Option<Self> {
        match kind {
            "BOUNDED_PERCENT" => Some(Self::BoundedPercent(value)),
            "UNBOUNDED_PERCENT" => Some(Self::UnboundedPercent(value)),
            "COUNT" => Some(Self::Count(value)),
            _ => None,
        }
    }

    /// Type and value, in ECS's words.
    pub(crate) fn words(self) -> (&'static str, u32) {
        match self {
            Self::BoundedPercent(value) => ("BOUNDED_PERCENT", value),
            Self::UnboundedPercent(value) => ("UNBOUNDED_PERCENT", value),
            Self::Count(value) => ("COUNT", value),
        }
    }

    /// Failed tasks at which a deployment is given up; a part of a task counts as a whole one, and none is never
    /// enough.
    pub(crate) fn tasks(self, desired: u32) -> u32 {
        let of_desired = |percent: u32| desired.saturating_mul(percent).div_ceil(100);
        match self {
            Self::BoundedPercent(percent) => of_desired(percent).clamp(LEAST, MOST),
            Self::UnboundedPercent(percent) => of_desired(percent).max(1),
            Self::Count(count) => count.max(1),
        }
    }
}

/// The count of failed tasks after one of them became healthy.
pub(crate) fn after_success(failures: u32, resets: bool) -> u32 {
    if resets { 0 } else { failures }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_documented_examples() {
        let counts = [1, 25, 400, 1000].map(|desired| Threshold::default().tasks(desired));
        assert_eq!(counts, [3, 13, 200, 200]);
    }

    #[test]
    fn has_no_bounds_where_none_are_asked_for() {
        let cases = [
            (Threshold::UnboundedPercent(50), 1, 1),
            (Threshold::UnboundedPercent(50), 3, 2),
            (Threshold::UnboundedPercent(50), 1000, 500),
            (Threshold::UnboundedPercent(200), 4, 8),
            (Threshold::UnboundedPercent(10), 0, 1),
            (Threshold::BoundedPercent(10), 4, 3),
            (Threshold::BoundedPercent(100), 250, 200),
            (Threshold::Count(1), 100, 1),
            (Threshold::Count(7), 1, 7),
        ];
        for (threshold, desired, expected) in cases {
            assert_eq!(
                threshold.tasks(desired),
                expected,
                "{threshold:?} {desired}"
            );
        }
    }

    #[test]
    fn forgets_failures_only_if_it_may() {
        assert_eq!((after_success(2, true), after_success(2, false)), (0, 2));
    }

    #[test]
    fn is_named_as_it_is_read() {
        for kind in ["BOUNDED_PERCENT", "UNBOUNDED_PERCENT", "COUNT"] {
            let threshold = Threshold::of(kind, 7).unwrap();
            assert_eq!(threshold.words(), (kind, 7));
        }
        assert_eq!(Threshold::of("PERCENT", 7), None);
    }
}
