//! `deployer verify`: every problem in one pass, and nothing changed.

use serde_json::{Value, json};

use crate::stage::{Outcome, Stage};

fn verify(stage: &Stage, definition: &Value, more: &[&str]) -> Outcome {
    let file = stage.write("task", definition);
    stage.run("verify", &[&["--task-definition", &file], more].concat())
}

/// Ids and messages of the checks that came out so.
fn those<'a>(outcome: &'a Outcome, how: &str) -> Vec<(&'a str, &'a str)> {
    let checks = outcome.document["checks"].as_array().unwrap();
    checks
        .iter()
        .filter(|check| check["outcome"] == how)
        .map(|check| {
            let text = |member: &str| check[member].as_str().unwrap();
            (text("id"), text("message"))
        })
        .collect()
}

fn trust(service: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": service }, "Action": ["sts:AssumeRole"] }
    ] })
}

/// Makes a role and gives its ARN.
fn role(stage: &Stage, name: &str, service: &Value) -> String {
    let policy: String = trust(service)
        .to_string()
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n\
        Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/iam/aws4_request\r\n";
    let body = format!(
        "Action=CreateRole&Version=2010-05-08&RoleName={name}&AssumeRolePolicyDocument={policy}"
    );
    let (status, answer) = stage.send("POST", "/", headers, &body);
    assert_eq!(status, 200, "{answer}");
    let (_, arn) = answer.split_once("<Arn>").unwrap();
    arn.split_once('<').unwrap().0.to_owned()
}

