//! EC2's networks, as records that others are told to use: VPCs, subnets, security groups. No packet is filtered.
//!
//! As in a new account, there are a default VPC, two subnets of it and its security group.

mod cidr;
mod filter;
mod groups;
mod model;
mod rules;
mod subnets;
mod vpcs;
mod zones;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::account::Account;
use crate::protocol::{Answer, AwsError, Input};
use crate::state::Store;
use cidr::Cidr;
use model::{Networks, Subnet, Tags, Vpc, new_id};

/// The code for a parameter that is missing or wrong.
const INVALID: &str = "InvalidParameterValue";

/// The service.
pub struct Ec2 {
    store: Arc<Store>,
    account: Account,
    networks: Mutex<Networks>,
}

impl Ec2 {
    /// Loads the networks; the first time they are those of a new account.
    pub fn open(store: Arc<Store>, account: Account) -> anyhow::Result<Self> {
        let networks = match store.get("")? {
            Some(networks) => networks,
            None => {
                let networks = fresh(&account);
                store.put(&networks)?;
                networks
            }
        };
        Ok(Self {
            store,
            account,
            networks: Mutex::new(networks),
        })
    }

    /// Runs one operation.
    pub fn call(&self, operation: &str, input: &Value) -> Answer {
        let input = Input::new(input, INVALID);
        if input.flag("DryRun")? == Some(true) {
            return Err(AwsError::new(
                "UnsupportedOperation",
                "local-aws does not know whether a request would succeed; leave DryRun out",
            ));
        }
        match operation {
            "CreateVpc" => self.create_vpc(&input),
            "DescribeVpcs" => self.describe_vpcs(&input),
            "DeleteVpc" => self.delete_vpc(&input),
            "CreateSubnet" => self.create_subnet(&input),
            "DescribeSubnets" => self.describe_subnets(&input),
            "DeleteSubnet" => self.delete_subnet(&input),
            "CreateSecurityGroup" => self.create_group(&input),
            "DescribeSecurityGroups" => self.describe_groups(&input),
            "AuthorizeSecurityGroupIngress" => self.authorize(&input),
            "DeleteSecurityGroup" => self.delete_group(&input),
            "DescribeAvailabilityZones" => self.describe_zones(&input),
            _ => Err(AwsError::unsupported("ec2", operation)),
        }
    }

    fn networks(&self) -> MutexGuard<'_, Networks> {
        // Memory is only changed after the store, in one step.
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the networks, or refuses and leaves them as they are.
    fn change(&self, change: impl FnOnce(&mut Networks) -> Answer) -> Answer {
        let mut networks = self.networks();
        let mut changed = networks.clone();
        let answer = change(&mut changed)?;
        self.store.put(&changed)?;
        *networks = changed;
        Ok(answer)
    }
}

/// The networks of a new account.
fn fresh(account: &Account) -> Networks {
    let mut networks = Networks::default();
    let block = |text| Cidr::parse(text).expect("the default blocks are blocks");
    let vpc = networks.add_vpc(Vpc {
        cidr: block("172.31.0.0/16"),
        is_default: true,
        tags: Tags::new(),
    });
    let blocks = ["172.31.0.0/20", "172.31.16.0/20"];
    for (zone, text) in zones::names_in(&account.region).into_iter().zip(blocks) {
        let subnet = Subnet {
            vpc: vpc.clone(),
            cidr: block(text),
            zone,
            is_default: true,
            tags: Tags::new(),
        };
        networks.subnets.insert(new_id("subnet"), subnet);
    }
    networks
}

/// Refuses parameters that would be passed over: what is asked for is done, or said not to be.
fn only(input: &Input<'_>, known: &[&str]) -> Result<(), AwsError> {
    match input
        .members()
        .keys()
        .find(|name| !known.contains(&name.as_str()) && *name != "DryRun")
    {
        None => Ok(()),
        Some(name) => Err(AwsError::new(
            "UnsupportedOperation",
            format!("local-aws does not implement the parameter {name} here"),
        )),
    }
}

/// A parameter that must be there.
fn required<'a>(input: &Input<'a>, name: &str) -> Result<&'a str, AwsError> {
    input
        .text(name)?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| {
            AwsError::new(
                "MissingParameter",
                format!("The request must contain the parameter {name}"),
            )
        })
}

/// The block of a VPC or a subnet.
fn block(input: &Input<'_>, range: &str) -> Result<Cidr, AwsError> {
    let text = required(input, "CidrBlock")?;
    let cidr = Cidr::parse(text).ok_or_else(|| {
        input.refuse(format!(
            "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        ))
    })?;
    if cidr.is_of_network_size() {
        return Ok(cidr);
    }
    Err(AwsError::new(
        range,
        format!("The CIDR '{text}' is invalid."),
    ))
}

/// The tags that a request gives to the resource that it makes.
fn new_tags(input: &Input<'_>, kind: &str) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for specification in input.structures("TagSpecification")? {
        let of = required(&specification, "ResourceType")?;
        if of != kind {
            return Err(input.refuse(format!(
                "'{of}' is not a valid taggable resource type for this operation."
            )));
        }
        for tag in specification.structures("Tag")? {
            let value = tag.text("Value")?.unwrap_or_default();
            tags.insert(required(&tag, "Key")?.to_owned(), value.to_owned());
        }
    }
    Ok(tags)
}

fn no_vpc(id: &str) -> AwsError {
    AwsError::new(
        "InvalidVpcID.NotFound",
        format!("The vpc ID '{id}' does not exist"),
    )
}
