//! A local AWS with one image and one target group, and the deployer beside it.

use std::io::Read as _;
use std::ops::{Deref, DerefMut};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use e2e::local_aws::LocalAws;
pub(crate) use e2e::local_aws::{CLUSTER, Outcome, SERVICE};
use e2e::programs::ludlow;
use serde_json::{Value, json};

/// Long enough for anything that is not stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// A minute of AWS's in less than a second.
const SPEED: &str = "100";

/// The place where a scenario happens.
pub(crate) struct Stage {
    aws: LocalAws,
    /// Repository and digest of the sample service.
    image: String,
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
        let aws = LocalAws::new(SPEED);
        aws.file("longshore.toml", PROJECT);
        aws.seed();
        let image = aws.push_program(&ludlow());
        Self { aws, image }
    }

    /// The digest of the sample service's image.
    pub(crate) fn digest(&self) -> &str {
        self.image.split_once('@').unwrap().1
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
        self.configure((false, false), (100, 200))
    }

    /// Whether ECS's circuit breaker is on and rolls back; minimum and maximum percent.
    pub(crate) fn configure(
        &self,
        (enable, rollback): (bool, bool),
        (minimum, maximum): (u32, u32),
    ) -> &Self {
        let configuration = json!({
            "deploymentCircuitBreaker": { "enable": enable, "rollback": rollback },
            "minimumHealthyPercent": minimum, "maximumPercent": maximum,
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

/// What can be done with a local AWS can be done with the stage.
impl Deref for Stage {
    type Target = LocalAws;

    fn deref(&self) -> &LocalAws {
        &self.aws
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut LocalAws {
        &mut self.aws
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
