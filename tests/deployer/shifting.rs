//! Releases that shift traffic in stages.

use serde_json::{Value, json};

use crate::stage::{CLUSTER, Outcome, SERVICE, Stage};

/// A form's field: name and value.
type Field<'a> = (&'a str, &'a str);

const ALARM: &str = "ludlow-errors";

/// One call of the load balancer's API; gives the answer's XML.
fn elb(stage: &Stage, action: &str, fields: &[Field<'_>]) -> String {
    let mut form = format!("Action={action}&Version=2015-12-01");
    for (name, value) in fields {
        form.push_str(&format!(
            "&{name}={}",
            value.replace('/', "%2F").replace(':', "%3A")
        ));
    }
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let (status, body) = stage.send("POST", "/", headers, &form);
    assert_eq!(status, 200, "{action}: {body}");
    body
}

/// The text of the first element of this name.
fn element(xml: &str, name: &str) -> String {
    let begin = xml.find(&format!("<{name}>")).unwrap() + name.len() + 2;
    let end = xml[begin..].find('<').unwrap() + begin;
    xml[begin..end].to_owned()
}

/// Another target group like the service's own.
fn second_group(stage: &Stage) -> String {
    let created = elb(
        stage,
        "CreateTargetGroup",
        &[
            ("Name", "green"),
            ("Protocol", "HTTP"),
            ("Port", "8080"),
            ("VpcId", "vpc-local"),
            ("TargetType", "instance"),
            ("HealthCheckPath", "/healthz"),
            ("HealthCheckIntervalSeconds", "10"),
            ("UnhealthyThresholdCount", "3"),
        ],
    );
    let group = element(&created, "TargetGroupArn");
    let attribute = "Attributes.member.1";
    elb(
        stage,
        "ModifyTargetGroupAttributes",
        &[
            ("TargetGroupArn", &group),
            (
                &format!("{attribute}.Key"),
                "deregistration_delay.timeout_seconds",
            ),
            (&format!("{attribute}.Value"), "30"),
        ],
    );
    group
}

/// The ARN of the rule that leads to `blue`, which from now on may lead to `green` as well.
fn shared_rule(stage: &Stage, blue: &str, green: &str) -> String {
    let balancers = elb(stage, "DescribeLoadBalancers", &[]);
    let balancer = element(&balancers, "LoadBalancerArn");
    let listeners = elb(
        stage,
        "DescribeListeners",
        &[("LoadBalancerArn", &balancer)],
    );
    let listener = element(&listeners, "ListenerArn");
    let rules = elb(stage, "DescribeRules", &[("ListenerArn", &listener)]);
    let mut rules = rules.split("<RuleArn>");
    let ours = rules.find(|rule| rule.contains(blue)).unwrap();
    let rule = ours[..ours.find('<').unwrap()].to_owned();
    let groups = "Actions.member.1.ForwardConfig.TargetGroups.member";
    elb(
        stage,
        "ModifyRule",
        &[
            ("RuleArn", &rule),
            ("Actions.member.1.Type", "forward"),
            (&format!("{groups}.1.TargetGroupArn"), blue),
            (&format!("{groups}.1.Weight"), "100"),
            (&format!("{groups}.2.TargetGroupArn"), green),
            (&format!("{groups}.2.Weight"), "0"),
        ],
    );
    rule
}

/// A service of two tasks whose traffic is shifted as the configuration says, on a version that works.
fn shifting(configuration: &Value) -> (Stage, String) {
    let stage = Stage::new();
    let own = elb(
        &stage,
        "DescribeTargetGroups",
        &[("Names.member.1", SERVICE)],
    );
    let blue = element(&own, "TargetGroupArn");
    let green = second_group(&stage);
    let rule = shared_rule(&stage, &blue, &green);
    stage.call(
        "GraniteServiceVersion20100801.PutMetricAlarm",
        &json!({
            "AlarmName": ALARM, "Namespace": "ludlow", "MetricName": "Errors", "Statistic": "Sum",
            "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0, "TreatMissingData": "ignore",
            "ComparisonOperator": "GreaterThanThreshold",
        }),
    );
    let definition = stage.definition(&[("APP_VERSION", "1")]);
    let registered = stage.call("RegisterTaskDefinition", &definition);
    let good = registered["taskDefinition"]["taskDefinitionArn"].clone();
    stage.call(
        "CreateService",
        &json!({
            "cluster": CLUSTER, "serviceName": SERVICE, "taskDefinition": good, "desiredCount": 2,
            "deploymentConfiguration": configuration,
            "loadBalancers": [{
                "targetGroupArn": blue, "containerName": "api", "containerPort": 8080,
                "advancedConfiguration": {
                    "alternateTargetGroupArn": green, "productionListenerRule": rule,
                    "roleArn": "arn:aws:iam::000000000000:role/elb",
                },
            }],
        }),
    );
    let good = good.as_str().unwrap().to_owned();
    stage.serves(&good);
    stage.until("deployed", |service| {
        service["currentServiceDeployment"].is_null()
    });
    (stage, good)
}

fn next(stage: &Stage) -> String {
    stage.write("next", &stage.definition(&[("APP_VERSION", "2")]))
}

fn blue_green(bake: u32) -> Value {
    json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": bake })
}

fn watched(mut configuration: Value) -> Value {
    configuration["alarms"] = json!({ "alarmNames": [ALARM], "enable": true, "rollback": true });
    configuration
}

fn ring(stage: &Stage) {
    stage.call(
        "GraniteServiceVersion20100801.SetAlarmState",
        &json!({ "AlarmName": ALARM, "StateValue": "ALARM", "StateReason": "test" }),
    );
}

fn told(outcome: &Outcome, words: &str) -> bool {
    let timeline = outcome.document["timeline"].as_array().unwrap();
    let said = |event: &Value| event["text"].as_str().unwrap().contains(words);
    timeline.iter().any(said)
}

#[test]
fn follows_blue_green_through_its_bake_time() {
    let (stage, _good) = shifting(&blue_green(5));
    let outcome = stage.deploy(&next(&stage), &[]);
    outcome.is(0, "completed", "runs ludlow-local-api:2");
    assert!(told(&outcome, "stage BAKE_TIME"), "{outcome:#?}");
    assert!(told(&outcome, "100 % of the traffic is on the new ones"));
    stage.serves(outcome.document["task_definition"].as_str().unwrap());
}

#[test]
fn goes_back_when_an_alarm_rings_in_the_bake_time() {
    let (stage, good) = shifting(&blue_green(0));
    configure(&stage, &watched(blue_green(500)));
    let mut running = stage.begin(&next(&stage), &[]);
    running.says("stage BAKE_TIME");
    ring(&stage);
    let outcome = running.end();
    outcome.is(4, "rolled-back", ALARM);
    outcome.is(4, "rolled-back", "is back on ludlow-local-api:1");
    assert_eq!(outcome.document["rollback"]["by"], "ecs");
    stage.serves(&good);
}

#[test]
fn goes_back_when_an_alarm_rings_while_the_canary_serves() {
    let canary = json!({
        "strategy": "CANARY", "bakeTimeInMinutes": 0,
        "canaryConfiguration": { "canaryPercent": 10.0, "canaryBakeTimeInMinutes": 500 },
    });
    let (stage, good) = shifting(&watched(canary));
    let mut running = stage.begin(&next(&stage), &[]);
    running.says("10 % of the traffic is on the new ones");
    ring(&stage);
    running.end().is(4, "rolled-back", ALARM);
    stage.serves(&good);
}

#[test]
fn follows_linear_steps_one_by_one() {
    let (stage, _good) = shifting(&json!({
        "strategy": "LINEAR", "bakeTimeInMinutes": 1,
        "linearConfiguration": { "stepPercent": 25.0, "stepBakeTimeInMinutes": 3 },
    }));
    let outcome = stage.deploy(&next(&stage), &[]);
    outcome.is(0, "completed", "runs ludlow-local-api:2");
    for percent in [25, 50, 75, 100] {
        let words = format!(", {percent} % of the traffic is on the new ones");
        assert!(told(&outcome, &words), "{words}: {outcome:#?}");
    }
    stage.serves(outcome.document["task_definition"].as_str().unwrap());
}

#[test]
fn goes_back_from_a_green_side_that_crashes() {
    let (stage, good) = shifting(&blue_green(0));
    let bad = stage.write("bad", &stage.definition(&[("LUDLOW_CRASH", "start")]));
    let outcome = stage.deploy(&bad, &[]);
    outcome.is(4, "rolled-back", "exit code 1");
    assert_eq!(outcome.document["rollback"]["by"], "stop");
    stage.serves(&good);
}

fn paused() -> Value {
    let mut configuration = blue_green(0);
    configuration["lifecycleHooks"] =
        json!([{ "targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"] }]);
    configuration
}

