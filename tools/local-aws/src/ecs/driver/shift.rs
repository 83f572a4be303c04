//! Keeping the load balancer's rules as the running deployment wants them.

use super::assess::Assessed;
use super::{give_up, traffic};
use crate::ecs::Ecs;
use crate::ecs::cause::Cause;
use crate::ecs::model::{RolloutStatus, Service};
use crate::ecs::scheduler::plan::Health;
use crate::ecs::world::World;

/// Sets the shares of traffic; a deployment whose rules cannot be set has failed.
pub(crate) fn traffic(ecs: &Ecs, world: &mut World, key: &str, members: &[Assessed]) {
    let Some(service) = world.services.get(key) else {
        return;
    };
    let Some(rollout) = service.running() else {
        return;
    };
    let is_blue_ready = is_whole(service, rollout.blue.as_deref(), members);
    let Some(wanted) = traffic::wanted(rollout, is_blue_ready) else {
        return;
    };
    let is_news = wanted != (rollout.production, rollout.test);
    let is_way_back = rollout.status == RolloutStatus::RollbackInProgress;
    match traffic::set(ecs, service, rollout, wanted) {
        // On the way back, a rule that is gone sends nobody anywhere.
        Err(problem) if !is_way_back => {
            give_up::fail(ecs, world, key, &Cause::Network(problem));
        }
        Ok(()) | Err(_) if is_news => {
            if let Some(rollout) = world.services.get_mut(key).and_then(Service::running_mut) {
                (rollout.production, rollout.test) = wanted;
                rollout.updated_ms = ecs.now();
            }
            world.touch_service(key);
        }
        Ok(()) | Err(_) => {}
    }
}

/// Whether a deployment has all its tasks, each of them healthy.
pub(crate) fn is_whole(service: &Service, deployment: Option<&str>, members: &[Assessed]) -> bool {
    let own = || {
        members
            .iter()
            .filter(|member| Some(member.deployment.as_str()) == deployment)
    };
    let desired = service.desired as usize;
    own().count() == desired && own().all(|member| member.health == Health::Healthy)
}
