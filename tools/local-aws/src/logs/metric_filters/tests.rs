use std::sync::Arc;

use super::*;
use crate::account::Account;
use crate::clock::Clock;
use crate::cloudwatch::CloudWatch;

fn logs() -> (Arc<Logs>, Arc<CloudWatch>, Arc<Store>) {
    let store = Arc::new(Store::in_memory().unwrap());
    let (logs, metrics) = open(&store);
    logs.call("CreateLogGroup", &json!({ "logGroupName": "g" }))
        .unwrap();
    (logs, metrics, store)
}

fn open(store: &Arc<Store>) -> (Arc<Logs>, Arc<CloudWatch>) {
    let account = Account {
        id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
    };
    let clock = Clock::new(20.0);
    let metrics = CloudWatch::open(Arc::clone(store), account.clone(), clock).unwrap();
    let logs = Logs::open(Arc::clone(store), account, clock).unwrap();
    logs.count_in(Arc::clone(&metrics));
    (logs, metrics)
}

fn filter(name: &str, pattern: &str, more: &Value) -> Value {
    let mut change = json!({ "metricName": name, "metricNamespace": "N", "metricValue": "1" });
    change
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({
        "logGroupName": "g", "filterName": name, "filterPattern": pattern,
        "metricTransformations": [change],
    })
}

fn write(logs: &Logs, lines: &[&str]) {
    let events: Vec<LogEvent> = lines
        .iter()
        .map(|line| LogEvent {
            timestamp_ms: logs.clock.now_ms(),
            message: (*line).to_owned(),
        })
        .collect();
    logs.append("g", "s", &events).unwrap();
}

/// Sum and number of samples.
fn counted(metrics: &CloudWatch, name: &str, dimensions: &Value) -> (f64, f64) {
    let now = Clock::new(1.0).now_ms() / 1000;
    let input = json!({
        "Namespace": "N", "MetricName": name, "Dimensions": dimensions,
        "StartTime": now - 3600, "EndTime": now + 3600, "Period": 86_400,
        "Statistics": ["Sum", "SampleCount"],
    });
    let answer = metrics.call("GetMetricStatistics", &input).unwrap();
    let sum = |member: &str| {
        answer["Datapoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| point[member].as_f64().unwrap())
            .sum()
    };
    (sum("Sum"), sum("SampleCount"))
}

#[test]
fn counts_what_comes_in_after_a_restart_too() {
    let (logs, metrics, store) = logs();
    logs.call("PutMetricFilter", &filter("panics", "panicked", &json!({})))
        .unwrap();
    write(&logs, &["it panicked", "fine", "panicked again"]);
    assert_eq!(counted(&metrics, "panics", &json!([])), (2.0, 2.0));
    let (logs, metrics) = open(&store);
    write(&logs, &["panicked"]);
    assert_eq!(counted(&metrics, "panics", &json!([])).0, 1.0);
}

#[test]
fn takes_values_and_dimensions_from_the_event() {
    let (logs, metrics, _store) = logs();
    let more = json!({ "metricValue": "$.ms", "dimensions": { "Level": "$.level" } });
    logs.call("PutMetricFilter", &filter("ms", "{ $.ms > 5 }", &more))
        .unwrap();
    let more = json!({ "defaultValue": 0.0 });
    logs.call("PutMetricFilter", &filter("errors", "ERROR", &more))
        .unwrap();
    write(
        &logs,
        &[
            r#"{"level":"info","ms":7.5}"#,
            r#"{"level":"info","ms":1}"#,
            "ERROR",
        ],
    );
    let level = json!([{ "Name": "Level", "Value": "info" }]);
    assert_eq!(counted(&metrics, "ms", &level), (7.5, 1.0));
    assert_eq!(counted(&metrics, "errors", &json!([])), (1.0, 3.0));
}

#[test]
fn lists_changes_and_forgets() {
    let (logs, _, _store) = logs();
    for (name, pattern) in [("b", "x"), ("a", "y"), ("a", "z")] {
        logs.call("PutMetricFilter", &filter(name, pattern, &json!({})))
            .unwrap();
    }
    let list = |input: Value| {
        let answer = logs.call("DescribeMetricFilters", &input).unwrap();
        answer["metricFilters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|filter| {
                format!(
                    "{} {}",
                    filter["filterName"].as_str().unwrap(),
                    filter["filterPattern"].as_str().unwrap()
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(list(json!({ "logGroupName": "g" })), ["a z", "b x"]);
    assert_eq!(list(json!({ "filterNamePrefix": "b" })), ["b x"]);
    let one = json!({ "logGroupName": "g", "filterName": "a" });
    logs.call("DeleteMetricFilter", &one).unwrap();
    let error = logs.call("DeleteMetricFilter", &one).unwrap_err();
    assert_eq!(error.code, "ResourceNotFoundException");
    logs.call("DeleteLogGroup", &json!({ "logGroupName": "g" }))
        .unwrap();
    assert_eq!(list(json!({})), [""; 0]);
}

#[test]
fn refuses_what_it_cannot_count() {
    let (logs, _, _store) = logs();
    for (input, code) in [
        (filter("a", "{ broken", &json!({})), INVALID),
        (
            filter("a", "x", &json!({ "metricValue": "$size" })),
            INVALID,
        ),
        (filter("a:b", "x", &json!({})), INVALID),
    ] {
        let error = logs.call("PutMetricFilter", &input).unwrap_err();
        assert_eq!(error.code, code, "{input}");
    }
    let mut elsewhere = filter("a", "x", &json!({}));
    elsewhere["logGroupName"] = json!("other");
    let error = logs.call("PutMetricFilter", &elsewhere).unwrap_err();
    assert_eq!(error.code, "ResourceNotFoundException");
}

#[test]
fn tries_a_pattern_on_samples() {
    let (logs, _, _store) = logs();
    let input = json!({ "filterPattern": "b", "logEventMessages": ["a", "a b"] });
    let answer = logs.call("TestMetricFilter", &input).unwrap();
    assert_eq!(
        answer["matches"],
        json!([{ "eventNumber": 2, "eventMessage": "a b", "extractedValues": {} }])
    );
}
