//! What Elastic Load Balancing knows: load balancers, listeners, rules, target groups, targets.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::health::Health;
use crate::state::Document;

/// Attributes and tags: names to values.
pub(super) type Texts = BTreeMap<String, String>;

/// An application load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LoadBalancer {
    /// `…:loadbalancer/app/NAME/ID`.
    pub(super) arn: String,
    /// Unique in the account and region.
    pub(super) name: String,
    /// `internet-facing` or `internal`.
    pub(super) scheme: String,
    /// As given to CreateLoadBalancer, in its order.
    pub(super) subnets: Vec<String>,
    /// As given to CreateLoadBalancer.
    pub(super) security_groups: Vec<String>,
    /// Milliseconds since 1970.
    pub(super) created_ms: i64,
    /// Only those that were changed; see [`super::attributes`] for the rest.
    pub(super) attributes: Texts,
    /// User's tags.
    pub(super) tags: Texts,
}

/// A target group of HTTP targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// `…:targetgroup/NAME/ID`.
    pub arn: String,
    /// Unique in the account and region.
    pub name: String,
    /// The port of a target that is registered without one.
    pub port: u16,
    /// As given, or the local one.
    pub vpc_id: String,
    /// What a target's id is.
    pub target_type: TargetType,
    /// How targets are probed.
    pub health_check: HealthCheck,
    /// Only those that were changed; see [`super::attributes`] for the rest.
    pub attributes: Texts,
    /// User's tags.
    pub tags: Texts,
}

/// What a target's id is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetType {
    /// The id of an EC2 instance; reached on this machine.
    Instance,
    /// An IPv4 address.
    Ip,
}

impl TargetType {
    /// AWS's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Ip => "ip",
        }
    }
}

/// How targets are probed. Times are AWS's, before the clock's speed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Path and query.
    pub path: String,
    /// None: the port that takes the traffic.
    pub port: Option<u16>,
    /// 5 to 300 seconds.
    pub interval_seconds: u32,
    /// 2 to 120 seconds.
    pub timeout_seconds: u32,
    /// Consecutive successes that make an unhealthy target healthy.
    pub healthy_threshold: u32,
    /// Consecutive failures that make a target unhealthy.
    pub unhealthy_threshold: u32,
    /// Codes that count as success, for example `200,202` or `200-299`.
    pub matcher: String,
}

/// A listener: a port on which a load balancer takes requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Listener {
    /// `…:listener/app/NAME/LBID/ID`.
    pub(super) arn: String,
    /// Its load balancer.
    pub(super) load_balancer_arn: String,
    /// The port asked for.
    pub(super) port: u16,
    /// The port really bound on 127.0.0.1, which differs for a privileged one.
    pub(super) bound_port: Option<u16>,
    /// The last rule's id.
    pub(super) default_rule_id: String,
    /// What happens to a request that no rule takes.
    pub(super) action: Action,
    /// User's tags.
    pub(super) tags: Texts,
}

/// A rule of a listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Rule {
    /// `…:listener-rule/app/NAME/LBID/LISTENERID/ID`.
    pub(super) arn: String,
    /// Its listener.
    pub(super) listener_arn: String,
    /// 1 to 50000, unique in the listener; the lowest is tried first.
    pub(super) priority: u32,
    /// All of them must hold.
    pub(super) conditions: Vec<Condition>,
    /// What happens to a request that it takes.
    pub(super) action: Action,
    /// User's tags.
    pub(super) tags: Texts,
}

/// What a rule does with a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Action {
    /// To one of several target groups, by weight.
    Forward(Vec<WeightedGroup>),
    /// The load balancer answers itself.
    FixedResponse {
        /// 2XX, 4XX or 5XX.
        status: u16,
        /// For example `text/plain`.
        content_type: Option<String>,
        /// At most 1024 bytes.
        body: String,
    },
    /// To another URL, made of the request's by `#{protocol}`, `#{host}`, `#{port}`, `#{path}`, `#{query}`.
    Redirect(Redirect),
}

