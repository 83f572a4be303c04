//! What has to be done about each alarm.

use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use contract::alarms::Change;

use crate::definition::Definition;

/// An alarm with what happens to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    pub(crate) definition: Definition,
    pub(crate) change: Change,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`; none for an alarm that did not exist.
    pub(crate) state: Option<String>,
}

/// Compares what is wanted with what CloudWatch has.
pub(crate) fn plan(wanted: Vec<Definition>, live: Vec<MetricAlarm>) -> Vec<Planned> {
    wanted
        .into_iter()
        .map(|definition| {
            let found = live
                .iter()
                .find(|alarm| alarm.alarm_name() == Some(&definition.name));
            let change = match found {
                None => Change::Create,
                Some(alarm) if Definition::of_live(alarm) == definition => Change::Unchanged,
                Some(_) => Change::Update,
            };
            let state = found
                .and_then(|alarm| alarm.state_value())
                .map(|state: &StateValue| state.as_str().to_owned());
            Planned {
                definition,
                change,
                state,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::types::{ComparisonOperator, Statistic};

    use super::*;
    use crate::definition::{Measure, Missing, PERIOD, Series};

    fn wanted() -> Definition {
        Definition {
            name: "a-cpu".to_owned(),
            description: "why".to_owned(),
            measure: Measure::Metric {
                series: Series::new(
                    "AWS/ECS",
                    "CPUUtilization",
                    &[("ServiceName", "s"), ("ClusterName", "c")],
                ),
                statistic: "Average".to_owned(),
            },
            comparison: ComparisonOperator::GreaterThanThreshold,
            threshold: 80.0,
            datapoints: 5,
            periods: 5,
            missing: Missing::NotBreaching,
            actions: Vec::new(),
        }
    }

    fn live(threshold: f64, missing: &str) -> MetricAlarm {
        let series = Series::new(
            "AWS/ECS",
            "CPUUtilization",
            &[("ClusterName", "c"), ("ServiceName", "s")],
        );
        MetricAlarm::builder()
            .alarm_name("a-cpu")
            .alarm_description("why")
            .namespace("AWS/ECS")
            .metric_name("CPUUtilization")
            .set_dimensions(Some(series.to_dimensions()))
            .statistic(Statistic::Average)
            .period(PERIOD)
            .evaluation_periods(5)
            .datapoints_to_alarm(5)
            .threshold(threshold)
            .comparison_operator(ComparisonOperator::GreaterThanThreshold)
            .treat_missing_data(missing)
            .state_value(StateValue::Ok)
            .build()
    }

    fn change(live: Vec<MetricAlarm>) -> (Change, Option<String>) {
        let planned = plan(vec![wanted()], live);
        (planned[0].change, planned[0].state.clone())
    }

    #[test]
    fn creates_what_is_missing_and_leaves_what_is_the_same() {
        assert_eq!(change(Vec::new()), (Change::Create, None));
        assert_eq!(
            change(vec![live(80.0, "notBreaching")]),
            (Change::Unchanged, Some("OK".to_owned()))
        );
    }

    #[test]
    fn updates_what_differs() {
        assert_eq!(change(vec![live(90.0, "notBreaching")]).0, Change::Update);
        assert_eq!(change(vec![live(80.0, "missing")]).0, Change::Update);
        assert_eq!(change(vec![live(80.0, "breaching")]).0, Change::Update);
    }

    #[test]
    fn recognises_its_own_expression() {
        let series = Series::new(
            "AWS/ApplicationELB",
            "RequestCount",
            &[("LoadBalancer", "app/a/1")],
        );
        let mut definition = wanted();
        definition.measure = Measure::Expression {
            expression: "2*requests".to_owned(),
            sums: vec![("requests".to_owned(), series)],
        };
        let mut alarm = live(80.0, "notBreaching");
        alarm.namespace = None;
        alarm.metric_name = None;
        alarm.dimensions = None;
        alarm.statistic = None;
        alarm.period = None;
        alarm.metrics = Some(definition.queries());
        assert_eq!(Definition::of_live(&alarm), definition);
    }
}
