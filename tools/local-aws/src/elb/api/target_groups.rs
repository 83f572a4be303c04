//! Target groups and their attributes.

use serde_json::{Value, json};

use super::load_balancers::{VPC, read_attributes, render_attributes};
use super::{bounded, check_name, load_balancers, only, paging::page, port, refuse_members, tags};
use crate::elb::Elb;
use crate::elb::arn;
use crate::elb::attributes::Owner;
use crate::elb::health::Matcher;
use crate::elb::model::{HealthCheck, Registration, TargetGroup, TargetType, Texts};
use crate::elb::tables::Tables;
use crate::protocol::{Answer, AwsError, Input};
use crate::state::{Document as _, delete_in};

impl Elb {
    pub(super) fn create_target_group(&self, input: Input<'_>) -> Answer {
        let wanted = self.read_target_group(input)?;
        let mut tables = self.tables();
        if let Some(existing) = tables
            .target_groups
            .values()
            .find(|group| group.name == wanted.name)
        {
            let same = existing.port == wanted.port
                && existing.vpc_id == wanted.vpc_id
                && existing.target_type == wanted.target_type
                && existing.health_check == wanted.health_check;
            return if same {
                Ok(json!({ "TargetGroups": [render(&tables, existing)] }))
            } else {
                Err(AwsError::new(
                    "DuplicateTargetGroupName",
                    format!(
                        "A target group with the same name '{}' exists, but with different settings",
                        wanted.name
                    ),
                ))
            };
        }
        self.store.put(&wanted)?;
        let answer = json!({ "TargetGroups": [render(&tables, &wanted)] });
        tables.target_groups.insert(wanted.arn.clone(), wanted);
        self.publish(&mut tables);
        Ok(answer)
    }

    fn read_target_group(&self, input: Input<'_>) -> Result<TargetGroup, AwsError> {
        let name = input.required_text("Name")?;
        check_name(input, "Target group", name)?;
        refuse_members(input, &["TargetControlPort"])?;
        only(input, "Protocol", &["HTTP"])?;
        only(input, "ProtocolVersion", &["HTTP1"])?;
        only(input, "IpAddressType", &["ipv4"])?;
        let target_type = match input.text("TargetType")? {
            None | Some("instance") => TargetType::Instance,
            Some("ip") => TargetType::Ip,
            Some(other) => {
                return Err(AwsError::new(
                    "InvalidConfigurationRequest",
                    format!(
                        "local-aws has targets of type 'instance' and 'ip' only, not '{other}'"
                    ),
                ));
            }
        };
        if input.text("Protocol")?.is_none() {
            return Err(input.refuse("A protocol must be specified"));
        }
        let port = port(input, "Port")?.ok_or_else(|| input.refuse("A port must be specified"))?;
        let usual = HealthCheck {
            path: "/".to_owned(),
            port: None,
            interval_seconds: 30,
            timeout_seconds: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: "200".to_owned(),
        };
        Ok(TargetGroup {
            arn: arn::target_group(&self.account, name),
            name: name.to_owned(),
            port,
            vpc_id: input.text("VpcId")?.unwrap_or(VPC).to_owned(),
            target_type,
            health_check: read_health_check(input, usual)?,
            attributes: Texts::new(),
            tags: tags::read(input)?,
        })
    }

    pub(super) fn describe_target_groups(&self, input: Input<'_>) -> Answer {
        let tables = self.tables();
        let (arns, names) = (input.texts("TargetGroupArns")?, input.texts("Names")?);
        let balancer = input.text("LoadBalancerArn")?;
        if let Some(balancer) = balancer {
            load_balancers::find(&tables, balancer)?;
        }
        let all = || tables.target_groups.values();
        let missing = arns
            .iter()
            .any(|arn| !tables.target_groups.contains_key(*arn))
            || names.iter().any(|name| all().all(|it| it.name != **name));
        if missing {
            return Err(not_found());
        }
        let wanted = all().filter(|group| {
            (arns.is_empty() || arns.contains(&group.arn.as_str()))
                && (names.is_empty() || names.contains(&group.name.as_str()))
                && balancer.is_none_or(|arn| tables.balancers_of(&group.arn).contains(arn))
        });
        let rendered = wanted.map(|group| render(&tables, group)).collect();
        page(input, "TargetGroups", rendered)
    }

    pub(super) fn modify_target_group(&self, input: Input<'_>) -> Answer {
        let arn = input.required_text("TargetGroupArn")?;
        let mut tables = self.tables();
        let mut group = find(&tables, arn)?.clone();
        group.health_check = read_health_check(input, group.health_check)?;
        self.store.put(&group)?;
        let answer = json!({ "TargetGroups": [render(&tables, &group)] });
        tables.target_groups.insert(arn.to_owned(), group);
        Ok(answer)
    }

