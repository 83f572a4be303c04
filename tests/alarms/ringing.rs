//! Every alarm rings when it should, and stops.

use serde_json::json;

use crate::ends::Visitors;
use crate::stage::{CLUSTER, SERVICE, Stage};

/// Whoever is told of nothing hears nothing.
const QUIET: &str = "alarms.logs.panics = \"panicked\"";

#[test]
fn traffic_that_fails_or_is_slow() {
    let stage = Stage::new();
    stage.watch(QUIET);
    let visitors = Visitors::of(&stage.url);
    stage.control.be("fail");
    stage.until(&["target-5xx", "health"], "ALARM");
    stage.control.be("slow=1300");
    // Four visitors at a time get few answers then; more come.
    let more: Vec<Visitors> = (0..6).map(|_| Visitors::of(&stage.url)).collect();
    stage.until(&["latency-p99", "latency-p50"], "ALARM");
    stage.until(&["target-5xx"], "OK");
    stage.control.be("");
    stage.all_quiet();
    drop((visitors, more));
    assert_eq!(
        stage.have_rung(),
        ["health", "latency-p50", "latency-p99", "target-5xx"]
            .map(|kind| format!("{SERVICE}-{kind}"))
    );
}

#[test]
fn tasks_that_work_too_hard_or_say_bad_words() {
    let stage = Stage::new();
    stage.watch(QUIET);
    stage.control.be("burn eat=58 say=it_panicked_at_dawn");
    stage.until(&["log-panics"], "ALARM");
    stage.until(&["cpu", "memory"], "ALARM");
    stage.until(&["log-panics"], "OK");
    stage.control.be("");
    stage.until(&["cpu"], "OK");
    // Memory comes back with new tasks only.
    let outcome = stage.deploy("second", &[]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    stage.all_quiet();
}

#[test]
fn tasks_that_are_unhealthy_or_killed() {
    let stage = Stage::new();
    stage.watch(QUIET);
    stage.control.be("sick");
    stage.until(&["unhealthy-hosts", "no-healthy-host"], "ALARM");
    stage.control.be("");
    stage.all_quiet();
    let visitors = Visitors::of(&stage.url);
    stage.control.be("die");
    stage.until(&["restarts"], "ALARM");
    stage.until(
        &["running", "no-healthy-host", "balancer-5xx", "health"],
        "ALARM",
    );
    stage.control.be("");
    stage.all_quiet();
    drop(visitors);
    let rung = stage.have_rung();
    for kind in ["target-5xx", "latency-p99", "cpu", "memory"] {
        assert!(!rung.contains(&format!("{SERVICE}-{kind}")), "{rung:?}");
    }
}

#[test]
fn a_cluster_that_is_full() {
    let stage = Stage::new();
    stage.watch(QUIET);
    let ecs = |operation: &str, input| {
        stage.call(
            &format!("AmazonEC2ContainerServiceV20141113.{operation}"),
            &input,
        )
    };
    let instances = ecs("ListContainerInstances", json!({ "cluster": CLUSTER }));
    let described = ecs(
        "DescribeContainerInstances",
        json!({ "cluster": CLUSTER, "containerInstances": instances["containerInstanceArns"] }),
    );
    let registered = described["containerInstances"][0]["registeredResources"]
        .as_array()
        .unwrap();
    let nine_tenths = |name: &str| {
        let resource = registered
            .iter()
            .find(|resource| resource["name"] == name)
            .unwrap();
        resource["integerValue"].as_i64().unwrap() * 9 / 10 - 200
    };
    let service = stage.service();
    let definition = ecs(
        "DescribeTaskDefinition",
        json!({ "taskDefinition": service["taskDefinition"] }),
    );
    let container = &definition["taskDefinition"]["containerDefinitions"][0];
    let mut greedy = container.clone();
    greedy["cpu"] = json!(nine_tenths("CPU"));
    greedy["memory"] = json!(nine_tenths("MEMORY"));
    let family = ecs(
        "RegisterTaskDefinition",
        json!({ "family": "greedy", "networkMode": "bridge", "containerDefinitions": [greedy] }),
    );
    let task = ecs(
        "RunTask",
        json!({ "cluster": CLUSTER, "taskDefinition": family["taskDefinition"]["taskDefinitionArn"] }),
    );
    stage.until(&["cpu-reservation", "memory-reservation"], "ALARM");
    ecs(
        "StopTask",
        json!({ "cluster": CLUSTER, "task": task["tasks"][0]["taskArn"] }),
    );
    stage.all_quiet();
    // Of the cluster's troubles the service's own alarm says nothing.
    assert_eq!(
        stage.have_rung(),
        ["cpu-reservation", "memory-reservation"].map(|kind| format!("{SERVICE}-{kind}"))
    );
}

#[test]
fn no_traffic_when_there_should_be_some_and_none_at_night() {
    let stage = Stage::new();
    let hour = hour_of_day();
    // Two hours that are not now: it is night.
    let night = format!(
        "alarms.busy-hours = \"{}-{}\"\nalarms.quiet-minutes = 3",
        (hour + 6) % 24,
        (hour + 7) % 24 + 1
    );
    stage.watch(&night);
    // Twenty quiet minutes of AWS's pass: as many datapoints as the count of healthy hosts then has.
    let begun = stage.datapoints("HealthyHostCount");
    stage.wait_for("twenty quiet minutes", || {
        (stage.datapoints("HealthyHostCount") >= begun + 20).then_some(())
    });
    assert_eq!(stage.have_rung(), Vec::<String>::new());
    stage.project("alarms.busy-hours = \"0-24\"\nalarms.quiet-minutes = 3");
    let outcome = stage.alarms(&[]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    stage.until(&["no-traffic", "health"], "ALARM");
    let visitors = Visitors::of(&stage.url);
    stage.all_quiet();
    drop(visitors);
}

/// The hour of the day in UTC.
fn hour_of_day() -> u64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    since.as_secs() / 3600 % 24
}
