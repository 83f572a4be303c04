//! The calls to the load balancer: where a service answers, and how its targets are.

use anyhow::Context as _;
use aws::{SdkConfig, code, explain};
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{Action, Listener, ProtocolEnum, Rule};
use toolkit::{Console, Fault};

use crate::forecast::TargetFacts;
use crate::service::Service;
use crate::trouble::Trouble;

/// How long a target that goes is let alone with the requests that it has.
const DELAY: &str = "deregistration_delay.timeout_seconds";

/// The load balancers of the account and region.
#[derive(Debug, Clone)]
pub(crate) struct Balancing {
    client: Client,
}

/// The way to a service through its load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    scheme: &'static str,
    /// The load balancer's own name.
    balancer: String,
    /// None for the scheme's usual one.
    port: Option<i32>,
    /// The name that the service's rule matches, if it does.
    host: Option<String>,
}

/// A target as its group sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Instance id or address.
    pub(crate) id: String,
    pub(crate) port: i32,
    /// `healthy`, `unhealthy`, `initial`, `draining`, …
    pub(crate) state: String,
    /// What the group says of a state that is not `healthy`.
    pub(crate) reason: Option<String>,
}

impl Balancing {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// The ARN of the target group with this name.
    pub(crate) async fn target_group(&self, name: &str) -> anyhow::Result<String> {
        let answer = self
            .client
            .describe_target_groups()
            .names(name)
            .send()
            .await;
        let answer = match answer {
            Err(error) if code(&error) == Some("TargetGroupNotFound") => {
                return Err(Fault::new(1, format!("there is no target group {name}"))
                    .with_hint("provision the environment first, or check the name and the region")
                    .into());
            }
            other => other
                .map_err(|error| explain(&format!("look at the target group {name}"), error))?,
        };
        answer
            .target_groups()
            .first()
            .and_then(|group| group.target_group_arn())
            .map(str::to_owned)
            .with_context(|| format!("no target group {name} was returned"))
    }

    /// What a target group imposes on a release.
    pub(crate) async fn facts(&self, group: &str) -> anyhow::Result<TargetFacts> {
        let what = format!("look at the target group {group}");
        let (described, attributes) = tokio::join!(
            self.client
                .describe_target_groups()
                .target_group_arns(group)
                .send(),
            self.client
                .describe_target_group_attributes()
                .target_group_arn(group)
                .send(),
        );
        let described = described.map_err(|error| explain(&what, error))?;
        let attributes = attributes.map_err(|error| explain(&what, error))?;
        let described = described
            .target_groups()
            .first()
            .with_context(|| format!("cannot {what}: the answer has none"))?;
        let delay = attributes
            .attributes()
            .iter()
            .find(|attribute| attribute.key() == Some(DELAY))
            .and_then(|attribute| attribute.value()?.parse().ok());
        let seconds = |found: Option<i32>, usual| {
            found
                .and_then(|found| u64::try_from(found).ok())
                .unwrap_or(usual)
        };
        Ok(TargetFacts {
            interval: seconds(described.health_check_interval_seconds(), 30),
            unhealthy_threshold: seconds(described.unhealthy_threshold_count(), 2),
            deregistration_delay: delay.unwrap_or(300),
        })
    }

    /// The targets of a group.
    pub(crate) async fn targets(&self, group: &str) -> Result<Vec<Target>, Trouble> {
        let answer = self
            .client
            .describe_target_health()
            .target_group_arn(group)
            .send()
            .await
            .map_err(|error| Trouble::of(&format!("look at the targets of {group}"), error))?;
        Ok(answer
            .target_health_descriptions()
            .iter()
            .map(|description| {
                let target = description.target();
                let health = description.target_health();
                let reason = health.and_then(|health| health.description().map(str::to_owned));
                Target {
                    id: target
                        .and_then(|target| target.id())
                        .unwrap_or_default()
                        .to_owned(),
                    port: target.and_then(|target| target.port()).unwrap_or_default(),
                    state: health
                        .and_then(|health| health.state())
                        .map_or("unknown", |state| state.as_str())
                        .to_owned(),
                    reason: reason.filter(|reason| !reason.is_empty()),
                }
            })
            .collect())
    }

