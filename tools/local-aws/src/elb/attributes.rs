//! The attributes of load balancers and target groups: which there are, what they may be, what they mean here.
//!
//! A value that would ask for something the local load balancer does not do is refused, so that nobody
//! believes it to be in force.

use std::time::Duration;

use super::model::{LoadBalancer, TargetGroup, Texts};
use crate::protocol::AwsError;

struct Attribute {
    key: &'static str,
    default: &'static str,
    values: Values,
}

#[derive(Clone, Copy)]
enum Values {
    /// Seconds from the first to the second.
    Seconds(u64, u64),
    /// One of these words.
    Words(&'static [&'static str]),
    /// Any text: it has an effect only together with another attribute, which is refused.
    Text,
    /// What AWS also knows is not done here: only the default.
    Default,
}

const SWITCH: Values = Values::Words(&["true", "false"]);

const fn attribute(key: &'static str, default: &'static str, values: Values) -> Attribute {
    Attribute {
        key,
        default,
        values,
    }
}

/// Of an application load balancer. Switches that concern TLS, HTTP/2, zones and the firewall have nothing to act on here.
const LOAD_BALANCER: &[Attribute] = &[
    attribute("access_logs.s3.enabled", "false", Values::Default),
    attribute("access_logs.s3.bucket", "", Values::Text),
    attribute("access_logs.s3.prefix", "", Values::Text),
    attribute(
        "client_keep_alive.seconds",
        "3600",
        Values::Seconds(60, 604_800),
    ),
    attribute("connection_logs.s3.enabled", "false", Values::Default),
    attribute("connection_logs.s3.bucket", "", Values::Text),
    attribute("connection_logs.s3.prefix", "", Values::Text),
    attribute("deletion_protection.enabled", "false", SWITCH),
    attribute("health_check_logs.s3.enabled", "false", Values::Default),
    attribute("health_check_logs.s3.bucket", "", Values::Text),
    attribute("health_check_logs.s3.prefix", "", Values::Text),
    attribute(
        "idle_timeout.timeout_seconds",
        "60",
        Values::Seconds(1, 4000),
    ),
    attribute("ipv6.deny_all_igw_traffic", "false", SWITCH),
    attribute("load_balancing.cross_zone.enabled", "true", Values::Default),
    attribute(
        "routing.http.desync_mitigation_mode",
        "defensive",
        Values::Words(&["defensive", "strictest"]),
    ),
    attribute(
        "routing.http.drop_invalid_header_fields.enabled",
        "false",
        SWITCH,
    ),
    // The Host header always arrives as the client sent it.
    attribute("routing.http.preserve_host_header.enabled", "false", SWITCH),
    attribute(
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
        "false",
        SWITCH,
    ),
    attribute("routing.http.xff_client_port.enabled", "false", SWITCH),
    attribute(
        "routing.http.xff_header_processing.mode",
        "append",
        Values::Words(&["append", "preserve", "remove"]),
    ),
    attribute("routing.http2.enabled", "true", SWITCH),
    attribute("waf.fail_open.enabled", "false", SWITCH),
    attribute("zonal_shift.config.enabled", "false", SWITCH),
];

const TARGET_GROUP: &[Attribute] = &[
    attribute(
        "deregistration_delay.timeout_seconds",
        "300",
        Values::Seconds(0, 3600),
    ),
    attribute(
        "load_balancing.algorithm.anomaly_mitigation",
        "off",
        Values::Default,
    ),
    attribute(
        "load_balancing.algorithm.type",
        "round_robin",
        Values::Words(&["round_robin", "least_outstanding_requests"]),
    ),
    attribute(
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        Values::Words(&["true", "false", "use_load_balancer_configuration"]),
    ),
    attribute("slow_start.duration_seconds", "0", Values::Default),
    attribute("stickiness.app_cookie.cookie_name", "", Values::Text),
    attribute(
        "stickiness.app_cookie.duration_seconds",
        "86400",
        Values::Seconds(1, 604_800),
    ),
    attribute("stickiness.enabled", "false", Values::Default),
    attribute(
        "stickiness.lb_cookie.duration_seconds",
        "86400",
        Values::Seconds(1, 604_800),
    ),
    attribute(
        "stickiness.type",
        "lb_cookie",
        Values::Words(&["lb_cookie", "app_cookie"]),
    ),
    attribute(
        "target_group_health.dns_failover.minimum_healthy_targets.count",
        "1",
        Values::Default,
    ),
    attribute(
        "target_group_health.dns_failover.minimum_healthy_targets.percentage",
        "off",
        Values::Default,
    ),
    attribute(
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
        "1",
        Values::Default,
    ),
    attribute(
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        "off",
        Values::Default,
    ),
];

/// Whose attributes are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    LoadBalancer,
    TargetGroup,
}

impl Owner {
    fn known(self) -> &'static [Attribute] {
        match self {
            Self::LoadBalancer => LOAD_BALANCER,
            Self::TargetGroup => TARGET_GROUP,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::LoadBalancer => "Load balancer",
            Self::TargetGroup => "Target group",
        }
    }
}

