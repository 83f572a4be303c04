//! Application Auto Scaling: the limits of a service's desired count, and who may change it.

use aws::{SdkConfig, explain};
use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::types::{
    ScalableDimension, ScalableTarget, ServiceNamespace, SuspendedState,
};

/// The autoscaling of one cluster's services.
#[derive(Debug)]
pub(crate) struct Scaling {
    client: Client,
    cluster: String,
}

/// What autoscaling may do to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) minimum: i32,
    pub(crate) maximum: i32,
    pub(crate) suspended: Suspension,
}

/// What of autoscaling is held up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Suspension {
    pub(crate) scale_in: bool,
    pub(crate) scale_out: bool,
    pub(crate) scheduled: bool,
}

impl Suspension {
    /// Nothing changes the desired count.
    pub(crate) const ALL: Self = Self {
        scale_in: true,
        scale_out: true,
        scheduled: true,
    };
}

impl Scaling {
    pub(crate) fn new(config: &SdkConfig, cluster: &str) -> Self {
        Self {
            client: Client::new(config),
            cluster: cluster.to_owned(),
        }
    }

    fn resource(&self, service: &str) -> String {
        format!("service/{}/{service}", self.cluster)
    }

    /// None where the service is not scaled automatically.
    pub(crate) async fn limits(&self, service: &str) -> anyhow::Result<Option<Limits>> {
        let answer = self
            .client
            .describe_scalable_targets()
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .resource_ids(self.resource(service))
            .send()
            .await
            .map_err(|error| explain(&format!("look at the autoscaling of {service}"), error))?;
        Ok(answer.scalable_targets().first().map(limits))
    }

    /// Sets minimum and maximum.
    pub(crate) async fn set_limits(
        &self,
        service: &str,
        minimum: Option<i32>,
        maximum: Option<i32>,
    ) -> anyhow::Result<()> {
        self.client
            .register_scalable_target()
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .resource_id(self.resource(service))
            .set_min_capacity(minimum)
            .set_max_capacity(maximum)
            .send()
            .await
            .map_err(|error| explain(&format!("set the limits of {service}"), error))?;
        Ok(())
    }

    /// Holds autoscaling up, or lets it go on.
    pub(crate) async fn suspend(
        &self,
        service: &str,
        suspension: Suspension,
    ) -> anyhow::Result<()> {
        let state = SuspendedState::builder()
            .dynamic_scaling_in_suspended(suspension.scale_in)
            .dynamic_scaling_out_suspended(suspension.scale_out)
            .scheduled_scaling_suspended(suspension.scheduled)
            .build();
        self.client
            .register_scalable_target()
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .resource_id(self.resource(service))
            .suspended_state(state)
            .send()
            .await
            .map_err(|error| explain(&format!("set the autoscaling of {service}"), error))?;
        Ok(())
    }
}

fn limits(target: &ScalableTarget) -> Limits {
    let suspended = target.suspended_state();
    let is = |of: fn(&SuspendedState) -> Option<bool>| suspended.and_then(of).unwrap_or(false);
    Limits {
        minimum: target.min_capacity(),
        maximum: target.max_capacity(),
        suspended: Suspension {
            scale_in: is(SuspendedState::dynamic_scaling_in_suspended),
            scale_out: is(SuspendedState::dynamic_scaling_out_suspended),
            scheduled: is(SuspendedState::scheduled_scaling_suspended),
        },
    }
}
