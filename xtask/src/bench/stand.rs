//! Where a measurement happens: programs built for it, other people's programs, and a local AWS of its own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tempfile::TempDir;
use toolkit::{Console, Fault};

use crate::{cargo, clients, tools};

/// Programs, and a directory that goes when this goes.
#[derive(Debug)]
pub(crate) struct Stand {
    pub(crate) workspace: PathBuf,
    programs: PathBuf,
    clients: PathBuf,
    directory: TempDir,
}

/// A local AWS that ends, with all that it made, when this goes.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    stand: &'a Stand,
    child: Child,
    pub(crate) endpoint: String,
    agent: ureq::Agent,
}

impl Stand {
    /// Builds the programs, as they are installed if `release`.
    pub(crate) fn build(
        console: &Console,
        programs: &[&str],
        release: bool,
    ) -> anyhow::Result<Self> {
        let workspace = tools::workspace().ok_or_else(|| {
            Fault::usage("bench works only in a checkout")
                .with_hint("run it as `cargo xtask bench SUBJECT`")
        })?;
        let clients = clients::ready(console, &workspace)?;
        let mut target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| workspace.join("target"), PathBuf::from);
        let mut build =
            cargo::call(&workspace).args(["build", "--locked", "--workspace", "--bins"]);
        if release {
            build = build.arg("--release");
            target.push("release");
        } else {
            target.push("debug");
        }
        console.status(&format!("building {}", programs.join(", ")));
        build.must_succeed()?;
        Ok(Self {
            workspace,
            programs: target,
            clients,
            directory: tempfile::Builder::new()
                .prefix("ls-")
                .tempdir()
                .context("cannot make a directory")?,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file into the directory and gives its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> anyhow::Result<PathBuf> {
        let file = self.path().join(name);
        std::fs::write(&file, content)
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }

    /// A program of ours, with nothing of this process's environment.
    pub(crate) fn program(&self, name: &str) -> Command {
        self.bare(self.programs.join(name))
    }

    /// Somebody else's program, likewise.
    pub(crate) fn client(&self, name: &str) -> Command {
        self.bare(self.clients.join(name))
    }

    /// A program that is installed on this machine.
    pub(crate) fn outside(&self, program: &Path) -> Command {
        self.bare(program.to_owned())
    }

    fn bare(&self, program: PathBuf) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:{path}", self.clients.display()))
            .env("HOME", self.path())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

impl<'a> Server<'a> {
    /// A local AWS whose waits pass `speed` times as fast as AWS's.
    pub(crate) fn start(stand: &'a Stand, speed: u32) -> anyhow::Result<Self> {
        let mut child = stand
            .program("local-aws")
            .args(["serve", "--quiet", "--speed", &speed.to_string(), "--state"])
            .arg(stand.path().join("state"))
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the local AWS")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("the local AWS has no stdout")?;
        BufReader::new(stdout)
            .read_line(&mut line)
            .context("cannot read what the local AWS says")?;
        let ready: Value = serde_json::from_str(&line).context("the local AWS did not start")?;
        Ok(Self {
            stand,
            child,
            endpoint: ready["endpoint"].as_str().unwrap_or_default().to_owned(),
            agent: ureq::Agent::new_with_defaults(),
        })
    }

    /// Points a command at this AWS.
    pub(crate) fn reached_by<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("AWS_ENDPOINT_URL", &self.endpoint)
    }

    /// Runs one of our programs against this AWS; what it says is lost unless it fails.
    pub(crate) fn prepare(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = self.stand.program(program);
        let output = self
            .reached_by(command.args(arguments).stderr(Stdio::piped()))
            .output()
            .with_context(|| format!("cannot start {program}"))?;
        if !output.status.success() {
            bail!(
                "{program} {} failed: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }

    /// A question of ECS's JSON API.
    pub(crate) fn ecs(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        let mut answer = self
            .agent
            .post(&self.endpoint)
            .header("X-Amz-Target", &target)
            .header("Content-Type", "application/x-amz-json-1.1")
            .send(input.to_string())
            .with_context(|| format!("cannot call {operation}"))?;
        let body = answer.body_mut().read_to_string()?;
        serde_json::from_str(&body).with_context(|| format!("{operation} answered no JSON"))
    }

    /// From now on calls are counted from nought.
    pub(crate) fn forget_calls(&self) -> anyhow::Result<()> {
        let url = format!("{}/_local/calls", self.endpoint);
        self.agent
            .delete(&url)
            .call()
            .context("cannot ask the local AWS")?;
        Ok(())
    }

    /// The calls that there were, by service and operation.
    pub(crate) fn calls(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let url = format!("{}/_local/calls", self.endpoint);
        let mut answer = self
            .agent
            .get(&url)
            .call()
            .context("cannot ask the local AWS")?;
        let document: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)
            .context("the local AWS counts no calls")?;
        let calls = document["calls"].as_array().map_or(&[][..], Vec::as_slice);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(calls
            .iter()
            .map(|call| {
                let name = format!("{} {}", text(&call["service"]), text(&call["operation"]));
                (name, call["count"].as_u64().unwrap_or_default())
            })
            .collect())
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // It may have ended by itself; what it left is removed below all the same.
        let ended = self.child.kill().and_then(|()| self.child.wait());
        let reset = self
            .stand
            .program("local-aws")
            .args(["reset", "--state"])
            .arg(self.stand.path().join("state"))
            .status();
        if ended.is_err() || !reset.is_ok_and(|status| status.success()) {
            Console::from_environment().warning(&format!(
                "the local AWS of this measurement may have left tasks; `local-aws reset --state {}` ends them",
                self.stand.path().join("state").display()
            ));
        }
    }
}
