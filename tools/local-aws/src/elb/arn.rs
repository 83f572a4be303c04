//! The names of load balancing resources, each made of another's.

use crate::account::{Account, hex_id};

/// What an ARN names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    LoadBalancer,
    TargetGroup,
    Listener,
    Rule,
}

pub(super) fn load_balancer(account: &Account, name: &str) -> String {
    let resource = format!("loadbalancer/app/{name}/{}", hex_id(16));
    account.arn("elasticloadbalancing", &resource)
}

pub(super) fn target_group(account: &Account, name: &str) -> String {
    let resource = format!("targetgroup/{name}/{}", hex_id(16));
    account.arn("elasticloadbalancing", &resource)
}

pub(super) fn listener(load_balancer: &str) -> String {
    let parent = load_balancer.replacen(":loadbalancer/", ":listener/", 1);
    format!("{parent}/{}", hex_id(16))
}

pub(super) fn rule(listener: &str, id: &str) -> String {
    let parent = listener.replacen(":listener/", ":listener-rule/", 1);
    format!("{parent}/{id}")
}

pub(super) fn kind(arn: &str) -> Option<Kind> {
    match arn.splitn(6, ':').nth(5)?.split('/').next()? {
        "loadbalancer" => Some(Kind::LoadBalancer),
        "targetgroup" => Some(Kind::TargetGroup),
        "listener" => Some(Kind::Listener),
        "listener-rule" => Some(Kind::Rule),
        _ => None,
    }
}

/// How a load balancer (`app/NAME/ID`) or target group (`targetgroup/NAME/ID`) is called in a metric's dimensions.
pub(super) fn dimension(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    resource.strip_prefix("loadbalancer/").unwrap_or(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_each_name_from_its_parent() {
        let account = Account {
            id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let balancer = load_balancer(&account, "web");
        let id = balancer.rsplit('/').next().unwrap();
        assert_eq!(
            balancer,
            format!(
                "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/{id}"
            )
        );
        assert_eq!(id.len(), 16);
        let listener = listener(&balancer);
        assert!(
            listener.starts_with(&format!(
                "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/web/{id}/"
            )),
            "{listener}"
        );
        let rule = rule(&listener, "0123456789abcdef");
        assert_eq!(
            rule,
            format!(
                "{}/0123456789abcdef",
                listener.replace(":listener/", ":listener-rule/")
            )
        );
        assert_eq!(
            [&balancer, &listener, &rule, &target_group(&account, "tg")].map(|arn| kind(arn)),
            [
                Kind::LoadBalancer,
                Kind::Listener,
                Kind::Rule,
                Kind::TargetGroup
            ]
            .map(Some)
        );
        assert_eq!(kind("arn:aws:s3:::bucket"), None);
    }

    #[test]
    fn names_dimensions_as_cloudwatch_does() {
        let check = |arn: &str, name: &str| assert_eq!(dimension(arn), name);
        check(
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/01",
            "app/web/01",
        );
        check(
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/tg/02",
            "targetgroup/tg/02",
        );
    }
}
