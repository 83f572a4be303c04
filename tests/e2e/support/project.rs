//! A project of one's own, with a local AWS of its own.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::{ludlow, program};

/// A copy of the sample service's project that needs no compiler: its image takes the built program.
pub(crate) struct Project {
    directory: TempDir,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The address in the only line of stdout.
    pub(crate) fn url(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout.trim()
    }
}

const FILE: &str = "\
[app]
name = \"ludlow\"
region = \"us-east-1\"

[services.api]
port = 8080
health-path = \"/healthz\"
count = 2

[variables]
LOG_LEVEL = \"info\"

[environments.local]
aws = \"local\"
";

impl Project {
    /// A project whose service says that it is `version`.
    pub(crate) fn new(version: &str) -> Self {
        let project = Self {
            directory: tempfile::Builder::new().prefix("ls-").tempdir().unwrap(),
        };
        project.write("longshore.toml", FILE);
        std::fs::copy(ludlow(), project.path().join("ludlow")).unwrap();
        project.set_version(version, "");
        project
    }

    /// Makes the next image say that it is `version`; `more` is further lines of its Dockerfile.
    pub(crate) fn set_version(&self, version: &str, more: &str) {
        self.write(
            "Dockerfile",
            &format!("FROM scratch\nCOPY ludlow /ludlow\nENV APP_VERSION={version}\n{more}\nEXPOSE 8080\nENTRYPOINT [\"/ludlow\"]\n"),
        );
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs `cargo xtask ARGUMENTS` for this project.
    pub(crate) fn xtask(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command("xtask").args(arguments).output().unwrap())
    }

    /// Releases the project.
    pub(crate) fn deploy(&self) -> Outcome {
        self.xtask(&["deploy", "--env", "local"])
    }

    /// A program of the workspace, run in this project.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command
            .current_dir(self.path())
            .stdin(Stdio::null())
            // Not as cargo starts it: the programs are beside each other, and need not be built.
            .env_remove("CARGO_MANIFEST_DIR")
            .env_remove("TEAMCITY_VERSION")
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITLAB_CI");
        command
    }

    /// A tool, pointed at this project's local AWS.
    pub(crate) fn tool(&self, name: &str) -> Command {
        let mut command = self.command(name);
        command
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local");
        command
    }

    /// The document `name` of the last run.
    pub(crate) fn document(&self, name: &str) -> Value {
        let file = self.path().join(".longshore/local").join(name);
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    /// What the local AWS says of itself while it runs.
    pub(crate) fn server(&self) -> Value {
        let file = self.path().join(".longshore/local-aws/endpoint.json");
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    /// Where the local AWS answers.
    pub(crate) fn endpoint(&self) -> String {
        self.server()["endpoint"].as_str().unwrap().to_owned()
    }

    /// `deployer status` of the service.
    pub(crate) fn status(&self) -> Value {
        let arguments = [
            "status",
            "--cluster",
            "ludlow",
            "--service",
            "ludlow-local-api",
            "--format",
            "json",
        ];
        let outcome = Outcome::of(self.tool("deployer").args(arguments).output().unwrap());
        assert_eq!(outcome.code, 0, "{outcome:?}");
        serde_json::from_str(&outcome.stdout).unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // A failing test must leave no server and no task behind.
        if self.path().join(".longshore/local-aws").is_dir() {
            let outcome = self.xtask(&["local", "reset"]);
            if !std::thread::panicking() {
                assert_eq!(outcome.code, 0, "{outcome:?}");
                assert!(
                    !self.path().join(".longshore/local-aws").exists(),
                    "the state is still there"
                );
            }
        }
    }
}
