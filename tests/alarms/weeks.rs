//! What was, and what alarms would have made of it.

use serde_json::{Value, json};

use crate::ends::Visitors;
use crate::stage::{SERVICE, Stage};

/// The firings of an alarm.
fn firings(document: &Value, kind: &str) -> Vec<Value> {
    let name = format!("{SERVICE}-{kind}");
    let alarm = document["alarms"]
        .as_array()
        .unwrap()
        .iter()
        .find(|alarm| alarm["name"] == name)
        .unwrap();
    assert_eq!(
        alarm["fired"],
        alarm["firings"].as_array().unwrap().len(),
        "{alarm:#}"
    );
    alarm["firings"].as_array().unwrap().clone()
}

#[test]
fn simulates_what_the_service_has_been_through() {
    let stage = Stage::new();
    stage.watch("");
    let visitors = Visitors::of(&stage.url);
    stage.control.be("fail");
    stage.until(&["target-5xx"], "ALARM");
    stage.control.be("");
    stage.all_quiet();
    drop(visitors);
    let live = stage.alarms(&[
        "simulate",
        "--minute",
        "1",
        "--days",
        "1",
        "--save",
        "saved.json",
    ]);
    assert_eq!(live.code, 0, "{live:#?}");
    assert_eq!(firings(&live.document, "target-5xx").len(), 1, "{live:#?}");
    // Before there was a service, nobody answered; then came the failures.
    assert_eq!(firings(&live.document, "no-healthy-host").len(), 1);
    assert_eq!(firings(&live.document, "health").len(), 2);
    assert_eq!(firings(&live.document, "cpu"), Vec::<Value>::new());
    let replayed = stage.alarms(&["simulate", "--minute", "1", "--history", "saved.json"]);
    assert_eq!(replayed.code, 0, "{replayed:#?}");
    assert_eq!(replayed.document, live.document);
    // Nothing is changed by looking back.
    assert_eq!(stage.alarms(&["diff"]).code, 0);
}

#[test]
fn learns_from_what_there_is_and_says_when_that_is_too_little() {
    let stage = Stage::new();
    stage.watch("");
    stage.project("alarms.from-history = true\nalarms.cpu-percent = 70");
    let plan = stage.alarms(&["plan"]);
    assert_eq!(plan.code, 0, "{plan:#?}");
    let source = |kind: &str| {
        let alarms = plan.document["alarms"].as_array().unwrap();
        let name = format!("{SERVICE}-{kind}");
        let alarm = alarms.iter().find(|alarm| alarm["name"] == name).unwrap();
        alarm["source"].as_str().unwrap().to_owned()
    };
    assert_eq!(source("cpu"), "longshore.toml: alarms.cpu-percent");
    assert!(
        source("latency-p99").starts_with("default (the history has only "),
        "{}",
        source("latency-p99")
    );
    // A fortnight of answers within 0.2 s, put where CloudWatch keeps them.
    stage.teach("MemoryUtilization", 30.0, 1200);
    let plan = stage.alarms(&["plan", "--minute", "1"]);
    let alarms = plan.document["alarms"].as_array().unwrap();
    let name = format!("{SERVICE}-memory");
    let memory = alarms.iter().find(|alarm| alarm["name"] == name).unwrap();
    assert_eq!(
        memory["source"],
        "history: 1.2 × the 99.5th percentile, 30, of the minutes of 0 days, between 50 and 95"
    );
    assert_eq!(
        memory["differences"],
        json!(["threshold 80 → 50", "description"])
    );
}
