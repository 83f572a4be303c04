//! The record of calls.

use serde_json::json;

use crate::support::Server;

#[test]
fn counts_every_call_of_an_operation() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let describe = || server.json("AmazonSSM.DescribeParameters", &json!({}));
    describe();
    describe();
    server.json("AmazonSSM.GetParameter", &json!({ "Name": "/absent" }));
    server.query("Action=GetCallerIdentity&Version=2011-06-15");
    let rule = json!({ "rules": [{ "service": "ssm", "operation": "*", "fault": "throttle" }] });
    server.send("POST", "/_local/faults", &[], &rule.to_string());
    describe();
    // What is no operation of a service is not counted.
    server.send("GET", "/_local/health", &[], "");
    server.json("Nothing.Do", &json!({}));
    let calls = server.send("GET", "/_local/calls", &[], "").json();
    assert_eq!(
        calls,
        json!({
            "kind": "local-aws-calls", "schema": 1, "total": 5, "calls": [
                { "service": "ssm", "operation": "DescribeParameters", "count": 3, "errors": 1 },
                { "service": "ssm", "operation": "GetParameter", "count": 1, "errors": 1 },
                { "service": "sts", "operation": "GetCallerIdentity", "count": 1, "errors": 0 },
            ]
        })
    );
    let forgotten = server.send("DELETE", "/_local/calls", &[], "").json();
    assert_eq!(
        forgotten,
        json!({ "kind": "local-aws-calls", "schema": 1, "total": 0, "calls": [] })
    );
}
