//! Actions of listeners and rules.

use serde_json::{Value, json};

use super::bounded;
use crate::elb::model::{Action, Redirect, WeightedGroup};
use crate::elb::tables::Tables;
use crate::protocol::{AwsError, Input};

const MOST_GROUPS: usize = 5;
const CONTENT_TYPES: [&str; 5] = [
    "text/plain",
    "text/css",
    "text/html",
    "application/javascript",
    "application/json",
];
const MOST_BODY: usize = 1024;

/// The one action of a list of actions; those that would come before it are not done here.
pub(super) fn read(input: Input<'_>, list: &str) -> Result<Action, AwsError> {
    let actions = input.structures(list)?;
    let [action] = actions[..] else {
        return Err(input.refuse(match actions.first() {
            None => format!("{list}: one action must be specified"),
            Some(_) => format!(
                "{list}: local-aws takes one action of type forward, redirect or fixed-response"
            ),
        }));
    };
    match action.required_text("Type")? {
        "forward" => read_forward(action).map(Action::Forward),
        "fixed-response" => read_fixed_response(action),
        "redirect" => read_redirect(action).map(Action::Redirect),
        other => Err(AwsError::new(
            "InvalidLoadBalancerAction",
            format!("local-aws does not do actions of type '{other}'"),
        )),
    }
}

fn read_forward(action: Input<'_>) -> Result<Vec<WeightedGroup>, AwsError> {
    let single = action.text("TargetGroupArn")?;
    let mut groups = Vec::new();
    if let Some(config) = action.structure("ForwardConfig")? {
        if let Some(stickiness) = config.structure("TargetGroupStickinessConfig")?
            && stickiness.flag("Enabled")? == Some(true)
        {
            return Err(AwsError::new(
                "InvalidConfigurationRequest",
                "local-aws does not do target group stickiness",
            ));
        }
        for group in config.structures("TargetGroups")? {
            groups.push(WeightedGroup {
                arn: group.required_text("TargetGroupArn")?.to_owned(),
                weight: bounded(group, "Weight", 0, 999)?.unwrap_or(1),
            });
        }
    }
    match single {
        Some(arn) if groups.is_empty() => groups.push(WeightedGroup {
            arn: arn.to_owned(),
            weight: 1,
        }),
        Some(arn) if groups.len() != 1 || groups[0].arn != arn => {
            return Err(action.refuse(
                "You cannot specify both a target group ARN and a forward config with different target groups",
            ));
        }
        _ => {}
    }
    if groups.is_empty() {
        return Err(action.refuse("A target group ARN must be specified"));
    }
    let mut arns: Vec<&str> = groups.iter().map(|group| group.arn.as_str()).collect();
    arns.sort_unstable();
    if groups.len() > MOST_GROUPS || arns.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(action.refuse(format!(
            "A forward action has at most {MOST_GROUPS} target groups, each of them once"
        )));
    }
    Ok(groups)
}

fn read_fixed_response(action: Input<'_>) -> Result<Action, AwsError> {
    let config = action
        .structure("FixedResponseConfig")?
        .ok_or_else(|| action.refuse("A fixed response config must be specified"))?;
    let status: u16 = config
        .required_text("StatusCode")?
        .parse()
        .ok()
        .filter(|code| matches!(code, 200..300 | 400..600))
        .ok_or_else(|| {
            config.refuse("The status code of a fixed response must be 2XX, 4XX or 5XX")
        })?;
    let content_type = config.text("ContentType")?.map(str::to_owned);
    if let Some(kind) = &content_type
        && !CONTENT_TYPES.contains(&kind.as_str())
    {
        return Err(config.refuse(format!(
            "The content type '{kind}' must be one of {}",
            CONTENT_TYPES.join(", ")
        )));
    }
    let body = config.text("MessageBody")?.unwrap_or_default().to_owned();
    if body.len() > MOST_BODY {
        return Err(config.refuse(format!(
            "The message body of a fixed response has at most {MOST_BODY} bytes"
        )));
    }
    Ok(Action::FixedResponse {
        status,
        content_type,
        body,
    })
}

fn read_redirect(action: Input<'_>) -> Result<Redirect, AwsError> {
    let config = action
        .structure("RedirectConfig")?
        .ok_or_else(|| action.refuse("A redirect config must be specified"))?;
    let status = match config.required_text("StatusCode")? {
        "HTTP_301" => 301,
        "HTTP_302" => 302,
        other => {
            return Err(config.refuse(format!(
                "The status code '{other}' must be HTTP_301 or HTTP_302"
            )));
        }
    };
    let part = |name, usual: &str| -> Result<String, AwsError> {
        let text = config.text(name)?.unwrap_or(usual);
        if text.len() > 128 {
            return Err(config.refuse(format!("{name} has at most 128 characters")));
        }
        Ok(text.to_owned())
    };
    let redirect = Redirect {
        protocol: part("Protocol", "#{protocol}")?,
        host: part("Host", "#{host}")?,
        port: part("Port", "#{port}")?,
        path: part("Path", "/#{path}")?,
        query: part("Query", "#{query}")?,
        status,
    };
    let port_is_valid =
        redirect.port == "#{port}" || redirect.port.parse::<u16>().is_ok_and(|port| port > 0);
    if !["HTTP", "HTTPS", "#{protocol}"].contains(&redirect.protocol.as_str())
        || !port_is_valid
        || !redirect.path.starts_with('/')
        || redirect.host.is_empty()
    {
        return Err(config.refuse(
            "A redirect needs the protocol HTTP, HTTPS or #{protocol}, a port or #{port}, a host, and a path that begins with '/'",
        ));
    }
    let unchanged = redirect.protocol != "HTTPS"
        && redirect.host == "#{host}"
        && redirect.port == "#{port}"
        && redirect.path == "/#{path}"
        && redirect.query == "#{query}";
    if unchanged {
        return Err(AwsError::new(
            "InvalidLoadBalancerAction",
            "The redirect configuration is not valid because it creates a loop.",
        ));
    }
    Ok(redirect)
}

