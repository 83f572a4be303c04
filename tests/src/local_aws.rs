//! A local AWS with directories of its own, and the programs that are pointed at it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::programs::program;

/// Long enough for any answer that is not stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// The cluster and repository of the project that [`LocalAws::seed`] makes resources for.
pub const CLUSTER: &str = "ludlow";
/// Its service, and the target group of that.
pub const SERVICE: &str = "ludlow-local-api";

/// It ends, with the tasks that it started and the files that it made, when this goes.
#[derive(Debug)]
pub struct LocalAws {
    directory: TempDir,
    speed: &'static str,
    server: Option<Child>,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

/// How a program ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    /// Null if stdout holds none.
    pub document: Value,
    pub stderr: String,
}

impl LocalAws {
    /// One with nothing in it, whose waits pass `speed` times as fast as AWS's.
    #[must_use]
    pub fn new(speed: &'static str) -> Self {
        let mut local = Self {
            directory: tempfile::Builder::new().prefix("ls-").tempdir().unwrap(),
            speed,
            server: None,
            address: String::new(),
        };
        local.raise();
        local
    }

    /// Starts the server, on the state that is there.
    pub fn raise(&mut self) {
        let mut child = self
            .command("local-aws")
            .args(["serve", "--quiet", "--speed", self.speed, "--state"])
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
    pub fn fell(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where the server keeps its state.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Writes a file and gives its path.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    /// A program of the workspace, pointed at this AWS.
    #[must_use]
    pub fn command(&self, name: &str) -> Command {
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

    /// Makes what the longshore.toml in the directory needs, and gives what was said of it.
    pub fn seed(&self) -> Value {
        let seed = self
            .command("local-aws")
            .args(["seed", "--env", "local", "--project"])
            .arg(self.path())
            .args(["--endpoint", &format!("http://{}", self.address)])
            .output()
            .unwrap();
        assert!(seed.status.success(), "{seed:?}");
        serde_json::from_slice(&seed.stdout).unwrap()
    }

    /// Puts a program into an image of its own, pushes that, and gives repository and digest.
    pub fn push_program(&self, program: &Path) -> String {
        let name = program.file_name().unwrap().to_str().unwrap();
        std::fs::copy(program, self.path().join(name)).unwrap();
        let dockerfile = format!("FROM scratch\nCOPY {name} /{name}\nENTRYPOINT [\"/{name}\"]\n");
        self.file("Dockerfile", &dockerfile);
        self.push(self.path(), "1")
    }

    /// Builds what a directory holds, pushes it, and gives repository and digest.
    pub fn push(&self, context: &Path, tag: &str) -> String {
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

    /// One call of a JSON API, by service prefix and operation; ECS's without a prefix.
    pub fn call(&self, target: &str, input: &Value) -> Value {
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

    /// One request, on a connection of its own: status and body of its answer.
    pub fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        send(&self.address, method, path, headers, body).unwrap()
    }
}

/// The same to any address.
pub fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let parts = answer.split_once("\r\n\r\n");
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    match (status, parts) {
        (Some(status), Some((_, body))) => Ok((status, body.to_owned())),
        _ => Err(std::io::Error::other(format!("no answer: {answer:?}"))),
    }
}

impl Drop for LocalAws {
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

impl Outcome {
    #[must_use]
    pub fn of(output: Output) -> Self {
        let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Self {
            code: output.status.code().unwrap_or(-1),
            document,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Exit code, verdict, and words of the reason.
    pub fn is(&self, code: i32, verdict: &str, reason: &str) -> &Self {
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