    /// Deleting what is not there succeeds, as on AWS.
    pub(super) fn delete_target_group(&self, input: Input<'_>) -> Answer {
        let arn = input.required_text("TargetGroupArn")?;
        let mut tables = self.tables();
        if tables.is_used(arn) {
            return Err(AwsError::new(
                "ResourceInUse",
                format!("Target group '{arn}' is currently in use by a listener or a rule"),
            ));
        }
        let members = tables.members.get(arn).into_iter().flatten();
        let registrations: Vec<String> = members
            .map(|(_, member)| member.registration.key())
            .collect();
        self.store.transaction(|transaction| {
            delete_in::<TargetGroup>(transaction, arn)?;
            registrations
                .iter()
                .try_for_each(|key| delete_in::<Registration>(transaction, key))
        })?;
        tables.members.remove(arn);
        tables.target_groups.remove(arn);
        self.publish(&mut tables);
        self.note_change();
        Ok(json!({}))
    }

    pub(super) fn describe_target_group_attributes(&self, input: Input<'_>) -> Answer {
        let tables = self.tables();
        let group = find(&tables, input.required_text("TargetGroupArn")?)?;
        Ok(render_attributes(Owner::TargetGroup, &group.attributes))
    }

    pub(super) fn modify_target_group_attributes(&self, input: Input<'_>) -> Answer {
        let arn = input.required_text("TargetGroupArn")?;
        let mut tables = self.tables();
        let mut group = find(&tables, arn)?.clone();
        group
            .attributes
            .extend(read_attributes(Owner::TargetGroup, input)?);
        self.store.put(&group)?;
        let answer = render_attributes(Owner::TargetGroup, &group.attributes);
        tables.target_groups.insert(arn.to_owned(), group);
        self.publish(&mut tables);
        Ok(answer)
    }
}

/// The target group of this ARN.
pub(super) fn find<'a>(tables: &'a Tables, arn: &str) -> Result<&'a TargetGroup, AwsError> {
    tables.target_groups.get(arn).ok_or_else(not_found)
}

fn not_found() -> AwsError {
    AwsError::new("TargetGroupNotFound", "One or more target groups not found")
}

/// The health check that a request asks for; what it does not mention stays as it `was`.
fn read_health_check(input: Input<'_>, was: HealthCheck) -> Result<HealthCheck, AwsError> {
    only(input, "HealthCheckProtocol", &["HTTP"])?;
    if input.flag("HealthCheckEnabled")? == Some(false) {
        return Err(input.refuse(
            "Health check enabled must be true for target groups with target type 'instance' and 'ip'",
        ));
    }
    let port = match input.text("HealthCheckPort")? {
        None => was.port,
        Some("traffic-port") => None,
        Some(_) => port(input, "HealthCheckPort")?,
    };
    let path = match input.text("HealthCheckPath")? {
        None => was.path,
        Some(path) => checked_path(input, path)?,
    };
    let matcher = match input.structure("Matcher")? {
        None => was.matcher,
        Some(matcher) => {
            refuse_members(matcher, &["GrpcCode"])?;
            let codes = matcher.required_text("HttpCode")?;
            if Matcher::parse(codes).is_none() {
                return Err(input.refuse(format!(
                    "Health check matcher HTTP code '{codes}' must be within '200-499' inclusive"
                )));
            }
            codes.to_owned()
        }
    };
    let number = |name, was, least, most| -> Result<u32, AwsError> {
        Ok(bounded(input, name, least, most)?.unwrap_or(was))
    };
    let check = HealthCheck {
        path,
        port,
        interval_seconds: number("HealthCheckIntervalSeconds", was.interval_seconds, 5, 300)?,
        timeout_seconds: number("HealthCheckTimeoutSeconds", was.timeout_seconds, 2, 120)?,
        healthy_threshold: number("HealthyThresholdCount", was.healthy_threshold, 2, 10)?,
        unhealthy_threshold: number("UnhealthyThresholdCount", was.unhealthy_threshold, 2, 10)?,
        matcher,
    };
    if check.timeout_seconds >= check.interval_seconds {
        return Err(input.refuse(format!(
            "Health check timeout '{}' must be smaller than the interval '{}'",
            check.timeout_seconds, check.interval_seconds
        )));
    }
    Ok(check)
}

fn checked_path(input: Input<'_>, path: &str) -> Result<String, AwsError> {
    let sendable = path.starts_with('/')
        && path.len() <= 1024
        && path.parse::<http::uri::PathAndQuery>().is_ok();
    if sendable {
        Ok(path.to_owned())
    } else {
        Err(input.refuse(format!(
            "Health check path '{path}' must begin with a '/' and be a valid path of at most 1024 characters"
        )))
    }
}

fn render(tables: &Tables, group: &TargetGroup) -> Value {
    let check = &group.health_check;
    json!({
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": "HTTP",
        "Port": group.port,
        "VpcId": group.vpc_id,
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": health_check_port(group),
        "HealthCheckEnabled": true,
        "HealthCheckIntervalSeconds": check.interval_seconds,
        "HealthCheckTimeoutSeconds": check.timeout_seconds,
        "HealthyThresholdCount": check.healthy_threshold,
        "UnhealthyThresholdCount": check.unhealthy_threshold,
        "HealthCheckPath": check.path,
        "Matcher": { "HttpCode": check.matcher },
        "LoadBalancerArns": tables.balancers_of(&group.arn),
        "TargetType": group.target_type.as_str(),
        "ProtocolVersion": "HTTP1",
        "IpAddressType": "ipv4",
    })
}

fn health_check_port(group: &TargetGroup) -> String {
    group
        .health_check
        .port
        .map_or_else(|| "traffic-port".to_owned(), |port| port.to_string())
}
