//! Availability zones: three in every region.

use serde_json::{Value, json};

use super::Ec2;
use super::filter::{self, Facts};
use super::model::Tags;
use crate::protocol::{Answer, AwsError, Input};

impl Ec2 {
    pub(super) fn describe_zones(&self, input: &Input<'_>) -> Answer {
        let filters = filter::read(input)?;
        let (names, ids) = (input.texts("ZoneName")?, input.texts("ZoneId")?);
        let region = &self.account.region;
        let zones = names_in(region);
        if let Some(unknown) = names
            .iter()
            .find(|name| !zones.iter().any(|zone| zone == *name))
        {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("Invalid availability zone: [{unknown}]"),
            ));
        }
        let no_tags = Tags::new();
        let mut views: Vec<Value> = Vec::new();
        for zone in &zones {
            let id = id(zone);
            let facts = Facts::new(
                &no_tags,
                [
                    ("zone-name", zone.clone()),
                    ("zone-id", id.clone()),
                    ("region-name", region.clone()),
                    ("state", "available".to_owned()),
                    ("zone-type", "availability-zone".to_owned()),
                    ("opt-in-status", "opt-in-not-required".to_owned()),
                ],
            );
            let is_named = (names.is_empty() || names.contains(&zone.as_str()))
                && (ids.is_empty() || ids.contains(&id.as_str()));
            if is_named && filter::pass(&filters, &facts)? {
                views.push(json!({
                    "zoneName": zone,
                    "zoneId": id,
                    "zoneState": "available",
                    "regionName": region,
                    "zoneType": "availability-zone",
                    "optInStatus": "opt-in-not-required",
                    "groupName": region,
                    "networkBorderGroup": region,
                    "messageSet": [],
                }));
            }
        }
        Ok(json!({ "availabilityZoneInfo": views }))
    }
}

/// The names of a region's zones.
pub(super) fn names_in(region: &str) -> Vec<String> {
    ["a", "b", "c"]
        .map(|letter| format!("{region}{letter}"))
        .into()
}

/// `use1-az1` for `us-east-1a`.
pub(super) fn id(zone: &str) -> String {
    let (region, letter) = zone.split_at(zone.len().saturating_sub(1));
    let mut parts = region.split('-');
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        short.push_str(match part {
            "northeast" => "ne",
            "northwest" => "nw",
            "southeast" => "se",
            "southwest" => "sw",
            digits if digits.parse::<u32>().is_ok() => digits,
            other => other.get(..1).unwrap_or_default(),
        });
    }
    let number = letter
        .bytes()
        .next()
        .map_or(0, |letter| letter.saturating_sub(b'a') + 1);
    format!("{short}-az{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_zones() {
        assert_eq!(id("us-east-1a"), "use1-az1");
        assert_eq!(id("ap-southeast-2b"), "apse2-az2");
        assert_eq!(id("us-gov-west-1c"), "usgw1-az3");
    }
}
