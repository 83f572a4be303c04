//! Listeners, their rules and their ports.

use serde_json::{Value, json};

use crate::api::{code, create_listener, create_rule, local, refusal};
use crate::support::{Local, forward, get, text, within};

#[test]
fn listeners_and_rules_hold_what_they_refer_to() {
    let (_directory, local) = local();
    let (first, second) = (local.balancer("first"), local.balancer("second"));
    let (web, api) = (local.group("web"), local.group("api"));
    let listener = create_listener(&local, &first, 8080, &json!([forward(&web)]));
    let rule = create_rule(&local, &listener, 5, &forward(&api));
    for group in [&web, &api] {
        let described = local.call(
            "DescribeTargetGroups",
            &json!({ "TargetGroupArns": [group] }),
        );
        assert_eq!(
            described["TargetGroups"][0]["LoadBalancerArns"],
            json!([first])
        );
        let delete = json!({ "TargetGroupArn": group });
        assert_eq!(
            refusal(&local, "DeleteTargetGroup", &delete),
            (
                "ResourceInUse".to_owned(),
                format!("Target group '{group}' is currently in use by a listener or a rule")
            )
        );
    }
    let foreign = json!({ "LoadBalancerArn": second, "Protocol": "HTTP", "Port": 8080, "DefaultActions": [forward(&web)] });
    assert_eq!(
        code(&local, "CreateListener", &foreign),
        "TargetGroupAssociationLimit"
    );
    let absent = json!({ "LoadBalancerArn": second, "Protocol": "HTTP", "Port": 8080, "DefaultActions": [forward("none")] });
    assert_eq!(
        code(&local, "CreateListener", &absent),
        "TargetGroupNotFound"
    );
    local.call("DeleteRule", &json!({ "RuleArn": rule }));
    local.call("DeleteTargetGroup", &json!({ "TargetGroupArn": api }));
    local.call("DeleteLoadBalancer", &json!({ "LoadBalancerArn": first }));
    assert_eq!(
        code(
            &local,
            "DescribeListeners",
            &json!({ "ListenerArns": [listener] })
        ),
        "ListenerNotFound"
    );
    local.call("DeleteTargetGroup", &json!({ "TargetGroupArn": web }));
    assert_eq!(
        local.call("DescribeTargetGroups", &json!({})),
        json!({ "TargetGroups": [] })
    );
    // Deleting what is gone succeeds.
    local.call("DeleteLoadBalancer", &json!({ "LoadBalancerArn": first }));
    local.call("DeleteTargetGroup", &json!({ "TargetGroupArn": web }));
}

#[test]
fn a_port_has_one_listener() {
    let (_directory, local) = local();
    let balancer = local.balancer("web");
    let group = local.group("web");
    let actions = json!([forward(&group)]);
    let first = create_listener(&local, &balancer, 8080, &actions);
    assert_eq!(create_listener(&local, &balancer, 8080, &actions), first);
    let other = json!({ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "200" } });
    let conflict = json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 8080, "DefaultActions": [other] });
    assert_eq!(
        code(&local, "CreateListener", &conflict),
        "DuplicateListener"
    );
    let tls = json!({ "LoadBalancerArn": balancer, "Protocol": "HTTPS", "Port": 443, "DefaultActions": actions });
    assert_eq!(code(&local, "CreateListener", &tls), "UnsupportedProtocol");
    let second = create_listener(&local, &balancer, 8081, &actions);
    let moving = json!({ "ListenerArn": second, "Port": 8080 });
    assert_eq!(code(&local, "ModifyListener", &moving), "DuplicateListener");
    let moved = local.call(
        "ModifyListener",
        &json!({ "ListenerArn": second, "Port": 8082 }),
    );
    assert_eq!(moved["Listeners"][0]["Port"], 8082);
}