/// Refuses an action with target groups that do not exist or already belong to another load balancer.
pub(super) fn check(tables: &Tables, balancer: &str, action: &Action) -> Result<(), AwsError> {
    for arn in action.target_groups() {
        super::target_groups::find(tables, arn)?;
        if tables
            .balancers_of(arn)
            .iter()
            .any(|other| *other != balancer)
        {
            return Err(AwsError::new(
                "TargetGroupAssociationLimit",
                format!(
                    "The following target groups cannot be associated with more than one load balancer: {arn}"
                ),
            ));
        }
    }
    Ok(())
}

pub(super) fn render(action: &Action) -> Value {
    match action {
        Action::Forward(groups) => {
            let rendered: Vec<Value> = groups
                .iter()
                .map(|group| json!({ "TargetGroupArn": group.arn, "Weight": group.weight }))
                .collect();
            let single = match &groups[..] {
                [only] => Some(&only.arn),
                _ => None,
            };
            json!([{
                "Type": "forward",
                "TargetGroupArn": single,
                "Order": 1,
                "ForwardConfig": {
                    "TargetGroups": rendered,
                    "TargetGroupStickinessConfig": { "Enabled": false },
                },
            }])
        }
        Action::FixedResponse {
            status,
            content_type,
            body,
        } => json!([{
            "Type": "fixed-response",
            "Order": 1,
            "FixedResponseConfig": {
                "MessageBody": body,
                "StatusCode": status.to_string(),
                "ContentType": content_type,
            },
        }]),
        Action::Redirect(redirect) => json!([{
            "Type": "redirect",
            "Order": 1,
            "RedirectConfig": {
                "Protocol": redirect.protocol,
                "Port": redirect.port,
                "Host": redirect.host,
                "Path": redirect.path,
                "Query": redirect.query,
                "StatusCode": format!("HTTP_{}", redirect.status),
            },
        }]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(action: &Value) -> Result<Value, AwsError> {
        let request = json!({ "Actions": [action] });
        read(Input::new(&request, "ValidationError"), "Actions")
            .map(|action| render(&action)[0].clone())
    }

    #[test]
    fn reads_both_ways_to_forward() {
        let single = json!({ "Type": "forward", "TargetGroupArn": "a" });
        let config = json!({
            "Type": "forward",
            "ForwardConfig": { "TargetGroups": [{ "TargetGroupArn": "a", "Weight": "1" }] },
        });
        let expected = json!({
            "Type": "forward",
            "TargetGroupArn": "a",
            "Order": 1,
            "ForwardConfig": {
                "TargetGroups": [{ "TargetGroupArn": "a", "Weight": 1 }],
                "TargetGroupStickinessConfig": { "Enabled": false },
            },
        });
        assert_eq!(parse(&single), Ok(expected.clone()));
        assert_eq!(parse(&config), Ok(expected.clone()));
        // What is described can be sent again, as deployment controllers do.
        assert_eq!(parse(&expected), Ok(expected.clone()));
    }

    #[test]
    fn refuses_what_is_not_done() {
        let check = |action: Value, code: &str, message: &str| {
            assert_eq!(parse(&action), Err(AwsError::new(code, message)));
        };
        check(
            json!({ "Type": "authenticate-oidc" }),
            "InvalidLoadBalancerAction",
            "local-aws does not do actions of type 'authenticate-oidc'",
        );
        check(
            json!({ "Type": "forward", "TargetGroupArn": "a", "ForwardConfig": {
                "TargetGroups": [{ "TargetGroupArn": "b" }] } }),
            "ValidationError",
            "You cannot specify both a target group ARN and a forward config with different target groups",
        );
        check(
            json!({ "Type": "forward", "ForwardConfig": { "TargetGroups": [{ "TargetGroupArn": "a", "Weight": 1000 }] } }),
            "ValidationError",
            "Weight '1000' must be between '0' and '999'",
        );
        check(
            json!({ "Type": "redirect", "RedirectConfig": { "StatusCode": "HTTP_301" } }),
            "InvalidLoadBalancerAction",
            "The redirect configuration is not valid because it creates a loop.",
        );
        check(
            json!({ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "302" } }),
            "ValidationError",
            "The status code of a fixed response must be 2XX, 4XX or 5XX",
        );
    }
}
