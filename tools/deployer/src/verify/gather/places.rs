//! What is around a service: target groups, subnets, security groups, alarms, roles.

use std::sync::Arc;

use aws::SdkConfig;
use aws::query::{Element, Query, Service};
use aws_sdk_elasticloadbalancingv2::Client as Balancing;
use aws_sdk_elasticloadbalancingv2::types::TargetGroup;

use super::each;
use crate::service::Balanced;
use crate::verify::definition::Definition;
use crate::verify::found::{Found, asked, found};
use crate::verify::network::Part;
use crate::verify::roles::Role;
use crate::verify::targets::Group;

const EC2: Service = Service {
    name: "ec2",
    id: "EC2",
    version: "2016-11-15",
    is_global: false,
};
const IAM: Service = Service {
    name: "iam",
    id: "IAM",
    version: "2010-05-08",
    is_global: true,
};

pub(super) async fn groups(config: &SdkConfig, balanced: &[Balanced]) -> Vec<Found<Group>> {
    let client = Balancing::new(config);
    let names: Vec<_> = balanced.iter().map(|it| it.target_group.clone()).collect();
    each(names, |name| group(client.clone(), name)).await
}

async fn group(client: Balancing, name: String) -> Found<Group> {
    let question = client.describe_target_groups();
    let question = if name.starts_with("arn:") {
        question.target_group_arns(name)
    } else {
        question.names(name)
    };
    let answer = found(
        "elasticloadbalancing:DescribeTargetGroups",
        &["TargetGroupNotFound", "TargetGroupNotFoundException"],
        question.send().await,
    );
    let group = match answer {
        Found::Known(answer) => answer.target_groups.unwrap_or_default().into_iter().next(),
        Found::Missing => None,
        Found::Hidden(hidden) => return Found::Hidden(hidden),
    };
    match group {
        Some(group) => {
            let delay = delay(&client, group.target_group_arn().unwrap_or_default()).await;
            Found::Known(view(&group, delay))
        }
        None => Found::Missing,
    }
}

async fn delay(client: &Balancing, arn: &str) -> Found<i64> {
    let answer = client
        .describe_target_group_attributes()
        .target_group_arn(arn)
        .send()
        .await;
    match found(
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        &[],
        answer,
    ) {
        Found::Known(answer) => Found::of(
            answer
                .attributes()
                .iter()
                .find(|it| it.key() == Some("deregistration_delay.timeout_seconds"))
                .and_then(|it| it.value()?.parse().ok()),
        ),
        Found::Missing => Found::Missing,
        Found::Hidden(hidden) => Found::Hidden(hidden),
    }
}

fn view(group: &TargetGroup, deregistration_delay: Found<i64>) -> Group {
    let number = |value: Option<i32>, default: i64| value.map_or(default, i64::from);
    Group {
        is_attached: !group.load_balancer_arns().is_empty(),
        kind: group
            .target_type()
            .map_or("instance", |it| it.as_str())
            .to_owned(),
        protocol: group.protocol().map_or("HTTP", |it| it.as_str()).to_owned(),
        vpc: group.vpc_id().map(str::to_owned),
        port: group
            .health_check_port()
            .unwrap_or("traffic-port")
            .to_owned(),
        path: group.health_check_path().map(str::to_owned),
        matcher: group
            .matcher()
            .and_then(|it| it.http_code())
            .map(str::to_owned),
        interval: number(group.health_check_interval_seconds(), 30),
        timeout: number(group.health_check_timeout_seconds(), 5),
        unhealthy: number(group.unhealthy_threshold_count(), 2),
        deregistration_delay,
    }
}

pub(super) async fn subnets(config: &SdkConfig, ids: &[String]) -> Found<Vec<Part>> {
    let read = |item: &Element| {
        let addresses = item
            .text_of("availableIpAddressCount")
            .and_then(|it| it.parse().ok());
        part(item, "subnetId", addresses)
    };
    ec2(
        config,
        ids,
        "DescribeSubnets",
        "ec2:DescribeSubnets",
        "subnet-id",
        "subnetSet",
        read,
    )
    .await
}

pub(super) async fn security_groups(config: &SdkConfig, ids: &[String]) -> Found<Vec<Part>> {
    let read = |item: &Element| part(item, "groupId", None);
    let permission = "ec2:DescribeSecurityGroups";
    ec2(
        config,
        ids,
        "DescribeSecurityGroups",
        permission,
        "group-id",
        "securityGroupInfo",
        read,
    )
    .await
}

