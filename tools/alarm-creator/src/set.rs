//! Which alarms watch a service, and why.
//!
//! Metrics, statistics and thresholds follow AWS's page of recommended alarms. What a minute without data
//! means is decided for each: the load balancer reports counts and times only while there is traffic, so
//! silence at night must not wake anybody; host counts are always there, so their silence must.

use aws_sdk_cloudwatch::types::ComparisonOperator;

use crate::Request;
use crate::definition::{Definition, Measure, Missing, Series};

const BALANCER: &str = "AWS/ApplicationELB";
const ECS: &str = "AWS/ECS";

/// Below this many requests a minute, one failed request would be a high percentage of nothing.
const ENOUGH_REQUESTS: u32 = 10;

/// The load balancer in front of a service, as its metrics name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balancer {
    /// `app/NAME/ID`.
    pub(crate) load_balancer: String,
    /// `targetgroup/NAME/ID`.
    pub(crate) target_group: String,
}

/// The recipients that an alarm can call, and those that it cannot.
pub(crate) fn recipients(notify: &[String]) -> (Vec<String>, Vec<String>) {
    notify
        .iter()
        .cloned()
        .partition(|recipient| recipient.starts_with("arn:") && recipient.contains(":sns:"))
}

/// The set for one service.
pub(crate) fn alarms(
    request: &Request,
    balancer: Option<&Balancer>,
    actions: &[String],
) -> Vec<Definition> {
    let mut alarms = Vec::new();
    if let Some(balancer) = balancer {
        alarms.extend(traffic(request, balancer));
        alarms.extend(hosts(request, balancer));
    }
    alarms.extend(resources(request));
    for alarm in &mut alarms {
        actions.clone_into(&mut alarm.actions);
    }
    alarms
}

/// What visitors notice.
fn traffic(request: &Request, balancer: &Balancer) -> [Definition; 2] {
    let thresholds = &request.thresholds;
    let (errors, latency) = (thresholds.error_percent, thresholds.latency_seconds);
    [
        Definition {
            measure: Measure::Expression {
                expression: format!(
                    "IF(requests>{ENOUGH_REQUESTS}, 100*FILL(errors, 0)/requests, 0)"
                ),
                sums: vec![
                    (
                        "errors".to_owned(),
                        series("HTTPCode_Target_5XX_Count", balancer),
                    ),
                    ("requests".to_owned(), series("RequestCount", balancer)),
                ],
            },
            ..alarm(
                request,
                "target-5xx",
                &format!(
                    "more than {errors} % of the requests are answered with 5xx by the service"
                ),
                errors,
            )
        },
        Definition {
            measure: Measure::Metric {
                series: series("TargetResponseTime", balancer),
                statistic: "p99".to_owned(),
            },
            ..alarm(
                request,
                "latency-p99",
                &format!("the slowest hundredth of the requests takes more than {latency} s"),
                latency,
            )
        },
    ]
}

/// What the load balancer thinks of the tasks.
fn hosts(request: &Request, balancer: &Balancer) -> [Definition; 2] {
    [
        Definition {
            // A maximum: one unhealthy target among many is one too many.
            measure: Measure::Metric {
                series: series("UnHealthyHostCount", balancer),
                statistic: "Maximum".to_owned(),
            },
            comparison: ComparisonOperator::GreaterThanOrEqualToThreshold,
            ..alarm(
                request,
                "unhealthy-hosts",
                "a task fails the load balancer's health check",
                1.0,
            )
        },
        Definition {
            measure: Measure::Metric {
                series: series("HealthyHostCount", balancer),
                statistic: "Minimum".to_owned(),
            },
            comparison: ComparisonOperator::LessThanThreshold,
            // Nothing answers: no reason to wait five minutes.
            datapoints: 2,
            periods: 2,
            missing: Missing::Breaching,
            ..alarm(
                request,
                "no-healthy-host",
                "no task can answer requests",
                1.0,
            )
        },
    ]
}

/// What the tasks use of what they have reserved.
fn resources(request: &Request) -> [Definition; 2] {
    let usage = |what: &str, metric: &str, noun: &str, threshold: f64| Definition {
        measure: Measure::Metric {
            series: Series::new(
                ECS,
                metric,
                &[
                    ("ClusterName", &request.names.cluster()),
                    ("ServiceName", &request.names.service(&request.service)),
                ],
            ),
            statistic: "Average".to_owned(),
        },
        ..alarm(
            request,
            what,
            &format!("the tasks use more than {threshold} % of their {noun}"),
            threshold,
        )
    };
    [
        usage(
            "cpu",
            "CPUUtilization",
            "CPU",
            request.thresholds.cpu_percent,
        ),
        usage(
            "memory",
            "MemoryUtilization",
            "memory",
            request.thresholds.memory_percent,
        ),
    ]
}

