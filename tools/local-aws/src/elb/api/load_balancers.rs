//! Load balancers and their attributes.

use serde_json::{Value, json};

use super::{check_name, only, paging::page, refuse_members, tags};
use crate::elb::Elb;
use crate::elb::arn;
use crate::elb::attributes::{self, Owner};
use crate::elb::model::{Listener, LoadBalancer, Rule, Texts};
use crate::elb::tables::Tables;
use crate::protocol::{Answer, AwsError, Input, timestamp};
use crate::state::delete_in;

/// Where a load balancer is reached. AWS has a name of its own here; this one needs no resolver.
const ADDRESS: &str = "127.0.0.1";
/// The network of everything here.
pub(super) const VPC: &str = "vpc-10ca1a350000000000";

impl Elb {
    pub(super) fn create_load_balancer(&self, input: Input<'_>) -> Answer {
        let wanted = self.read_load_balancer(input)?;
        let mut tables = self.tables();
        if let Some(existing) = tables
            .load_balancers
            .values()
            .find(|balancer| balancer.name == wanted.name)
        {
            let same = existing.scheme == wanted.scheme
                && existing.subnets == wanted.subnets
                && existing.security_groups == wanted.security_groups;
            return if same {
                Ok(json!({ "LoadBalancers": [self.render_load_balancer(existing)] }))
            } else {
                Err(AwsError::new(
                    "DuplicateLoadBalancerName",
                    format!(
                        "A load balancer with the same name '{}' exists, but with different settings",
                        wanted.name
                    ),
                ))
            };
        }
        self.store.put(&wanted)?;
        let answer = json!({ "LoadBalancers": [self.render_load_balancer(&wanted)] });
        tables.load_balancers.insert(wanted.arn.clone(), wanted);
        Ok(answer)
    }

    fn read_load_balancer(&self, input: Input<'_>) -> Result<LoadBalancer, AwsError> {
        let name = input.required_text("Name")?;
        check_name(input, "Load balancer", name)?;
        if name.starts_with("internal-") {
            return Err(input.refuse(format!(
                "Load balancer name '{name}' cannot begin with 'internal-'"
            )));
        }
        refuse_members(input, &["CustomerOwnedIpv4Pool", "IpamPools"])?;
        only(input, "Type", &["application"])?;
        only(input, "IpAddressType", &["ipv4"])?;
        let scheme = input.text("Scheme")?.unwrap_or("internet-facing");
        if !["internet-facing", "internal"].contains(&scheme) {
            return Err(AwsError::new(
                "InvalidScheme",
                format!("The scheme '{scheme}' is not valid"),
            ));
        }
        let mut subnets: Vec<String> = texts(input, "Subnets")?;
        for mapping in input.structures("SubnetMappings")? {
            subnets.push(mapping.required_text("SubnetId")?.to_owned());
        }
        if subnets.len() < 2
            || subnets
                .iter()
                .enumerate()
                .any(|(n, s)| subnets[..n].contains(s))
        {
            return Err(input.refuse(
                "At least two subnets in two different Availability Zones must be specified",
            ));
        }
        Ok(LoadBalancer {
            arn: arn::load_balancer(&self.account, name),
            name: name.to_owned(),
            scheme: scheme.to_owned(),
            subnets,
            security_groups: texts(input, "SecurityGroups")?,
            created_ms: self.clock.now_ms(),
            attributes: Texts::new(),
            tags: tags::read(input)?,
        })
    }

    fn render_load_balancer(&self, balancer: &LoadBalancer) -> Value {
        let zones: Vec<Value> = balancer
            .subnets
            .iter()
            .zip('a'..='z')
            .map(|(subnet, letter)| {
                json!({
                    "ZoneName": format!("{}{letter}", self.account.region),
                    "SubnetId": subnet,
                    "LoadBalancerAddresses": [],
                })
            })
            .collect();
        json!({
            "LoadBalancerArn": balancer.arn,
            "DNSName": ADDRESS,
            "CanonicalHostedZoneId": "Z35SXDOTRQ7X7K",
            "CreatedTime": timestamp(balancer.created_ms),
            "LoadBalancerName": balancer.name,
            "Scheme": balancer.scheme,
            "VpcId": VPC,
            "State": { "Code": "active" },
            "Type": "application",
            "AvailabilityZones": zones,
            "SecurityGroups": balancer.security_groups,
            "IpAddressType": "ipv4",
        })
    }

