//! A dashboard with the alarms and the metrics that they look at. Pure.

use contract::names::Names;
use serde_json::{Value, json};

use crate::definition::{Definition, Input, Measure};
use crate::plan::Dashboard;
use crate::set::{Balancer, Set};

/// Says that a dashboard is this program's, whatever it is called.
pub(crate) const MARK: &str = "Made by longshore alarm-creator.";

/// Widgets a row, and their size on CloudWatch's grid of 24 columns.
const COLUMNS: usize = 3;
const WIDTH: usize = 8;
const HEIGHT: usize = 6;

/// `region` and `account` are those of the alarms' ARNs.
pub(crate) fn dashboard(
    names: &Names,
    service: &str,
    set: &Set,
    balancer: Option<&Balancer>,
    place: &Place,
) -> Dashboard {
    let title = names.service(service);
    let head = json!({
        "type": "text", "x": 0, "y": 0, "width": 24, "height": 1,
        "properties": { "markdown": format!("**{title}** · {MARK} Changes by hand are overwritten.") },
    });
    let arns: Vec<String> = set
        .alarms
        .iter()
        .map(|alarm| place.alarm(&alarm.definition.name))
        .chain([place.alarm(&set.composite.name)])
        .collect();
    let states = json!({
        "type": "alarm", "x": 0, "y": 1, "width": 24, "height": 3,
        "properties": { "title": "Alarms", "alarms": arns },
    });
    let mut widgets = vec![head, states];
    let graphs = traffic(balancer, place).into_iter().chain(
        set.alarms
            .iter()
            .map(|alarm| graph(&alarm.definition, place)),
    );
    for (number, properties) in graphs.enumerate() {
        widgets.push(json!({
            "type": "metric",
            "x": number % COLUMNS * WIDTH,
            "y": 4 + number / COLUMNS * HEIGHT,
            "width": WIDTH,
            "height": HEIGHT,
            "properties": properties,
        }));
    }
    Dashboard {
        name: names.dashboard(service),
        body: json!({ "widgets": widgets }).to_string(),
    }
}

/// Region and account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: String,
    pub(crate) region: String,
    pub(crate) account: String,
}

impl Place {
    /// The place that an ARN names.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.split(':');
        let partition = parts.nth(1)?.to_owned();
        let region = parts.nth(1)?.to_owned();
        let account = parts.next()?.to_owned();
        Some(Self {
            partition,
            region,
            account,
        })
    }

    fn alarm(&self, name: &str) -> String {
        let Self {
            partition,
            region,
            account,
        } = self;
        format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}")
    }
}

/// How many requests there are: what every rate is a part of.
fn traffic(balancer: Option<&Balancer>, place: &Place) -> Option<Value> {
    let balancer = balancer?;
    let row = |metric: &str| {
        json!([
            "AWS/ApplicationELB",
            metric,
            "TargetGroup",
            balancer.target_group,
            "LoadBalancer",
            balancer.load_balancer,
        ])
    };
    Some(json!({
        "title": "requests",
        "view": "timeSeries",
        "region": place.region,
        "period": crate::definition::MINUTE,
        "stat": "Sum",
        "metrics": [row("RequestCount"), row("HTTPCode_Target_4XX_Count"), row("HTTPCode_Target_5XX_Count")],
    }))
}

/// What an alarm looks at, with its threshold.
fn graph(definition: &Definition, place: &Place) -> Value {
    let metrics = match &definition.measure {
        Measure::Metric(input) => vec![row(input, json!({ "stat": input.statistic }))],
        Measure::Expression { expression, inputs } => {
            let result =
                json!([{ "expression": expression, "id": "result", "label": definition.name }]);
            let inputs = inputs.iter().map(|(id, input)| {
                row(
                    input,
                    json!({ "id": id, "stat": input.statistic, "visible": false }),
                )
            });
            std::iter::once(result).chain(inputs).collect()
        }
        Measure::Foreign => Vec::new(),
    };
    json!({
        "title": definition.name,
        "view": "timeSeries",
        "region": place.region,
        "period": definition.period,
        "metrics": metrics,
        "annotations": { "horizontal": [{ "label": "alarm", "value": definition.threshold }] },
    })
}

fn row(input: &Input, options: Value) -> Value {
    let mut row = vec![json!(input.namespace), json!(input.metric)];
    for (name, value) in &input.dimensions {
        row.extend([json!(name), json!(value)]);
    }
    row.push(options);
    Value::Array(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::{balancer, subject, with_subject};

    #[test]
    fn shows_every_alarm_with_its_metric_and_threshold() {
        with_subject("port = 8080", "", |parts| {
            let set = crate::set::set(&subject(parts, Some(balancer())), &[]);
            let place = Place::of_arn("arn:aws:ecs:eu-west-1:123456789012:cluster/ludlow").unwrap();
            let names = Names::new("ludlow", "prod");
            let dashboard = dashboard(&names, "api", &set, Some(&balancer()), &place);
            assert_eq!(dashboard.name, "ludlow-prod-api");
            let body: Value = serde_json::from_str(&dashboard.body).unwrap();
            let widgets = body["widgets"].as_array().unwrap();
            assert_eq!(widgets.len(), 3 + set.alarms.len());
            assert_eq!(
                widgets[1]["properties"]["alarms"][0],
                "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:ludlow-prod-api-target-5xx"
            );
            let cpu = widgets
                .iter()
                .find(|widget| widget["properties"]["title"] == "ludlow-prod-api-cpu")
                .unwrap();
            assert_eq!(
                cpu["properties"]["metrics"],
                json!([["AWS/ECS", "CPUUtilization", "ClusterName", "ludlow", "ServiceName", "ludlow-prod-api",
                    { "stat": "Average" }]])
            );
            assert_eq!(
                cpu["properties"]["annotations"]["horizontal"][0]["value"],
                80.0
            );
            // Side by side, and none over another.
            let places: std::collections::BTreeSet<String> = widgets
                .iter()
                .map(|widget| format!("{} {}", widget["x"], widget["y"]))
                .collect();
            assert_eq!(places.len(), widgets.len());
        });
    }
}
