//! Listeners.

use serde_json::{Value, json};

use super::{actions, load_balancers, paging::page, port, refuse_members, tags};
use crate::account::hex_id;
use crate::elb::Elb;
use crate::elb::arn;
use crate::elb::model::{Listener, Rule};
use crate::elb::tables::Tables;
use crate::protocol::{Answer, AwsError, Input};
use crate::state::delete_in;

impl Elb {
    pub(super) fn create_listener(&self, input: Input<'_>) -> Answer {
        let balancer = input.required_text("LoadBalancerArn")?;
        check_protocol(input)?;
        let port = port(input, "Port")?.ok_or_else(|| input.refuse("A port must be specified"))?;
        let action = actions::read(input, "DefaultActions")?;
        let tags = tags::read(input)?;
        let mut tables = self.tables();
        load_balancers::find(&tables, balancer)?;
        actions::check(&tables, balancer, &action)?;
        if let Some(existing) = on_port(&tables, balancer, port) {
            return if existing.action == action {
                Ok(json!({ "Listeners": [render(existing)] }))
            } else {
                Err(duplicate(balancer))
            };
        }
        let listener = Listener {
            arn: arn::listener(balancer),
            load_balancer_arn: balancer.to_owned(),
            port,
            bound_port: None,
            default_rule_id: hex_id(16),
            action,
            tags,
        };
        self.put_listener(&mut tables, listener)
    }

    pub(super) fn describe_listeners(&self, input: Input<'_>) -> Answer {
        let tables = self.tables();
        let arns = input.texts("ListenerArns")?;
        let balancer = input.text("LoadBalancerArn")?;
        if let Some(balancer) = balancer {
            load_balancers::find(&tables, balancer)?;
        } else if arns.is_empty() {
            return Err(
                input.refuse("You must specify either listener ARNs or a load balancer ARN")
            );
        }
        for arn in &arns {
            find(&tables, arn)?;
        }
        let mut wanted: Vec<&Listener> = tables
            .listeners
            .values()
            .filter(|listener| {
                (arns.is_empty() || arns.contains(&listener.arn.as_str()))
                    && balancer.is_none_or(|arn| listener.load_balancer_arn == arn)
            })
            .collect();
        wanted.sort_by_key(|listener| listener.port);
        let rendered = wanted.into_iter().map(render).collect();
        page(input, "Listeners", rendered)
    }

    pub(super) fn modify_listener(&self, input: Input<'_>) -> Answer {
        let arn = input.required_text("ListenerArn")?;
        if input.get("Protocol").is_some() {
            check_protocol(input)?;
        }
        refuse_tls(input)?;
        let mut tables = self.tables();
        let mut listener = find(&tables, arn)?.clone();
        if !input.list("DefaultActions")?.is_empty() {
            listener.action = actions::read(input, "DefaultActions")?;
            actions::check(&tables, &listener.load_balancer_arn, &listener.action)?;
        }
        if let Some(port) = port(input, "Port")?
            && port != listener.port
        {
            if on_port(&tables, &listener.load_balancer_arn, port).is_some() {
                return Err(duplicate(&listener.load_balancer_arn));
            }
            listener.port = port;
            listener.bound_port = None;
        }
        self.put_listener(&mut tables, listener)
    }

    /// Binds a listener's port if it is new, and keeps the listener.
    fn put_listener(&self, tables: &mut Tables, mut listener: Listener) -> Answer {
        let is_running = self.runtime.get().is_some();
        let front = if is_running && listener.bound_port.is_none() {
            let front = self
                .open_front(tables, &listener)
                .map_err(|problem| AwsError::new("InvalidConfigurationRequest", problem))?;
            listener.bound_port = Some(front.address().port());
            Some(front)
        } else {
            None
        };
        self.store.put(&listener)?;
        if let Some(front) = front {
            tables.fronts.insert(listener.arn.clone(), Ok(front));
        }
        let answer = json!({ "Listeners": [render(&listener)] });
        tables.listeners.insert(listener.arn.clone(), listener);
        self.publish(tables);
        self.note_change();
        Ok(answer)
    }

    pub(super) fn delete_listener(&self, input: Input<'_>) -> Answer {
        let arn = input.required_text("ListenerArn")?;
        let mut tables = self.tables();
        find(&tables, arn)?;
        let rules: Vec<String> = tables
            .rules_of(arn)
            .iter()
            .map(|rule| rule.arn.clone())
            .collect();
        self.store.transaction(|transaction| {
            delete_in::<Listener>(transaction, arn)?;
            rules
                .iter()
                .try_for_each(|rule| delete_in::<Rule>(transaction, rule))
        })?;
        tables.listeners.remove(arn);
        tables.rules.retain(|arn, _| !rules.contains(arn));
        self.publish(&mut tables);
        self.note_change();
        Ok(json!({}))
    }
}

/// The listener of this ARN.
pub(super) fn find<'a>(tables: &'a Tables, arn: &str) -> Result<&'a Listener, AwsError> {
    tables
        .listeners
        .get(arn)
        .ok_or_else(|| AwsError::new("ListenerNotFound", "One or more listeners not found"))
}

fn on_port<'a>(tables: &'a Tables, balancer: &str, port: u16) -> Option<&'a Listener> {
    tables
        .listeners
        .values()
        .find(|listener| listener.load_balancer_arn == balancer && listener.port == port)
}

fn duplicate(balancer: &str) -> AwsError {
    AwsError::new(
        "DuplicateListener",
        format!("A listener already exists on this port for this load balancer '{balancer}'"),
    )
}

fn check_protocol(input: Input<'_>) -> Result<(), AwsError> {
    match input.required_text("Protocol")? {
        "HTTP" => refuse_tls(input),
        other => Err(AwsError::new(
            "UnsupportedProtocol",
            format!(
                "local-aws has listeners of protocol HTTP only, not '{other}': put HTTPS in the environments that run on AWS"
            ),
        )),
    }
}

fn refuse_tls(input: Input<'_>) -> Result<(), AwsError> {
    refuse_members(
        input,
        &[
            "SslPolicy",
            "Certificates",
            "AlpnPolicy",
            "MutualAuthentication",
        ],
    )
}

fn render(listener: &Listener) -> Value {
    json!({
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer_arn,
        "Port": listener.port,
        "Protocol": "HTTP",
        "DefaultActions": actions::render(&listener.action),
    })
}
