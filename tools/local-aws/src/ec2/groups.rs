//! Security groups.

use serde_json::{Value, json};

use super::filter::{self, Facts};
use super::model::{Group, Networks, Opening, Rule, Source, new_id, tag_set};
use super::{Ec2, new_tags, no_vpc, only, required};
use crate::protocol::{Answer, AwsError, Input};

/// The name of the group that comes with a VPC.
const OWN: &str = "default";

impl Ec2 {
    pub(super) fn create_group(&self, input: &Input<'_>) -> Answer {
        only(
            input,
            &["GroupName", "GroupDescription", "VpcId", "TagSpecification"],
        )?;
        let name = required(input, "GroupName")?;
        if name == OWN || name.starts_with("sg-") || name.len() > 255 {
            return Err(input.refuse(format!(
                "Cannot use the security group name {name}: it is reserved, or longer than 255 characters"
            )));
        }
        let description = required(input, "GroupDescription")?.to_owned();
        let tags = new_tags(input, "security-group")?;
        let vpc = input.text("VpcId")?;
        self.change(|networks| {
            let vpc = match vpc {
                Some(id) if networks.vpcs.contains_key(id) => id.to_owned(),
                Some(id) => return Err(no_vpc(id)),
                None => default_vpc(networks)?,
            };
            if find_by_name(networks, &vpc, name).is_some() {
                return Err(AwsError::new(
                    "InvalidGroup.Duplicate",
                    format!("The security group '{name}' already exists for VPC '{vpc}'"),
                ));
            }
            let id = new_id("sg");
            let answer = json!({
                "return": true, "groupId": id, "tagSet": tag_set(&tags), "securityGroupArn": self.group_arn(&id),
            });
            let group = Group {
                vpc,
                name: name.to_owned(),
                description,
                ingress: Vec::new(),
                tags,
            };
            networks.groups.insert(id, group);
            Ok(answer)
        })
    }

    pub(super) fn describe_groups(&self, input: &Input<'_>) -> Answer {
        let filters = filter::read(input)?;
        let names = input.texts("GroupName")?;
        let networks = self.networks();
        let mut found = Vec::new();
        for (id, group) in filter::named(input, "GroupId", &networks.groups, no_group)? {
            let facts = Facts::new(
                &group.tags,
                [
                    ("group-id", id.clone()),
                    ("group-name", group.name.clone()),
                    ("description", group.description.clone()),
                    ("vpc-id", group.vpc.clone()),
                    ("owner-id", self.account.id.clone()),
                ],
            );
            let is_named = names.is_empty() || names.contains(&group.name.as_str());
            if is_named && filter::pass(&filters, &facts)? {
                found.push((id.clone(), self.group_view(id, group)));
            }
        }
        filter::page(input, "securityGroupInfo", found)
    }

    pub(super) fn delete_group(&self, input: &Input<'_>) -> Answer {
        self.change(|networks| {
            let id = meant(networks, input)?;
            let is_own = networks
                .groups
                .get(&id)
                .is_some_and(|group| group.name == OWN);
            if is_own {
                return Err(AwsError::new(
                    "CannotDelete",
                    format!(
                        "the specified group: \"{id}\" name: \"{OWN}\" cannot be deleted by a user"
                    ),
                ));
            }
            let is_used = networks.groups.iter().any(|(other, group)| {
                *other != id
                    && group
                        .ingress
                        .iter()
                        .any(|rule| rule.source == Source::Group(id.clone()))
            });
            if is_used {
                return Err(AwsError::new(
                    "DependencyViolation",
                    format!("resource {id} has a dependent object"),
                ));
            }
            networks.groups.remove(&id);
            Ok(json!({ "return": true, "groupId": id }))
        })
    }

    fn group_arn(&self, id: &str) -> String {
        self.account.arn("ec2", &format!("security-group/{id}"))
    }

    fn group_view(&self, id: &str, group: &Group) -> Value {
        let mut egress = permission(&Opening::everything());
        egress["ipRanges"] = json!([{ "cidrIp": "0.0.0.0/0" }]);
        json!({
            "groupId": id,
            "groupName": group.name,
            "groupDescription": group.description,
            "ownerId": self.account.id,
            "vpcId": group.vpc,
            "securityGroupArn": self.group_arn(id),
            "ipPermissions": self.permissions(&group.ingress),
            "ipPermissionsEgress": [egress],
            "tagSet": tag_set(&group.tags),
        })
    }

    /// Rules as EC2 shows them: the sources of one opening together.
    fn permissions(&self, rules: &[Rule]) -> Vec<Value> {
        let mut openings: Vec<&Opening> = Vec::new();
        for rule in rules {
            if !openings.contains(&&rule.opening) {
                openings.push(&rule.opening);
            }
        }
        openings
            .into_iter()
            .map(|opening| {
                let mut view = permission(opening);
                for rule in rules.iter().filter(|rule| rule.opening == *opening) {
                    let (list, mut source) = match &rule.source {
                        Source::Ipv4(cidr) => ("ipRanges", json!({ "cidrIp": cidr.to_string() })),
                        Source::Ipv6(cidr) => ("ipv6Ranges", json!({ "cidrIpv6": cidr })),
                        Source::Group(id) => (
                            "groups",
                            json!({ "groupId": id, "userId": self.account.id }),
                        ),
                    };
                    source["description"] = json!(rule.description);
                    if let Some(sources) = view[list].as_array_mut() {
                        sources.push(source);
                    }
                }
                view
            })
            .collect()
    }
}

/// An opening without sources.
fn permission(opening: &Opening) -> Value {
    json!({
        "ipProtocol": opening.protocol,
        "fromPort": opening.from,
        "toPort": opening.to,
        "groups": [],
        "ipRanges": [],
        "ipv6Ranges": [],
        "prefixListIds": [],
    })
}

/// The id of the group that a request means, by its id or, in the default VPC, by its name.
pub(super) fn meant(networks: &Networks, input: &Input<'_>) -> Result<String, AwsError> {
    if let Some(id) = input.text("GroupId")? {
        return match networks.groups.contains_key(id) {
            true => Ok(id.to_owned()),
            false => Err(no_group(id)),
        };
    }
    let name = input.text("GroupName")?.ok_or_else(|| {
        AwsError::new(
            "MissingParameter",
            "The request must contain the parameter groupName or groupId",
        )
    })?;
    find_by_name(networks, &default_vpc(networks)?, name).ok_or_else(|| no_group(name))
}

fn find_by_name(networks: &Networks, vpc: &str, name: &str) -> Option<String> {
    let found = networks
        .groups
        .iter()
        .find(|(_, group)| group.vpc == vpc && group.name == name);
    found.map(|(id, _)| id.clone())
}

fn default_vpc(networks: &Networks) -> Result<String, AwsError> {
    let found = networks.vpcs.iter().find(|(_, vpc)| vpc.is_default);
    found
        .map(|(id, _)| id.clone())
        .ok_or_else(|| AwsError::new("VPCIdNotSpecified", "No default VPC for this user"))
}

pub(super) fn no_group(id: &str) -> AwsError {
    AwsError::new(
        "InvalidGroup.NotFound",
        format!("The security group '{id}' does not exist"),
    )
}
