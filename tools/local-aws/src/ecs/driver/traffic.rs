//! The shares of traffic of the two revisions of a deployment, in the load balancer's rules.

use crate::ecs::Ecs;
use crate::ecs::model::{Advanced, Revision, Rollout, RolloutStatus, Service, ServiceBalancer};
use crate::ecs::scheduler::stages::{ALL, Stage, Strategy};

/// The target groups of a new revision of the service's settings, one for each load balancer: where traffic is
/// shifted, the one in which the revision that it replaces is not.
pub(crate) fn groups(ecs: &Ecs, service: &Service, blue: Option<&str>) -> Vec<String> {
    let settings = &service.settings;
    let blue = blue.and_then(|blue| service.revision_of(blue));
    let balancers = settings.load_balancers.iter().enumerate();
    balancers
        .map(|(place, balancer)| {
            let Some(advanced) = &balancer.advanced else {
                return balancer.target_group_arn.clone();
            };
            let pair = [&balancer.target_group_arn, &advanced.alternate];
            let of_blue = blue.and_then(|revision| revision.group(place));
            let taken = of_blue.filter(|group| pair.iter().any(|one| one == group));
            match (taken, settings.strategy) {
                (Some(taken), Strategy::Rolling) => taken.to_owned(),
                (Some(taken), _) => other(balancer, advanced, taken).to_owned(),
                (None, _) => live(ecs, balancer, advanced),
            }
        })
        .collect()
}

/// The target group that has the production traffic now.
fn live(ecs: &Ecs, balancer: &ServiceBalancer, advanced: &Advanced) -> String {
    // A rule that cannot be read ends the deployment a moment later, with the reason.
    let weights = ecs
        .parts
        .elb
        .forward_weights(&advanced.production_rule)
        .unwrap_or_default();
    let is_alternate = weights
        .iter()
        .max_by_key(|(_, weight)| *weight)
        .is_some_and(|(arn, weight)| *weight > 0 && *arn == advanced.alternate);
    if is_alternate {
        advanced.alternate.clone()
    } else {
        balancer.target_group_arn.clone()
    }
}

fn other<'a>(balancer: &'a ServiceBalancer, advanced: &'a Advanced, group: &str) -> &'a str {
    if group == advanced.alternate {
        &balancer.target_group_arn
    } else {
        &advanced.alternate
    }
}

/// The share of production traffic, and whether the test traffic goes along, that the new revision is to have now.
/// None where things stay as they are.
pub(crate) fn wanted(rollout: &Rollout, is_blue_ready: bool) -> Option<(u16, bool)> {
    let is_shifting = rollout.strategy != Strategy::Rolling && !rollout.is_over();
    let stop = rollout.current_stop().filter(|_| is_shifting)?;
    match rollout.status {
        RolloutStatus::InProgress if rollout.blue.is_none() && stop.production == 0 => {
            (stop.test != rollout.test).then_some((0, stop.test))
        }
        RolloutStatus::InProgress => Some((stop.production, stop.test)),
        RolloutStatus::RollbackInProgress => {
            (rollout.blue_is_whole || is_blue_ready).then_some((0, false))
        }
        _ => None,
    }
}

/// Sets the rules; in ECS's words why that is not possible.
pub(crate) fn set(
    ecs: &Ecs,
    service: &Service,
    rollout: &Rollout,
    (production, test): (u16, bool),
) -> Result<(), String> {
    let Some(green) = service.revision(&rollout.revision) else {
        return Ok(());
    };
    for (place, balancer, advanced) in shifted(green) {
        let is_green = |arn: &str| green.group(place) == Some(arn);
        let weights = |share: u16| {
            let (of_green, of_blue) = split(share);
            [&balancer.target_group_arn, &advanced.alternate].map(|arn| {
                let weight = if is_green(arn) { of_green } else { of_blue };
                (arn.clone(), weight)
            })
        };
        let has_share = production > 0 || rollout.blue.is_some();
        let mut rules = Vec::new();
        if has_share {
            rules.push((&advanced.production_rule, production));
        }
        // Before it is shifted for the first time, the test traffic is nobody's business.
        if let Some(rule) = advanced.test_rule.as_ref().filter(|_| test || rollout.test) {
            rules.push((rule, if test { ALL } else { 0 }));
        }
        for (rule, share) in rules {
            ecs.parts
                .elb
                .set_forward_weights(rule, &weights(share))
                .map_err(|error| error.message)?;
        }
    }
    Ok(())
}

/// The weights of the new and of the old target group: percents where that is exact, else tenths of them.
fn split(share: u16) -> (u32, u32) {
    let unit = if share.is_multiple_of(10) { 10 } else { 1 };
    (u32::from(share / unit), u32::from((ALL - share) / unit))
}

/// What keeps ECS from shifting traffic, before anything is started (AWS documentation, troubleshooting blue/green).
pub(crate) fn problem(ecs: &Ecs, service: &Service, rollout: &Rollout) -> Option<String> {
    let is_early = rollout
        .current_stop()
        .is_some_and(|stop| stop.stage == Stage::PreScaleUp);
    if rollout.strategy == Strategy::Rolling || !is_early {
        return None;
    }
    let green = service.revision(&rollout.revision)?;
    shifted(green).find_map(|(_, balancer, advanced)| fault(ecs, balancer, advanced).err())
}

fn fault(ecs: &Ecs, balancer: &ServiceBalancer, advanced: &Advanced) -> Result<(), String> {
    let read = |rule: &str| {
        ecs.parts
            .elb
            .forward_weights(rule)
            .map_err(|error| error.message)
    };
    let production = read(&advanced.production_rule)?;
    let test = match &advanced.test_rule {
        Some(rule) => read(rule)?,
        None => Vec::new(),
    };
    let (main, alternate) = (&balancer.target_group_arn, &advanced.alternate);
    let is_known = |arn: &String| arn == main || arn == alternate;
    let serving: Vec<&String> = production
        .iter()
        .filter(|(_, weight)| *weight > 0)
        .map(|(arn, _)| arn)
        .collect();
    if let Some(stranger) = serving.iter().find(|arn| !is_known(arn)) {
        return Err(format!(
            "Production listener rule is forwarding traffic to unexpected target group {stranger}. Expected traffic to be \
             forwarded to either targetGroupArn: {main} or alternateTargetGroupArn: {alternate}"
        ));
    }
    if serving.len() != 1 {
        return Err(format!(
            "productionListenerRule {} should have exactly one target group serving traffic but found {} target groups \
             which are serving traffic",
            advanced.production_rule,
            serving.len()
        ));
    }
    let is_named = |arn: &&String| {
        let mut named = production.iter().chain(&test);
        named.any(|(name, _)| name == *arn)
    };
    if [main, alternate].iter().all(is_named) {
        return Ok(());
    }
    Err("Both targetGroup and alternateTargetGroup must be associated with the productionListenerRule or testListenerRule.".to_owned())
}

/// The load balancers of a revision between whose target groups traffic is shifted, with their places.
fn shifted(revision: &Revision) -> impl Iterator<Item = (usize, &ServiceBalancer, &Advanced)> {
    let balancers = revision.settings.load_balancers.iter().enumerate();
    balancers.filter_map(|(place, balancer)| Some((place, balancer, balancer.advanced.as_ref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighs_in_whole_percents_where_it_can() {
        let cases = [
            (0, (0, 100)),
            (ALL, (100, 0)),
            (50, (5, 95)),
            (1, (1, 999)),
            (333, (333, 667)),
        ];
        for (share, expected) in cases {
            assert_eq!(split(share), expected, "{share}");
        }
    }
}
