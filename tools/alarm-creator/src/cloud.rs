//! The calls to AWS.

use anyhow::Context as _;
use aws::{SdkConfig, code, explain};
use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_cloudwatch::types::{AlarmType, MetricAlarm, Statistic};
use aws_sdk_elasticloadbalancingv2::Client as LoadBalancing;
use contract::alarms::Change;
use toolkit::Fault;

use crate::definition::{Definition, Measure, PERIOD};
use crate::plan::Planned;
use crate::set::Balancer;

/// DescribeAlarms takes this many names.
const NAMES_A_CALL: usize = 100;

/// The services that are called.
pub(crate) struct Cloud {
    cloudwatch: CloudWatch,
    load_balancing: LoadBalancing,
}

impl Cloud {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            cloudwatch: CloudWatch::new(config),
            load_balancing: LoadBalancing::new(config),
        }
    }

    /// The load balancer that a target group stands behind.
    pub(crate) async fn balancer(&self, target_group: &str) -> anyhow::Result<Balancer> {
        let missing = |what: String| {
            Fault::new(1, what).with_hint("provision the environment first; its metrics are named by load balancer and target group")
        };
        let answer = self
            .load_balancing
            .describe_target_groups()
            .names(target_group)
            .send()
            .await;
        let answer = match answer {
            Err(error) if code(&error) == Some("TargetGroupNotFound") => {
                return Err(missing(format!("there is no target group {target_group}")).into());
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
            return Err(missing(format!(
                "the target group {target_group} is not behind a load balancer"
            ))
            .into());
        };
        Ok(Balancer {
            load_balancer: suffix(load_balancer, "loadbalancer/")?,
            target_group: format!(
                "targetgroup/{}",
                suffix(group.target_group_arn().unwrap_or_default(), "targetgroup/")?
            ),
        })
    }

    /// The alarms with these names, as far as they exist.
    pub(crate) async fn alarms(&self, names: Vec<String>) -> anyhow::Result<Vec<MetricAlarm>> {
        let mut alarms = Vec::new();
        for names in names.chunks(NAMES_A_CALL) {
            let answer = self
                .cloudwatch
                .describe_alarms()
                .alarm_types(AlarmType::MetricAlarm)
                .set_alarm_names(Some(names.to_vec()))
                .max_records(100)
                .send()
                .await
                .map_err(|error| {
                    explain(&format!("look at the alarms {}", names.join(", ")), error)
                })?;
            alarms.extend(answer.metric_alarms.unwrap_or_default());
        }
        Ok(alarms)
    }

    /// Writes every alarm that is not as it should be.
    pub(crate) async fn apply(&self, planned: &[Planned]) -> anyhow::Result<()> {
        for planned in planned
            .iter()
            .filter(|planned| planned.change != Change::Unchanged)
        {
            self.put(&planned.definition).await?;
        }
        Ok(())
    }

    async fn put(&self, definition: &Definition) -> anyhow::Result<()> {
        let call = self
            .cloudwatch
            .put_metric_alarm()
            .alarm_name(&definition.name)
            .alarm_description(&definition.description)
            .comparison_operator(definition.comparison.clone())
            .threshold(definition.threshold)
            .evaluation_periods(definition.periods)
            .datapoints_to_alarm(definition.datapoints)
            .treat_missing_data(definition.missing.as_str())
            .set_alarm_actions(Some(definition.actions.clone()))
            .set_ok_actions(Some(definition.actions.clone()));
        let call = match &definition.measure {
            Measure::Metric { series, statistic } => {
                let call = call
                    .namespace(&series.namespace)
                    .metric_name(&series.name)
                    .set_dimensions(Some(series.to_dimensions()))
                    .period(PERIOD);
                // Percentiles have a member of their own.
                match Statistic::try_parse(statistic) {
                    Ok(statistic) => call.statistic(statistic),
                    Err(_percentile) => call.extended_statistic(statistic),
                }
            }
            Measure::Expression { .. } => call.set_metrics(Some(definition.queries())),
            Measure::Foreign => {
                anyhow::bail!("the alarm {} has nothing to look at", definition.name)
            }
        };
        call.send()
            .await
            .map_err(|error| explain(&format!("write the alarm {}", definition.name), error))?;
        Ok(())
    }
}

/// What follows `marker` in an ARN, as metrics name the resource.
fn suffix(arn: &str, marker: &str) -> anyhow::Result<String> {
    let (_, suffix) = arn
        .split_once(marker)
        .with_context(|| format!("{arn} is not the ARN of a {}", marker.trim_end_matches('/')))?;
    Ok(suffix.to_owned())
}
