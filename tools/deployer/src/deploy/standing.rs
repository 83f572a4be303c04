//! How a deployment stands, from what DescribeServices says. Nothing here asks or waits.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service};

/// How a deployment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It goes on.
    InProgress,
    /// This very deployment is complete.
    Completed,
    /// ECS has given it up, with its reason, and goes nowhere.
    Failed(String),
    /// ECS goes back to another deployment.
    GoingBack {
        /// The deployment that takes over.
        to: String,
        /// Whether it is complete.
        is_complete: bool,
        /// Why ECS goes back.
        reason: String,
    },
    /// Somebody else's deployment has taken its place.
    Superseded(String),
    /// The service has no deployment at all: it was deleted.
    Gone,
}

/// Judges the deployment `id`. `known` are the deployments that were there before it began.
pub(super) fn judge(service: Option<&Service>, id: &str, known: &[String]) -> Standing {
    let deployments = service.map(Service::deployments).unwrap_or_default();
    let Some(primary) = deployments
        .iter()
        .find(|deployment| deployment.status() == Some("PRIMARY"))
    else {
        return Standing::Gone;
    };
    let reason = |deployment: &Deployment| {
        deployment
            .rollout_state_reason()
            .unwrap_or_default()
            .to_owned()
    };
    if primary.id() == Some(id) {
        return match primary.rollout_state() {
            Some(DeploymentRolloutState::Completed) => Standing::Completed,
            Some(DeploymentRolloutState::Failed) => Standing::Failed(reason(primary)),
            _ => Standing::InProgress,
        };
    }
    let to = primary.id().unwrap_or_default().to_owned();
    let ours = deployments
        .iter()
        .find(|deployment| deployment.id() == Some(id));
    let has_failed =
        ours.is_some_and(|ours| ours.rollout_state() == Some(&DeploymentRolloutState::Failed));
    // A restored deployment keeps its id; one that ECS makes anew for the way back says so.
    let is_way_back = has_failed || known.contains(&to) || reason(primary).contains("rolling back");
    if is_way_back {
        let is_complete = primary.rollout_state() == Some(&DeploymentRolloutState::Completed);
        let reason = ours
            .map(&reason)
            .filter(|text| has_failed && !text.is_empty())
            .unwrap_or_else(|| reason(primary));
        Standing::GoingBack {
            to,
            is_complete,
            reason,
        }
    } else {
        Standing::Superseded(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "ecs-svc/2";

    /// `id status rolloutState reason`.
    fn service(deployments: &[(&str, &str, &str, &str)]) -> Service {
        let deployments = deployments.iter().map(|(id, status, state, reason)| {
            Deployment::builder()
                .id(*id)
                .status(*status)
                .rollout_state(DeploymentRolloutState::from(*state))
                .rollout_state_reason(*reason)
                .build()
        });
        Service::builder()
            .set_deployments(Some(deployments.collect()))
            .build()
    }

    fn standing(deployments: &[(&str, &str, &str, &str)]) -> Standing {
        judge(Some(&service(deployments)), OURS, &["ecs-svc/1".to_owned()])
    }

    fn going_back(to: &str, is_complete: bool, reason: &str) -> Standing {
        Standing::GoingBack {
            to: to.to_owned(),
            is_complete,
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn is_complete_only_if_this_deployment_is() {
        let progress = (OURS, "PRIMARY", "IN_PROGRESS", "");
        assert_eq!(
            standing(&[progress, ("ecs-svc/1", "ACTIVE", "COMPLETED", "")]),
            Standing::InProgress
        );
        assert_eq!(
            standing(&[(OURS, "PRIMARY", "COMPLETED", "")]),
            Standing::Completed
        );
    }

    #[test]
    fn takes_a_service_that_is_stable_on_the_old_version_for_a_way_back() {
        // What a waiter for a stable service takes for success: one deployment, all tasks running.
        assert_eq!(
            standing(&[("ecs-svc/1", "PRIMARY", "COMPLETED", "completed")]),
            going_back("ecs-svc/1", true, "completed")
        );
    }

    #[test]
    fn recognises_the_circuit_breaker_going_back() {
        let failed = (
            OURS,
            "ACTIVE",
            "FAILED",
            "ECS deployment circuit breaker: tasks failed to start.",
        );
        let back = ("ecs-svc/1", "PRIMARY", "IN_PROGRESS", "rolling back");
        assert_eq!(
            standing(&[back, failed]),
            going_back("ecs-svc/1", false, failed.3)
        );
        let anew = (
            "ecs-svc/3",
            "PRIMARY",
            "IN_PROGRESS",
            "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/3.",
        );
        assert_eq!(standing(&[anew]), going_back("ecs-svc/3", false, anew.3));
    }

    #[test]
    fn recognises_failure_without_a_way_back() {
        assert_eq!(
            standing(&[(OURS, "PRIMARY", "FAILED", "why")]),
            Standing::Failed("why".to_owned())
        );
    }

    #[test]
    fn recognises_another_deployer() {
        let other = (
            "ecs-svc/3",
            "PRIMARY",
            "IN_PROGRESS",
            "ECS deployment ecs-svc/3 in progress.",
        );
        assert_eq!(
            standing(&[other, (OURS, "ACTIVE", "IN_PROGRESS", "")]),
            Standing::Superseded("ecs-svc/3".to_owned())
        );
        assert_eq!(
            standing(&[("ecs-svc/3", "PRIMARY", "COMPLETED", "")]),
            Standing::Superseded("ecs-svc/3".to_owned())
        );
    }

    #[test]
    fn notices_a_deleted_service() {
        assert_eq!(judge(None, OURS, &[]), Standing::Gone);
        assert_eq!(standing(&[]), Standing::Gone);
    }
}
