//! The API: members in, members out, in AWS's names and words.

mod actions;
mod conditions;
mod listeners;
mod load_balancers;
mod paging;
mod rules;
mod tags;
mod target_groups;
mod targets;

use super::Elb;
use crate::protocol::{Answer, AwsError, Input};

pub(super) fn call(elb: &Elb, operation: &str, input: Input<'_>) -> Answer {
    match operation {
        "CreateLoadBalancer" => elb.create_load_balancer(input),
        "DescribeLoadBalancers" => elb.describe_load_balancers(input),
        "DeleteLoadBalancer" => elb.delete_load_balancer(input),
        "DescribeLoadBalancerAttributes" => elb.describe_load_balancer_attributes(input),
        "ModifyLoadBalancerAttributes" => elb.modify_load_balancer_attributes(input),
        "CreateTargetGroup" => elb.create_target_group(input),
        "DescribeTargetGroups" => elb.describe_target_groups(input),
        "ModifyTargetGroup" => elb.modify_target_group(input),
        "DeleteTargetGroup" => elb.delete_target_group(input),
        "DescribeTargetGroupAttributes" => elb.describe_target_group_attributes(input),
        "ModifyTargetGroupAttributes" => elb.modify_target_group_attributes(input),
        "CreateListener" => elb.create_listener(input),
        "DescribeListeners" => elb.describe_listeners(input),
        "ModifyListener" => elb.modify_listener(input),
        "DeleteListener" => elb.delete_listener(input),
        "CreateRule" => elb.create_rule(input),
        "DescribeRules" => elb.describe_rules(input),
        "ModifyRule" => elb.modify_rule(input),
        "DeleteRule" => elb.delete_rule(input),
        "SetRulePriorities" => elb.set_rule_priorities(input),
        "RegisterTargets" => elb.register_targets(input),
        "DeregisterTargets" => elb.deregister_targets(input),
        "DescribeTargetHealth" => elb.describe_target_health(input),
        "AddTags" => elb.add_tags(input),
        "RemoveTags" => elb.remove_tags(input),
        "DescribeTags" => elb.describe_tags(input),
        other => Err(AwsError::unsupported("elasticloadbalancing", other)),
    }
}

/// Refuses a name that AWS would: 32 letters, digits and hyphens, no hyphen at an end.
fn check_name(input: Input<'_>, what: &str, name: &str) -> Result<(), AwsError> {
    if name.len() > 32 {
        return Err(input.refuse(format!(
            "{what} name '{name}' cannot be longer than '32' characters"
        )));
    }
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !plain || name.starts_with('-') || name.ends_with('-') {
        return Err(input.refuse(format!(
            "{what} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-), and cannot begin or end with a hyphen"
        )));
    }
    Ok(())
}

/// A whole number within bounds.
fn bounded<N: TryFrom<i64> + PartialOrd + std::fmt::Display>(
    input: Input<'_>,
    name: &str,
    least: N,
    most: N,
) -> Result<Option<N>, AwsError> {
    let Some(number) = input.integer(name)? else {
        return Ok(None);
    };
    match N::try_from(number) {
        Ok(value) if value >= least && value <= most => Ok(Some(value)),
        _ => Err(input.refuse(format!(
            "{name} '{number}' must be between '{least}' and '{most}'"
        ))),
    }
}

/// A port number.
fn port(input: Input<'_>, name: &str) -> Result<Option<u16>, AwsError> {
    bounded(input, name, 1, u16::MAX)
}

/// Members that would ask for something that is not done here.
fn refuse_members(input: Input<'_>, names: &[&str]) -> Result<(), AwsError> {
    match names.iter().find(|name| input.get(name).is_some()) {
        None => Ok(()),
        Some(name) => Err(AwsError::new(
            "InvalidConfigurationRequest",
            format!("local-aws does not do {name}"),
        )),
    }
}

/// Refuses a member with another value than those that are done here.
fn only(input: Input<'_>, name: &str, values: &[&str]) -> Result<(), AwsError> {
    match input.text(name)? {
        Some(other) if !values.contains(&other) => Err(AwsError::new(
            "InvalidConfigurationRequest",
            format!(
                "local-aws does {name}={} only, not '{other}'",
                values.join(" or ")
            ),
        )),
        _ => Ok(()),
    }
}
