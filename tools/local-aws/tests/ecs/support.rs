//! A service behind a load balancer, and questions about its deployments.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::application::Mode;
use super::image;
use super::server::{Server, request, until};

const CLUSTER: &str = "c";
pub(crate) const SERVICE: &str = "web";

/// A server with a cluster, an image, and a load balancer whose two rules can shift traffic between two target groups.
pub(crate) struct Rig {
    pub(crate) server: Server,
    place: TempDir,
    image: String,
    pub(crate) groups: [String; 2],
    pub(crate) production_rule: String,
    pub(crate) test_rule: String,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let server = Server::start(&place.path().join("state"));
        let image = image::push(&server);
        server.ecs("CreateCluster", &json!({ "clusterName": CLUSTER }));
        let groups = ["one", "two"].map(|name| group(&server, name));
        let input = json!({ "Name": "front", "Subnets": ["subnet-a", "subnet-b"] });
        let balancer = server.elb("CreateLoadBalancer", &input);
        let balancer = text(&balancer["LoadBalancers"][0]["LoadBalancerArn"]);
        let [production_rule, test_rule] =
            [80, 81].map(|port| rule(&server, &balancer, port, &groups));
        Self {
            server,
            place,
            image,
            groups,
            production_rule,
            test_rule,
        }
    }

    /// Kills the server with all that it knows, and starts another one on the same state.
    pub(crate) fn restart(self) -> Self {
        self.server.kill();
        let server = Server::start(&self.place.path().join("state"));
        Self { server, ..self }
    }

    /// Registers a revision whose application answers `name`.
    pub(crate) fn define(&self, name: &str, mode: Mode) -> String {
        let input = json!({
            "family": "web",
            "containerDefinitions": [{
                "name": "app", "image": self.image, "cpu": 1, "memory": 16, "stopTimeout": 2,
                "portMappings": [{ "containerPort": 8080 }],
                "environment": [{ "name": "APP_NAME", "value": name }, { "name": "APP_MODE", "value": mode.as_str() }],
            }],
        });
        let answer = self.server.ecs("RegisterTaskDefinition", &input);
        text(&answer["taskDefinition"]["taskDefinitionArn"])
    }

    /// What CreateService needs for a service of one task, which answers `v1`.
    pub(crate) fn service(&self, configuration: &Value) -> Value {
        let definition = self.define("v1", Mode::Works);
        json!({
            "cluster": CLUSTER, "serviceName": SERVICE, "taskDefinition": definition, "desiredCount": 1,
            "loadBalancers": [self.balancer()],
            // An application may take its time to listen on a loaded machine.
            "healthCheckGracePeriodSeconds": 1000,
            "deploymentConfiguration": configuration,
        })
    }

    pub(crate) fn balancer(&self) -> Value {
        json!({ "targetGroupArn": self.groups[0], "containerName": "app", "containerPort": 8080 })
    }

    /// The load balancer of a service that shifts traffic.
    pub(crate) fn shifting_balancer(&self) -> Value {
        let mut balancer = self.balancer();
        balancer["advancedConfiguration"] = json!({
            "alternateTargetGroupArn": self.groups[1],
            "productionListenerRule": self.production_rule,
            "testListenerRule": self.test_rule,
            "roleArn": "arn:aws:iam::123456789012:role/ecs-elb",
        });
        balancer
    }

    /// Creates a rolling service and waits until it is there.
    pub(crate) fn create(&self, configuration: &Value) {
        self.server
            .ecs("CreateService", &self.service(configuration));
        self.await_status(&self.latest(), "SUCCESSFUL");
    }

    /// The same with traffic to shift.
    pub(crate) fn create_shifting(&self, configuration: &Value) {
        let mut input = self.service(configuration);
        input["loadBalancers"] = json!([self.shifting_balancer()]);
        self.server.ecs("CreateService", &input);
        self.await_status(&self.latest(), "SUCCESSFUL");
    }

    /// Begins a deployment, and gives the ARN of its service deployment.
    pub(crate) fn deploy(&self, name: &str, mode: Mode) -> String {
        self.deploy_with(name, mode, &json!({}))
    }

    pub(crate) fn deploy_with(&self, name: &str, mode: Mode, configuration: &Value) -> String {
        let definition = self.define(name, mode);
        let input = json!({
            "cluster": CLUSTER, "service": SERVICE, "taskDefinition": definition,
            "deploymentConfiguration": configuration,
        });
        let answer = self.server.ecs("UpdateService", &input);
        text(&answer["service"]["currentServiceDeployment"])
    }

    /// The ARN of the newest service deployment.
    pub(crate) fn latest(&self) -> String {
        let input = json!({ "cluster": CLUSTER, "service": SERVICE });
        let answer = self.server.ecs("ListServiceDeployments", &input);
        text(&answer["serviceDeployments"][0]["serviceDeploymentArn"])
    }

    pub(crate) fn rollout(&self, arn: &str) -> Value {
        let input = json!({ "serviceDeploymentArns": [arn] });
        self.server.ecs("DescribeServiceDeployments", &input)["serviceDeployments"][0].clone()
    }

    pub(crate) fn described(&self) -> Value {
        let input = json!({ "cluster": CLUSTER, "services": [SERVICE] });
        self.server.ecs("DescribeServices", &input)["services"][0].clone()
    }

    /// The messages of the service's events, oldest first.
    pub(crate) fn events(&self) -> Vec<String> {
        let service = self.described();
        let events = service["events"].as_array().unwrap().iter().rev();
        events.map(|event| text(&event["message"])).collect()
    }

    /// Waits until the service deployment is as wished, and gives it.
    pub(crate) fn await_rollout(
        &self,
        arn: &str,
        what: &str,
        is: impl Fn(&Value) -> bool,
    ) -> Value {
        until(what, || {
            let rollout = self.rollout(arn);
            if is(&rollout) {
                Ok(rollout)
            } else {
                Err(format!("{rollout:#}\n{:#?}", self.events()))
            }
        })
    }

    pub(crate) fn await_status(&self, arn: &str, status: &str) -> Value {
        self.await_rollout(arn, status, |rollout| rollout["status"] == status)
    }

    /// Waits until the deployment is paused at this stage, and gives the id of the hook.
    pub(crate) fn await_pause(&self, arn: &str, stage: &str) -> String {
        let waiting = |rollout: &Value| {
            let hooks = rollout["lifecycleHookDetails"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            hooks
                .into_iter()
                .find(|hook| hook["status"] == "AWAITING_ACTION")
        };
        let rollout = self.await_rollout(arn, stage, |rollout| {
            rollout["lifecycleStage"] == stage && waiting(rollout).is_some()
        });
        text(&waiting(&rollout).unwrap()["hookId"])
    }

    pub(crate) fn resume(&self, arn: &str, hook: &str, action: &str) {
        let input = json!({ "serviceDeploymentArn": arn, "hookId": hook, "action": action });
        let answer = self.server.ecs("ContinueServiceDeployment", &input);
        assert_eq!(answer, json!({ "serviceDeploymentArn": arn }));
    }

    /// The weights of the two target groups in a rule.
    pub(crate) fn weights(&self, rule: &str) -> [i64; 2] {
        let answer = self
            .server
            .elb("DescribeRules", &json!({ "RuleArns": [rule] }));
        let groups = answer["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"].clone();
        let of = |arn: &String| {
            let mut groups = groups.as_array().unwrap().iter();
            let group = groups
                .find(|group| group["TargetGroupArn"] == **arn)
                .unwrap();
            number(&group["Weight"])
        };
        [of(&self.groups[0]), of(&self.groups[1])]
    }

    pub(crate) fn set_weights(&self, rule: &str, weights: [i64; 2]) {
        let actions = forward(&self.groups, weights);
        self.server.elb(
            "ModifyRule",
            &json!({ "RuleArn": rule, "Actions": actions }),
        );
    }

    /// The answer of the service through the listener of this port.
    pub(crate) fn visit(&self, port: u16) -> (u16, String) {
        let address = self.server.listener("front", port);
        let reply = request(&address, "GET", "/", &[], b"").unwrap();
        (reply.status, reply.text())
    }

    /// Ends the task that takes the request.
    pub(crate) fn end_a_task(&self) {
        let address = self.server.listener("front", 80);
        assert_eq!(
            request(&address, "GET", "/end", &[], b"").unwrap().status,
            502
        );
    }

    /// The answers of ten visits, each one once.
    pub(crate) fn visits(&self, port: u16) -> BTreeSet<(u16, String)> {
        (0..10).map(|_| self.visit(port)).collect()
    }

    /// A new alarm that says OK until it is told otherwise.
    pub(crate) fn alarm(&self, name: &str, period: u32) {
        let input = json!({
            "AlarmName": name, "Namespace": "test", "MetricName": name, "Statistic": "Sum", "Period": period,
            "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "ignore",
        });
        self.server.cloudwatch("PutMetricAlarm", &input);
        self.set_alarm(name, "OK");
    }

    pub(crate) fn set_alarm(&self, name: &str, state: &str) {
        let input = json!({ "AlarmName": name, "StateValue": state, "StateReason": "a test" });
        self.server.cloudwatch("SetAlarmState", &input);
    }
}

