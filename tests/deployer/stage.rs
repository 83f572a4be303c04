//! A local AWS with one image and one target group, and the deployer beside it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::programs::{ludlow, program};

/// Long enough for anything that is not stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// A minute of AWS's in less than a second.
const SPEED: &str = "100";

pub(crate) const CLUSTER: &str = "ludlow";
pub(crate) const SERVICE: &str = "ludlow-local-api";

/// The place where a scenario happens.
pub(crate) struct Stage {
    directory: TempDir,
    server: Option<Child>,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    /// Repository and digest of the sample service.
    image: String,
}

/// How the deployer ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) document: Value,
    pub(crate) stderr: String,
}

/// A deployer that is still at work.
pub(crate) struct Running {
    pub(crate) child: Child,
}

const PROJECT: &str = "\
[app]
name = \"ludlow\"
region = \"us-east-1\"

[services.api]
port = 8080
health-path = \"/healthz\"

[environments.local]
aws = \"local\"
";

impl Stage {
    /// A stage with nothing on it yet.
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("ls-").tempdir().unwrap();
        let mut stage = Self {
            directory,
            server: None,
            address: String::new(),
            image: String::new(),
        };
        stage.raise();
        stage.file("longshore.toml", PROJECT);
        let seed = stage
            .command("local-aws")
            .args(["seed", "--env", "local", "--project"])
            .arg(stage.path())
            .args(["--endpoint", &format!("http://{}", stage.address)])
            .output()
            .unwrap();
        assert!(seed.status.success(), "{seed:?}");
        stage.image = stage.push_image();
        stage
    }

    /// Starts the server, on the state that is there.
    pub(crate) fn raise(&mut self) {
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

    /// Ends the server as `kill -9` does.
    pub(crate) fn fell(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    fn push_image(&self) -> String {
        std::fs::copy(ludlow(), self.path().join("ludlow")).unwrap();
        self.file(
            "Dockerfile",
            "FROM scratch\nCOPY ludlow /ludlow\nENTRYPOINT [\"/ludlow\"]\n",
        );
        self.push(self.path(), "1")
    }

    /// Builds what a directory holds, pushes it, and gives repository and digest.
    pub(crate) fn push(&self, context: &Path, tag: &str) -> String {
        let (layout, document) = (context.join("image"), context.join("image.json"));
        for step in ["build", "push"] {
            let mut call = self.command("image-builder");
            call.args([step, "--repository", CLUSTER, "--tag", tag, "--layout"])
                .arg(&layout);
            if step == "build" {
                call.arg("--context").arg(context);
                call.args(["--platform", "linux/amd64"]);
            }
            let output = call.arg("--output").arg(&document).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        let image: Value = serde_json::from_slice(&std::fs::read(&document).unwrap()).unwrap();
        format!(
            "{}/{CLUSTER}@{}",
            self.address,
            image["digest"].as_str().unwrap()
        )
    }

    /// The digest of the sample service's image.
    pub(crate) fn digest(&self) -> &str {
        self.image.split_once('@').unwrap().1
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    /// A program of the workspace, pointed at this stage's AWS.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command
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

    /// A task definition of the sample service, with these variables.
    pub(crate) fn definition(&self, variables: &[(&str, &str)]) -> Value {
        let environment: Vec<Value> = variables
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        json!({
            "family": SERVICE,
            "networkMode": "bridge",
            "containerDefinitions": [{
                "name": "api", "image": self.image, "cpu": 10, "memory": 32, "essential": true,
                "portMappings": [{ "containerPort": 8080, "hostPort": 0, "protocol": "tcp" }],
                "environment": environment,
                "stopTimeout": 2,
                "logConfiguration": { "logDriver": "awslogs", "options": {
                    "awslogs-group": "/ecs/ludlow/local", "awslogs-region": "us-east-1",
                    "awslogs-stream-prefix": "api",
                } },
            }],
        })
    }

    /// Writes a task definition down and gives its file.
    pub(crate) fn write(&self, name: &str, definition: &Value) -> String {
        let file = self.file(&format!("{name}.json"), &definition.to_string());
        file.to_str().unwrap().to_owned()
    }

    /// Creates the service with a version that works, of two tasks behind the load balancer.
    pub(crate) fn good(&self) -> String {
        let file = self.write("good", &self.definition(&[("APP_VERSION", "1")]));
        let outcome = self.deploy(
            &file,
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
            ],
        );
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert_eq!(outcome.document["verdict"], "completed");
        outcome.document["serving_task_definition"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// A stage with the service on it, and the ARN of what it runs.
    pub(crate) fn with_service() -> (Self, String) {
        let stage = Self::new();
        let good = stage.good();
        (stage, good)
    }

    /// Tells ECS to let deployments fail for ever.
    pub(crate) fn without_breaker(&self) -> &Self {
        let configuration = json!({
            "deploymentCircuitBreaker": { "enable": false, "rollback": false },
            "minimumHealthyPercent": 100, "maximumPercent": 200,
        });
        self.call(
            "UpdateService",
            &json!({ "cluster": CLUSTER, "service": SERVICE, "deploymentConfiguration": configuration }),
        );
        self
    }

    pub(crate) fn deploy(&self, definition: &str, more: &[&str]) -> Outcome {
        self.begin(definition, more).end()
    }

    pub(crate) fn begin(&self, definition: &str, more: &[&str]) -> Running {
        let arguments = ["--task-definition", definition];
        self.start("deploy", &[&arguments, more].concat())
    }

    /// Runs a command of the deployer on the service.
    pub(crate) fn run(&self, command: &str, more: &[&str]) -> Outcome {
        self.start(command, more).end()
    }

    pub(crate) fn start(&self, command: &str, more: &[&str]) -> Running {
        let child = self
            .command("deployer")
            .args([command, "--cluster", CLUSTER, "--service", SERVICE])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running { child }
    }

    /// Runs `deployer update`, which names the service as `ecs deploy` does.
    pub(crate) fn update(&self, more: &[&str]) -> Outcome {
        let output = self
            .command("deployer")
            .args(["update", CLUSTER, SERVICE])
            .args(more)
            .output()
            .unwrap();
        Outcome::of(output)
    }

    /// One call of a service's JSON API.
    pub(crate) fn call(&self, target: &str, input: &Value) -> Value {
        let target = match target.split_once('.') {
            Some(_) => target.to_owned(),
            None => format!("AmazonEC2ContainerServiceV20141113.{target}"),
        };
        let headers =
            format!("X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n");
        let (status, body) = self.send("POST", "/", &headers, &input.to_string());
        assert_eq!(status, 200, "{target} {input}: {body}");
        serde_json::from_str(&body).unwrap_or_default()
    }

    /// One request, on a connection of its own.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// The service as DescribeServices has it.
    pub(crate) fn service(&self) -> Value {
        let input = json!({ "cluster": CLUSTER, "services": [SERVICE] });
        self.call("DescribeServices", &input)["services"][0].clone()
    }

    /// Waits until the service is as it should be.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let service = self.service();
            if is_so(&service) {
                return service;
            }
            assert!(Instant::now() < deadline, "never {what}: {service:#}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// The service serves exactly this task definition, with two tasks, in the end.
    pub(crate) fn serves(&self, definition: &str) {
        self.until(&format!("on {definition}"), |service| {
            let deployments = service["deployments"].as_array().unwrap();
            service["taskDefinition"] == definition
                && deployments.len() == 1
                && deployments[0]["taskDefinition"] == definition
                && service["runningCount"] == service["desiredCount"]
                && service["pendingCount"] == 0
        });
    }

    /// How many revisions the family has.
    pub(crate) fn revisions(&self) -> usize {
        let input = json!({ "familyPrefix": SERVICE });
        self.call("ListTaskDefinitions", &input)["taskDefinitionArns"]
            .as_array()
            .unwrap()
            .len()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.fell();
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

impl Running {
    pub(crate) fn end(self) -> Outcome {
        Outcome::of(self.child.wait_with_output().unwrap())
    }

    /// Sends what Ctrl-C sends.
    pub(crate) fn interrupt(&self) {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    }

    /// Reads stderr up to a line that contains these words.
    pub(crate) fn says(&mut self, words: &str) -> String {
        let stderr = self.child.stderr.as_mut().unwrap();
        let mut said = Vec::new();
        let mut byte = [0];
        while stderr.read(&mut byte).unwrap() == 1 {
            said.push(byte[0]);
            if byte == *b"\n" && String::from_utf8_lossy(&said).contains(words) {
                return String::from_utf8(said).unwrap();
            }
        }
        panic!("it never said {words}: {}", String::from_utf8_lossy(&said));
    }
}

impl Outcome {
    fn of(output: Output) -> Self {
        let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Self {
            code: output.status.code().unwrap_or(-1),
            document,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Exit code, verdict, and words of the reason.
    pub(crate) fn is(&self, code: i32, verdict: &str, reason: &str) -> &Self {
        assert_eq!(
            (self.code, self.document["verdict"].as_str()),
            (code, Some(verdict)),
            "{self:#?}"
        );
        let said = self.document["reason"].as_str().unwrap();
        assert!(said.contains(reason), "{reason:?} is not in {said:?}");
        self
    }
}
