//! Which tasks of a service to start and to stop: all together, or each revision of a deployment for itself.

use super::assess::Assessed;
use crate::ecs::model::{Deployment, RolloutState, RolloutStatus, Service};
use crate::ecs::scheduler::plan::{Action, Member, Situation, plan};
use crate::ecs::scheduler::stages::{self, Sides, Strategy};

/// What to do with tasks of a deployment.
pub(crate) struct Order {
    pub(crate) deployment: String,
    pub(crate) action: Action,
}

/// What the rules say about the service as it is.
pub(crate) fn orders(service: &Service, now: i64, members: &[Assessed]) -> Vec<Order> {
    let Some(primary) = service.primary() else {
        return Vec::new();
    };
    let Some(wanted) = wanted(service) else {
        let percents = (
            service.settings.minimum_healthy_percent,
            service.settings.maximum_percent,
        );
        let may_start = may_start(service, primary, now);
        let all = members.iter().collect();
        return side(primary, service.desired, percents, may_start, all);
    };
    let mut orders = Vec::new();
    for Wanted { deployment, count } in wanted {
        let own = members
            .iter()
            .filter(|member| member.deployment == deployment.id);
        if count == 0 {
            orders.extend(own.map(|member| Order {
                deployment: deployment.id.clone(),
                action: Action::Retire(member.task.clone()),
            }));
        } else {
            let may_start = may_start(service, deployment, now);
            // Beside the other revision, one has room for as many again (AWS documentation, blue/green).
            orders.extend(side(
                deployment,
                count,
                (100, 200),
                may_start,
                own.collect(),
            ));
        }
    }
    orders
}

/// The tasks that a deployment is to have.
pub(crate) struct Wanted<'s> {
    pub(crate) deployment: &'s Deployment,
    pub(crate) count: u32,
}

/// How many tasks each deployment is to have, where its stage says so. A deployment that is not named keeps its
/// tasks as they are.
pub(crate) fn wanted(service: &Service) -> Option<Vec<Wanted<'_>>> {
    let rollout = service.governing()?;
    let stage = rollout.current_stop()?.stage;
    let blue = rollout.blue.as_deref();
    let mut sides = stages::sides(rollout.strategy, stage, service.desired)?;
    if rollout.status == RolloutStatus::RollbackInProgress {
        if rollout.strategy == Strategy::Rolling {
            return None;
        }
        // The new revision goes as soon as it has no traffic any more.
        sides = Sides {
            blue: service.desired,
            green: if rollout.production == 0 {
                0
            } else {
                sides.green
            },
            others_go: true,
        };
    }
    let count = |deployment: &Deployment| {
        if deployment.id == rollout.deployment {
            Some(sides.green)
        } else if Some(deployment.id.as_str()) == blue {
            Some(sides.blue)
        } else {
            sides.others_go.then_some(0)
        }
    };
    let wanted = service.deployments.iter().filter_map(|deployment| {
        let count = count(deployment)?;
        Some(Wanted { deployment, count })
    });
    Some(wanted.collect())
}

fn may_start(service: &Service, deployment: &Deployment, now: i64) -> bool {
    deployment.rollout != RolloutState::Failed && now >= service.backoff.until_ms
}

fn side(
    deployment: &Deployment,
    desired: u32,
    (minimum_percent, maximum_percent): (u32, u32),
    may_start: bool,
    members: Vec<&Assessed>,
) -> Vec<Order> {
    let actions = plan(&Situation {
        desired,
        minimum_percent,
        maximum_percent,
        primary: &deployment.id,
        may_start,
        members: members
            .into_iter()
            .map(|member| Member {
                task: &member.task,
                deployment: &member.deployment,
                health: member.health,
                has_worked: member.has_worked,
            })
            .collect(),
    });
    let order = |action| Order {
        deployment: deployment.id.clone(),
        action,
    };
    actions.into_iter().map(order).collect()
}

/// The tasks that a deployment is asked to have, as describe answers show it.
pub(crate) fn requested(service: &Service, deployment: &str) -> u32 {
    let is_primary = || {
        service
            .primary()
            .is_some_and(|primary| primary.id == deployment)
    };
    match wanted(service) {
        Some(wanted) => wanted
            .iter()
            .find(|wanted| wanted.deployment.id == deployment)
            .map_or(0, |wanted| wanted.count),
        None if is_primary() => service.desired,
        None => 0,
    }
}
