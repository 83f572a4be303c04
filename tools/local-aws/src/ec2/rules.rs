//! What security groups let in.

use std::net::Ipv6Addr;

use serde_json::{Value, json};

use super::cidr::Cidr;
use super::groups::{meant, no_group};
use super::model::{Networks, Opening, Rule, Source, new_id};
use super::{Ec2, only, required};
use crate::protocol::{Answer, AwsError, Input};

impl Ec2 {
    pub(super) fn authorize(&self, input: &Input<'_>) -> Answer {
        let known = [
            "GroupId",
            "GroupName",
            "IpPermissions",
            "IpProtocol",
            "FromPort",
            "ToPort",
            "CidrIp",
        ];
        only(input, &known)?;
        let mut rules = Vec::new();
        for permission in input.structures("IpPermissions")? {
            read(&permission, &mut rules)?;
        }
        // One rule may also be given without a list.
        if let Some(cidr) = input.text("CidrIp")? {
            rules.push(rule(
                &opening(input)?,
                Source::Ipv4(ipv4(input, cidr)?),
                None,
            ));
        }
        if rules.is_empty() {
            return Err(AwsError::new(
                "MissingParameter",
                "Source group or CIDR must be specified.",
            ));
        }
        self.change(|networks| {
            let id = meant(networks, input)?;
            let mut views = Vec::new();
            for rule in rules {
                views.push(self.rule_view(&id, &rule));
                add(networks, &id, rule)?;
            }
            Ok(json!({ "return": true, "securityGroupRuleSet": views }))
        })
    }

    fn rule_view(&self, group: &str, rule: &Rule) -> Value {
        let mut view = json!({
            "securityGroupRuleId": rule.id,
            "groupId": group,
            "groupOwnerId": self.account.id,
            "isEgress": false,
            "ipProtocol": rule.opening.protocol,
            "fromPort": rule.opening.from.unwrap_or(-1),
            "toPort": rule.opening.to.unwrap_or(-1),
            "description": rule.description,
        });
        match &rule.source {
            Source::Ipv4(cidr) => view["cidrIpv4"] = json!(cidr.to_string()),
            Source::Ipv6(cidr) => view["cidrIpv6"] = json!(cidr),
            Source::Group(id) => {
                view["referencedGroupInfo"] = json!({ "groupId": id, "userId": self.account.id });
            }
        }
        view
    }
}

fn add(networks: &mut Networks, id: &str, rule: Rule) -> Result<(), AwsError> {
    if let Source::Group(other) = &rule.source
        && !networks.groups.contains_key(other)
    {
        return Err(no_group(other));
    }
    let group = networks.groups.get_mut(id).ok_or_else(|| no_group(id))?;
    let is_there = group
        .ingress
        .iter()
        .any(|known| known.opening == rule.opening && known.source == rule.source);
    if is_there {
        return Err(AwsError::new(
            "InvalidPermission.Duplicate",
            format!(
                "the specified rule already exists in {id}: {}",
                described(&rule)
            ),
        ));
    }
    group.ingress.push(rule);
    Ok(())
}

fn described(rule: &Rule) -> String {
    let peer = match &rule.source {
        Source::Ipv4(cidr) => cidr.to_string(),
        Source::Ipv6(text) | Source::Group(text) => text.clone(),
    };
    let port = |port: Option<i64>| port.map_or_else(|| "any".to_owned(), |port| port.to_string());
    let Opening { protocol, from, to } = &rule.opening;
    format!(
        "\"peer: {peer}, {protocol}, from port: {}, to port: {}, ALLOW\"",
        port(*from),
        port(*to)
    )
}

/// The rules of one element of `IpPermissions`.
fn read(permission: &Input<'_>, rules: &mut Vec<Rule>) -> Result<(), AwsError> {
    let known = [
        "IpProtocol",
        "FromPort",
        "ToPort",
        "Groups",
        "IpRanges",
        "Ipv6Ranges",
    ];
    only(permission, &known)?;
    let opening = opening(permission)?;
    for range in permission.structures("IpRanges")? {
        let cidr = ipv4(&range, required(&range, "CidrIp")?)?;
        rules.push(rule(
            &opening,
            Source::Ipv4(cidr),
            range.text("Description")?,
        ));
    }
    for range in permission.structures("Ipv6Ranges")? {
        let cidr = ipv6(&range, required(&range, "CidrIpv6")?)?;
        rules.push(rule(
            &opening,
            Source::Ipv6(cidr),
            range.text("Description")?,
        ));
    }
    for group in permission.structures("Groups")? {
        only(&group, &["GroupId", "UserId", "Description"])?;
        let id = required(&group, "GroupId")?.to_owned();
        rules.push(rule(
            &opening,
            Source::Group(id),
            group.text("Description")?,
        ));
    }
    Ok(())
}

fn rule(opening: &Opening, source: Source, description: Option<&str>) -> Rule {
    Rule {
        id: new_id("sgr"),
        opening: opening.clone(),
        source,
        description: description.map(str::to_owned),
    }
}

fn opening(input: &Input<'_>) -> Result<Opening, AwsError> {
    let protocol = match required(input, "IpProtocol")? {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        "all" => "-1",
        other => other,
    };
    let is_named = ["tcp", "udp", "icmp", "icmpv6", "-1"].contains(&protocol);
    if !is_named && protocol.parse::<u8>().is_err() {
        return Err(input.refuse(format!(
            "Invalid value '{protocol}' for IP protocol. Unknown protocol."
        )));
    }
    let (from, to) = (input.integer("FromPort")?, input.integer("ToPort")?);
    let is_port = |port: i64| (0..=65_535).contains(&port);
    match (protocol, from, to) {
        // All protocols means all ports, whatever is said.
        ("-1", _, _) => return Ok(Opening::everything()),
        ("tcp" | "udp", Some(from), Some(to)) if is_port(from) && is_port(to) && from <= to => {}
        ("tcp" | "udp", _, _) => {
            return Err(input.refuse(
                "Invalid value for portRange. Must specify both from and to ports with TCP/UDP, from 0 to 65535.",
            ));
        }
        _ => {}
    }
    Ok(Opening {
        protocol: protocol.to_owned(),
        from,
        to,
    })
}

fn ipv4(input: &Input<'_>, text: &str) -> Result<Cidr, AwsError> {
    Cidr::parse(text).ok_or_else(|| input.refuse(format!("CIDR block {text} is malformed")))
}

fn ipv6(input: &Input<'_>, text: &str) -> Result<String, AwsError> {
    let is_block = text.split_once('/').is_some_and(|(address, prefix)| {
        address.parse::<Ipv6Addr>().is_ok()
            && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= 128)
    });
    if is_block {
        return Ok(text.to_owned());
    }
    Err(input.refuse(format!("CIDR block {text} is malformed")))
}