    pub(super) fn describe_load_balancers(&self, input: Input<'_>) -> Answer {
        let tables = self.tables();
        let (arns, names) = (input.texts("LoadBalancerArns")?, input.texts("Names")?);
        if let Some(arn) = arns
            .iter()
            .find(|arn| !tables.load_balancers.contains_key(**arn))
        {
            return Err(not_found(arn));
        }
        let all = || tables.load_balancers.values();
        if let Some(name) = names.iter().find(|name| all().all(|it| it.name != **name)) {
            return Err(not_found(name));
        }
        let wanted = all().filter(|balancer| {
            (arns.is_empty() || arns.contains(&balancer.arn.as_str()))
                && (names.is_empty() || names.contains(&balancer.name.as_str()))
        });
        let rendered = wanted
            .map(|balancer| self.render_load_balancer(balancer))
            .collect();
        page(input, "LoadBalancers", rendered)
    }

    /// Deleting what is not there succeeds, as on AWS.
    pub(super) fn delete_load_balancer(&self, input: Input<'_>) -> Answer {
        let arn = input.required_text("LoadBalancerArn")?;
        let mut tables = self.tables();
        let Some(balancer) = tables.load_balancers.get(arn) else {
            return Ok(json!({}));
        };
        if attributes::is_protected(balancer) {
            return Err(AwsError::new(
                "OperationNotPermitted",
                format!(
                    "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
                ),
            ));
        }
        let listeners: Vec<String> = tables
            .listeners
            .values()
            .filter(|listener| listener.load_balancer_arn == arn)
            .map(|listener| listener.arn.clone())
            .collect();
        let rules: Vec<String> = tables
            .rules
            .values()
            .filter(|rule| listeners.contains(&rule.listener_arn))
            .map(|rule| rule.arn.clone())
            .collect();
        self.store.transaction(|transaction| {
            delete_in::<LoadBalancer>(transaction, arn)?;
            for listener in &listeners {
                delete_in::<Listener>(transaction, listener)?;
            }
            rules
                .iter()
                .try_for_each(|rule| delete_in::<Rule>(transaction, rule))
        })?;
        tables.load_balancers.remove(arn);
        tables.listeners.retain(|arn, _| !listeners.contains(arn));
        tables.rules.retain(|arn, _| !rules.contains(arn));
        self.publish(&mut tables);
        self.note_change();
        Ok(json!({}))
    }

    pub(super) fn describe_load_balancer_attributes(&self, input: Input<'_>) -> Answer {
        let tables = self.tables();
        let balancer = find(&tables, input.required_text("LoadBalancerArn")?)?;
        Ok(render_attributes(Owner::LoadBalancer, &balancer.attributes))
    }

    pub(super) fn modify_load_balancer_attributes(&self, input: Input<'_>) -> Answer {
        let arn = input.required_text("LoadBalancerArn")?;
        let mut tables = self.tables();
        let mut balancer = find(&tables, arn)?.clone();
        balancer
            .attributes
            .extend(read_attributes(Owner::LoadBalancer, input)?);
        self.store.put(&balancer)?;
        let answer = render_attributes(Owner::LoadBalancer, &balancer.attributes);
        tables.load_balancers.insert(arn.to_owned(), balancer);
        self.publish(&mut tables);
        Ok(answer)
    }
}

/// The load balancer of this ARN.
pub(super) fn find<'a>(tables: &'a Tables, arn: &str) -> Result<&'a LoadBalancer, AwsError> {
    tables.load_balancers.get(arn).ok_or_else(|| not_found(arn))
}

fn not_found(name: &str) -> AwsError {
    AwsError::new(
        "LoadBalancerNotFound",
        format!("Load balancers '[{name}]' not found"),
    )
}

/// The `Attributes` of a request, all of them acceptable.
pub(super) fn read_attributes(owner: Owner, input: Input<'_>) -> Result<Texts, AwsError> {
    let mut changed = Texts::new();
    for attribute in input.structures("Attributes")? {
        let key = attribute.required_text("Key")?;
        let value = attribute.text("Value")?.unwrap_or_default();
        attributes::validate(owner, key, value)?;
        changed.insert(key.to_owned(), value.to_owned());
    }
    Ok(changed)
}

pub(super) fn render_attributes(owner: Owner, changed: &Texts) -> Value {
    let attributes: Vec<Value> = attributes::all(owner, changed)
        .into_iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    json!({ "Attributes": attributes })
}

fn texts(input: Input<'_>, name: &str) -> Result<Vec<String>, AwsError> {
    Ok(input.texts(name)?.into_iter().map(str::to_owned).collect())
}