/// A target group of a forward action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WeightedGroup {
    /// The target group.
    pub(super) arn: String,
    /// 0 to 999.
    pub(super) weight: u32,
}

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Redirect {
    /// `HTTP`, `HTTPS` or `#{protocol}`.
    pub(super) protocol: String,
    /// With keywords.
    pub(super) host: String,
    /// With keywords.
    pub(super) port: String,
    /// With keywords, beginning with `/`.
    pub(super) path: String,
    /// With keywords, without the `?`.
    pub(super) query: String,
    /// 301 or 302.
    pub(super) status: u16,
}

/// What a rule asks of a request; one of the values must match. Values may have the wildcards `*` and `?`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Condition {
    /// Host names without a port, in any case.
    HostHeader(Vec<String>),
    /// Paths without the query, in their very case.
    PathPattern(Vec<String>),
    /// Methods, in their very case, without wildcards.
    HttpRequestMethod(Vec<String>),
    /// One header's values, in any case.
    HttpHeader {
        /// The header.
        name: String,
        /// Its values.
        values: Vec<String>,
    },
    /// Pairs of the query; without a key any pair with that value counts.
    QueryString(Vec<(Option<String>, String)>),
    /// Blocks of addresses, for example `10.0.0.0/8`.
    SourceIp(Vec<String>),
}

/// A target: an EC2 instance or an address, with a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// Instance id or IP address.
    pub id: String,
    /// The port that takes the traffic.
    pub port: u16,
}

impl Target {
    /// Where it is reached: at its own address, or, an instance, on this machine.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let ip = self.id.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        SocketAddr::new(ip, self.port)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, self.port)
    }
}

/// A target in a target group, with what is known of its health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Registration {
    /// The target group.
    pub(super) target_group_arn: String,
    /// The target.
    pub(super) target: Target,
    /// Tells a registration from an earlier one of the same target.
    pub(super) id: String,
    /// What the probes said so far.
    pub(super) health: Health,
    /// When it was deregistered, if it was; milliseconds since 1970.
    pub(super) draining_since_ms: Option<i64>,
}

/// The state of a target, in AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetState {
    /// Registered, not yet probed often enough.
    Initial,
    /// Takes requests.
    Healthy,
    /// Takes requests only if no target is healthy.
    Unhealthy,
    /// Not registered, or its group takes no traffic.
    Unused,
    /// Deregistered; finishes what it has.
    Draining,
}

impl TargetState {
    /// AWS's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unused => "unused",
            Self::Draining => "draining",
        }
    }
}

/// A target's state, with AWS's reason code and sentence where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetHealth {
    /// The state.
    pub state: TargetState,
    /// For example `Target.ResponseCodeMismatch`; none when healthy.
    pub reason: Option<&'static str>,
    /// For example `Health checks failed with these codes: [502]`.
    pub description: Option<String>,
}

/// Where a listener really listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerAddress {
    /// The listener.
    pub listener_arn: String,
    /// Its load balancer's name.
    pub load_balancer_name: String,
    /// The port asked for.
    pub port: u16,
    /// The address bound, unless that failed.
    pub address: Option<SocketAddr>,
    /// Why it is not bound; it is tried again every second.
    pub problem: Option<String>,
}

impl Document for LoadBalancer {
    const KIND: &'static str = "elb/load-balancer";
    fn key(&self) -> String {
        self.arn.clone()
    }
}

impl Document for TargetGroup {
    const KIND: &'static str = "elb/target-group";
    fn key(&self) -> String {
        self.arn.clone()
    }
}

impl Document for Listener {
    const KIND: &'static str = "elb/listener";
    fn key(&self) -> String {
        self.arn.clone()
    }
}

impl Document for Rule {
    const KIND: &'static str = "elb/rule";
    fn key(&self) -> String {
        self.arn.clone()
    }
}

impl Registration {
    /// The key under which a registration is kept.
    #[must_use]
    pub(super) fn key_of(target_group_arn: &str, target: &Target) -> String {
        format!("{target_group_arn} {target}")
    }
}

impl Document for Registration {
    const KIND: &'static str = "elb/registration";
    fn key(&self) -> String {
        Self::key_of(&self.target_group_arn, &self.target)
    }
}
