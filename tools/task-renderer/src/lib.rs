//! Renders the task definition of a service or of a one-off task: exactly what RegisterTaskDefinition takes.
//!
//! [`render`] is a function from the project's settings and the documents of the steps before it to one JSON
//! value. The value is canonical, so that equal definitions are equal bytes, and it is checked as far as that
//! is possible without asking AWS. This tool must not call AWS, and must not know how a release goes.

mod canonical;
pub mod cli;
mod definition;
mod fargate;
mod problem;
mod tags;

use std::path::PathBuf;

use contract::config::{Aws, Launch};
use contract::environment::Environment;
use contract::exit;
use contract::image::Image;
use contract::names::Names;
use toolkit::console::{Verbosity, counted};
use toolkit::file::Secrecy;
use toolkit::{Console, Fault, output};

pub use definition::render;
pub use problem::{Problem, Problems};
pub use tags::Tag;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// What the definition is made of.
    pub parts: Parts,
    /// Where it goes instead of stdout.
    pub output: Option<PathBuf>,
    /// What is said beside it.
    pub verbosity: Verbosity,
}

/// What a task definition is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Names of the environment's resources.
    pub names: Names,
    /// Short name of the environment.
    pub environment_name: String,
    /// Whose AWS it runs on.
    pub aws: Aws,
    /// Where its logs go, for example `us-east-1`.
    pub region: String,
    /// The role by which ECS reads secrets, pulls images and writes logs.
    pub execution_role: Option<String>,
    /// The role of the containers' own calls.
    pub task_role: Option<String>,
    /// What runs.
    pub workload: Workload,
    /// The image that runs.
    pub image: Image,
    /// Variables and references to secrets.
    pub environment: Environment,
    /// As given on the command line.
    pub tags: Vec<Tag>,
}

/// A service or a one-off task, as far as its definition is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Section of longshore.toml that describes it, for example `services.api`.
    pub section: String,
    /// Short name: the container's, and the first part of its log streams' names.
    pub name: String,
    /// Instead of the image's; empty means the image's.
    pub command: Vec<String>,
    /// Units; 1024 are one core.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
    /// What it runs on.
    pub launch: Launch,
    /// Container port behind the load balancer.
    pub port: Option<u16>,
    /// Seconds between the stop signal and the kill; none leaves it to ECS, which waits 30.
    pub stop_timeout: Option<u32>,
}

/// Renders the definition and writes it.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let definition =
        render(&request.parts).map_err(|problems| Fault::usage(problems.to_string()))?;
    output::document(&definition, request.output.as_deref(), Secrecy::Public)?;
    let environment = &request.parts.environment;
    console.status(&format!(
        "task definition {}: {}, {}, {}",
        definition::family(&request.parts),
        request.parts.image.reference,
        counted(environment.variables.len() as u64, "variable"),
        counted(environment.secrets.len() as u64, "secret")
    ));
    Ok(exit::DONE)
}