/// All attributes with their values, changed or not.
pub(super) fn all(owner: Owner, changed: &Texts) -> Vec<(&'static str, &str)> {
    owner
        .known()
        .iter()
        .map(|known| {
            let value = changed.get(known.key).map_or(known.default, String::as_str);
            (known.key, value)
        })
        .collect()
}

/// Refuses an attribute that does not exist, a value that is wrong, and a value that is not done here.
pub(super) fn validate(owner: Owner, key: &str, value: &str) -> Result<(), AwsError> {
    let known = owner
        .known()
        .iter()
        .find(|known| known.key == key)
        .ok_or_else(|| {
            AwsError::new(
                "ValidationError",
                format!("{} attribute key '{key}' is not recognized", owner.name()),
            )
        })?;
    let wrong = |expected: String| {
        Err(AwsError::new(
            "ValidationError",
            format!(
                "{} attribute value for key '{key}' must be {expected}, not '{value}'",
                owner.name()
            ),
        ))
    };
    match known.values {
        Values::Text => Ok(()),
        Values::Seconds(least, most) => match value.parse::<u64>() {
            Ok(seconds) if (least..=most).contains(&seconds) => Ok(()),
            _ => wrong(format!("between {least} and {most}")),
        },
        Values::Words(words) if words.contains(&value) => Ok(()),
        Values::Words(words) => wrong(format!("one of {}", words.join(", "))),
        Values::Default if value == known.default => Ok(()),
        Values::Default => Err(AwsError::new(
            "InvalidConfigurationRequest",
            format!(
                "local-aws does not do {key}={value}: leave {key} at '{}'",
                known.default
            ),
        )),
    }
}

fn value<'a>(owner: Owner, changed: &'a Texts, key: &str) -> &'a str {
    all(owner, changed)
        .into_iter()
        .find_map(|(known, value)| (known == key).then_some(value))
        .unwrap_or_default()
}

fn seconds(owner: Owner, changed: &Texts, key: &str) -> Duration {
    // Validated when it was set; the defaults are numbers too.
    Duration::from_secs(value(owner, changed, key).parse().unwrap_or_default())
}

/// What is done with X-Forwarded-For.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ForwardedFor {
    #[default]
    Append,
    Preserve,
    Remove,
}

/// What a load balancer's attributes mean to the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) idle_timeout: Duration,
    pub(super) client_keep_alive: Duration,
    pub(super) forwarded_for: ForwardedFor,
    pub(super) forwarded_port: bool,
    pub(super) drop_invalid_headers: bool,
}

impl Settings {
    pub(super) fn of(balancer: &LoadBalancer) -> Self {
        let changed = &balancer.attributes;
        let owner = Owner::LoadBalancer;
        let on = |key| value(owner, changed, key) == "true";
        Self {
            idle_timeout: seconds(owner, changed, "idle_timeout.timeout_seconds"),
            client_keep_alive: seconds(owner, changed, "client_keep_alive.seconds"),
            forwarded_for: match value(owner, changed, "routing.http.xff_header_processing.mode") {
                "preserve" => ForwardedFor::Preserve,
                "remove" => ForwardedFor::Remove,
                _ => ForwardedFor::Append,
            },
            forwarded_port: on("routing.http.xff_client_port.enabled"),
            drop_invalid_headers: on("routing.http.drop_invalid_header_fields.enabled"),
        }
    }
}

pub(super) fn is_protected(balancer: &LoadBalancer) -> bool {
    value(
        Owner::LoadBalancer,
        &balancer.attributes,
        "deletion_protection.enabled",
    ) == "true"
}

/// How long AWS waits for a deregistered target's requests.
pub(super) fn deregistration_delay(group: &TargetGroup) -> Duration {
    seconds(
        Owner::TargetGroup,
        &group.attributes,
        "deregistration_delay.timeout_seconds",
    )
}

/// Whether a request goes to the target with the fewest outstanding ones rather than to each in turn.
pub(super) fn prefers_least_outstanding(group: &TargetGroup) -> bool {
    value(
        Owner::TargetGroup,
        &group.attributes,
        "load_balancing.algorithm.type",
    ) == "least_outstanding_requests"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_its_own_defaults() {
        for owner in [Owner::LoadBalancer, Owner::TargetGroup] {
            for (key, value) in all(owner, &Texts::new()) {
                assert_eq!(validate(owner, key, value), Ok(()), "{key}");
            }
        }
    }

    #[test]
    fn refuses_what_it_does_not_do_or_know() {
        let check = |owner, key: &str, value: &str, code: &str, message: &str| {
            assert_eq!(
                validate(owner, key, value),
                Err(AwsError::new(code, message))
            );
        };
        check(
            Owner::TargetGroup,
            "stickiness.enabled",
            "true",
            "InvalidConfigurationRequest",
            "local-aws does not do stickiness.enabled=true: leave stickiness.enabled at 'false'",
        );
        check(
            Owner::TargetGroup,
            "deregistration_delay.timeout_seconds",
            "3601",
            "ValidationError",
            "Target group attribute value for key 'deregistration_delay.timeout_seconds' must be between 0 and 3600, not '3601'",
        );
        check(
            Owner::LoadBalancer,
            "colour",
            "red",
            "ValidationError",
            "Load balancer attribute key 'colour' is not recognized",
        );
    }
}
