//! Making a service that is not there yet.

use anyhow::Context as _;
use aws::explain;
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, DeploymentCircuitBreaker, DeploymentConfiguration,
    LaunchType, LoadBalancer, NetworkConfiguration,
};

use crate::cloud::Cloud;
use crate::cluster::{Change, Cluster};
use crate::service::Service;

/// Where tasks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launch {
    /// On the cluster's own instances.
    Ec2,
    /// On Fargate.
    Fargate,
}

/// The network of tasks that have one of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Subnet ids; none for tasks in the network of their instance.
    pub subnets: Vec<String>,
    /// Security group ids.
    pub security_groups: Vec<String>,
    /// Whether tasks get public addresses.
    pub public_ip: bool,
}

/// What a service shall be like. What is left open takes ECS's default in a new service, and stays as it is in
/// one that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// How many tasks a new service has. One that is there keeps its number: people and autoscaling set it.
    pub desired: Option<i32>,
    /// How many tasks a service that is there shall have from now on, where somebody asked for it by name.
    pub count: Option<i32>,
    /// Where a new service's tasks run; none for EC2.
    pub launch: Option<Launch>,
    /// Network of a new service's tasks.
    pub network: Network,
    /// What the load balancer of a new service sends to, if there is one.
    pub behind: Option<Behind>,
    /// Seconds after a task's start for which bad health is passed over.
    pub health_grace: Option<i32>,
    /// How many of the desired tasks stay healthy during a release, in percent.
    pub minimum_healthy_percent: Option<i32>,
    /// How many tasks there may be during a release, in percent of the desired ones.
    pub maximum_percent: Option<i32>,
}

impl Settings {
    /// What of these settings a service does not have, as `name before → after`.
    pub(crate) fn differences(&self, live: &Service) -> Vec<String> {
        let percents = self.percents(live);
        let table = [
            ("desiredCount", Some(live.desired), self.count),
            (
                "healthCheckGracePeriodSeconds",
                Some(live.grace_seconds),
                self.health_grace,
            ),
            ("minimumHealthyPercent", percents[0].0, percents[0].1),
            ("maximumPercent", percents[1].0, percents[1].1),
        ];
        let is_other = |(name, before, after): (&str, Option<i32>, Option<i32>)| {
            let after = after.filter(|after| before != Some(*after))?;
            let before = before.map_or("unset".to_owned(), |before| before.to_string());
            Some(format!("{name} {before} → {after}"))
        };
        table.into_iter().filter_map(is_other).collect()
    }

    /// What UpdateService has to be told for them. Its deployment configuration is taken as a whole, so the live
    /// one is sent along.
    pub(crate) fn change(&self, live: &Service) -> Change {
        let [minimum, maximum] = self.percents(live);
        let is_other = |(before, after): (Option<i32>, Option<i32>)| {
            after.is_some_and(|after| before != Some(after))
        };
        let configuration = (is_other(minimum) || is_other(maximum)).then(|| {
            let mut configuration = live
                .configuration
                .clone()
                .unwrap_or_else(|| DeploymentConfiguration::builder().build());
            configuration.minimum_healthy_percent = minimum.1.or(minimum.0);
            configuration.maximum_percent = maximum.1.or(maximum.0);
            configuration
        });
        Change {
            desired: self.count.filter(|count| *count != live.desired),
            health_grace: self
                .health_grace
                .filter(|grace| *grace != live.grace_seconds),
            configuration,
            ..Change::default()
        }
    }

    /// Minimum and maximum, as they are and as they shall be.
    fn percents(&self, live: &Service) -> [(Option<i32>, Option<i32>); 2] {
        let configuration = live.configuration.as_ref();
        [
            (
                configuration.and_then(DeploymentConfiguration::minimum_healthy_percent),
                self.minimum_healthy_percent,
            ),
            (
                configuration.and_then(DeploymentConfiguration::maximum_percent),
                self.maximum_percent,
            ),
        ]
    }
}

/// A container's port behind a target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Name or ARN of the target group.
    pub target_group: String,
    /// Container name.
    pub container: String,
    /// Container port.
    pub port: i32,
}

/// Settings whose names have been looked up.
pub(crate) struct Resolved<'a> {
    settings: &'a Settings,
    balancer: Option<LoadBalancer>,
}

