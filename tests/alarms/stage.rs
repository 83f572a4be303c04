//! A local AWS with the patient on it, and the programs beside it.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use e2e::local_aws::LocalAws;
pub(crate) use e2e::local_aws::{CLUSTER, Outcome, SERVICE};
use serde_json::{Value, json};

use crate::ends::Control;
use crate::patients::{patient, patients};

/// Long enough for anything that is not stuck.
const PATIENCE: Duration = Duration::from_secs(120);
/// A minute of AWS's in a second and a half: longer than the second in which the load balancer counts.
const SPEED: &str = "40";

/// The place where a scenario happens.
pub(crate) struct Stage {
    aws: LocalAws,
    /// Of the load balancer.
    pub(crate) url: String,
    image: String,
    pub(crate) control: Control,
}

impl Stage {
    /// A stage with two patients behind the load balancer.
    pub(crate) fn new() -> Self {
        let stage = Self::empty();
        let outcome = stage.deploy(
            "first",
            &[
                "--create",
                "--desired-count",
                "2",
                "--target-group",
                SERVICE,
                "--container",
                "api",
                "--port",
                "8080",
                // ECS would take an unhealthy task away before anybody has seen it.
                "--health-grace",
                "20000",
            ],
        );
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        // An alarm that is new looks back, and must not see the minutes before there was anything.
        stage.wait_for("four minutes of healthy hosts", || {
            (stage.datapoints("HealthyHostCount") >= 4).then_some(())
        });
        stage
    }

    /// A stage with everything but the service.
    pub(crate) fn empty() -> Self {
        let aws = LocalAws::new(SPEED);
        let address = aws.address.clone();
        let mut stage = Self {
            aws,
            url: String::new(),
            image: String::new(),
            control: Control::new(move || patients(&address)),
        };
        stage.project("");
        let seed = stage.aws.seed();
        seed["url"].as_str().unwrap().clone_into(&mut stage.url);
        stage.image = stage.aws.push_program(&patient());
        stage
    }

    /// Writes longshore.toml; `alarms` are lines of the environment.
    pub(crate) fn project(&self, alarms: &str) {
        let text = format!(
            "[app]\nname = \"ludlow\"\nregion = \"us-east-1\"\n\n\
             [services.api]\nport = 8080\nhealth-path = \"/healthz\"\ncount = 2\n\n\
             [environments.local]\naws = \"local\"\n{alarms}\n"
        );
        self.aws.file("longshore.toml", &text);
    }

    /// A program that is run where the project is.
    fn command(&self, name: &str) -> Command {
        let mut command = self.aws.command(name);
        command.current_dir(self.aws.path());
        command
    }

    /// The program under test.
    pub(crate) fn alarms(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.command("alarm-creator");
        command
            .args(arguments)
            .args(["--env", "local", "--service", "api"]);
        Outcome::of(command.output().unwrap())
    }

    /// Applies longshore.toml with these lines, and waits until every alarm but these is OK.
    pub(crate) fn watch(&self, alarms: &str) -> Outcome {
        self.project(alarms);
        let outcome = self.alarms(&[]);
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        self.all_quiet();
        outcome
    }

    /// Releases a version; the task definition is told apart by its variable alone.
    pub(crate) fn deploy(&self, version: &str, more: &[&str]) -> Outcome {
        let definition = json!({
            "family": SERVICE,
            "networkMode": "bridge",
            "containerDefinitions": [{
                "name": "api", "image": self.image, "cpu": 64, "memory": 64, "essential": true,
                "portMappings": [{ "containerPort": 8080, "hostPort": 0, "protocol": "tcp" }],
                "environment": [
                    { "name": "VERSION", "value": version },
                ],
                "stopTimeout": 2,
                "logConfiguration": { "logDriver": "awslogs", "options": {
                    "awslogs-group": "/ecs/ludlow/local", "awslogs-region": "us-east-1",
                    "awslogs-stream-prefix": "api",
                } },
            }],
        });
        let file = self
            .aws
            .file(&format!("{version}.json"), &definition.to_string());
        let mut command = self.command("deployer");
        command
            .args(["deploy", "--cluster", CLUSTER, "--service", SERVICE])
            .arg("--task-definition")
            .arg(file)
            .args(more);
        Outcome::of(command.output().unwrap())
    }

    /// One call of an API of JSON 1.1.
    pub(crate) fn call(&self, target: &str, input: &Value) -> Value {
        self.aws.call(target, input)
    }

    /// One call of CloudWatch.
    pub(crate) fn cloudwatch(&self, operation: &str, input: &Value) -> Value {
        let headers = format!(
            "X-Amz-Target: GraniteServiceVersion20100801.{operation}\r\nContent-Type: application/x-amz-json-1.0\r\n"
        );
        let (status, body) = self.aws.send("POST", "/", &headers, &input.to_string());
        assert_eq!(status, 200, "{operation} {input}: {body}");
        serde_json::from_str(&body).unwrap_or_default()
    }

