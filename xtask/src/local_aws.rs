//! The local AWS of a project: started when an environment needs it, left running, found again.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use contract::config::{Aws, Environment};
use serde::Deserialize;
use toolkit::process::Invocation;
use toolkit::{Console, Fault};

use crate::pipeline::child;
use crate::project::{Project, shown};
use crate::tools::Tools;

/// How many times faster than AWS its waits pass.
pub(crate) const SPEED: f64 = 20.0;
/// Opening its state, binding and attaching to tasks takes far less.
const READY: Duration = Duration::from_secs(30);
/// A running server answers its health page at once.
const HEALTH: Duration = Duration::from_secs(2);

/// One project's local AWS.
#[derive(Debug)]
pub(crate) struct LocalAws {
    state: PathBuf,
    region: String,
}

/// Where a local AWS answers, as it says itself.
#[derive(Debug, Deserialize)]
struct Endpoint {
    endpoint: String,
}

/// What a tool needs to reach the AWS of an environment.
#[derive(Debug)]
pub(crate) struct Access {
    variables: Vec<(String, String)>,
}

impl Access {
    /// The call with its way to AWS.
    pub(crate) fn grant(&self, call: Invocation) -> Invocation {
        self.variables
            .iter()
            .fold(call, |call, (name, value)| call.env(name, value))
    }
}

/// The way to an environment's AWS. The local one is started if it does not run.
pub(crate) fn access(
    console: &Console,
    tools: &Tools,
    project: &Project,
    environment: &Environment,
) -> anyhow::Result<Access> {
    let region = ("AWS_REGION".to_owned(), project.region().to_owned());
    let mut variables = vec![region];
    if environment.aws == Aws::Local {
        let endpoint = LocalAws::of(project).ensure(console, tools, SPEED)?;
        let throw_away = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_SESSION_TOKEN", ""),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            // The user's own profile must not lead a rehearsal to a real account.
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_PROFILE", "default"),
        ];
        variables.extend(throw_away.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    Ok(Access { variables })
}

impl LocalAws {
    /// The local AWS of `project`.
    pub(crate) fn of(project: &Project) -> Self {
        Self {
            state: project.scratch().join("local-aws"),
            region: project.region().to_owned(),
        }
    }

    /// Starts it if it does not run, and creates the resources of every local environment.
    pub(crate) fn up(
        &self,
        console: &Console,
        tools: &Tools,
        project: &Project,
        speed: f64,
    ) -> anyhow::Result<u8> {
        let endpoint = self.ensure(console, tools, speed)?;
        for environment in project.local_environments() {
            seed(tools, project, environment, &endpoint)?;
        }
        self.forward(tools, "status")
    }

    /// Creates the resources that a release to `environment` needs, where they are missing.
    pub(crate) fn seed(
        &self,
        tools: &Tools,
        project: &Project,
        environment: &Environment,
    ) -> anyhow::Result<()> {
        let endpoint = self
            .running()
            .context("the local AWS ended while it was needed")?;
        seed(tools, project, environment, &endpoint)
    }

    /// Runs a subcommand of local-aws on this state.
    pub(crate) fn forward(&self, tools: &Tools, subcommand: &str) -> anyhow::Result<u8> {
        let call = tools
            .invocation("local-aws")
            .arg(subcommand)
            .arg("--state")
            .arg(&self.state);
        let status = child::wait(&mut call.command(), &call)?;
        Ok(child::exit_code(status))
    }

    /// The endpoint of the running server; it is started if there is none.
    fn ensure(&self, console: &Console, tools: &Tools, speed: f64) -> anyhow::Result<String> {
        match self.running() {
            Some(endpoint) => Ok(endpoint),
            None => self.start(console, tools, speed),
        }
    }

    fn running(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.state.join("endpoint.json")).ok()?;
        let found: Endpoint = serde_json::from_str(&text).ok()?;
        answers(&found.endpoint).then_some(found.endpoint)
    }

    fn start(&self, console: &Console, tools: &Tools, speed: f64) -> anyhow::Result<String> {
        std::fs::create_dir_all(&self.state)
            .with_context(|| format!("cannot make the directory {}", self.state.display()))?;
        let log = self.state.join("server.log");
        let log_file = append(&log)?;
        let call = tools
            .invocation("local-aws")
            .arg("serve")
            .arg("--state")
            .arg(&self.state)
            .args(["--speed", &speed.to_string(), "--region", &self.region]);
        let mut server = call
            .command()
            .stdout(Stdio::piped())
            .stderr(log_file)
            // Ctrl-C ends what a person waits for, not the server behind it.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{call}`"))?;
        let endpoint = ready(&mut server).map_err(|error| {
            Fault::new(1, format!("the local AWS did not start: {error:#}"))
                .with_hint(format!("its log is {}", shown(&log)))
        })?;
        console.status(&format!(
            "local AWS started at {endpoint}, log in {}",
            shown(&log)
        ));
        Ok(endpoint)
    }
}

fn seed(
    tools: &Tools,
    project: &Project,
    environment: &Environment,
    endpoint: &str,
) -> anyhow::Result<()> {
    tools
        .invocation("local-aws")
        .args(["seed", "--endpoint", endpoint, "--project"])
        .arg(&project.directory)
        .args(["--env", &environment.name])
        .read()
        .with_context(|| {
            format!(
                "cannot create the resources of the environment {}",
                environment.name
            )
        })?;
    Ok(())
}

fn append(log: &std::path::Path) -> anyhow::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot open {}", log.display()))
}

/// Waits for the line by which the server says that it is ready.
fn ready(server: &mut Child) -> anyhow::Result<String> {
    let stdout = server.stdout.take().context("the server has no stdout")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line).map(|_| line);
        // Nobody listens any more once the time limit has passed.
        sender.send(read).unwrap_or_default();
    });
    match receiver.recv_timeout(READY) {
        Ok(line) => {
            let line = line.context("cannot read its first line")?;
            if line.is_empty() {
                let status = server.wait().context("cannot wait for it")?;
                bail!("it ended with {status}");
            }
            let found: Endpoint = serde_json::from_str(&line)
                .with_context(|| format!("its first line is not a ready line: {line}"))?;
            Ok(found.endpoint)
        }
        Err(_timeout) => {
            server.kill().context("cannot end it")?;
            bail!("it was not ready within {} seconds", READY.as_secs())
        }
    }
}

/// Whether a server answers its health page. One HTTP request does not need a client library.
fn answers(endpoint: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let address = endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(HEALTH))?;
        stream.set_write_timeout(Some(HEALTH))?;
        write!(
            stream,
            "GET /_local/health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