impl Launch {
    pub(crate) fn to_launch_type(self) -> LaunchType {
        match self {
            Self::Ec2 => LaunchType::Ec2,
            Self::Fargate => LaunchType::Fargate,
        }
    }
}

impl Network {
    pub(crate) fn to_configuration(&self) -> anyhow::Result<Option<NetworkConfiguration>> {
        if self.subnets.is_empty() {
            return Ok(None);
        }
        let vpc = AwsVpcConfiguration::builder()
            .set_subnets(Some(self.subnets.clone()))
            .set_security_groups(Some(self.security_groups.clone()))
            .assign_public_ip(if self.public_ip {
                AssignPublicIp::Enabled
            } else {
                AssignPublicIp::Disabled
            })
            .build()
            .context("incomplete network configuration")?;
        Ok(Some(
            NetworkConfiguration::builder()
                .awsvpc_configuration(vpc)
                .build(),
        ))
    }
}

/// Looks up the target group.
pub(crate) async fn resolve<'a>(
    cloud: &Cloud,
    settings: &'a Settings,
) -> anyhow::Result<Resolved<'a>> {
    let balancer = match &settings.behind {
        Some(behind) => {
            let group = if behind.target_group.starts_with("arn:") {
                behind.target_group.clone()
            } else {
                cloud.balancing.target_group(&behind.target_group).await?
            };
            Some(
                LoadBalancer::builder()
                    .target_group_arn(group)
                    .container_name(&behind.container)
                    .container_port(behind.port)
                    .build(),
            )
        }
        None => None,
    };
    Ok(Resolved { settings, balancer })
}

/// Creates the service, with a circuit breaker that rolls back, and gives it as ECS has it.
pub(crate) async fn create(
    cluster: &Cluster,
    name: &str,
    task_definition: &str,
    resolved: Resolved<'_>,
) -> anyhow::Result<Service> {
    let what = format!("create the service {name} in the cluster {}", cluster.name);
    let settings = resolved.settings;
    let breaker = DeploymentCircuitBreaker::builder()
        .enable(true)
        .rollback(true)
        .build();
    let configuration = DeploymentConfiguration::builder()
        .deployment_circuit_breaker(breaker)
        .set_minimum_healthy_percent(settings.minimum_healthy_percent)
        .set_maximum_percent(settings.maximum_percent)
        .build();
    let answer = cluster
        .ecs
        .create_service()
        .cluster(&cluster.name)
        .service_name(name)
        .task_definition(task_definition)
        .desired_count(settings.desired.unwrap_or(1))
        .launch_type(settings.launch.unwrap_or(Launch::Ec2).to_launch_type())
        .set_load_balancers(resolved.balancer.map(|balancer| vec![balancer]))
        .set_health_check_grace_period_seconds(settings.health_grace)
        .set_network_configuration(settings.network.to_configuration()?)
        .deployment_configuration(configuration)
        // A retried call must not make a second service.
        .client_token(uuid::Uuid::new_v4().simple().to_string())
        .send()
        .await
        .map_err(|error| explain(&what, error))?;
    answer
        .service()
        .map(Service::from)
        .with_context(|| format!("cannot {what}: the answer has no service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_only_what_differs_and_keeps_the_rest_of_the_configuration() {
        let breaker = DeploymentCircuitBreaker::builder()
            .enable(true)
            .rollback(true);
        let configuration = |minimum, maximum| {
            DeploymentConfiguration::builder()
                .deployment_circuit_breaker(breaker.clone().build())
                .minimum_healthy_percent(minimum)
                .maximum_percent(maximum)
                .build()
        };
        let live = Service {
            grace_seconds: 10,
            configuration: Some(configuration(100, 200)),
            ..Service::default()
        };
        let same = Settings {
            desired: Some(7),
            health_grace: Some(10),
            maximum_percent: Some(200),
            ..Settings::default()
        };
        assert_eq!(same.differences(&live), [""; 0]);
        assert_eq!(same.change(&live), Change::default());
        let other = Settings {
            minimum_healthy_percent: Some(50),
            ..same
        };
        assert_eq!(other.differences(&live), ["minimumHealthyPercent 100 → 50"]);
        let change = Change {
            configuration: Some(configuration(50, 200)),
            ..Change::default()
        };
        assert_eq!(other.change(&live), change);
    }
}
