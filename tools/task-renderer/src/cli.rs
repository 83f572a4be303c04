//! The command line.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Parser};
use contract::Document;
use contract::config::{self, Environment, Project};
use contract::names::Names;
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::{Parts, Request, Tag, Workload};

const EXAMPLES: &str = "\
EXAMPLES
  task-renderer --project longshore.toml --env prod --service api \\
    --image image.json --environment environment.json --tag longshore:commit=4f2c1e9
  task-renderer --env prod --task migrate --image image.json --environment environment.json \\
    --output task-definition.json
  aws ecs register-task-definition --cli-input-json file://task-definition.json

EXIT CODES
  0 done   1 failed   2 wrong arguments or configuration";

/// Renders the ECS task definition of a service or of a one-off task.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
#[command(group = ArgGroup::new("workload").required(true).args(["service", "task"]))]
pub struct Args {
    /// The project's file
    #[arg(long, value_name = "FILE", default_value = "longshore.toml")]
    project: PathBuf,
    /// Environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Service, by its short name
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// One-off task, by its short name
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// The image, as image-builder wrote it
    #[arg(long, value_name = "FILE")]
    image: PathBuf,
    /// The environment, as env-generator wrote it
    #[arg(long, value_name = "FILE")]
    environment: PathBuf,
    /// Tag of the definition; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    tag: Vec<Tag>,
    /// Write the definition to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only warnings and errors on stderr
    #[arg(long, short)]
    quiet: bool,
    /// Details too
    #[arg(long, short, conflicts_with = "quiet")]
    verbose: bool,
}

impl Args {
    /// The validated request.
    pub fn into_request(self) -> anyhow::Result<Request> {
        let project = project(&self.project)?;
        let settings = project
            .environment(&self.env)
            .map_err(|error| Fault::usage(error.to_string()))?;
        let workload = match (&self.service, &self.task) {
            (Some(service), _) => of_service(settings, service),
            (None, Some(task)) => of_task(settings, task),
            // clap asks for one of them.
            (None, None) => Err(Fault::usage("neither --service nor --task is given")),
        }?;
        Ok(Request {
            parts: Parts {
                names: Names::new(&project.app.name, &settings.name),
                environment_name: settings.name.clone(),
                aws: settings.aws,
                region: project.app.region.clone(),
                execution_role: settings.execution_role.clone(),
                task_role: settings.task_role.clone(),
                workload,
                image: document(&self.image, "the push step (image-builder push)")?,
                environment: document(&self.environment, "the env step (env-generator)")?,
                tags: self.tag,
            },
            output: self.output,
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
        })
    }
}

fn project(path: &Path) -> Result<Project, Fault> {
    let file = path.display().to_string();
    let source = std::fs::read_to_string(path)
        .map_err(|error| Fault::usage(format!("cannot read {file}: {error}")))?;
    config::parse(&source, &file).map_err(|problems| Fault::usage(problems.to_string()))
}

/// Reads a document of a step before; `step` is who writes it.
fn document<D: Document>(path: &Path, step: &str) -> Result<D, Fault> {
    let file = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Fault::usage(format!("cannot read {file}: {error}")).with_hint(format!("{step} writes it"))
    })?;
    contract::document::parse(&text).map_err(|error| {
        Fault::usage(format!("cannot use {file}: {error}")).with_hint(format!("{step} writes it"))
    })
}

fn of_service(environment: &Environment, name: &str) -> Result<Workload, Fault> {
    let Some(service) = environment.services.get(name) else {
        return Err(unknown("service", name, environment.services.keys()));
    };
    Ok(Workload {
        section: format!("services.{name}"),
        name: name.to_owned(),
        command: service.command.clone(),
        cpu: service.cpu,
        memory: service.memory,
        launch: service.launch,
        port: service.port,
        stop_timeout: Some(service.stop_timeout),
    })
}

fn of_task(environment: &Environment, name: &str) -> Result<Workload, Fault> {
    let Some(task) = environment.tasks.get(name) else {
        return Err(unknown("task", name, environment.tasks.keys()));
    };
    Ok(Workload {
        section: format!("tasks.{name}"),
        name: name.to_owned(),
        command: task.command.clone(),
        cpu: task.cpu,
        memory: task.memory,
        launch: task.launch,
        port: None,
        stop_timeout: None,
    })
}

fn unknown<'n>(kind: &str, name: &str, known: impl Iterator<Item = &'n String>) -> Fault {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let there = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    Fault::usage(format!(
        "the project has no {kind} \"{name}\"; it has {there}"
    ))
}
