//! Subnets.

use serde_json::json;

use super::model::{Subnet, new_id};
use super::{Ec2, block, filter, new_tags, no_vpc, only, required, zones};
use crate::protocol::{Answer, AwsError, Input};

impl Ec2 {
    pub(super) fn create_subnet(&self, input: &Input<'_>) -> Answer {
        let known = [
            "VpcId",
            "CidrBlock",
            "AvailabilityZone",
            "AvailabilityZoneId",
            "TagSpecification",
        ];
        only(input, &known)?;
        let subnet = Subnet {
            vpc: required(input, "VpcId")?.to_owned(),
            cidr: block(input, "InvalidSubnet.Range")?,
            zone: self.zone(input)?,
            is_default: false,
            tags: new_tags(input, "subnet")?,
        };
        self.change(|networks| {
            let vpc = networks
                .vpcs
                .get(&subnet.vpc)
                .ok_or_else(|| no_vpc(&subnet.vpc))?;
            if !vpc.cidr.contains(subnet.cidr) {
                return Err(AwsError::new(
                    "InvalidSubnet.Range",
                    format!("The CIDR '{}' is invalid.", subnet.cidr),
                ));
            }
            let is_taken = networks
                .subnets
                .values()
                .any(|other| other.vpc == subnet.vpc && other.cidr.overlaps(subnet.cidr));
            if is_taken {
                return Err(AwsError::new(
                    "InvalidSubnet.Conflict",
                    format!("The CIDR '{}' conflicts with another subnet", subnet.cidr),
                ));
            }
            let id = new_id("subnet");
            let view = subnet.view(&id, &self.account);
            networks.subnets.insert(id, subnet);
            Ok(json!({ "subnet": view }))
        })
    }

    /// The zone that the request names, by name or id; the first if it names none.
    fn zone(&self, input: &Input<'_>) -> Result<String, AwsError> {
        let zones = zones::names_in(&self.account.region);
        let by_name = input.text("AvailabilityZone")?;
        let by_id = input.text("AvailabilityZoneId")?;
        zones
            .iter()
            .find(|zone| {
                by_name.is_none_or(|name| name == zone.as_str())
                    && by_id.is_none_or(|id| id == zones::id(zone))
            })
            .cloned()
            .ok_or_else(|| {
                input.refuse(format!(
                    "Value ({}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
                    by_name.or(by_id).unwrap_or_default(),
                    zones.join(", ")
                ))
            })
    }

    pub(super) fn describe_subnets(&self, input: &Input<'_>) -> Answer {
        let filters = filter::read(input)?;
        let networks = self.networks();
        let mut found = Vec::new();
        for (id, subnet) in filter::named(input, "SubnetId", &networks.subnets, no_subnet)? {
            if filter::pass(&filters, &subnet.facts(id, &self.account))? {
                found.push((id.clone(), subnet.view(id, &self.account)));
            }
        }
        filter::page(input, "subnetSet", found)
    }

    pub(super) fn delete_subnet(&self, input: &Input<'_>) -> Answer {
        let id = required(input, "SubnetId")?;
        self.change(|networks| {
            networks.subnets.remove(id).ok_or_else(|| no_subnet(id))?;
            Ok(json!({ "return": true }))
        })
    }
}

fn no_subnet(id: &str) -> AwsError {
    AwsError::new(
        "InvalidSubnetID.NotFound",
        format!("The subnet ID '{id}' does not exist"),
    )
}