fn part(item: &Element, id: &str, addresses: Option<i64>) -> Option<Part> {
    Some(Part {
        id: item.text_of(id)?.to_owned(),
        vpc: item.text_of("vpcId").unwrap_or_default().to_owned(),
        addresses,
    })
}

/// Asked with a filter, so that one that is missing does not hide the others.
async fn ec2(
    config: &SdkConfig,
    ids: &[String],
    action: &str,
    permission: &str,
    filter: &str,
    list: &str,
    read: impl Fn(&Element) -> Option<Part>,
) -> Found<Vec<Part>> {
    if ids.is_empty() {
        return Found::Missing;
    }
    let mut parameters = vec![("Filter.1.Name".to_owned(), filter.to_owned())];
    for (at, id) in ids.iter().enumerate() {
        parameters.push((format!("Filter.1.Value.{}", at + 1), id.clone()));
    }
    let answer = Query::new(config, EC2).ask(action, &parameters).await;
    asked(permission, &[], answer).map(|root| root.items(list).iter().filter_map(read).collect())
}

pub(super) async fn alarms(config: &SdkConfig, names: &[String]) -> Vec<(String, Found<String>)> {
    if names.is_empty() {
        return Vec::new();
    }
    let client = aws_sdk_cloudwatch::Client::new(config);
    let answer = client
        .describe_alarms()
        .set_alarm_names(Some(names.to_vec()))
        .alarm_types(aws_sdk_cloudwatch::types::AlarmType::MetricAlarm)
        .alarm_types(aws_sdk_cloudwatch::types::AlarmType::CompositeAlarm)
        .max_records(100)
        .send()
        .await;
    let states = found("cloudwatch:DescribeAlarms", &[], answer).map(|answer| {
        let metric = answer
            .metric_alarms()
            .iter()
            .map(|it| (it.alarm_name(), it.state_value()));
        let composite = answer
            .composite_alarms()
            .iter()
            .map(|it| (it.alarm_name(), it.state_value()));
        metric
            .chain(composite)
            .filter_map(|(name, state)| Some((name?.to_owned(), state?.as_str().to_owned())))
            .collect::<Vec<_>>()
    });
    let state = |name: &String| match &states {
        Found::Known(states) => Found::of(
            states
                .iter()
                .find(|(found, _)| found == name)
                .map(|it| it.1.clone()),
        ),
        Found::Missing => Found::Missing,
        Found::Hidden(hidden) => Found::Hidden(hidden.clone()),
    };
    names
        .iter()
        .map(|name| (name.clone(), state(name)))
        .collect()
}

pub(super) async fn roles(config: &SdkConfig, definition: Option<&Definition>) -> Vec<Role> {
    let Some(definition) = definition else {
        return Vec::new();
    };
    let wanted = [
        ("task-role", definition.task_role.clone()),
        ("execution-role", definition.execution_role.clone()),
    ];
    let wanted: Vec<_> = wanted
        .into_iter()
        .filter_map(|(id, arn)| Some((id, arn?)))
        .collect();
    let client = Arc::new(Query::new(config, IAM));
    each(wanted, |(id, arn)| role(client.clone(), id, arn)).await
}

async fn role(client: Arc<Query>, id: &'static str, arn: String) -> Role {
    // A role's path is no part of its name.
    let name = arn.rsplit('/').next().unwrap_or(&arn).to_owned();
    let answer = client
        .ask("GetRole", &[("RoleName".to_owned(), name)])
        .await;
    let policy = match asked("iam:GetRole", &["NoSuchEntity"], answer) {
        Found::Known(root) => Found::of(
            root.find("AssumeRolePolicyDocument")
                .map(|it| decoded(&it.text)),
        ),
        Found::Missing => Found::Missing,
        Found::Hidden(hidden) => Found::Hidden(hidden),
    };
    Role { id, arn, policy }
}

/// IAM writes policies percent-encoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let code = match (first, behind) {
            (b'%', [high, low, ..]) => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_policies() {
        assert_eq!(decoded("%7B%22a%22%3A%22%C3%A9%22%7D"), r#"{"a":"é"}"#);
        assert_eq!(decoded("100%"), "100%");
    }
}
