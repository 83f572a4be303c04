//! The calls to the load balancer: where a service answers, and how its targets are.

use anyhow::Context as _;
use aws::{SdkConfig, code, explain};
use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{Action, Listener, ProtocolEnum, Rule};
use toolkit::{Console, Fault};

use crate::service::Service;
use crate::trouble::Trouble;

/// The load balancers of the account and region.
#[derive(Debug, Clone)]
pub(crate) struct Balancing {
    client: Client,
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
        for balanced in &service.balanced {
            match self.url(&balanced.target_group).await {
                Ok(Some(url)) => return Some(url),
                Ok(None) => {}
                Err(error) => {
                    console.warning(&format!("the service's address is not known: {error:#}"));
                }
            }
        }
        None
    }

    /// The address of what is behind a target group; none if no listener forwards to it.
    async fn url(&self, group: &str) -> anyhow::Result<Option<String>> {
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
                return Ok(address(listener, own_host.as_deref().unwrap_or(host)));
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

fn address(listener: &Listener, host: &str) -> Option<String> {
    let port = listener.port()?;
    let (scheme, usual) = match listener.protocol() {
        Some(ProtocolEnum::Https) => ("https", 443),
        Some(ProtocolEnum::Http) => ("http", 80),
        _ => return None,
    };
    Some(if port == usual {
        format!("{scheme}://{host}/")
    } else {
        format!("{scheme}://{host}:{port}/")
    })
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
            assert_eq!(address(&listener, "h").as_deref(), expected);
        }
    }
}
