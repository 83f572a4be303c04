//! A local AWS with the patient on it, and the programs beside it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ends::Control;
use crate::programs::{program, workspace};

/// Long enough for anything that is not stuck.
const PATIENCE: Duration = Duration::from_secs(120);
/// A minute of AWS's in a second and a half: longer than the second in which the load balancer counts.
const SPEED: &str = "40";

pub(crate) const CLUSTER: &str = "ludlow";
pub(crate) const SERVICE: &str = "ludlow-local-api";

/// The place where a scenario happens.
pub(crate) struct Stage {
    directory: TempDir,
    server: Option<Child>,
    /// `127.0.0.1:PORT`.
    address: String,
    /// Of the load balancer.
    pub(crate) url: String,
    image: String,
    pub(crate) control: Control,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) document: Value,
    pub(crate) stderr: String,
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
        let directory = tempfile::Builder::new().prefix("ls-").tempdir().unwrap();
        let mut stage = Self {
            directory,
            server: None,
            address: String::new(),
            url: String::new(),
            image: String::new(),
            control: Control::new(Vec::new),
        };
        stage.raise();
        let address = stage.address.clone();
        stage.control = Control::new(move || patients(&address));
        stage.project("");
        let seed = stage
            .command("local-aws")
            .args(["seed", "--env", "local", "--project"])
            .arg(stage.path())
            .args(["--endpoint", &format!("http://{}", stage.address)])
            .output()
            .unwrap();
        assert!(seed.status.success(), "{seed:?}");
        let seed: Value = serde_json::from_slice(&seed.stdout).unwrap();
        seed["url"].as_str().unwrap().clone_into(&mut stage.url);
        stage.image = stage.push_image();
        stage
    }

    fn raise(&mut self) {
        let mut child = self
            .command("local-aws")
            .args(["serve", "--quiet", "--speed", SPEED, "--state"])
            .arg(self.state())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let endpoint = ready["endpoint"].as_str().unwrap();
        endpoint
            .strip_prefix("http://")
            .unwrap()
            .clone_into(&mut self.address);
        self.server = Some(child);
    }

    fn push_image(&self) -> String {
        std::fs::copy(patient(), self.path().join("patient")).unwrap();
        let dockerfile = "FROM scratch\nCOPY patient /patient\nENTRYPOINT [\"/patient\"]\n";
        std::fs::write(self.path().join("Dockerfile"), dockerfile).unwrap();
        let document = self.path().join("image.json");
        for step in ["build", "push"] {
            let mut call = self.command("image-builder");
            call.args([step, "--repository", CLUSTER, "--tag", "1", "--layout"])
                .arg(self.path().join("image"));
            if step == "build" {
                call.arg("--context").arg(self.path());
                call.args(["--platform", "linux/amd64"]);
            }
            let output = call.arg("--output").arg(&document).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        let image: Value = serde_json::from_slice(&std::fs::read(document).unwrap()).unwrap();
        format!(
            "{}/{CLUSTER}@{}",
            self.address,
            image["digest"].as_str().unwrap()
        )
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Writes longshore.toml; `alarms` are lines of the environment.
    pub(crate) fn project(&self, alarms: &str) {
        let text = format!(
            "[app]\nname = \"ludlow\"\nregion = \"us-east-1\"\n\n\
             [services.api]\nport = 8080\nhealth-path = \"/healthz\"\ncount = 2\n\n\
             [environments.local]\naws = \"local\"\n{alarms}\n"
        );
        std::fs::write(self.path().join("longshore.toml"), text).unwrap();
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("USER", "ann")
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address))
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, mut command: Command) -> Outcome {
        let output = command.output().unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            document: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The program under test.
    pub(crate) fn alarms(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.command("alarm-creator");
        command
            .args(arguments)
            .args(["--env", "local", "--service", "api"]);
        self.run(command)
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
        let file = self.path().join(format!("{version}.json"));
        std::fs::write(&file, definition.to_string()).unwrap();
        let mut command = self.command("deployer");
        command
            .args(["deploy", "--cluster", CLUSTER, "--service", SERVICE])
            .arg("--task-definition")
            .arg(file)
            .args(more);
        self.run(command)
    }

    /// One call of an API of JSON 1.1.
    pub(crate) fn call(&self, target: &str, input: &Value) -> Value {
        let headers =
            format!("X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n");
        let body = self.send(&headers, &input.to_string());
        serde_json::from_str(&body).unwrap_or_default()
    }

    /// One call of CloudWatch.
    pub(crate) fn cloudwatch(&self, operation: &str, input: &Value) -> Value {
        let headers = format!(
            "X-Amz-Target: GraniteServiceVersion20100801.{operation}\r\nContent-Type: application/x-amz-json-1.0\r\n"
        );
        let body = self.send(&headers, &input.to_string());
        serde_json::from_str(&body).unwrap_or_default()
    }

    fn send(&self, headers: &str, body: &str) -> String {
        let answer = send(&self.address, headers, body).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{headers}{answer}");
        body.to_owned()
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
        self.call(
            "AmazonEC2ContainerServiceV20141113.DescribeServices",
            &input,
        )["services"][0]
            .clone()
    }

    /// The lines of what would have been sent.
    pub(crate) fn outbox(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.state().join("outbox.jsonl")).unwrap_or_default();
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

/// One call, on a connection of its own; head and body of the answer.
fn send(address: &str, headers: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Where the running tasks of the service answer; none while the server is not there.
fn patients(address: &str) -> Vec<String> {
    let ask = |operation: &str, input: &Value| -> Option<Value> {
        let headers = format!(
            "X-Amz-Target: AmazonEC2ContainerServiceV20141113.{operation}\r\nContent-Type: application/x-amz-json-1.1\r\n"
        );
        let answer = send(address, &headers, &input.to_string()).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    };
    let listed = ask(
        "ListTasks",
        &json!({ "cluster": CLUSTER, "family": SERVICE }),
    );
    let arns = listed.map_or(Value::Null, |listed| listed["taskArns"].clone());
    if arns.as_array().is_none_or(Vec::is_empty) {
        return Vec::new();
    }
    let described = ask(
        "DescribeTasks",
        &json!({ "cluster": CLUSTER, "tasks": arns }),
    );
    let tasks = described.map_or(Value::Null, |described| described["tasks"].clone());
    tasks
        .as_array()
        .into_iter()
        .flatten()
        .filter(|task| task["lastStatus"] == "RUNNING")
        .filter_map(|task| {
            let port = task["containers"][0]["networkBindings"][0]["hostPort"].as_u64()?;
            Some(format!("127.0.0.1:{port}"))
        })
        .collect()
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.control.end();
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
        // Ends the tasks too, which outlive the server.
        let reset = self
            .command("local-aws")
            .args(["reset", "--state"])
            .arg(self.state())
            .output()
            .unwrap();
        if !std::thread::panicking() {
            assert!(reset.status.success(), "{reset:?}");
        }
    }
}

/// The patient's program, compiled once.
fn patient() -> PathBuf {
    static PROGRAM: OnceLock<TempDir> = OnceLock::new();
    let directory = PROGRAM.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let status = Command::new("rustc")
            .args([
                "--edition",
                "2024",
                "-O",
                "-C",
                "target-feature=+crt-static",
                "-o",
            ])
            .arg(directory.path().join("patient"))
            .arg(workspace().join("tests/alarms/patient.rs"))
            .status()
            .unwrap();
        assert!(status.success(), "rustc ended with {status}");
        directory
    });
    directory.path().join("patient")
}
