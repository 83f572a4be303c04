//! `local-aws seed`: the resources that a project's environment is released to, created through the server's own
//! public API where they are missing, as an infrastructure stack would create them in an account.

use std::path::PathBuf;

use anyhow::Context as _;
use contract::config::{self, Environment, Service};
use contract::exit;
use contract::names::Names;
use serde_json::{Value, json};
use toolkit::file::Secrecy;
use toolkit::{Fault, output};

use crate::client::{Client, Refusal, element};
use crate::control::text;

/// The load balancer's port, or the next free one.
const PORT: u16 = 8080;
/// How far to look for a free one.
const PORTS: u16 = 200;
const ELB: &str = "2015-12-01";

/// What to create.
#[derive(Debug)]
pub struct Request {
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// Directory with longshore.toml.
    pub project: PathBuf,
    /// Environment.
    pub env: String,
}

/// Creates what is missing, and writes what there is now as one JSON document.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    let file = request.project.join("longshore.toml");
    let shown = file.display().to_string();
    let source = std::fs::read_to_string(&file)
        .map_err(|error| Fault::usage(format!("cannot read {shown}: {error}")))?;
    let project =
        config::parse(&source, &shown).map_err(|problems| Fault::usage(problems.to_string()))?;
    let environment = project
        .environment(&request.env)
        .map_err(|error| Fault::usage(error.to_string()))?;
    let names = Names::new(&project.app.name, &environment.name);
    let seed = Seed {
        client: Client::new(&request.endpoint)?,
        names,
        environment,
    };
    output::document(&seed.everything()?, None, Secrecy::Public)?;
    Ok(exit::DONE)
}

struct Seed<'a> {
    client: Client,
    names: Names,
    environment: &'a Environment,
}

