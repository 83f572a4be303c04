//! What follows from the probes of one target. Pure.

use serde::{Deserialize, Serialize};

use crate::elb::model::{HealthCheck, TargetHealth, TargetState};

/// What one probe found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::elb) enum Outcome {
    /// An answer with a code that the matcher takes.
    Success,
    /// An answer with another code.
    Mismatch(u16),
    /// No answer in time.
    Timeout,
    /// The connection was refused or broke, or what came was not HTTP.
    Failed,
}

/// What the probes of one target said so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::elb) struct Health {
    /// Never draining or unused, which are not the probes' to say.
    state: TargetState,
    /// None until the first probe has come back.
    last: Option<Outcome>,
    /// How often `last` succeeded, or failed in any way, in a row.
    run: u32,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            state: TargetState::Initial,
            last: None,
            run: 0,
        }
    }
}

impl Health {
    /// Initial, healthy or unhealthy.
    #[must_use]
    pub(in crate::elb) fn state(&self) -> TargetState {
        self.state
    }

    /// Takes in one probe.
    ///
    /// One success makes a new target healthy; the healthy threshold is for those that were unhealthy.
    pub(in crate::elb) fn observe(&mut self, outcome: Outcome, check: &HealthCheck) {
        let success = outcome == Outcome::Success;
        let same = self
            .last
            .as_ref()
            .is_some_and(|last| (*last == Outcome::Success) == success);
        self.run = if same { self.run.saturating_add(1) } else { 1 };
        self.last = Some(outcome);
        self.state = match (self.state, success) {
            (TargetState::Initial, true) => TargetState::Healthy,
            (TargetState::Unhealthy, true) if self.run >= check.healthy_threshold => {
                TargetState::Healthy
            }
            (_, false) if self.run >= check.unhealthy_threshold => TargetState::Unhealthy,
            (state, _) => state,
        };
    }

    /// The same as a client sees it.
    #[must_use]
    pub(in crate::elb) fn describe(&self) -> TargetHealth {
        let (reason, description) = match (self.state, &self.last) {
            (TargetState::Initial, None) => (
                "Elb.RegistrationInProgress",
                "Target registration is in progress".to_owned(),
            ),
            (TargetState::Initial, _) => (
                "Elb.InitialHealthChecking",
                "Initial health checks in progress".to_owned(),
            ),
            (TargetState::Unhealthy, Some(Outcome::Mismatch(code))) => (
                "Target.ResponseCodeMismatch",
                format!("Health checks failed with these codes: [{code}]"),
            ),
            (TargetState::Unhealthy, Some(Outcome::Timeout)) => {
                ("Target.Timeout", "Request timed out".to_owned())
            }
            (TargetState::Unhealthy, _) => (
                "Target.FailedHealthChecks",
                "Health checks failed".to_owned(),
            ),
            _ => {
                return TargetHealth {
                    state: self.state,
                    reason: None,
                    description: None,
                };
            }
        };
        TargetHealth {
            state: self.state,
            reason: Some(reason),
            description: Some(description),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> HealthCheck {
        HealthCheck {
            path: "/".to_owned(),
            port: None,
            interval_seconds: 30,
            timeout_seconds: 5,
            healthy_threshold: 3,
            unhealthy_threshold: 2,
            matcher: "200".to_owned(),
        }
    }

    /// The state after each of `outcomes`.
    fn states(outcomes: &[Outcome]) -> Vec<&'static str> {
        let mut health = Health::default();
        outcomes
            .iter()
            .map(|outcome| {
                health.observe(outcome.clone(), &check());
                health.state().as_str()
            })
            .collect()
    }

    #[test]
    fn one_success_makes_a_new_target_healthy() {
        assert_eq!(states(&[Outcome::Success]), ["healthy"]);
        assert_eq!(
            states(&[Outcome::Failed, Outcome::Success]),
            ["initial", "healthy"]
        );
    }

    #[test]
    fn thresholds_count_consecutive_probes() {
        use Outcome::{Failed, Mismatch, Success, Timeout};
        assert_eq!(
            states(&[Success, Failed, Success, Failed, Mismatch(500)]),
            ["healthy", "healthy", "healthy", "healthy", "unhealthy"]
        );
        assert_eq!(
            states(&[
                Timeout, Failed, Success, Success, Failed, Success, Success, Success
            ]),
            [
                "initial",
                "unhealthy",
                "unhealthy",
                "unhealthy",
                "unhealthy",
                "unhealthy",
                "unhealthy",
                "healthy"
            ]
        );
    }

    #[test]
    fn tells_reasons_in_the_words_of_aws() {
        let expect = |outcomes: &[Outcome], reason: &'static str, description: &str| {
            let mut health = Health::default();
            for outcome in outcomes {
                health.observe(outcome.clone(), &check());
            }
            let told = health.describe();
            assert_eq!(
                (told.reason, told.description.as_deref()),
                (Some(reason), Some(description))
            );
        };
        expect(
            &[],
            "Elb.RegistrationInProgress",
            "Target registration is in progress",
        );
        expect(
            &[Outcome::Failed],
            "Elb.InitialHealthChecking",
            "Initial health checks in progress",
        );
        expect(
            &[Outcome::Failed, Outcome::Mismatch(502)],
            "Target.ResponseCodeMismatch",
            "Health checks failed with these codes: [502]",
        );
        expect(
            &[Outcome::Failed, Outcome::Timeout],
            "Target.Timeout",
            "Request timed out",
        );
        expect(
            &[Outcome::Timeout, Outcome::Failed],
            "Target.FailedHealthChecks",
            "Health checks failed",
        );
        assert_eq!(
            {
                let mut health = Health::default();
                health.observe(Outcome::Success, &check());
                health.describe()
            },
            TargetHealth {
                state: TargetState::Healthy,
                reason: None,
                description: None
            }
        );
    }
}
