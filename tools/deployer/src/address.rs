//! Where a service answers.

use aws_sdk_ecs::types::Service;
use aws_sdk_elasticloadbalancingv2::types::{Listener, ProtocolEnum};

use crate::cloud::Cloud;

/// The address of a service behind a load balancer, ending with a slash. None without one, or if the load balancer
/// cannot be asked: an address is a convenience, and no reason for a release to fail.
pub(crate) async fn of(cloud: &Cloud, service: &Service) -> Option<String> {
    let group = service
        .load_balancers()
        .iter()
        .find_map(|balancer| balancer.target_group_arn())?;
    let groups = cloud
        .balancing
        .describe_target_groups()
        .target_group_arns(group)
        .send()
        .await
        .ok()?;
    let balancer = groups
        .target_groups()
        .first()?
        .load_balancer_arns()
        .first()?
        .clone();
    let (balancers, listeners) = tokio::join!(
        cloud
            .balancing
            .describe_load_balancers()
            .load_balancer_arns(&balancer)
            .send(),
        cloud
            .balancing
            .describe_listeners()
            .load_balancer_arn(&balancer)
            .send(),
    );
    let name = balancers
        .ok()?
        .load_balancers()
        .first()?
        .dns_name()?
        .to_owned();
    let listener = best(listeners.ok()?.listeners())?.clone();
    let host = host(cloud, &listener, group).await.unwrap_or(name);
    Some(url(&host, &listener))
}

/// HTTPS before HTTP, then the lowest port.
fn best(listeners: &[Listener]) -> Option<&Listener> {
    listeners.iter().min_by_key(|listener| {
        (
            listener.protocol() != Some(&ProtocolEnum::Https),
            listener.port(),
        )
    })
}

/// The host name of the rule that leads to the target group, if it asks for one without wildcards.
async fn host(cloud: &Cloud, listener: &Listener, group: &str) -> Option<String> {
    let rules = cloud
        .balancing
        .describe_rules()
        .listener_arn(listener.listener_arn()?)
        .send()
        .await
        .ok()?;
    let leads_here = |action: &aws_sdk_elasticloadbalancingv2::types::Action| {
        let weighted = action
            .forward_config()
            .map(|config| config.target_groups())
            .unwrap_or_default();
        action.target_group_arn() == Some(group)
            || weighted
                .iter()
                .any(|target| target.target_group_arn() == Some(group))
    };
    let rule = rules
        .rules()
        .iter()
        .find(|rule| rule.actions().iter().any(leads_here))?;
    let condition = rule
        .conditions()
        .iter()
        .find(|condition| condition.field() == Some("host-header"))?;
    let configured = condition
        .host_header_config()
        .map(|config| config.values())
        .unwrap_or_default();
    let values = if configured.is_empty() {
        condition.values()
    } else {
        configured
    };
    values
        .iter()
        .find(|value| !value.contains(['*', '?']))
        .cloned()
}

fn url(host: &str, listener: &Listener) -> String {
    let is_secure = listener.protocol() == Some(&ProtocolEnum::Https);
    let (scheme, usual) = if is_secure {
        ("https", 443)
    } else {
        ("http", 80)
    };
    match listener.port() {
        Some(port) if port != usual => format!("{scheme}://{host}:{port}/"),
        _ => format!("{scheme}://{host}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(protocol: ProtocolEnum, port: i32) -> Listener {
        Listener::builder().protocol(protocol).port(port).build()
    }

    #[test]
    fn leaves_usual_ports_out() {
        assert_eq!(
            url("ludlow.io", &listener(ProtocolEnum::Https, 443)),
            "https://ludlow.io/"
        );
        assert_eq!(
            url("127.0.0.1", &listener(ProtocolEnum::Http, 8080)),
            "http://127.0.0.1:8080/"
        );
    }

    #[test]
    fn prefers_https() {
        let listeners = [
            listener(ProtocolEnum::Http, 80),
            listener(ProtocolEnum::Https, 443),
        ];
        assert_eq!(best(&listeners).unwrap().port(), Some(443));
    }
}