/// For the deployments that come; the first one has no need to wait.
fn configure(stage: &Stage, configuration: &Value) {
    stage.call(
        "UpdateService",
        &json!({ "cluster": CLUSTER, "service": SERVICE, "deploymentConfiguration": configuration }),
    );
}

/// The first deployment of a service whose deployments pause pauses as well; so the hook comes later.
fn with_pause() -> (Stage, String) {
    let (stage, good) = shifting(&blue_green(0));
    configure(&stage, &paused());
    (stage, good)
}

#[test]
fn goes_on_from_a_pause_when_told_to() {
    let (stage, _good) = with_pause();
    let mut running = stage.begin(&next(&stage), &[]);
    let said = running.says("deployer continue --cluster ludlow --service ludlow-local-api");
    assert!(
        said.contains("waits for a word at the hook ecs-pause-"),
        "{said}"
    );
    let word = stage.run("continue", &[]);
    word.is(0, "completed", "runs ludlow-local-api:2");
    running.end().is(0, "completed", "runs ludlow-local-api:2");
}

#[test]
fn goes_back_from_a_pause_when_told_to() {
    let (stage, good) = with_pause();
    let mut running = stage.begin(&next(&stage), &[]);
    running.says("deployer continue");
    stage
        .run("continue", &["--rollback"])
        .is(0, "rolled-back", "is back on ludlow-local-api:1");
    running
        .end()
        .is(4, "rolled-back", "is back on ludlow-local-api:1");
    stage.serves(&good);
    let nothing = stage.run("continue", &[]);
    assert_eq!(nothing.code, 3, "{nothing:?}");
}
