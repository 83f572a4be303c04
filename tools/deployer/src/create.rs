//! Making a service that is not there yet.

use anyhow::Context as _;
use aws::explain;
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, DeploymentCircuitBreaker, DeploymentConfiguration,
    LaunchType, LoadBalancer, NetworkConfiguration,
};

use crate::cloud::Cloud;
use crate::cluster::Cluster;
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

/// The settings of a new service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How many tasks.
    pub desired: i32,
    /// Where they run.
    pub launch: Launch,
    /// Their network.
    pub network: Network,
    /// What the load balancer sends to, if there is one.
    pub behind: Option<Behind>,
    /// Seconds after a task's start for which bad health is passed over.
    pub health_grace: Option<i32>,
    /// How many of the desired tasks stay healthy during a release, in percent.
    pub minimum_healthy_percent: i32,
    /// How many tasks there may be during a release, in percent of the desired ones.
    pub maximum_percent: i32,
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
        .minimum_healthy_percent(settings.minimum_healthy_percent)
        .maximum_percent(settings.maximum_percent)
        .build();
    let answer = cluster
        .ecs
        .create_service()
        .cluster(&cluster.name)
        .service_name(name)
        .task_definition(task_definition)
        .desired_count(settings.desired)
        .launch_type(settings.launch.to_launch_type())
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
