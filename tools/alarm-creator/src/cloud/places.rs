//! Where the service is: its cluster, its load balancer, the service itself.

use anyhow::Context as _;
use aws::{code, explain};
use aws_sdk_ecs::types::{
    ClusterField, ClusterSettingName, DeploymentConfiguration, DeploymentControllerType,
    DeploymentRolloutState,
};
use toolkit::Fault;

use super::Cloud;
use crate::dashboard::Place;
use crate::protection::Deployments;
use crate::set::Balancer;

/// The cluster, as far as alarms ask for it.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) place: Place,
    pub(crate) has_insights: bool,
}

impl Cloud {
    pub(crate) async fn cluster(&self, name: &str) -> anyhow::Result<Cluster> {
        let answer = self
            .ecs
            .describe_clusters()
            .clusters(name)
            .include(ClusterField::Settings)
            .send()
            .await
            .map_err(|error| explain(&format!("look at the cluster {name}"), error))?;
        let Some(cluster) = answer
            .clusters()
            .iter()
            .find(|cluster| cluster.status() == Some("ACTIVE"))
        else {
            return Err(not_provisioned(format!("there is no cluster {name}")).into());
        };
        let arn = cluster.cluster_arn().unwrap_or_default();
        let has_insights = cluster.settings().iter().any(|setting| {
            setting.name() == Some(&ClusterSettingName::ContainerInsights)
                && matches!(setting.value(), Some("enabled" | "enhanced"))
        });
        Ok(Cluster {
            place: Place::of_arn(arn)
                .with_context(|| format!("{arn} is not the ARN of a cluster"))?,
            has_insights,
        })
    }

    /// The load balancer that a target group stands behind.
    pub(crate) async fn balancer(&self, target_group: &str) -> anyhow::Result<Balancer> {
        let answer = self
            .load_balancing
            .describe_target_groups()
            .names(target_group)
            .send()
            .await;
        let answer = match answer {
            Err(error) if code(&error) == Some("TargetGroupNotFound") => {
                let what = format!("there is no target group {target_group}");
                return Err(not_provisioned(what).into());
            }
            other => other.map_err(|error| {
                explain(&format!("look at the target group {target_group}"), error)
            })?,
        };
        let group = answer
            .target_groups()
            .first()
            .with_context(|| format!("no target group {target_group} was returned"))?;
        let Some(load_balancer) = group.load_balancer_arns().first() else {
            let what = format!("the target group {target_group} is not behind a load balancer");
            return Err(not_provisioned(what).into());
        };
        Ok(Balancer {
            load_balancer: suffix(load_balancer, "loadbalancer/")?,
            target_group: format!(
                "targetgroup/{}",
                suffix(group.target_group_arn().unwrap_or_default(), "targetgroup/")?
            ),
        })
    }

    /// How the service is deployed; none if there is no such service.
    pub(crate) async fn deployments(
        &self,
        cluster: &str,
        service: &str,
    ) -> anyhow::Result<Option<Deployments>> {
        let answer = self
            .ecs
            .describe_services()
            .cluster(cluster)
            .services(service)
            .send()
            .await
            .map_err(|error| {
                explain(
                    &format!("look at the service {service} of the cluster {cluster}"),
                    error,
                )
            })?;
        let live = answer
            .services()
            .iter()
            .find(|live| live.status() != Some("INACTIVE"));
        Ok(live.map(|live| Deployments {
            configuration: live.deployment_configuration().cloned(),
            is_deploying: live.deployments().iter().any(|deployment| {
                deployment.status() == Some("PRIMARY")
                    && deployment.rollout_state() == Some(&DeploymentRolloutState::InProgress)
            }),
            by_ecs: live
                .deployment_controller()
                .is_none_or(|controller| *controller.r#type() == DeploymentControllerType::Ecs),
        }))
    }

    /// Changes what the service's deployments watch, and nothing else.
    pub(crate) async fn configure(
        &self,
        cluster: &str,
        service: &str,
        configuration: DeploymentConfiguration,
    ) -> anyhow::Result<()> {
        self.ecs
            .update_service()
            .cluster(cluster)
            .service(service)
            .deployment_configuration(configuration)
            .send()
            .await
            .map_err(|error| {
                explain(
                    &format!("change the deployment alarms of the service {service}"),
                    error,
                )
            })?;
        Ok(())
    }
}

fn not_provisioned(what: String) -> Fault {
    Fault::new(contract::exit::FAILED, what).with_hint(
        "provision the environment first; metrics are named by cluster, load balancer and target group",
    )
}

/// What follows `marker` in an ARN, as metrics name the resource.
fn suffix(arn: &str, marker: &str) -> anyhow::Result<String> {
    let (_, suffix) = arn
        .split_once(marker)
        .with_context(|| format!("{arn} is not the ARN of a {}", marker.trim_end_matches('/')))?;
    Ok(suffix.to_owned())
}