    /// Where a service answers: `http://HOST[:PORT]/`. A load balancer that cannot be asked costs the address
    /// and nothing else.
    pub(crate) async fn address(&self, console: &Console, service: &Service) -> Option<String> {
        match self.entry(service).await {
            Ok(entry) => entry.map(|entry| entry.url()),
            Err(error) => {
                console.warning(&format!("the service's address is not known: {error:#}"));
                None
            }
        }
    }

    /// The way in through the load balancer; none for a service that is behind none.
    pub(crate) async fn entry(&self, service: &Service) -> anyhow::Result<Option<Entry>> {
        for balanced in &service.balanced {
            if let Some(entry) = self.entry_of(&balanced.target_group).await? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The way to what is behind a target group; none if no listener forwards to it.
    async fn entry_of(&self, group: &str) -> anyhow::Result<Option<Entry>> {
        let groups = self
            .client
            .describe_target_groups()
            .target_group_arns(group)
            .send()
            .await
            .map_err(|error| explain(&format!("look at the target group {group}"), error))?;
        let balancers = groups
            .target_groups()
            .first()
            .map(|group| group.load_balancer_arns().to_vec())
            .unwrap_or_default();
        let Some(balancer) = balancers.first() else {
            return Ok(None);
        };
        let (described, listeners) = tokio::join!(
            self.client
                .describe_load_balancers()
                .load_balancer_arns(balancer)
                .send(),
            self.client
                .describe_listeners()
                .load_balancer_arn(balancer)
                .send(),
        );
        let described = described
            .map_err(|error| explain(&format!("look at the load balancer {balancer}"), error))?;
        let listeners = listeners
            .map_err(|error| explain(&format!("look at the listeners of {balancer}"), error))?;
        let Some(host) = described
            .load_balancers()
            .first()
            .and_then(|balancer| balancer.dns_name())
        else {
            return Ok(None);
        };
        let mut listeners = listeners.listeners.unwrap_or_default();
        listeners.sort_by_key(|listener| listener.port());
        for listener in &listeners {
            let rules = self
                .rules(listener.listener_arn().unwrap_or_default())
                .await?;
            if let Some(own_host) = host_of(&rules, group) {
                return Ok(entry(listener, host, own_host));
            }
        }
        Ok(None)
    }

    async fn rules(&self, listener: &str) -> anyhow::Result<Vec<Rule>> {
        let answer = self
            .client
            .describe_rules()
            .listener_arn(listener)
            .send()
            .await
            .map_err(|error| explain(&format!("look at the rules of {listener}"), error))?;
        Ok(answer.rules.unwrap_or_default())
    }
}

/// Whether a rule forwards to the group, and under which name of its own. A name with a wildcard is none
/// that one can call.
fn host_of(rules: &[Rule], group: &str) -> Option<Option<String>> {
    let rule = rules.iter().find(|rule| {
        rule.actions()
            .iter()
            .any(|action| forwards_to(action, group))
    })?;
    let condition = rule
        .conditions()
        .iter()
        .find(|condition| condition.field() == Some("host-header"));
    let names = condition.map(|condition| match condition.host_header_config() {
        Some(config) if !config.values().is_empty() => config.values(),
        _ => condition.values(),
    });
    let callable = |name: &&String| !name.contains(['*', '?']);
    Some(names.and_then(|names| names.iter().find(callable).cloned()))
}

fn forwards_to(action: &Action, group: &str) -> bool {
    let in_forward = action.forward_config().is_some_and(|forward| {
        let mut groups = forward.target_groups().iter();
        groups.any(|tuple| tuple.target_group_arn() == Some(group))
    });
    in_forward || action.target_group_arn() == Some(group)
}

fn entry(listener: &Listener, balancer: &str, own_host: Option<String>) -> Option<Entry> {
    let (scheme, usual) = match listener.protocol() {
        Some(ProtocolEnum::Https) => ("https", 443),
        Some(ProtocolEnum::Http) => ("http", 80),
        _ => return None,
    };
    let port = listener.port()?;
    Some(Entry {
        scheme,
        balancer: balancer.to_owned(),
        port: (port != usual).then_some(port),
        host: own_host,
    })
}

impl Entry {
    /// The address that people use, with a closing slash.
    pub(crate) fn url(&self) -> String {
        self.at(self.host.as_deref().unwrap_or(&self.balancer))
    }

    /// The address to connect to, and the name to ask for there. A certificate is made out to the name, so
    /// where there is TLS the name is what is connected to.
    pub(crate) fn connection(&self) -> (String, Option<&str>) {
        match &self.host {
            Some(host) if self.scheme == "http" => (self.at(&self.balancer), Some(host)),
            _ => (self.url(), None),
        }
    }

    fn at(&self, host: &str) -> String {
        match self.port {
            Some(port) => format!("{}://{host}:{port}/", self.scheme),
            None => format!("{}://{host}/", self.scheme),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{
        ForwardActionConfig, HostHeaderConditionConfig, RuleCondition, TargetGroupTuple,
    };

    use super::*;

    fn rule(group: &str, hosts: &[&str]) -> Rule {
        let tuple = TargetGroupTuple::builder().target_group_arn(group).build();
        let forward = ForwardActionConfig::builder().target_groups(tuple).build();
        let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
        let config = HostHeaderConditionConfig::builder().set_values(Some(hosts));
        let condition = RuleCondition::builder()
            .field("host-header")
            .host_header_config(config.build())
            .build();
        Rule::builder()
            .actions(Action::builder().forward_config(forward).build())
            .conditions(condition)
            .build()
    }

    #[test]
    fn takes_the_name_of_its_own_rule() {
        let rules = [
            rule("b", &["b.io"]),
            rule("a", &["*.a.io", "www.a.io"]),
            rule("c", &["*.io"]),
        ];
        assert_eq!(host_of(&rules, "a"), Some(Some("www.a.io".to_owned())));
        assert_eq!(host_of(&rules, "c"), Some(None));
        assert_eq!(host_of(&rules, "d"), None);
        let plain = Action::builder().target_group_arn("d").build();
        let rules = [Rule::builder().actions(plain).build()];
        assert_eq!(host_of(&rules, "d"), Some(None));
    }

    #[test]
    fn leaves_out_a_usual_port() {
        let table = [
            (ProtocolEnum::Http, 80, Some("http://h/")),
            (ProtocolEnum::Http, 8080, Some("http://h:8080/")),
            (ProtocolEnum::Https, 443, Some("https://h/")),
            (ProtocolEnum::Https, 80, Some("https://h:80/")),
            (ProtocolEnum::Tcp, 80, None),
        ];
        for (protocol, port, expected) in table {
            let listener = Listener::builder().protocol(protocol).port(port).build();
            let url = entry(&listener, "h", None).map(|entry| entry.url());
            assert_eq!(url.as_deref(), expected);
        }
    }

    #[test]
    fn connects_to_the_balancer_and_asks_for_the_name() {
        let table = [
            (ProtocolEnum::Http, "http://lb:8080/", Some("www.a.io")),
            (ProtocolEnum::Https, "https://www.a.io:8080/", None),
        ];
        for (protocol, url, host) in table {
            let listener = Listener::builder().protocol(protocol).port(8080).build();
            let entry = entry(&listener, "lb", Some("www.a.io".to_owned())).unwrap();
            assert_eq!(entry.connection(), (url.to_owned(), host));
        }
    }
}
