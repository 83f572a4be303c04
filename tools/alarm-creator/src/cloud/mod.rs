//! The calls to AWS.

mod alarms;
mod dashboards;
mod filters;
mod metrics;
mod places;
mod topic;

use aws::SdkConfig;
use aws::query::{Query, QueryError, Service};
use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_cloudwatchlogs::Client as Logs;
use aws_sdk_ecs::Client as Ecs;
use aws_sdk_elasticloadbalancingv2::Client as LoadBalancing;
use toolkit::Fault;

pub(crate) use alarms::Told;
pub(crate) use metrics::Span;
pub(crate) use places::Cluster;

/// SNS is asked for so little that its SDK would not be worth compiling.
const SNS: Service = Service {
    name: "sns",
    id: "SNS",
    version: "2010-03-31",
    is_global: false,
};

/// The services that are called. It has no `Debug`: it holds credentials.
pub(crate) struct Cloud {
    cloudwatch: CloudWatch,
    load_balancing: LoadBalancing,
    logs: Logs,
    ecs: Ecs,
    sns: Query,
}

impl Cloud {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            cloudwatch: CloudWatch::new(config),
            load_balancing: LoadBalancing::new(config),
            logs: Logs::new(config),
            ecs: Ecs::new(config),
            sns: Query::new(config, SNS),
        }
    }
}

fn refused(what: &str, error: &QueryError) -> anyhow::Error {
    Fault::new(contract::exit::FAILED, format!("cannot {what}: {error}")).into()
}
