//! What is kept: all networks of the account, in one document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cidr::Cidr;
use super::filter::Facts;
use crate::account::{Account, hex_id};
use crate::state::Document;

pub(super) type Tags = BTreeMap<String, String>;

/// The networks, each kind by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Networks {
    pub(super) vpcs: BTreeMap<String, Vpc>,
    pub(super) subnets: BTreeMap<String, Subnet>,
    pub(super) groups: BTreeMap<String, Group>,
}

impl Document for Networks {
    const KIND: &'static str = "ec2-networks";
    fn key(&self) -> String {
        String::new()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Vpc {
    pub(super) cidr: Cidr,
    pub(super) is_default: bool,
    pub(super) tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subnet {
    pub(super) vpc: String,
    pub(super) cidr: Cidr,
    pub(super) zone: String,
    pub(super) is_default: bool,
    pub(super) tags: Tags,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) vpc: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) ingress: Vec<Rule>,
    pub(super) tags: Tags,
}

/// One source that is let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) opening: Opening,
    pub(super) source: Source,
    pub(super) description: Option<String>,
}

/// What is open: a protocol and, where it has them, its ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Opening {
    /// `tcp`, `udp`, `icmp`, another number, or `-1` for all.
    pub(super) protocol: String,
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Source {
    Ipv4(Cidr),
    Ipv6(String),
    Group(String),
}

impl Networks {
    /// A new VPC with its own security group, as EC2 makes it.
    pub(super) fn add_vpc(&mut self, vpc: Vpc) -> String {
        let id = new_id("vpc");
        let group = Group {
            vpc: id.clone(),
            name: "default".to_owned(),
            description: "default VPC security group".to_owned(),
            ingress: Vec::new(),
            tags: Tags::new(),
        };
        let group_id = new_id("sg");
        let own = Rule {
            id: new_id("sgr"),
            opening: Opening::everything(),
            source: Source::Group(group_id.clone()),
            description: None,
        };
        self.groups.insert(
            group_id,
            Group {
                ingress: vec![own],
                ..group
            },
        );
        self.vpcs.insert(id.clone(), vpc);
        id
    }
}

impl Opening {
    pub(super) fn everything() -> Self {
        Self {
            protocol: "-1".to_owned(),
            from: None,
            to: None,
        }
    }
}

/// `PREFIX-` and seventeen hexadecimal digits.
pub(super) fn new_id(prefix: &str) -> String {
    format!("{prefix}-{}", hex_id(17))
}

impl Vpc {
    pub(super) fn view(&self, id: &str, account: &Account) -> Value {
        json!({
            "vpcId": id,
            "ownerId": account.id,
            "state": "available",
            "cidrBlock": self.cidr.to_string(),
            "cidrBlockAssociationSet": [{
                "associationId": id.replacen("vpc-", "vpc-cidr-assoc-", 1),
                "cidrBlock": self.cidr.to_string(),
                "cidrBlockState": { "state": "associated" },
            }],
            "dhcpOptionsId": "default",
            "instanceTenancy": "default",
            "isDefault": self.is_default,
            "tagSet": tag_set(&self.tags),
        })
    }

    pub(super) fn facts<'a>(&'a self, id: &'a str, account: &Account) -> Facts<'a> {
        Facts::new(
            &self.tags,
            [
                ("vpc-id", id.to_owned()),
                ("cidr", self.cidr.to_string()),
                ("cidr-block-association.cidr-block", self.cidr.to_string()),
                ("is-default", self.is_default.to_string()),
                ("isDefault", self.is_default.to_string()),
                ("state", "available".to_owned()),
                ("owner-id", account.id.clone()),
            ],
        )
    }
}

impl Subnet {
    pub(super) fn view(&self, id: &str, account: &Account) -> Value {
        json!({
            "subnetId": id,
            "subnetArn": account.arn("ec2", &format!("subnet/{id}")),
            "vpcId": self.vpc,
            "ownerId": account.id,
            "state": "available",
            "cidrBlock": self.cidr.to_string(),
            "availableIpAddressCount": self.cidr.usable(),
            "availabilityZone": self.zone,
            "availabilityZoneId": super::zones::id(&self.zone),
            "defaultForAz": self.is_default,
            "mapPublicIpOnLaunch": self.is_default,
            "assignIpv6AddressOnCreation": false,
            "tagSet": tag_set(&self.tags),
        })
    }

    pub(super) fn facts<'a>(&'a self, id: &'a str, account: &Account) -> Facts<'a> {
        let (cidr, is_default) = (self.cidr.to_string(), self.is_default.to_string());
        Facts::new(
            &self.tags,
            [
                ("subnet-id", id.to_owned()),
                ("vpc-id", self.vpc.clone()),
                ("cidr", cidr.clone()),
                ("cidrBlock", cidr.clone()),
                ("cidr-block", cidr),
                ("availability-zone", self.zone.clone()),
                ("availabilityZone", self.zone.clone()),
                ("availability-zone-id", super::zones::id(&self.zone)),
                ("default-for-az", is_default.clone()),
                ("defaultForAz", is_default.clone()),
                ("map-public-ip-on-launch", is_default),
                ("state", "available".to_owned()),
                ("owner-id", account.id.clone()),
            ],
        )
    }
}

/// Tags as answers have them.
pub(super) fn tag_set(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}
