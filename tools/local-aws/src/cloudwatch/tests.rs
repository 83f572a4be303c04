//! Behaviour of the API, over `call`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::statistics::floor;
use super::{AlarmState, CloudWatch};
use crate::account::Account;
use crate::clock::Clock;
use crate::protocol::{AwsError, map, timestamp};
use crate::state::Store;

const MINUTE: i64 = 60_000;

fn account() -> Account {
    Account {
        id: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

fn open(store: &Arc<Store>, speed: f64) -> Arc<CloudWatch> {
    CloudWatch::open(Arc::clone(store), account(), Clock::new(speed)).unwrap()
}

/// A service at AWS's pace, and the end of the minute that has begun.
fn service() -> (Arc<CloudWatch>, i64) {
    let service = open(&Arc::new(Store::in_memory().unwrap()), 1.0);
    let end = floor(service.clock.now_ms(), MINUTE) + MINUTE;
    (service, end)
}

fn answer(service: &CloudWatch, operation: &str, input: Value) -> Value {
    service
        .call(operation, &input)
        .unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
}

fn check_refusal(service: &CloudWatch, operation: &str, input: Value, code: &str, message: &str) {
    match service.call(operation, &input) {
        Ok(answer) => panic!("{operation} {input} answered {answer}"),
        Err(error) => assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            (code, message),
            "{operation}"
        ),
    }
}

fn with(mut base: Value, extra: Value) -> Value {
    if let (Some(base), Value::Object(extra)) = (base.as_object_mut(), extra) {
        base.extend(extra);
        base.retain(|_, member| !member.is_null());
    }
    base
}

fn entries(entries: Value) -> Value {
    map(entries.as_object().unwrap().clone())
}

fn seconds(milliseconds: i64) -> Value {
    json!(milliseconds / 1000)
}

/// Puts one value of the metric `N/m` by `Service=api`.
fn put(service: &CloudWatch, name: &str, time_ms: i64, value: f64) {
    let datum = json!({
        "MetricName": name, "Timestamp": seconds(time_ms), "Value": value,
        "Dimensions": [{ "Name": "Service", "Value": "api" }],
    });
    answer(
        service,
        "PutMetricData",
        json!({ "Namespace": "N", "MetricData": [datum] }),
    );
}

fn metric(name: &str) -> Value {
    json!({ "Namespace": "N", "MetricName": name, "Dimensions": [{ "Name": "Service", "Value": "api" }] })
}

fn alarm(extra: Value) -> Value {
    let base = json!({
        "AlarmName": "high", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
        "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    with(with(base, metric("m")), extra)
}

fn described(service: &CloudWatch, name: &str) -> Value {
    let input = json!({ "AlarmNames": [name], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] });
    let page = answer(service, "DescribeAlarms", input);
    let all = [&page["MetricAlarms"], &page["CompositeAlarms"]];
    let mut alarms = all.into_iter().flat_map(|list| list.as_array().unwrap());
    alarms
        .next()
        .unwrap_or_else(|| panic!("no alarm {name}"))
        .clone()
}

fn state(service: &CloudWatch, name: &str) -> String {
    described(service, name)["StateValue"]
        .as_str()
        .unwrap()
        .to_owned()
}

mod metrics {
    use super::*;

    #[test]
    fn are_listed_by_namespace_name_and_dimensions() {
        let (service, end) = service();
        put(&service, "a", end, 1.0);
        put(&service, "b", end, 1.0);
        service.record(
            "AWS/ECS",
            "CPUUtilization",
            &[("ServiceName", "s"), ("ClusterName", "c")],
            5.0,
        );
        let names = |input: Value| -> Vec<String> {
            let page = answer(&service, "ListMetrics", input);
            let metrics = page["Metrics"].as_array().unwrap();
            metrics
                .iter()
                .map(|metric| metric["MetricName"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names(json!({})), ["CPUUtilization", "a", "b"]);
        assert_eq!(names(json!({ "Namespace": "N", "MetricName": "b" })), ["b"]);
        let dimension =
            |value: Value| json!({ "Dimensions": [with(json!({ "Name": "Service" }), value)] });
        assert_eq!(names(dimension(json!({ "Value": "api" }))), ["a", "b"]);
        assert_eq!(names(dimension(json!({}))), ["a", "b"]);
        assert_eq!(
            names(dimension(json!({ "Value": "x" }))),
            Vec::<String>::new()
        );
        let metrics = answer(&service, "ListMetrics", json!({ "Namespace": "AWS/ECS" }));
        assert_eq!(
            metrics["Metrics"][0]["Dimensions"],
            json!([{ "Name": "ClusterName", "Value": "c" }, { "Name": "ServiceName", "Value": "s" }])
        );
    }

    #[test]
    fn have_statistics_by_period() {
        let (service, end) = service();
        for (time, value) in [
            (end - 90_000, 1.0),
            (end - 70_000, 3.0),
            (end - 30_000, 10.0),
        ] {
            put(&service, "m", time, value);
        }
        let input = with(
            metric("m"),
            json!({
                // The query dialect sends numbers as texts.
                "StartTime": seconds(end - 2 * MINUTE + 1000), "EndTime": seconds(end), "Period": "60",
                "Statistics": ["Sum", "Average", "SampleCount", "Minimum", "Maximum"], "ExtendedStatistics": ["p50"],
            }),
        );
        assert_eq!(
            answer(&service, "GetMetricStatistics", input.clone()),
            json!({ "Label": "m", "Datapoints": [
                { "Timestamp": timestamp(end - 2 * MINUTE), "Unit": "None", "Sum": 4.0, "Average": 2.0, "SampleCount": 2.0,
                  "Minimum": 1.0, "Maximum": 3.0, "ExtendedStatistics": entries(json!({ "p50": 2.0 })) },
                { "Timestamp": timestamp(end - MINUTE), "Unit": "None", "Sum": 10.0, "Average": 10.0, "SampleCount": 1.0,
                  "Minimum": 10.0, "Maximum": 10.0, "ExtendedStatistics": entries(json!({ "p50": 10.0 })) },
            ] })
        );
        check_refusal(
            &service,
            "GetMetricStatistics",
            with(
                input,
                json!({ "StartTime": 0, "Period": 60, "EndTime": 60 * 1441 }),
            ),
            "InvalidParameterCombination",
            "You have requested up to 1441 datapoints, which exceeds the limit of 1440. \
             You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
        );
    }

    #[test]
    fn take_values_with_counts_and_statistic_sets() {
        let (service, end) = service();
        let data = json!([
            { "MetricName": "m", "Timestamp": seconds(end - 30_000), "Values": [1.0, 2.0], "Counts": [3.0, 1.0] },
            { "MetricName": "m", "Timestamp": seconds(end - 20_000),
              "StatisticValues": { "SampleCount": "2", "Sum": "20", "Minimum": "9", "Maximum": "11" } },
        ]);
        answer(
            &service,
            "PutMetricData",
            json!({ "Namespace": "N", "MetricData": data }),
        );
        let input = json!({
            "Namespace": "N", "MetricName": "m", "StartTime": seconds(end - MINUTE), "EndTime": seconds(end),
            "Period": 60, "Statistics": ["Sum", "SampleCount", "Maximum"], "ExtendedStatistics": ["p50"],
        });
        let points = answer(&service, "GetMetricStatistics", input);
        // There is no percentile of a statistic set.
        assert_eq!(
            points["Datapoints"],
            json!([{ "Timestamp": timestamp(end - MINUTE), "Unit": "None", "Sum": 25.0, "SampleCount": 6.0,
                     "Maximum": 11.0, "ExtendedStatistics": entries(json!({})) }])
        );
    }

    #[test]
    fn refuse_values_that_are_none() {
        let (service, end) = service();
        let check = |datum: Value, code: &str, message: &str| {
            let datum = with(json!({ "MetricName": "m" }), datum);
            let input = json!({ "Namespace": "N", "MetricData": [datum] });
            check_refusal(&service, "PutMetricData", input, code, message);
        };
        check(
            json!({ "Value": "NaN" }),
            "InvalidParameterValue",
            "The value NaN for parameter MetricData.member.1.Value is invalid.",
        );
        check(
            json!({}),
            "MissingParameter",
            "The parameter MetricData.member.1.Value is required.",
        );
        check(
            json!({ "Value": 1, "Values": [1] }),
            "InvalidParameterCombination",
            "The parameters MetricData.member.1.Value, MetricData.member.1.Values and MetricData.member.1.StatisticValues \
             are mutually exclusive and you have specified more than one.",
        );
        check(
            json!({ "Value": 1, "Timestamp": seconds(end - 15 * 24 * 60 * MINUTE) }),
            "InvalidParameterValue",
            "The parameter MetricData.member.1.Timestamp must specify a time no more than two weeks in the past.",
        );
        check(
            json!({ "Value": 1, "Unit": "Furlongs" }),
            "InvalidParameterValue",
            "The value Furlongs for parameter Unit is invalid.",
        );
        assert_eq!(
            answer(&service, "ListMetrics", json!({})),
            json!({ "Metrics": [] })
        );
    }

    #[test]
    fn are_computed_from_others() {
        let (service, end) = service();
        put(&service, "req", end - 90_000, 20.0);
        put(&service, "e5", end - 90_000, 5.0);
        put(&service, "req", end - 30_000, 4.0);
        let stat = |id: &str| {
            json!({ "Id": id, "ReturnData": false,
                    "MetricStat": { "Metric": metric(id), "Period": 60, "Stat": "Sum" } })
        };
        let expression = json!({
            "Id": "rate", "Label": "failing", "Expression": "IF(req > 10, 100 * FILL(e5, 0) / req, 0)"
        });
        let input = json!({
            "MetricDataQueries": [expression, stat("req"), stat("e5")],
            "StartTime": seconds(end - 2 * MINUTE), "EndTime": seconds(end),
        });
        let result = |values: Value, times: Value, status: &str| json!({ "Id": "rate", "Label": "failing", "Timestamps": times, "Values": values, "StatusCode": status });
        let (first, second) = (timestamp(end - 2 * MINUTE), timestamp(end - MINUTE));
        assert_eq!(
            answer(&service, "GetMetricData", input.clone()),
            json!({ "Messages": [], "MetricDataResults": [result(json!([0.0, 25.0]), json!([second, first]), "Complete")] })
        );
        let paged = with(
            input,
            json!({ "MaxDatapoints": 1, "ScanBy": "TimestampAscending" }),
        );
        let page = answer(&service, "GetMetricData", paged.clone());
        assert_eq!(
            page["MetricDataResults"][0],
            result(json!([25.0]), json!([first]), "PartialData")
        );
        let page = answer(
            &service,
            "GetMetricData",
            with(paged, json!({ "NextToken": page["NextToken"] })),
        );
        assert_eq!(
            page["MetricDataResults"][0],
            result(json!([0.0]), json!([second]), "Complete")
        );
        assert_eq!(page.get("NextToken"), None);
    }

    #[test]
    fn refuse_queries_that_cannot_be_answered() {
        let (service, end) = service();
        let check = |queries: Value, message: &str| {
            let input = json!({
                "MetricDataQueries": queries, "StartTime": seconds(end - MINUTE), "EndTime": seconds(end)
            });
            check_refusal(&service, "GetMetricData", input, "ValidationError", message);
        };
        check(
            json!([{ "Id": "a", "Expression": "b + 1" }]),
            "Error in expression 'a': no query has the id 'b'",
        );
        check(
            json!([{ "Id": "a", "Expression": "b" }, { "Id": "b", "Expression": "a" }]),
            "Error in expressions: they refer to each other in a circle",
        );
        check(
            json!([{ "Id": "a", "Expression": "1" }, { "Id": "a", "Expression": "2" }]),
            "The values for parameter Id in MetricDataQueries are not unique: 'a'.",
        );
        check(
            json!([{ "Id": "a" }]),
            "The query 'a' must have either MetricStat or Expression.",
        );
    }
}

mod alarms {
    use super::*;

    #[test]
    fn begin_unchecked_and_are_described_as_configured() {
        let (service, _) = service();
        let topic = "arn:aws:sns:us-east-1:000000000000:ops";
        let input = alarm(json!({
            "AlarmDescription": "too many", "DatapointsToAlarm": 1, "TreatMissingData": "notBreaching",
            "AlarmActions": [topic], "Tags": [{ "Key": "team", "Value": "a" }],
        }));
        answer(&service, "PutMetricAlarm", input);
        let mut found = described(&service, "high");
        for member in [
            "AlarmConfigurationUpdatedTimestamp",
            "StateUpdatedTimestamp",
            "StateTransitionedTimestamp",
        ] {
            assert!(
                found.as_object_mut().unwrap().remove(member).is_some(),
                "{member}"
            );
        }
        assert_eq!(
            found,
            json!({
                "AlarmName": "high", "AlarmArn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:high",
                "AlarmDescription": "too many", "ActionsEnabled": true, "OKActions": [], "AlarmActions": [topic],
                "InsufficientDataActions": [], "StateValue": "INSUFFICIENT_DATA",
                "StateReason": "Unchecked: Initial alarm creation", "MetricName": "m", "Namespace": "N",
                "Statistic": "Sum", "Dimensions": [{ "Name": "Service", "Value": "api" }], "Period": 60,
                "EvaluationPeriods": 1, "DatapointsToAlarm": 1, "Threshold": 1.0,
                "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
            })
        );
    }

    #[test]
    fn fire_and_recover_by_themselves() {
        let (service, end) = service();
        answer(&service, "PutMetricAlarm", alarm(json!({})));
        put(&service, "m", end - 30_000, 2.0);
        put(&service, "m", end - 20_000, 3.0);
        let lines = service.evaluate_due(end).unwrap();
        let moment = super::super::text::moment(end - MINUTE);
        let reason = format!(
            "Threshold Crossed: 1 datapoint [5.0 ({moment})] was greater than the threshold (1.0)."
        );
        assert_eq!(
            lines,
            [format!("alarm high: INSUFFICIENT_DATA -> ALARM: {reason}")]
        );
        let found = described(&service, "high");
        assert_eq!(found["StateValue"], "ALARM");
        assert_eq!(found["StateReason"], reason);
        let mut data: Value =
            serde_json::from_str(found["StateReasonData"].as_str().unwrap()).unwrap();
        let start = super::super::text::iso(end - MINUTE);
        assert!(data.as_object_mut().unwrap().remove("queryDate").is_some());
        assert_eq!(
            data,
            json!({
                "version": "1.0", "startDate": start, "statistic": "Sum", "period": 60, "recentDatapoints": [5.0],
                "threshold": 1.0, "evaluatedDatapoints": [{ "timestamp": start, "sampleCount": 2.0, "value": 5.0 }],
            })
        );
        assert_eq!(
            service.alarm_states(&["high".to_owned(), "other".to_owned()]),
            [("high".to_owned(), AlarmState::Alarm)]
        );
        put(&service, "m", end + 30_000, 1.0);
        service.evaluate_due(end + MINUTE).unwrap();
        assert_eq!(state(&service, "high"), "OK");
    }

    #[test]
    fn wait_for_their_turn_and_for_the_end_of_a_period() {
        let (service, end) = service();
        answer(
            &service,
            "PutMetricAlarm",
            alarm(json!({ "TreatMissingData": "notBreaching" })),
        );
        service.evaluate_due(end).unwrap();
        assert_eq!(state(&service, "high"), "OK");
        put(&service, "m", end + 1000, 5.0);
        // The period that has begun counts only when it is over.
        service.evaluate_due(end + MINUTE - 1).unwrap();
        assert_eq!(state(&service, "high"), "OK");
        service.evaluate_due(end + MINUTE).unwrap();
        assert_eq!(state(&service, "high"), "ALARM");
    }

    #[test]
    fn run_faster_with_the_clock() {
        let service = open(&Arc::new(Store::in_memory().unwrap()), 20.0);
        let end = floor(service.clock.now_ms(), 3000) + 3000;
        let input = alarm(json!({ "EvaluationPeriods": 2, "TreatMissingData": "notBreaching" }));
        answer(&service, "PutMetricAlarm", input);
        put(&service, "m", end - 4000, 2.0);
        put(&service, "m", end - 1000, 2.0);
        service.evaluate_due(end).unwrap();
        assert_eq!(state(&service, "high"), "ALARM");
        service.evaluate_due(end + 12_000).unwrap();
        assert_eq!(state(&service, "high"), "OK");
    }

    #[test]
    fn judge_expressions() {
        let (service, end) = service();
        let stat = |id: &str| {
            json!({ "Id": id, "ReturnData": false,
                    "MetricStat": { "Metric": metric(id), "Period": 60, "Stat": "Sum" } })
        };
        let expression =
            json!({ "Id": "rate", "Expression": "IF(req > 10, 100 * FILL(e5, 0) / req, 0)" });
        let input = json!({
            "AlarmName": "rate", "EvaluationPeriods": 1, "Threshold": 5, "TreatMissingData": "notBreaching",
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Metrics": [expression, stat("req"), stat("e5")],
        });
        answer(&service, "PutMetricAlarm", input.clone());
        assert_eq!(described(&service, "rate")["Metrics"], input["Metrics"]);
        put(&service, "req", end - 30_000, 100.0);
        put(&service, "e5", end - 30_000, 4.0);
        service.evaluate_due(end).unwrap();
        assert_eq!(state(&service, "rate"), "OK");
        put(&service, "req", end + 30_000, 100.0);
        put(&service, "e5", end + 30_000, 5.0);
        service.evaluate_due(end + MINUTE).unwrap();
        assert_eq!(state(&service, "rate"), "ALARM");
        check_refusal(
            &service,
            "PutMetricAlarm",
            with(input.clone(), json!({ "Metrics": [stat("req")] })),
            "ValidationError",
            "Exactly one element of the metrics list should return data.",
        );
        let several = json!([{ "Id": "all", "Expression": "METRICS()" }, stat("req"), stat("e5")]);
        check_refusal(
            &service,
            "PutMetricAlarm",
            with(input, json!({ "Metrics": several })),
            "ValidationError",
            "The expression 'all' must return a single time series.",
        );
    }

    #[test]
    fn judge_percentiles_only_with_enough_samples_if_told_so() {
        let (service, end) = service();
        let input = json!({
            "Statistic": null, "ExtendedStatistic": "p90", "EvaluateLowSampleCountPercentile": "ignore",
        });
        answer(&service, "PutMetricAlarm", alarm(input));
        for _ in 0..99 {
            put(&service, "m", end - 30_000, 2.0);
        }
        service.evaluate_due(end).unwrap();
        assert_eq!(state(&service, "high"), "INSUFFICIENT_DATA");
        for _ in 0..100 {
            put(&service, "m", end + 30_000, 2.0);
        }
        service.evaluate_due(end + MINUTE).unwrap();
        assert_eq!(state(&service, "high"), "ALARM");
    }

    #[test]
    fn keep_state_and_tags_when_they_are_configured_anew() {
        let (service, end) = service();
        let tags = json!([{ "Key": "a", "Value": "1" }]);
        answer(
            &service,
            "PutMetricAlarm",
            alarm(json!({ "Tags": tags, "AlarmDescription": "x" })),
        );
        put(&service, "m", end - 30_000, 5.0);
        service.evaluate_due(end).unwrap();
        answer(
            &service,
            "PutMetricAlarm",
            alarm(json!({ "Threshold": 100, "Tags": [] })),
        );
        let found = described(&service, "high");
        assert_eq!(found["StateValue"], "ALARM");
        assert_eq!(found["Threshold"], 100.0);
        assert_eq!(found.get("AlarmDescription"), None);
        let arn = json!({ "ResourceARN": found["AlarmArn"] });
        assert_eq!(
            answer(&service, "ListTagsForResource", arn.clone()),
            json!({ "Tags": tags })
        );
        answer(
            &service,
            "TagResource",
            with(
                arn.clone(),
                json!({ "Tags": [{ "Key": "b", "Value": "2" }] }),
            ),
        );
        answer(
            &service,
            "UntagResource",
            with(arn.clone(), json!({ "TagKeys": ["a"] })),
        );
        assert_eq!(
            answer(&service, "ListTagsForResource", arn),
            json!({ "Tags": [{ "Key": "b", "Value": "2" }] })
        );
        service.evaluate_due(end + MINUTE).unwrap();
        assert_eq!(state(&service, "high"), "OK");
    }

    #[test]
    fn take_a_state_for_a_while() {
        let (service, end) = service();
        answer(
            &service,
            "PutMetricAlarm",
            alarm(json!({ "TreatMissingData": "notBreaching" })),
        );
        service.evaluate_due(end).unwrap();
        let input = json!({ "AlarmName": "high", "StateValue": "ALARM", "StateReason": "a test" });
        answer(&service, "SetAlarmState", input.clone());
        let found = described(&service, "high");
        assert_eq!(
            (&found["StateValue"], &found["StateReason"]),
            (&json!("ALARM"), &json!("a test"))
        );
        service.evaluate_due(end + MINUTE).unwrap();
        assert_eq!(state(&service, "high"), "OK");
        check_refusal(
            &service,
            "SetAlarmState",
            with(input.clone(), json!({ "AlarmName": "none" })),
            "ResourceNotFound",
            "Unknown alarm: none",
        );
        check_refusal(
            &service,
            "SetAlarmState",
            with(input, json!({ "StateReasonData": "{" })),
            "InvalidFormat",
            "The parameter StateReasonData is not valid JSON.",
        );
    }

    #[test]
    fn are_listed_in_pages_and_by_what_they_are() {
        let (service, _) = service();
        for name in ["app-1", "app-2", "app-3", "other"] {
            answer(
                &service,
                "PutMetricAlarm",
                alarm(json!({ "AlarmName": name })),
            );
        }
        let names = |page: &Value| -> Vec<String> {
            let alarms = page["MetricAlarms"].as_array().unwrap();
            alarms
                .iter()
                .map(|alarm| alarm["AlarmName"].as_str().unwrap().to_owned())
                .collect()
        };
        let input = json!({ "AlarmNamePrefix": "app-", "MaxRecords": 2 });
        let first = answer(&service, "DescribeAlarms", input.clone());
        assert_eq!(names(&first), ["app-1", "app-2"]);
        let second = answer(
            &service,
            "DescribeAlarms",
            with(input, json!({ "NextToken": first["NextToken"] })),
        );
        assert_eq!(names(&second), ["app-3"]);
        assert_eq!(second.get("NextToken"), None);
        let none = answer(&service, "DescribeAlarms", json!({ "StateValue": "ALARM" }));
        assert_eq!(none, json!({ "CompositeAlarms": [], "MetricAlarms": [] }));
        let of_metric = answer(
            &service,
            "DescribeAlarmsForMetric",
            with(metric("m"), json!({ "Period": 60 })),
        );
        assert_eq!(names(&of_metric).len(), 4);
        let of_other = answer(&service, "DescribeAlarmsForMetric", metric("n"));
        assert_eq!(names(&of_other), Vec::<String>::new());
        answer(
            &service,
            "DeleteAlarms",
            json!({ "AlarmNames": ["app-1", "nobody"] }),
        );
        let left = answer(&service, "DescribeAlarms", json!({}));
        assert_eq!(names(&left), ["app-2", "app-3", "other"]);
    }

    #[test]
    fn refuse_configurations_that_make_no_sense() {
        let (service, _) = service();
        let check = |extra: Value, code: &str, message: &str| {
            check_refusal(&service, "PutMetricAlarm", alarm(extra), code, message);
        };
        let validation = "ValidationError";
        check(
            json!({ "MetricName": null }),
            validation,
            "Either MetricName or Metrics must be specified.",
        );
        check(
            json!({ "ExtendedStatistic": "p99" }),
            validation,
            "Exactly one of Statistic and ExtendedStatistic must be specified.",
        );
        check(
            json!({ "DatapointsToAlarm": 2 }),
            validation,
            "The parameter DatapointsToAlarm must be less than or equal to EvaluationPeriods.",
        );
        check(
            json!({ "EvaluationPeriods": 1441 }),
            validation,
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
        );
        check(
            json!({ "TreatMissingData": "never" }),
            validation,
            "The value never for parameter TreatMissingData must be one of missing, ignore, breaching, notBreaching.",
        );
        check(
            json!({ "AlarmActions": ["ops"] }),
            validation,
            "Invalid arn syntax: ops",
        );
        check(
            json!({ "ThresholdMetricId": "t" }),
            validation,
            "local-aws does not offer the parameter ThresholdMetricId of PutMetricAlarm.",
        );
        check(
            json!({ "Threshold": null }),
            "MissingParameter",
            "The parameter Threshold is required.",
        );
        check(
            json!({ "Period": 61 }),
            "InvalidParameterValue",
            "The value 61 for parameter Period must be 1, 5, 10, 20, 30 or any multiple of 60.",
        );
    }

    #[test]
    fn survive_a_restart_with_their_state() {
        let store = Arc::new(Store::in_memory().unwrap());
        let service = open(&store, 1.0);
        answer(&service, "PutMetricAlarm", alarm(json!({})));
        let input = json!({ "AlarmName": "high", "StateValue": "ALARM", "StateReason": "x" });
        answer(&service, "SetAlarmState", input);
        let before = described(&service, "high");
        drop(service);
        assert_eq!(described(&open(&store, 1.0), "high"), before);
    }
}

mod composites {
    use super::*;

    fn set(service: &CloudWatch, name: &str, state: &str) {
        let input = json!({ "AlarmName": name, "StateValue": state, "StateReason": "set" });
        answer(service, "SetAlarmState", input);
    }

    /// Alarms `a` and `b`, and a composite `both` over them.
    fn both() -> Arc<CloudWatch> {
        let (service, _) = service();
        for name in ["a", "b"] {
            answer(
                &service,
                "PutMetricAlarm",
                alarm(json!({ "AlarmName": name })),
            );
        }
        let rule = json!({ "AlarmName": "both", "AlarmRule": "ALARM(a) AND ALARM(\"b\")" });
        answer(&service, "PutCompositeAlarm", rule);
        service
    }

    /// Evaluates composites only: nothing else is due in 1970.
    fn evaluate(service: &CloudWatch) -> Vec<String> {
        service.evaluate_due(0).unwrap()
    }

    #[test]
    fn follow_the_alarms_of_their_rule() {
        let service = both();
        assert_eq!(state(&service, "both"), "INSUFFICIENT_DATA");
        evaluate(&service);
        assert_eq!(state(&service, "both"), "OK");
        set(&service, "a", "ALARM");
        assert_eq!(evaluate(&service), Vec::<String>::new());
        set(&service, "b", "ALARM");
        evaluate(&service);
        let found = described(&service, "both");
        assert_eq!(found["StateValue"], "ALARM");
        let reason = found["StateReason"].as_str().unwrap();
        let expected =
            "arn:aws:cloudwatch:us-east-1:000000000000:alarm:a transitioned to ALARM at ";
        assert_eq!(&reason[..expected.len()], expected);
    }

    #[test]
    fn follow_other_composites() {
        let service = both();
        let rule = json!({ "AlarmName": "above", "AlarmRule": "NOT ALARM(both)" });
        answer(&service, "PutCompositeAlarm", rule);
        evaluate(&service);
        assert_eq!(state(&service, "above"), "ALARM");
        set(&service, "a", "ALARM");
        set(&service, "b", "ALARM");
        evaluate(&service);
        assert_eq!(
            (state(&service, "both"), state(&service, "above")),
            ("ALARM".to_owned(), "OK".to_owned())
        );
    }

    #[test]
    fn keep_a_state_that_was_set_until_their_rule_says_otherwise() {
        let service = both();
        evaluate(&service);
        set(&service, "both", "ALARM");
        evaluate(&service);
        assert_eq!(state(&service, "both"), "ALARM");
        set(&service, "a", "ALARM");
        set(&service, "b", "ALARM");
        evaluate(&service);
        set(&service, "a", "OK");
        evaluate(&service);
        assert_eq!(state(&service, "both"), "OK");
    }

    #[test]
    fn are_listed_when_asked_for_and_protect_their_alarms() {
        let service = both();
        let page = answer(&service, "DescribeAlarms", json!({}));
        assert_eq!(page["CompositeAlarms"], json!([]));
        let page = answer(
            &service,
            "DescribeAlarms",
            json!({ "ChildrenOfAlarmName": "both" }),
        );
        assert_eq!(page["MetricAlarms"].as_array().unwrap().len(), 2);
        let page = answer(
            &service,
            "DescribeAlarms",
            json!({ "ParentsOfAlarmName": "a" }),
        );
        assert_eq!(
            page["CompositeAlarms"][0]["AlarmRule"],
            "ALARM(a) AND ALARM(\"b\")"
        );
        check_refusal(
            &service,
            "DeleteAlarms",
            json!({ "AlarmNames": ["a"] }),
            "ValidationError",
            "Cannot delete a as there are composite alarm(s) depending on it.",
        );
        answer(
            &service,
            "DeleteAlarms",
            json!({ "AlarmNames": ["a", "b", "both"] }),
        );
        check_refusal(
            &service,
            "PutCompositeAlarm",
            json!({ "AlarmName": "c", "AlarmRule": "ALARM(a) OR OK(x)" }),
            "ValidationError",
            "Could not save the composite alarm as alarms [a, x] in the alarm rule do not exist",
        );
        check_refusal(
            &service,
            "PutCompositeAlarm",
            json!({ "AlarmName": "c", "AlarmRule": "ALARM(" }),
            "ValidationError",
            "Invalid alarm rule expression: the rule ends too early",
        );
    }
}

mod history {
    use super::*;

    fn items(service: &CloudWatch, input: Value) -> (Vec<String>, Value) {
        let page = answer(service, "DescribeAlarmHistory", input);
        let items = page["AlarmHistoryItems"].as_array().unwrap();
        let text = |item: &Value| {
            format!(
                "{}: {}",
                item["HistoryItemType"].as_str().unwrap(),
                item["HistorySummary"].as_str().unwrap()
            )
        };
        (items.iter().map(text).collect(), page["NextToken"].clone())
    }

    #[test]
    fn tells_changes_of_configuration_and_state_and_actions() {
        let (service, end) = service();
        let topic = "arn:aws:sns:us-east-1:000000000000:ops";
        answer(
            &service,
            "PutMetricAlarm",
            alarm(json!({ "AlarmActions": [topic] })),
        );
        put(&service, "m", end - 30_000, 5.0);
        service.evaluate_due(end).unwrap();
        answer(&service, "PutMetricAlarm", alarm(json!({})));
        answer(&service, "DeleteAlarms", json!({ "AlarmNames": ["high"] }));
        let expected = [
            "ConfigurationUpdate: Alarm \"high\" created".to_owned(),
            "StateUpdate: Alarm updated from INSUFFICIENT_DATA to ALARM".to_owned(),
            format!("Action: Failed to execute action {topic}"),
            "ConfigurationUpdate: Alarm \"high\" updated".to_owned(),
            "ConfigurationUpdate: Alarm \"high\" deleted".to_owned(),
        ];
        let ascending = json!({ "AlarmName": "high", "ScanBy": "TimestampAscending" });
        assert_eq!(
            items(&service, ascending.clone()),
            (expected.to_vec(), Value::Null)
        );
        let (page, token) = items(
            &service,
            with(ascending.clone(), json!({ "MaxRecords": 3 })),
        );
        assert_eq!(page, expected[..3]);
        let (page, token) = items(&service, with(ascending, json!({ "NextToken": token })));
        assert_eq!((page.as_slice(), token), (&expected[3..], Value::Null));
        let (page, _) = items(
            &service,
            json!({ "HistoryItemType": "StateUpdate", "AlarmTypes": ["MetricAlarm"] }),
        );
        assert_eq!(page, expected[1..2]);
    }

    #[test]
    fn has_no_actions_where_they_are_disabled() {
        let (service, _) = service();
        let topic = "arn:aws:sns:us-east-1:000000000000:ops";
        answer(
            &service,
            "PutMetricAlarm",
            alarm(json!({ "AlarmActions": [topic] })),
        );
        answer(
            &service,
            "DisableAlarmActions",
            json!({ "AlarmNames": ["high"] }),
        );
        assert_eq!(described(&service, "high")["ActionsEnabled"], false);
        let input = json!({ "AlarmName": "high", "StateValue": "ALARM", "StateReason": "x" });
        answer(&service, "SetAlarmState", input);
        let (page, _) = items(&service, json!({ "HistoryItemType": "Action" }));
        assert_eq!(page, Vec::<String>::new());
        answer(
            &service,
            "EnableAlarmActions",
            json!({ "AlarmNames": ["high"] }),
        );
        assert_eq!(described(&service, "high")["ActionsEnabled"], true);
    }
}

#[test]
fn keeps_dashboards() {
    let (service, _) = service();
    let body = "{\"widgets\":[]}";
    answer(
        &service,
        "PutDashboard",
        json!({ "DashboardName": "main", "DashboardBody": body }),
    );
    let name = json!({ "DashboardName": "main" });
    assert_eq!(
        answer(&service, "GetDashboard", name.clone()),
        json!({ "DashboardArn": "arn:aws:cloudwatch::000000000000:dashboard/main", "DashboardBody": body, "DashboardName": "main" })
    );
    let listed = answer(
        &service,
        "ListDashboards",
        json!({ "DashboardNamePrefix": "m" }),
    );
    assert_eq!(listed["DashboardEntries"][0]["Size"], 14);
    answer(
        &service,
        "DeleteDashboards",
        json!({ "DashboardNames": ["main"] }),
    );
    check_refusal(
        &service,
        "GetDashboard",
        name,
        "ResourceNotFound",
        "Dashboard main does not exist",
    );
    check_refusal(
        &service,
        "PutDashboard",
        json!({ "DashboardName": "main", "DashboardBody": "text" }),
        "InvalidParameterInput",
        "The field DashboardBody must be a valid JSON object",
    );
}

#[test]
fn names_the_operation_that_it_lacks() {
    let (service, _) = service();
    assert_eq!(
        service.call("PutAnomalyDetector", &json!({})),
        Err(AwsError::unsupported("cloudwatch", "PutAnomalyDetector"))
    );
}
