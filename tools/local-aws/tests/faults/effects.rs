//! What clients see of each fault.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Reply, Server, json_headers};

const DESCRIBE: &str = "AmazonSSM.DescribeParameters";
const PUT: &str = "AmazonSSM.PutParameter";
const NAMES: &str = "AmazonSSM.GetParameter";

fn add(server: &Server, rule: Value) -> Reply {
    let body = json!({ "rules": [rule] }).to_string();
    server.send("POST", "/_local/faults", &[], &body)
}

fn status_and_code(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.element("Code"))
}

#[test]
fn refuses_as_the_json_services_do() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    for (fault, status, code) in [
        ("throttle", 400, "ThrottlingException"),
        ("server-error", 500, "InternalServerError"),
        ("unavailable", 503, "ServiceUnavailableException"),
        ("expired-credentials", 400, "ExpiredTokenException"),
        ("access-denied", 400, "AccessDeniedException"),
    ] {
        let rule = json!({ "service": "ssm", "operation": "DescribeParameters", "fault": fault, "count": 1 });
        assert_eq!(add(&server, rule).status, 200);
        let refused = server.json(DESCRIBE, &json!({}));
        assert_eq!(refused.fault(), (status, code.to_owned()));
    }
    assert_eq!(server.json(DESCRIBE, &json!({})).status, 200);
}

#[test]
fn refuses_as_the_query_services_do() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let who = "Action=GetCallerIdentity&Version=2011-06-15";
    for (fault, status, code) in [
        ("throttle", 400, "Throttling"),
        ("server-error", 500, "InternalFailure"),
        ("unavailable", 503, "ServiceUnavailable"),
        ("expired-credentials", 403, "ExpiredToken"),
        ("access-denied", 403, "AccessDenied"),
    ] {
        let rule = json!({ "service": "sts", "operation": "*", "fault": fault, "count": 1 });
        assert_eq!(add(&server, rule).status, 200);
        assert_eq!(status_and_code(&server.query(who)), (status, code));
    }
    assert_eq!(server.query(who).status, 200);
}

#[test]
fn throttles_cloudwatch_in_both_of_its_words() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    add(
        &server,
        json!({ "service": "monitoring", "operation": "DescribeAlarms", "fault": "throttle" }),
    );
    let headers = [
        ("Content-Type", "application/x-amz-json-1.0"),
        (
            "X-Amz-Target",
            "GraniteServiceVersion20100801.DescribeAlarms",
        ),
    ];
    let refused = server.send("POST", "/", &headers, "{}");
    assert_eq!(refused.fault(), (400, "ThrottlingException".to_owned()));
    assert!(
        refused
            .head
            .contains("x-amzn-query-error: throttling;sender"),
        "{}",
        refused.head
    );
}

#[test]
fn carries_nothing_out_that_it_refuses() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let put = json!({ "Name": "/a", "Type": "String", "Value": "1" });
    let rule = json!({ "service": "ssm", "operation": "PutParameter", "fault": "unavailable", "count": 1 });
    add(&server, rule);
    assert_eq!(server.json(PUT, &put).status, 503);
    assert_eq!(
        server.json(NAMES, &json!({ "Name": "/a" })).fault(),
        (400, "ParameterNotFound".to_owned())
    );
    assert_eq!(server.json(PUT, &put).status, 200);
}

#[test]
fn cuts_before_or_after_the_operation() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let rule = json!({ "service": "ssm", "operation": "PutParameter", "fault": "cut", "after": true, "count": 2 });
    add(&server, rule);
    let put = |name: &str| {
        let body = json!({ "Name": name, "Type": "String", "Value": "1" }).to_string();
        server.try_send("POST", "/", &json_headers(PUT), &body)
    };
    let is_there = |name: &str| server.json(NAMES, &json!({ "Name": name })).status == 200;
    assert!(put("/first").is_none());
    assert!(put("/second").is_none());
    assert_eq!(put("/third").unwrap().status, 200);
    assert!(is_there("/first"));
    assert!(!is_there("/second"));
    assert!(is_there("/third"));
}

#[test]
fn answers_later() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    add(
        &server,
        json!({ "service": "ssm", "operation": "*", "fault": "delay", "delayMs": 150, "count": 1 }),
    );
    let begun = Instant::now();
    assert_eq!(server.json(DESCRIBE, &json!({})).status, 200);
    // Never earlier; how much later is the machine's affair.
    assert!(begun.elapsed() >= Duration::from_millis(150));
}

#[test]
fn forgets_rules_when_told_to_or_when_it_ends() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let rule = json!({ "service": "*", "operation": "*", "fault": "throttle" });
    let added = add(&server, rule.clone()).json();
    assert_eq!(added["rules"][0]["applied"], 0);
    server.json(DESCRIBE, &json!({}));
    let listed = server.send("GET", "/_local/faults", &[], "").json();
    assert_eq!(listed["rules"][0]["applied"], 1);
    let cleared = server.send("DELETE", "/_local/faults", &[], "").json();
    assert_eq!(
        cleared,
        json!({ "kind": "local-aws-faults", "schema": 1, "rules": [] })
    );
    assert_eq!(server.json(DESCRIBE, &json!({})).status, 200);
    add(&server, rule);
    drop(server);
    let server = Server::start(state.path());
    assert_eq!(server.json(DESCRIBE, &json!({})).status, 200);
}

#[test]
fn refuses_a_rule_that_it_does_not_understand() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let refused = add(
        &server,
        json!({ "service": "ecs", "operation": "*", "fault": "cut", "delayMs": 5 }),
    );
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json()["message"],
        "rule 1: delayMs belongs to the fault delay"
    );
}
