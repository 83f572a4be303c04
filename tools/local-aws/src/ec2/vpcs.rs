//! VPCs.

use serde_json::json;

use super::model::Vpc;
use super::{Ec2, block, filter, new_tags, no_vpc, only, required};
use crate::protocol::{Answer, AwsError, Input};

impl Ec2 {
    pub(super) fn create_vpc(&self, input: &Input<'_>) -> Answer {
        only(input, &["CidrBlock", "TagSpecification"])?;
        let vpc = Vpc {
            cidr: block(input, "InvalidVpc.Range")?,
            is_default: false,
            tags: new_tags(input, "vpc")?,
        };
        self.change(|networks| {
            let id = networks.add_vpc(vpc.clone());
            Ok(json!({ "vpc": vpc.view(&id, &self.account) }))
        })
    }

    pub(super) fn describe_vpcs(&self, input: &Input<'_>) -> Answer {
        let filters = filter::read(input)?;
        let networks = self.networks();
        let mut found = Vec::new();
        for (id, vpc) in filter::named(input, "VpcId", &networks.vpcs, no_vpc)? {
            if filter::pass(&filters, &vpc.facts(id, &self.account))? {
                found.push((id.clone(), vpc.view(id, &self.account)));
            }
        }
        filter::page(input, "vpcSet", found)
    }

    /// Its own security group goes with it; whatever else is in it must go before.
    pub(super) fn delete_vpc(&self, input: &Input<'_>) -> Answer {
        let id = required(input, "VpcId")?;
        self.change(|networks| {
            networks.vpcs.remove(id).ok_or_else(|| no_vpc(id))?;
            let has_subnets = networks.subnets.values().any(|subnet| subnet.vpc == id);
            let has_groups = networks
                .groups
                .values()
                .any(|group| group.vpc == id && group.name != "default");
            if has_subnets || has_groups {
                return Err(AwsError::new(
                    "DependencyViolation",
                    format!("The vpc '{id}' has dependencies and cannot be deleted."),
                ));
            }
            networks.groups.retain(|_, group| group.vpc != id);
            Ok(json!({ "return": true }))
        })
    }
}
