//! `deployer verify` against a local AWS that has no IAM and no EC2.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its server fails there"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(state: &Path) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_deployer")).with_file_name("local-aws");
        if !program.exists() {
            let built = Command::new(env!("CARGO"))
                .args(["build", "-p", "local-aws"])
                .status()
                .unwrap();
            assert!(built.success());
        }
        let mut child = Command::new(program)
            .args(["serve", "--runtime", "process", "--state"])
            .arg(state)
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
        let address = endpoint.strip_prefix("http://").unwrap().to_owned();
        Self { child, address }
    }

    /// Runs an operation of a JSON service.
    fn call(&self, target: &str, input: &Value) {
        let body = input.to_string();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{target}: {answer}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

fn verify(address: &str, file: &Path, more: &[&str]) -> (Output, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_deployer"))
        .args([
            "verify",
            "--cluster",
            "c",
            "--service",
            "s",
            "--task-definition",
        ])
        .arg(file)
        .args(more)
        .env_clear()
        .envs([
            ("AWS_ENDPOINT_URL", format!("http://{address}").as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "SECRET"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ])
        .output()
        .unwrap();
    let document = serde_json::from_slice(&output.stdout).unwrap();
    (output, document)
}

/// Ids and subjects of the checks that came out so.
fn those(document: &Value, outcome: &str) -> Vec<String> {
    let checks = document["checks"].as_array().unwrap();
    checks
        .iter()
        .filter(|check| check["outcome"] == outcome)
        .map(|check| {
            format!(
                "{} {}",
                check["id"].as_str().unwrap(),
                check["subject"].as_str().unwrap()
            )
        })
        .collect()
}

fn written(directory: &Path, definition: &Value) -> PathBuf {
    let file = directory.join("task.json");
    std::fs::write(&file, definition.to_string()).unwrap();
    file
}

#[test]
fn a_good_set_up_has_no_problem() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("state"));
    server.call(
        "AmazonEC2ContainerServiceV20141113.CreateCluster",
        &json!({"clusterName": "c"}),
    );
    server.call(
        "Logs_20140328.CreateLogGroup",
        &json!({"logGroupName": "/web"}),
    );
    server.call(
        "AmazonSSM.PutParameter",
        &json!({"Name": "/web/X", "Value": "v", "Type": "SecureString"}),
    );
    let definition = json!({"family": "web", "executionRoleArn": "arn:aws:iam::000000000000:role/web",
        "containerDefinitions": [{"name": "web", "image": "nginx", "memory": 8, "cpu": 1,
            "secrets": [{"name": "X", "valueFrom": "/web/X"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/web",
                "awslogs-region": "us-east-1", "awslogs-stream-prefix": "web"}}}]});
    let (output, document) = verify(
        &server.address,
        &written(directory.path(), &definition),
        &[],
    );
    let none: [&str; 0] = [];
    assert_eq!(those(&document, "problem"), none);
    assert_eq!(
        those(&document, "unknown"),
        [
            "execution-role arn:aws:iam::000000000000:role/web",
            "image nginx"
        ]
    );
    assert_eq!(
        (output.status.code(), &document["kind"], &document["schema"]),
        (Some(0), &json!("verification"), &json!(1))
    );
}

#[test]
fn a_dozen_problems_are_found_in_one_run() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("state"));
    let image = format!("{}/web:1", server.address);
    let definition = json!({"family": "web", "requiresCompatibilities": ["FARGATE"], "cpu": "300", "memory": "8",
        "containerDefinitions": [{"name": "web", "image": image, "memory": 16,
            "secrets": [{"name": "X", "valueFrom": "/web/X"},
                {"name": "Y", "valueFrom": "arn:aws:secretsmanager:us-east-1:000000000000:secret:y-AbCdEf"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/web",
                "awslogs-region": "us-east-1", "awslogs-stream-prefix": "web"}}}]});
    let more = [
        "--target-group",
        "g",
        "--container",
        "web",
        "--port",
        "80",
        "--desired-count",
        "3",
        "--maximum-percent",
        "125",
        "--alarm",
        "a",
        "--subnet",
        "subnet-1",
    ];
    let (output, document) = verify(
        &server.address,
        &written(directory.path(), &definition),
        &more,
    );
    assert_eq!(
        those(&document, "problem"),
        [
            "cluster c",
            "capacity c",
            "task-definition web",
            "task-definition web",
            "percentages s",
            "target-group g",
            "target-group g",
            "alarm a",
            "fargate web",
            "fargate web",
            "execution-role web",
            &format!("image {image}"),
            "secret X of web",
            "secret Y of web",
            "log-group /web",
            "network s",
        ]
    );
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn fails_only_where_nothing_can_be_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let definition = json!({"family": "web", "containerDefinitions": [{"name": "web", "image": "nginx", "memory": 8}]});
    // Port 1 is nobody's.
    let (output, document) = verify("127.0.0.1:1", &written(directory.path(), &definition), &[]);
    let none: [&str; 0] = [];
    assert_eq!(those(&document, "problem"), none);
    assert_eq!(output.status.code(), Some(1));
}