    /// The states of all alarms, by what follows the service's name.
    pub(crate) fn states(&self) -> BTreeMap<String, String> {
        let input = json!({
            "AlarmNamePrefix": format!("{SERVICE}-"), "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100,
        });
        let answer = self.cloudwatch("DescribeAlarms", &input);
        ["MetricAlarms", "CompositeAlarms"]
            .into_iter()
            .flat_map(|kind| answer[kind].as_array().unwrap().clone())
            .map(|alarm| {
                let name = alarm["AlarmName"].as_str().unwrap();
                let kind = name.strip_prefix(&format!("{SERVICE}-")).unwrap();
                (
                    kind.to_owned(),
                    alarm["StateValue"].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    }

    /// Waits until these alarms are all in this state.
    pub(crate) fn until(&self, alarms: &[&str], state: &str) {
        self.until_so(&format!("{alarms:?} {state}"), |states| {
            alarms
                .iter()
                .all(|alarm| states.get(*alarm).is_some_and(|live| live == state))
        });
    }

    pub(crate) fn all_quiet(&self) {
        self.until_so("all OK", |states| {
            states.values().all(|state| state == "OK")
        });
    }

    fn until_so(&self, what: &str, is_so: impl Fn(&BTreeMap<String, String>) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let states = self.states();
            if is_so(&states) {
                return;
            }
            if Instant::now() > deadline {
                panic!("never {what}: {states:#?}\n{:#?}", self.reasons());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn reasons(&self) -> Vec<String> {
        let input = json!({ "AlarmNamePrefix": format!("{SERVICE}-"), "MaxRecords": 100 });
        let answer = self.cloudwatch("DescribeAlarms", &input);
        let alarms = answer["MetricAlarms"].as_array().unwrap();
        alarms
            .iter()
            .map(|alarm| {
                format!(
                    "{} {}: {}",
                    alarm["AlarmName"], alarm["StateValue"], alarm["StateReason"]
                )
            })
            .collect()
    }

    /// Which alarms have ever gone to ALARM.
    pub(crate) fn have_rung(&self) -> Vec<String> {
        let input = json!({
            "HistoryItemType": "StateUpdate", "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100,
        });
        let answer = self.cloudwatch("DescribeAlarmHistory", &input);
        let mut names: Vec<String> = answer["AlarmHistoryItems"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|item| {
                let summary = item["HistorySummary"].as_str().unwrap();
                summary.ends_with("to ALARM")
            })
            .map(|item| item["AlarmName"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn service(&self) -> Value {
        let input = json!({ "cluster": CLUSTER, "services": [SERVICE] });
        self.call("DescribeServices", &input)["services"][0].clone()
    }

    /// The lines of what would have been sent.
    pub(crate) fn outbox(&self) -> Vec<Value> {
        let text =
            std::fs::read_to_string(self.aws.state().join("outbox.jsonl")).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// How many datapoints the target group's metric has had so far, each in a minute of AWS's.
    pub(crate) fn datapoints(&self, metric: &str) -> usize {
        let input = json!({ "Namespace": "AWS/ApplicationELB", "MetricName": metric });
        let listed = self.cloudwatch("ListMetrics", &input);
        if listed["Metrics"][0].is_null() {
            return 0;
        }
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let input = json!({
            "Namespace": "AWS/ApplicationELB", "MetricName": metric,
            "Dimensions": listed["Metrics"][0]["Dimensions"],
            "StartTime": now - 1000, "EndTime": now + 1, "Period": 1, "Statistics": ["Sum"],
        });
        let answer = self.cloudwatch("GetMetricStatistics", &input);
        answer["Datapoints"].as_array().unwrap().len()
    }

    /// Tells CloudWatch what a metric of the service was in each of the last seconds.
    pub(crate) fn teach(&self, metric: &str, value: f64, seconds: u64) {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let data: Vec<Value> = (now - seconds..now)
            .map(|at| {
                json!({
                    "MetricName": metric, "Value": value, "Timestamp": at,
                    "Dimensions": [
                        { "Name": "ClusterName", "Value": CLUSTER },
                        { "Name": "ServiceName", "Value": SERVICE },
                    ],
                })
            })
            .collect();
        for data in data.chunks(500) {
            // AWS keeps its own namespaces to itself, a local one does not.
            let input = json!({ "Namespace": "AWS/ECS", "MetricData": data });
            self.cloudwatch("PutMetricData", &input);
        }
    }

    /// Waits until `found` gives something.
    pub(crate) fn wait_for<T>(&self, what: &str, found: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = found() {
                return found;
            }
            assert!(Instant::now() < deadline, "never {what}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.control.end();
    }
}
