//! Why a deployment was given up, in ECS's words where they are known.

use super::scheduler::stages::Stage;

/// What ended a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    Breaker,
    /// The names of those in ALARM.
    Alarms(Vec<String>),
    /// StopServiceDeployment.
    Stopped,
    /// ContinueServiceDeployment with ROLLBACK.
    Hook(Stage),
    HookTimedOut(Stage),
    /// What is wrong with the listener rules.
    Network(String),
}

/// AWS's own words for this are not known.
pub(crate) const SUPERSEDED: &str =
    "Service deployment stopped because a newer service deployment replaced it.";
/// Nor for this.
pub(crate) const DELETED: &str = "Service deployment stopped because the service was deleted.";
pub(crate) const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback.";

impl Cause {
    /// The service deployment's `statusReason` and `rollback.reason`. The words for the breaker, a pause that
    /// nobody ended, and networking are AWS's; the others are made after them.
    pub(crate) fn of_rollback(&self) -> String {
        format!("Service deployment rolled back because {}", self.clause())
    }

    /// The service deployment's `statusReason` where nothing is rolled back; made after the words for that.
    pub(crate) fn of_stop(&self) -> String {
        format!("Service deployment stopped because {}", self.clause())
    }

    fn clause(&self) -> String {
        match self {
            Self::Breaker => "the circuit breaker threshold was exceeded.".to_owned(),
            Self::Alarms(names) => format!("of alarms in ALARM state: {}.", names.join(", ")),
            Self::Stopped => "of a StopServiceDeployment request.".to_owned(),
            Self::Hook(stage) => format!("{} lifecycle hook(s) failed.", stage.as_str()),
            Self::HookTimedOut(stage) => format!("{} pause hook timed out.", stage.as_str()),
            Self::Network(problem) => {
                format!("of invalid networking configuration. {problem}")
            }
        }
    }

    /// The end of the event `(service S) (deployment D) deployment failed: …`.
    pub(crate) fn event(&self) -> String {
        match self {
            Self::Breaker => "tasks failed to start.".to_owned(),
            Self::Alarms(_) => "alarm detected.".to_owned(),
            other => other.of_rollback(),
        }
    }

    /// `rolloutStateReason` of the deployment that failed. Only the breaker's is known to be AWS's.
    pub(crate) fn of_rollout(&self) -> String {
        match self {
            Self::Breaker => "ECS deployment circuit breaker: tasks failed to start.".to_owned(),
            Self::Alarms(_) => "ECS deployment alarm: alarm detected.".to_owned(),
            other => other.of_rollback(),
        }
    }

    /// `rolloutStateReason` of the deployment that gets its place back. Only the breaker's is known to be AWS's.
    pub(crate) fn of_way_back(&self, to: &str) -> String {
        let who = match self {
            Self::Breaker => "circuit breaker",
            Self::Alarms(_) => "alarm",
            Self::Stopped => "stopped",
            Self::Hook(_) | Self::HookTimedOut(_) => "lifecycle hook",
            Self::Network(_) => "networking",
        };
        format!("ECS deployment {who}: rolling back to deploymentId {to}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blames_the_breaker_only_for_what_the_breaker_did() {
        let causes = [
            Cause::Alarms(vec!["api-5xx".to_owned()]),
            Cause::Stopped,
            Cause::Hook(Stage::PostScaleUp),
            Cause::HookTimedOut(Stage::PreScaleUp),
            Cause::Network("One or more rules not found".to_owned()),
        ];
        for cause in causes {
            let texts = [
                cause.of_rollback(),
                cause.of_stop(),
                cause.event(),
                cause.of_rollout(),
                cause.of_way_back("ecs-svc/1"),
            ];
            assert!(
                !texts.iter().any(|text| text.contains("breaker")),
                "{texts:?}"
            );
        }
    }

    #[test]
    fn speaks_as_aws_does() {
        assert_eq!(
            Cause::Breaker.of_rollback(),
            "Service deployment rolled back because the circuit breaker threshold was exceeded."
        );
        assert_eq!(
            Cause::HookTimedOut(Stage::PostTestTrafficShift).of_rollback(),
            "Service deployment rolled back because POST_TEST_TRAFFIC_SHIFT pause hook timed out."
        );
        assert_eq!(
            Cause::Breaker.of_way_back("ecs-svc/7"),
            "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/7."
        );
    }
}
