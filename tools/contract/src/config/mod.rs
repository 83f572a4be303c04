//! `longshore.toml`: a project, its services and its environments.
//!
//! [`parse`] reads the whole file strictly: unknown keys, wrong types, values out of range and references to
//! nothing are all reported in one pass, each with line, column and what to write instead. What an
//! environment overrides is laid over the common part before it is read, so both go through the same checks.

mod alarms;
mod check;
mod decode;
pub mod definition;
mod problem;
mod reader;
mod schema;

use std::collections::BTreeMap;

pub use alarms::{Alarms, Busy, KINDS};
pub use decode::parse;
pub use definition::Definition;
pub use problem::{Problem, Problems};
pub use schema::parse_schema;

/// A project as its file describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// What all environments share.
    pub app: App,
    /// By name; each complete, with its overrides applied.
    pub environments: BTreeMap<String, Environment>,
}

/// The application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Lower-case letters, digits and hyphens; part of every resource's name.
    pub name: String,
    /// For example `us-east-1`.
    pub region: String,
}

/// One environment, complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// For example `prod`.
    pub name: String,
    /// Whose AWS it runs on.
    pub aws: Aws,
    /// Git branches that are released to it; `*` stands for any characters.
    pub branches: Vec<String>,
    /// Host name that its load balancer rule matches.
    pub host: Option<String>,
    /// Whether a release asks for confirmation (`--yes` in CI).
    pub confirm: bool,
    /// ARN of the role by which ECS itself pulls images, reads secrets and writes logs for a task.
    pub execution_role: Option<String>,
    /// Name or ARN of the role that the containers' own calls to AWS are made under.
    pub task_role: Option<String>,
    /// How the image is made.
    pub image: Image,
    /// How the code is tested, if it is.
    pub test: Option<Test>,
    /// By short name.
    pub services: BTreeMap<String, Service>,
    /// One-off tasks, by name.
    pub tasks: BTreeMap<String, Task>,
    /// Plain variables of every container.
    pub variables: BTreeMap<String, Variable>,
    /// References to secrets of every container.
    pub secrets: BTreeMap<String, Secret>,
    /// What variables must look like, by name; none leaves them unchecked.
    pub schema: BTreeMap<String, Rule>,
    /// Where values come from beside this file.
    pub sources: Sources,
    /// Thresholds and recipients of alarms.
    pub alarms: Alarms,
}

/// Whose AWS an environment runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aws {
    /// The local AWS on this machine.
    Local,
    /// AWS itself, by the credentials of the process.
    Cloud,
}

/// How the image is made. Paths are relative to the project's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Directory that the Dockerfile copies from.
    pub context: String,
    /// The Dockerfile.
    pub dockerfile: String,
    /// For example `linux/amd64`.
    pub platform: String,
    /// Command of the host that runs before the image is assembled.
    pub before: Option<String>,
    /// Build arguments.
    pub arguments: BTreeMap<String, String>,
}

/// How the code is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// The command line.
    pub command: String,
    /// Report files, with `*` and `**`; none means that the command's own output is read.
    pub reports: Vec<String>,
    /// Directory of an HTML coverage report with an `index.html`.
    pub coverage: Option<String>,
    /// Fewer cases than this fail the step. At least 1, since a run without a test proves nothing.
    pub minimum: u64,
    /// Time limit of the command, in seconds.
    pub timeout: u64,
}

/// A long-running service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Container port behind the load balancer; none for a worker.
    pub port: Option<u16>,
    /// Path that answers 200 when the container can serve.
    pub health_path: String,
    /// Seconds after a task's start in which failed health checks are ignored.
    pub health_grace: u32,
    /// Path pattern of the load balancer rule.
    pub path: String,
    /// CPU units; 1024 are one core.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
    /// Desired number of tasks.
    pub count: u32,
    /// What it runs on.
    pub launch: Launch,
    /// Command instead of the image's.
    pub command: Vec<String>,
    /// Services and one-off tasks that go before.
    pub after: Vec<String>,
    /// Seconds between the stop signal and the kill.
    pub stop_timeout: u32,
    /// Part of `count` that always serves during a release.
    pub minimum_healthy_percent: u32,
    /// Upper limit of tasks during a release, in percent of `count`.
    pub maximum_percent: u32,
    /// What else its task definition says.
    pub definition: Definition,
}

/// A task that runs once, before the services that name it in `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Command instead of the image's.
    pub command: Vec<String>,
    /// CPU units; 1024 are one core.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
    /// What it runs on.
    pub launch: Launch,
    /// Seconds after which it counts as failed.
    pub timeout: u64,
    /// What else its task definition says.
    pub definition: Definition,
}

/// What tasks run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launch {
    /// Instances of the cluster, bridge network, dynamic host ports.
    Ec2,
    /// Fargate, awsvpc network.
    Fargate,
}

/// A plain variable and the line that sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// As the process sees it.
    pub value: String,
    /// Line in the file, from 1.
    pub line: usize,
}

/// A reference to a secret and the line that sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Where the value is kept.
    pub source: SecretSource,
    /// Line in the file, from 1.
    pub line: usize,
}

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `ssm:NAME`: a parameter's name or ARN.
    Parameter(String),
    /// `secretsmanager:ARN[:json-key[:stage[:version]]]`, as ECS takes it.
    SecretsManager(String),
}

/// What a variable must look like.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What its text must be.
    pub kind: Kind,
    /// Regular expression that the whole value must match.
    pub pattern: Option<String>,
    /// Whether it must be there and not be empty.
    pub required: bool,
    /// Whether its value is for the running task alone.
    pub secret: bool,
    /// Its value where no source has one.
    pub default: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The only values that it may have; empty allows all.
    pub values: Vec<String>,
    /// The least number, or the least length of a text in characters.
    pub min: Option<f64>,
    /// The greatest number, or the greatest length of a text in characters.
    pub max: Option<f64>,
    /// Line in the file, from 1.
    pub line: usize,
}

/// What a variable's text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything.
    Text,
    /// A whole number, for example `-3`.
    Integer,
    /// A decimal number, for example `0.5`.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `scheme://host…`.
    Url,
    /// A JSON text.
    Json,
}

/// Where values come from beside the file. In the order of the fields, later ones win.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    /// Files of `NAME=VALUE` lines, plain or encrypted with sops or age. Relative to the project's directory.
    pub files: Vec<String>,
    /// Paths of Parameter Store, for example `/ludlow/prod/`: each parameter below becomes a secret reference.
    pub paths: Vec<String>,
    /// Variables that are taken over from the process that runs the tools.
    pub process: Vec<String>,
}

impl Project {
    /// The environment called `name`, or what the file has instead.
    pub fn environment(&self, name: &str) -> Result<&Environment, UnknownEnvironment> {
        self.environments
            .get(name)
            .ok_or_else(|| UnknownEnvironment {
                name: name.to_owned(),
                known: self.environments.keys().cloned().collect(),
            })
    }

    /// The environments that `branch` is released to.
    #[must_use]
    pub fn environments_of_branch(&self, branch: &str) -> Vec<&Environment> {
        self.environments
            .values()
            .filter(|environment| {
                environment
                    .branches
                    .iter()
                    .any(|pattern| matches(pattern, branch))
            })
            .collect()
    }
}

/// The file has no such environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("longshore.toml has no environment \"{name}\"; it has {}", known.join(", "))]
pub struct UnknownEnvironment {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub known: Vec<String>,
}

/// Whether `text` is of the form `pattern`, in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|tail| {
            (0..=tail.len()).any(|at| tail.is_char_boundary(at) && matches(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests;