#[test]
fn finds_no_problem_where_there_is_none() {
    let (stage, good) = Stage::with_service();
    let mut definition = stage.definition(&[("APP_VERSION", "2")]);
    definition["executionRoleArn"] =
        json!(role(&stage, "puller", &json!("ecs-tasks.amazonaws.com")));
    let both = json!(["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]);
    definition["taskRoleArn"] = json!(role(&stage, "worker", &both));
    stage.send("DELETE", "/_local/calls", "", "");
    let outcome = verify(&stage, &definition, &[]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(those(&outcome, "problem"), []);
    assert_eq!(those(&outcome, "unknown"), []);
    let fine: Vec<&str> = those(&outcome, "ok")
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(
        fine,
        [
            "cluster",
            "service",
            "capacity",
            "task-definition",
            "percentages",
            "quota",
            "target-group",
            "target-group",
            "health-check",
            "task-role",
            "execution-role",
            "image",
            "image-platform",
            "log-group",
        ]
    );
    // It only looks.
    let (_, calls) = stage.send("GET", "/_local/calls", "", "");
    let calls: Value = serde_json::from_str(&calls).unwrap();
    for call in calls["calls"].as_array().unwrap() {
        let operation = call["operation"].as_str().unwrap();
        let looks = ["Describe", "Get", "List", "BatchGet"];
        assert!(
            looks.iter().any(|look| operation.starts_with(look)),
            "{operation}"
        );
    }
    // A revision that is there can be verified like a file.
    let outcome = stage.run("verify", &["--task-definition", &good]);
    assert_eq!(
        (outcome.code, &outcome.document["problems"]),
        (0, &json!(0))
    );
}

/// An alarm that is in ALARM and stays there.
fn alarm_that_rings(stage: &Stage, name: &str) {
    stage.call(
        "GraniteServiceVersion20100801.PutMetricAlarm",
        &json!({
            "AlarmName": name, "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1, "TreatMissingData": "ignore",
            "ComparisonOperator": "GreaterThanThreshold",
        }),
    );
    stage.call(
        "GraniteServiceVersion20100801.SetAlarmState",
        &json!({ "AlarmName": name, "StateValue": "ALARM", "StateReason": "test" }),
    );
}

#[test]
fn finds_every_problem_in_one_pass() {
    let (stage, good) = Stage::with_service();
    let mut definition = stage.definition(&[("APP_VERSION", "2")]);
    definition["executionRoleArn"] = json!(role(&stage, "puller", &json!("ec2.amazonaws.com")));
    definition["taskRoleArn"] = json!("arn:aws:iam::000000000000:role/absent");
    stage.call(
        "secretsmanager.CreateSecret",
        &json!({ "Name": "db", "SecretString": "{\"user\":\"u\"}" }),
    );
    let secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:db:password::";
    let container = &mut definition["containerDefinitions"][0];
    container["image"] = json!(format!("{}/ludlow:absent", stage.address));
    container["secrets"] = json!([
        { "name": "A", "valueFrom": "/absent" }, { "name": "B", "valueFrom": secret },
    ]);
    container["logConfiguration"]["options"]["awslogs-group"] = json!("/absent");
    container["portMappings"][0]["containerPort"] = json!(9090);
    alarm_that_rings(&stage, "errors");
    let more = [
        "--alarm", "absent", "--alarm", "errors", "--subnet", "subnet-0",
    ];
    let outcome = verify(&stage, &definition, &more);
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    assert_eq!(
        those(&outcome, "problem"),
        [
            (
                "target-group",
                "the container api does not map the port 8080"
            ),
            (
                "alarm",
                "there is no such alarm: nothing watches the release"
            ),
            (
                "alarm",
                "it is in ALARM now: ECS ignores alarms that are already in ALARM for this deployment"
            ),
            ("task-role", "there is no such role"),
            (
                "execution-role",
                "it does not trust ecs-tasks.amazonaws.com"
            ),
            ("image", "the repository has no such image, which api runs"),
            ("secret", "there is no parameter /absent"),
            (
                "secret",
                &format!("the JSON of {secret} has no such key")[..]
            ),
            ("log-group", "there is no such log group: no task starts"),
            (
                "network",
                "subnets are given, and the network mode bridge has none: ECS refuses that"
            ),
        ]
    );
    assert_eq!(those(&outcome, "unknown"), []);
    assert_eq!(stage.service()["taskDefinition"], good);
    assert_eq!(stage.revisions(), 1);
}

#[test]
fn does_not_take_what_it_may_not_look_at_for_a_problem() {
    let (stage, _good) = Stage::with_service();
    let mut definition = stage.definition(&[("APP_VERSION", "2")]);
    definition["executionRoleArn"] =
        json!(role(&stage, "puller", &json!("ecs-tasks.amazonaws.com")));
    let rule = json!({ "service": "iam", "operation": "GetRole", "fault": "access-denied" });
    let rules = json!({ "rules": [rule] }).to_string();
    let json = "Content-Type: application/json\r\n";
    let (status, answer) = stage.send("POST", "/_local/faults", json, &rules);
    assert_eq!(status, 200, "{answer}");
    let outcome = verify(&stage, &definition, &[]);
    assert_eq!(those(&outcome, "problem"), []);
    let unknown: Vec<&str> = those(&outcome, "unknown")
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(unknown, ["execution-role"]);
    assert_eq!(outcome.code, 0);
}

#[test]
fn fails_where_nothing_can_be_looked_at() {
    let (mut stage, _good) = Stage::with_service();
    let definition = stage.definition(&[("APP_VERSION", "2")]);
    stage.fell();
    let outcome = verify(&stage, &definition, &[]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(
        outcome.stderr.contains("nothing could be looked at"),
        "{}",
        outcome.stderr
    );
    stage.raise();
}

#[test]
fn holds_fargate_sizes_against_what_there_is() {
    let (stage, _good) = Stage::with_service();
    let mut definition = stage.definition(&[]);
    definition["requiresCompatibilities"] = json!(["FARGATE"]);
    definition["cpu"] = json!("300");
    definition["memory"] = json!("512");
    let outcome = verify(&stage, &definition, &["--launch-type", "FARGATE"]);
    assert_eq!(outcome.code, 3);
    assert_eq!(
        those(&outcome, "problem"),
        [
            (
                "fargate",
                "Fargate needs the network mode awsvpc, not bridge"
            ),
            ("fargate", "Fargate has no size of 300 CPU units"),
            (
                "execution-role",
                "there is no execution role, and it is needed: Fargate writes the log of api with it"
            ),
        ]
    );
}