/// The usual alarm: above the threshold for five minutes in a row.
fn alarm(request: &Request, what: &str, description: &str, threshold: f64) -> Definition {
    Definition {
        name: request.names.alarm(&request.service, what),
        description: format!("{}: {description}", request.names.service(&request.service)),
        measure: Measure::Foreign,
        comparison: ComparisonOperator::GreaterThanThreshold,
        threshold,
        datapoints: 5,
        periods: 5,
        missing: Missing::NotBreaching,
        actions: Vec::new(),
    }
}

fn series(metric: &str, balancer: &Balancer) -> Series {
    let dimensions = [
        ("LoadBalancer", balancer.load_balancer.as_str()),
        ("TargetGroup", balancer.target_group.as_str()),
    ];
    Series::new(BALANCER, metric, &dimensions)
}

#[cfg(test)]
mod tests {
    use contract::config;
    use contract::names::Names;

    use super::*;

    fn request(port: &str) -> Request {
        let source = format!(
            "[app]\nname = \"ludlow\"\nregion = \"us-east-1\"\n[services.api]\n{port}\n\
             [environments.prod]\nalarms.error-percent = 2\n"
        );
        let project = config::parse(&source, "longshore.toml").unwrap();
        let environment = project.environment("prod").unwrap();
        Request {
            service: "api".to_owned(),
            settings: environment.services["api"].clone(),
            thresholds: environment.alarms.clone(),
            names: Names::new("ludlow", "prod"),
            dry_run: false,
            output: None,
            verbosity: toolkit::console::Verbosity::Quiet,
        }
    }

    fn summary(alarms: &[Definition]) -> Vec<String> {
        let line = |alarm: &Definition| {
            let Definition {
                name,
                comparison,
                threshold,
                datapoints,
                periods,
                missing,
                ..
            } = alarm;
            format!(
                "{name} {comparison} {threshold} {datapoints}/{periods} {}",
                missing.as_str()
            )
        };
        alarms.iter().map(line).collect()
    }

    #[test]
    fn watches_traffic_hosts_and_resources_of_a_service_behind_a_load_balancer() {
        let balancer = Balancer {
            load_balancer: "app/ludlow/1".to_owned(),
            target_group: "targetgroup/ludlow-prod-api/2".to_owned(),
        };
        let topic = ["arn:aws:sns:us-east-1:000000000000:ops".to_owned()];
        let alarms = alarms(&request("port = 8080"), Some(&balancer), &topic);
        assert_eq!(
            summary(&alarms),
            [
                "ludlow-prod-api-target-5xx GreaterThanThreshold 2 5/5 notBreaching",
                "ludlow-prod-api-latency-p99 GreaterThanThreshold 1 5/5 notBreaching",
                "ludlow-prod-api-unhealthy-hosts GreaterThanOrEqualToThreshold 1 5/5 notBreaching",
                "ludlow-prod-api-no-healthy-host LessThanThreshold 1 2/2 breaching",
                "ludlow-prod-api-cpu GreaterThanThreshold 80 5/5 notBreaching",
                "ludlow-prod-api-memory GreaterThanThreshold 80 5/5 notBreaching",
            ]
        );
        assert!(
            alarms
                .iter()
                .all(|alarm| alarm.actions == topic && alarm.measure != Measure::Foreign)
        );
        assert_eq!(
            alarms[0].measure,
            Measure::Expression {
                expression: "IF(requests>10, 100*FILL(errors, 0)/requests, 0)".to_owned(),
                sums: vec![
                    (
                        "errors".to_owned(),
                        series("HTTPCode_Target_5XX_Count", &balancer)
                    ),
                    ("requests".to_owned(), series("RequestCount", &balancer)),
                ],
            }
        );
    }

    #[test]
    fn watches_only_the_resources_of_a_worker() {
        assert_eq!(
            summary(&alarms(&request(""), None, &[])),
            [
                "ludlow-prod-api-cpu GreaterThanThreshold 80 5/5 notBreaching",
                "ludlow-prod-api-memory GreaterThanThreshold 80 5/5 notBreaching",
            ]
        );
    }

    #[test]
    fn calls_topics_and_nothing_else() {
        let notify = [
            "arn:aws:sns:us-east-1:000000000000:ops".to_owned(),
            "ops@ludlow.io".to_owned(),
        ];
        assert_eq!(
            recipients(&notify),
            (vec![notify[0].clone()], vec![notify[1].clone()])
        );
    }
}