/// Somebody who visits the service again and again.
pub(crate) struct Visitor {
    is_over: Arc<AtomicBool>,
    visits: JoinHandle<Vec<String>>,
}

impl Visitor {
    pub(crate) fn of(rig: &Rig) -> Self {
        let address = rig.server.listener("front", 80);
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let visits = std::thread::spawn(move || {
            let mut failures = Vec::new();
            while !over.load(Ordering::SeqCst) {
                match request(&address, "GET", "/", &[], b"") {
                    Ok(reply) if reply.status == 200 => {}
                    Ok(reply) => failures.push(format!("{} {}", reply.status, reply.text())),
                    Err(error) => failures.push(error.to_string()),
                }
            }
            failures
        });
        Self { is_over, visits }
    }

    /// Every answer that was not as it should be.
    pub(crate) fn failures(self) -> Vec<String> {
        self.is_over.store(true, Ordering::SeqCst);
        self.visits.join().unwrap()
    }
}

/// Exactly this answer, however often one asks.
pub(crate) fn only(name: &str) -> BTreeSet<(u16, String)> {
    BTreeSet::from([(200, name.to_owned())])
}

/// The ids of the service's deployments with their status, rollout state and tasks asked for.
pub(crate) fn deployments(service: &Value) -> Vec<(String, String, i64)> {
    let deployments = service["deployments"].as_array().unwrap().iter();
    deployments
        .map(|it| {
            (
                text(&it["status"]),
                text(&it["rolloutState"]),
                number(&it["desiredCount"]),
            )
        })
        .collect()
}

pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

/// A number, in whichever dialect it came.
fn number(value: &Value) -> i64 {
    let text = value
        .as_str()
        .map(str::to_owned)
        .unwrap_or_else(|| value.to_string());
    text.parse().unwrap()
}

fn group(server: &Server, name: &str) -> String {
    let input = json!({
        "Name": name, "Protocol": "HTTP", "Port": 8080, "TargetType": "ip", "HealthCheckIntervalSeconds": 5,
        "HealthCheckTimeoutSeconds": 4,
    });
    let answer = server.elb("CreateTargetGroup", &input);
    let arn = text(&answer["TargetGroups"][0]["TargetGroupArn"]);
    let attributes = json!([{ "Key": "deregistration_delay.timeout_seconds", "Value": "20" }]);
    server.elb(
        "ModifyTargetGroupAttributes",
        &json!({ "TargetGroupArn": arn, "Attributes": attributes }),
    );
    arn
}

/// A rule for every path, which forwards to the first target group only.
fn rule(server: &Server, balancer: &str, port: u16, groups: &[String; 2]) -> String {
    let refuse =
        json!([{ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "404" } }]);
    let input = json!({
        "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port, "DefaultActions": refuse,
    });
    let listener = server.elb("CreateListener", &input);
    let input = json!({
        "ListenerArn": listener["Listeners"][0]["ListenerArn"], "Priority": 1,
        "Conditions": [{ "Field": "path-pattern", "Values": ["/*"] }],
        "Actions": forward(groups, [1, 0]),
    });
    text(&server.elb("CreateRule", &input)["Rules"][0]["RuleArn"])
}

fn forward(groups: &[String; 2], weights: [i64; 2]) -> Value {
    let pairs = groups.iter().zip(weights);
    let groups: Vec<Value> = pairs
        .map(|(arn, weight)| json!({ "TargetGroupArn": arn, "Weight": weight }))
        .collect();
    json!([{ "Type": "forward", "ForwardConfig": { "TargetGroups": groups } }])
}