impl Seed<'_> {
    fn everything(&self) -> anyhow::Result<Value> {
        let repository = self.repository()?;
        let cluster = self.client.call(
            "AmazonEC2ContainerServiceV20141113.CreateCluster",
            &json!({
                "clusterName": self.names.cluster(),
                "settings": [{ "name": "containerInsights", "value": "enabled" }],
            }),
        )?;
        self.log_group(&self.names.log_group())?;
        self.log_group(&self.names.lifecycle_log_group())?;
        let behind: Vec<(&String, &Service)> = self
            .environment
            .services
            .iter()
            .filter(|(_, service)| service.port.is_some())
            .collect();
        let mut groups = serde_json::Map::new();
        let mut url = Value::Null;
        if !behind.is_empty() {
            let balancer = self.load_balancer()?;
            let (listener, port) = self.listener(&balancer)?;
            for (name, service) in behind {
                let group = self.target_group(name, service)?;
                self.rule(&listener, &group, service)?;
                groups.insert(name.clone(), json!(group));
            }
            url = json!(format!("http://127.0.0.1:{port}/"));
        }
        Ok(json!({
            "kind": "local-aws-seed",
            "schema": 1,
            "repository": repository,
            "cluster": text(&cluster, "/cluster/clusterArn")?,
            "logGroup": self.names.log_group(),
            "targetGroups": groups,
            "url": url,
        }))
    }

    fn repository(&self) -> anyhow::Result<String> {
        let name = self.names.repository();
        let created = self.client.call(
            "AmazonEC2ContainerRegistry_V20150921.CreateRepository",
            &json!({ "repositoryName": name }),
        );
        let found = match created {
            Err(error) if is(&error, "RepositoryAlreadyExistsException") => {
                let input = json!({ "repositoryNames": [name] });
                let answer = self.client.call(
                    "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories",
                    &input,
                )?;
                text(&answer, "/repositories/0/repositoryUri")?.to_owned()
            }
            other => text(&other?, "/repository/repositoryUri")?.to_owned(),
        };
        Ok(found)
    }

    fn log_group(&self, name: &str) -> anyhow::Result<()> {
        match self.client.call(
            "Logs_20140328.CreateLogGroup",
            &json!({ "logGroupName": name }),
        ) {
            Err(error) if is(&error, "ResourceAlreadyExistsException") => Ok(()),
            other => {
                other?;
                let retention = json!({ "logGroupName": name, "retentionInDays": 30 });
                self.client
                    .call("Logs_20140328.PutRetentionPolicy", &retention)
                    .map(drop)
            }
        }
    }

    fn load_balancer(&self) -> anyhow::Result<String> {
        let name = self.names.load_balancer();
        let described = self.elb("DescribeLoadBalancers", &[("Names.member.1", &name)]);
        let answer = match described {
            Err(error) if is(&error, "LoadBalancerNotFound") => self.elb(
                "CreateLoadBalancer",
                &[
                    ("Name", &name),
                    ("Type", "application"),
                    ("Subnets.member.1", "subnet-a"),
                    ("Subnets.member.2", "subnet-b"),
                ],
            )?,
            other => other?,
        };
        found(&answer, "LoadBalancerArn")
    }

    /// The listener's ARN and port. Requests that no rule wants are answered with 404.
    fn listener(&self, balancer: &str) -> anyhow::Result<(String, u16)> {
        let described = self.elb("DescribeListeners", &[("LoadBalancerArn", balancer)])?;
        if let Some(arn) = element(&described, "ListenerArn") {
            let port = found(&described, "Port")?
                .parse()
                .context("the listener's port is not a number")?;
            return Ok((arn.to_owned(), port));
        }
        let mut refusal = None;
        for port in PORT..PORT + PORTS {
            let created = self.elb(
                "CreateListener",
                &[
                    ("LoadBalancerArn", balancer),
                    ("Protocol", "HTTP"),
                    ("Port", &port.to_string()),
                    ("DefaultActions.member.1.Type", "fixed-response"),
                    (
                        "DefaultActions.member.1.FixedResponseConfig.StatusCode",
                        "404",
                    ),
                    (
                        "DefaultActions.member.1.FixedResponseConfig.ContentType",
                        "text/plain",
                    ),
                    (
                        "DefaultActions.member.1.FixedResponseConfig.MessageBody",
                        "no service has this host and path\n",
                    ),
                ],
            );
            match created {
                Ok(answer) => return Ok((found(&answer, "ListenerArn")?, port)),
                // Somebody else has this port.
                Err(error) => refusal = Some(error),
            }
        }
        let error = refusal.context("no port was tried")?;
        Err(error.context(format!(
            "no port from {PORT} to {} is free",
            PORT + PORTS - 1
        )))
    }

    fn target_group(&self, name: &str, service: &Service) -> anyhow::Result<String> {
        let group = self.names.target_group(name);
        let checks = [
            ("HealthCheckPath", service.health_path.as_str()),
            ("HealthCheckIntervalSeconds", "10"),
            ("HealthCheckTimeoutSeconds", "5"),
            ("HealthyThresholdCount", "2"),
            ("UnhealthyThresholdCount", "3"),
        ];
        let described = self.elb("DescribeTargetGroups", &[("Names.member.1", &group)]);
        match described {
            Err(error) if is(&error, "TargetGroupNotFound") => {
                let port = service.port.unwrap_or(80).to_string();
                let own = [
                    ("Name", group.as_str()),
                    ("Protocol", "HTTP"),
                    ("Port", &port),
                    ("VpcId", "vpc-local"),
                    ("TargetType", "instance"),
                ];
                let arn = found(
                    &self.elb("CreateTargetGroup", &[&own[..], &checks].concat())?,
                    "TargetGroupArn",
                )?;
                let delay = [
                    (
                        "Attributes.member.1.Key",
                        "deregistration_delay.timeout_seconds",
                    ),
                    ("Attributes.member.1.Value", "30"),
                ];
                self.elb(
                    "ModifyTargetGroupAttributes",
                    &[&[("TargetGroupArn", arn.as_str())][..], &delay].concat(),
                )?;
                Ok(arn)
            }
            other => {
                let answer = other?;
                let arn = found(&answer, "TargetGroupArn")?;
                if element(&answer, "HealthCheckPath") != Some(&service.health_path) {
                    self.elb(
                        "ModifyTargetGroup",
                        &[
                            ("TargetGroupArn", arn.as_str()),
                            ("HealthCheckPath", &service.health_path),
                        ],
                    )?;
                }
                Ok(arn)
            }
        }
    }

    /// The rule that leads to a target group, made anew if it is not as the project wants it.
    fn rule(&self, listener: &str, group: &str, service: &Service) -> anyhow::Result<()> {
        let described = self.elb("DescribeRules", &[("ListenerArn", listener)])?;
        let rules: Vec<&str> = described.split("<RuleArn>").skip(1).collect();
        let wants = |rule: &str| {
            let has = |value: &str| rule.contains(&format!("<member>{value}</member>"));
            has(&service.path) && self.environment.host.as_deref().is_none_or(has)
        };
        if let Some(rule) = rules.iter().find(|rule| rule.contains(group)) {
            if wants(rule) {
                return Ok(());
            }
            let arn = rule
                .split_once("</RuleArn>")
                .map(|(arn, _)| arn)
                .context("a rule has no ARN")?;
            self.elb("DeleteRule", &[("RuleArn", arn)])?;
        }
        let taken: Vec<u32> = rules
            .iter()
            .filter_map(|rule| element(rule, "Priority")?.parse().ok())
            .collect();
        let band = band(&service.path, self.environment.host.is_some());
        let priority = (band..)
            .find(|priority| !taken.contains(priority))
            .context("no priority is free")?
            .to_string();
        let mut fields = vec![
            ("ListenerArn", listener),
            ("Priority", priority.as_str()),
            ("Actions.member.1.Type", "forward"),
            ("Actions.member.1.TargetGroupArn", group),
            ("Conditions.member.1.Field", "path-pattern"),
            ("Conditions.member.1.Values.member.1", service.path.as_str()),
        ];
        if let Some(host) = &self.environment.host {
            fields.extend([
                ("Conditions.member.2.Field", "host-header"),
                ("Conditions.member.2.Values.member.1", host.as_str()),
            ]);
        }
        self.elb("CreateRule", &fields).map(drop)
    }

    fn elb(&self, action: &str, fields: &[(&str, &str)]) -> anyhow::Result<String> {
        let fields: Vec<(String, String)> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.client.query(ELB, action, &fields)
    }
}

/// Where the priorities of a rule begin: the longer path is tried first, and a rule that names its host before
/// one that takes every host, so that `/*` never hides another service.
fn band(path: &str, has_host: bool) -> u32 {
    // Elastic Load Balancing's limits: a path has 128 characters, a priority is at most 50,000.
    let missing = 128 - u32::try_from(path.len()).unwrap_or(128).min(128);
    1 + missing * 100 + if has_host { 0 } else { 20_000 }
}

fn is(error: &anyhow::Error, code: &str) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<Refusal>()
            .is_some_and(|refusal| refusal.code == code)
    })
}

fn found(answer: &str, name: &str) -> anyhow::Result<String> {
    element(answer, name)
        .map(str::to_owned)
        .with_context(|| format!("the answer has no {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_the_longer_path_first() {
        let order = [
            band("/api/admin/*", true),
            band("/*", true),
            band("/api/*", false),
            band("/*", false),
        ];
        assert!(order.is_sorted(), "{order:?}");
        assert!(order[3] + 100 < 50_000);
    }
}
