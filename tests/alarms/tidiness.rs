//! Doing nothing twice, finding what was changed by hand, and leaving nothing behind.

use serde_json::json;

use crate::stage::{SERVICE, Stage};

const LOGS: &str = "Logs_20140328.";

#[test]
fn changes_what_differs_and_nothing_else() {
    let stage = Stage::new();
    stage.watch("alarms.notify = [\"ann@ludlow.io\"]\nalarms.logs.panics = \"panicked\"");
    let again = stage.alarms(&["diff"]);
    assert_eq!(again.code, 0, "{again:#?}");
    let alarms = again.document["alarms"].as_array().unwrap();
    // Thirteen and the composite; no-traffic needs busy hours.
    assert_eq!(alarms.len(), 14);
    assert!(alarms.iter().all(|alarm| alarm["change"] == "unchanged"));

    let mut cpu = stage.cloudwatch(
        "DescribeAlarms",
        &json!({ "AlarmNames": [format!("{SERVICE}-cpu")] }),
    )["MetricAlarms"][0]
        .clone();
    cpu["Threshold"] = json!(99);
    cpu["TreatMissingData"] = json!("missing");
    stage.cloudwatch("PutMetricAlarm", &cpu);
    let arn = format!("arn:aws:cloudwatch:us-east-1:000000000000:alarm:{SERVICE}-memory");
    stage.cloudwatch(
        "UntagResource",
        &json!({ "ResourceARN": arn, "TagKeys": ["service"] }),
    );
    let filter = json!({
        "logGroupName": "/ecs/ludlow/local", "filterName": format!("{SERVICE}-log-panics"), "filterPattern": "other",
        "metricTransformations": [{ "metricName": "m", "metricNamespace": "n", "metricValue": "1" }],
    });
    stage.call(&format!("{LOGS}PutMetricFilter"), &filter);
    stage.cloudwatch(
        "PutDashboard",
        &json!({ "DashboardName": SERVICE, "DashboardBody": "{}" }),
    );
    let diff = stage.alarms(&["diff"]);
    assert_eq!(diff.code, 3, "{diff:#?}");
    assert_eq!(diff.document["applied"], false);
    for line in [
        format!("update {SERVICE}-cpu: threshold 99 → 80; missing data missing → notBreaching\n"),
        format!("update {SERVICE}-memory: tags\n"),
        format!("update metric filter {SERVICE}-log-panics of /ecs/ludlow/local: panicked\n"),
        format!("update dashboard {SERVICE}\n"),
        "0 alarms to be created, 2 to be updated, 12 unchanged\n".to_owned(),
    ] {
        assert!(
            diff.stderr.contains(&line),
            "{line} is not in {}",
            diff.stderr
        );
    }
    assert_eq!(stage.alarms(&[]).code, 0);
    assert_eq!(stage.alarms(&["diff"]).code, 0);
    let tags = stage.cloudwatch("ListTagsForResource", &json!({ "ResourceARN": arn }));
    assert_eq!(tags["Tags"].as_array().unwrap().len(), 4);
}

#[test]
fn lists_orphans_and_deletes_its_own() {
    let stage = Stage::new();
    let theirs = json!({
        "AlarmName": format!("{SERVICE}-by-hand"), "Namespace": "N", "MetricName": "M", "Statistic": "Sum",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    });
    stage.cloudwatch("PutMetricAlarm", &theirs);
    stage.watch(
        "alarms.notify = [\"ann@ludlow.io\"]\nalarms.logs.panics = \"panicked\"\n\
         alarms.deployment = [\"log-panics\", \"target-5xx\"]",
    );
    stage.project("");
    let outcome = stage.alarms(&[]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    let orphans = json!([
        { "kind": "alarm", "name": format!("{SERVICE}-log-panics"), "change": "delete" },
        { "kind": "metric-filter", "name": format!("{SERVICE}-log-panics in /ecs/ludlow/local"), "change": "delete" },
        { "kind": "topic", "name": "arn:aws:sns:us-east-1:000000000000:ludlow-local-alarms", "change": "delete" },
    ]);
    assert_eq!(outcome.document["orphans"], orphans);
    let dry = stage.alarms(&["prune", "--dry-run"]);
    assert_eq!(
        (dry.code, &dry.document["deleted"], &dry.document["applied"]),
        (0, &orphans, &json!(false))
    );
    assert!(stage.states().contains_key("log-panics"));

    let prune = stage.alarms(&["prune"]);
    assert_eq!((prune.code, &prune.document["deleted"]), (0, &orphans));
    let states = stage.states();
    assert!(!states.contains_key("log-panics"), "{states:?}");
    // Somebody else's stays, whatever it is called.
    assert!(states.contains_key("by-hand"), "{states:?}");
    // What is gone is not watched any more, and what is left still is.
    assert_eq!(
        stage.service()["deploymentConfiguration"]["alarms"]["alarmNames"],
        json!([format!("{SERVICE}-target-5xx")])
    );
    let filters = stage.call(
        &format!("{LOGS}DescribeMetricFilters"),
        &json!({ "logGroupName": "/ecs/ludlow/local" }),
    );
    assert_eq!(filters["metricFilters"], json!([]));
    let again = stage.alarms(&["prune"]);
    assert_eq!((again.code, &again.document["deleted"]), (0, &json!([])));
}

#[test]
fn shows_the_alarms_and_their_metrics_on_a_dashboard() {
    let stage = Stage::new();
    stage.watch("");
    let dashboard = stage.cloudwatch("GetDashboard", &json!({ "DashboardName": SERVICE }));
    let body: serde_json::Value =
        serde_json::from_str(dashboard["DashboardBody"].as_str().unwrap()).unwrap();
    let shown = body["widgets"][1]["properties"]["alarms"]
        .as_array()
        .unwrap();
    assert_eq!(shown.len(), stage.states().len());
    let titles: Vec<&str> = body["widgets"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|widget| widget["type"] == "metric")
        .map(|widget| widget["properties"]["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles[0], "requests");
    assert!(titles.contains(&format!("{SERVICE}-running").as_str()));
}