#[test]
fn priorities_are_unique_and_change_together() {
    let (_directory, local) = local();
    let balancer = local.balancer("web");
    let group = local.group("web");
    let listener = create_listener(&local, &balancer, 8080, &json!([forward(&group)]));
    let one = create_rule(&local, &listener, 1, &forward(&group));
    let two = create_rule(&local, &listener, 2, &forward(&group));
    let taken = json!({
        "ListenerArn": listener, "Priority": 2, "Actions": [forward(&group)],
        "Conditions": [{ "Field": "path-pattern", "Values": ["/b"] }],
    });
    assert_eq!(
        refusal(&local, "CreateRule", &taken),
        (
            "PriorityInUse".to_owned(),
            "Priority '2' is currently in use".to_owned()
        )
    );
    let set = |priorities: Value| {
        local.try_call(
            "SetRulePriorities",
            &json!({ "RulePriorities": priorities }),
        )
    };
    let error = set(json!([{ "RuleArn": one, "Priority": 2 }])).unwrap_err();
    assert_eq!(error.code, "PriorityInUse");
    set(json!([{ "RuleArn": one, "Priority": 2 }, { "RuleArn": two, "Priority": 1 }])).unwrap();
    let described = local.call("DescribeRules", &json!({ "ListenerArn": listener }));
    let rules: Vec<(String, String, bool)> = described["Rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            (
                text(&rule["RuleArn"]),
                text(&rule["Priority"]),
                rule["IsDefault"] == true,
            )
        })
        .collect();
    let default = rules[2].0.clone();
    assert_eq!(
        rules,
        [
            (two, "1".to_owned(), false),
            (one, "2".to_owned(), false),
            (default.clone(), "default".to_owned(), true),
        ]
    );
    assert_eq!(
        code(&local, "DeleteRule", &json!({ "RuleArn": default })),
        "OperationNotPermitted"
    );
    let error = set(json!([{ "RuleArn": default, "Priority": 3 }])).unwrap_err();
    assert_eq!(error.code, "OperationNotPermitted");
    assert_eq!(
        code(&local, "DeleteRule", &json!({ "RuleArn": "none" })),
        "RuleNotFound"
    );
}

#[tokio::test]
async fn a_deleted_listener_frees_its_port() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let balancer = local.balancer("lb");
    let fixed = json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "200", "MessageBody": "hi" } }]);
    let (arn, address) = local.listener(&balancer, &fixed);
    assert_eq!(get(address, "/").await.body, "hi");
    local.call("DeleteListener", &json!({ "ListenerArn": arn }));
    within("the port is free", async {
        while std::net::TcpListener::bind(address).is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let described = local.call("DescribeListeners", &json!({ "LoadBalancerArn": balancer }));
    assert_eq!(described, json!({ "Listeners": [] }));
}

#[tokio::test]
async fn a_busy_port_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let balancer = local.balancer("lb");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let fixed =
        json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "200" } }]);
    let error = local
        .try_call(
            "CreateListener",
            &json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port, "DefaultActions": fixed }),
        )
        .unwrap_err();
    assert_eq!(error.code, "InvalidConfigurationRequest");
    let expected = format!("127.0.0.1:{port} cannot be bound: ");
    assert!(error.message.starts_with(&expected), "{}", error.message);
    assert_eq!(
        local.call("DescribeListeners", &json!({ "LoadBalancerArn": balancer })),
        json!({ "Listeners": [] })
    );
}

#[tokio::test]
async fn a_privileged_port_is_served_and_described_as_asked() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::start(directory.path(), 1000.0);
    let fixed = json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "200", "MessageBody": "hi" } }]);
    let mut ports = Vec::new();
    for name in ["one", "two"] {
        let balancer = local.balancer(name);
        let created = local.call(
            "CreateListener",
            &json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 1007, "DefaultActions": fixed }),
        );
        assert_eq!(created["Listeners"][0]["Port"], 1007);
        let address = local.address(&text(&created["Listeners"][0]["ListenerArn"]));
        assert_eq!(get(address, "/").await.body, "hi");
        ports.push(address.port());
    }
    // Two load balancers have one machine between them.
    assert_ne!(ports[0], ports[1]);
}
