//! Renders the task definition of a service or of a one-off task: exactly what RegisterTaskDefinition takes.
//!
//! The definition comes from longshore.toml and the documents of the steps before, from a file with
//! `${NAME}` references, or from a revision that ECS has. It is canonical, so that equal definitions are equal
//! bytes, and it is checked as far as that is possible without asking AWS. This tool reads from AWS where the
//! caller names a revision; it must not change anything there, and must not know how a release goes.

mod canonical;
pub mod cli;
mod difference;
mod document;
mod live;
mod model;
mod overlay;
mod problem;
mod project;
mod references;
mod render;
mod rules;
mod tags;

use std::path::PathBuf;

use contract::config::definition::Definition;
use contract::config::{Aws, Launch};
use contract::environment::Environment;
use contract::exit;
use contract::image::Image;
use contract::names::Names;
use serde::Serialize;
use serde_json::{Value, json};
use toolkit::console::{Verbosity, counted};
use toolkit::file::Secrecy;
use toolkit::{Console, Fault, output};

pub use live::Revision;
pub use overlay::Overlay;
pub use problem::{Problem, Problems, Severity};
pub use references::Values;
pub use rules::Settings;
pub use tags::Tag;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The work.
    pub work: Work,
    /// Where the result goes instead of stdout.
    pub output: Option<PathBuf>,
    /// What is said beside it.
    pub verbosity: Verbosity,
}

/// The work to be done.
#[derive(Debug, Clone)]
pub enum Work {
    /// Render a definition.
    Render(Box<Render>),
    /// Say what is wrong with a file.
    Check {
        /// The file.
        file: File,
        /// What the rules depend on.
        settings: Settings,
        /// Whether the result is JSON.
        as_json: bool,
    },
    /// Say what two definitions differ in.
    Diff {
        /// Two of them.
        sides: [Side; 2],
        /// Whether tags count.
        with_tags: bool,
        /// Whether the result is JSON.
        as_json: bool,
        /// Instead of the region of the process.
        region: Option<String>,
    },
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// As the caller named it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// A file on this machine.
    File(File),
    /// A revision that ECS has.
    Live(Revision),
}

/// A definition to be rendered.
#[derive(Debug, Clone)]
pub struct Render {
    /// What it is made of.
    pub source: Source,
    /// What is laid over a definition that is not longshore.toml's.
    pub overlay: Overlay,
    /// Documents that are laid over it at last, the later over the earlier.
    pub overrides: Vec<File>,
    /// What the rules depend on.
    pub settings: Settings,
}

/// Where a definition comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// longshore.toml.
    Project(Box<Parts>),
    /// A file with references.
    File {
        /// The file.
        file: File,
        /// Where references lead.
        values: Values,
    },
    /// A revision that ECS has.
    Live {
        /// Which one.
        revision: Revision,
        /// Instead of the region of the process.
        region: Option<String>,
    },
}

/// What longshore.toml and the documents of earlier steps say.
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
    /// Sidecars, volumes, and everything else.
    pub definition: Definition,
}

/// Does what is asked for.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    match &request.work {
        Work::Render(render) => {
            let rendered = render::render(render)?;
            for warning in &rendered.warnings {
                console.warning(&warning.to_string());
            }
            write(&rendered.definition, request)?;
            console.status(&summary(&rendered.definition));
            Ok(exit::DONE)
        }
        Work::Check {
            file,
            settings,
            as_json,
        } => check(file, settings, *as_json, request, &console),
        Work::Diff {
            sides,
            with_tags,
            as_json,
            region,
        } => {
            let [(from, one), (to, other)] = render::sides(sides, region.as_deref())?;
            let difference = difference::between((&from, &one), (&to, &other), *with_tags);
            if *as_json {
                let label = Labelled::of("task-definition-difference", &difference);
                write(&label, request)?;
            } else {
                let text = difference::text(&difference);
                output::artifact(text.as_bytes(), request.output.as_deref(), Secrecy::Public)?;
            }
            Ok(if difference.equal {
                exit::DONE
            } else {
                exit::NEGATIVE
            })
        }
    }
}

/// A document of this tool's own, which no other tool reads.
#[derive(Serialize)]
struct Labelled<'d, D> {
    kind: &'static str,
    schema: u32,
    #[serde(flatten)]
    document: &'d D,
}

impl<'d, D> Labelled<'d, D> {
    fn of(kind: &'static str, document: &'d D) -> Self {
        Self {
            kind,
            schema: 1,
            document,
        }
    }
}

fn write(document: &impl Serialize, request: &Request) -> anyhow::Result<()> {
    output::document(document, request.output.as_deref(), Secrecy::Public)
}

fn check(
    file: &File,
    settings: &Settings,
    as_json: bool,
    request: &Request,
    console: &Console,
) -> anyhow::Result<u8> {
    let problems = render::check(file, settings)?;
    let is_refused = problems.iter().any(Problem::is_error);
    if as_json {
        let report = json!({ "file": file.name, "accepted": !is_refused, "problems": problems });
        write(&Labelled::of("task-definition-check", &report), request)?;
    }
    if is_refused {
        return Err(Fault::new(
            exit::NEGATIVE,
            Problems {
                family: file.name.clone(),
                list: problems,
            }
            .to_string(),
        )
        .into());
    }
    for warning in &problems {
        console.warning(&warning.placed());
    }
    console.success(&format!("{}: ECS takes it", file.name));
    Ok(exit::DONE)
}

/// One line for people about what was rendered.
fn summary(definition: &Value) -> String {
    let containers = definition["containerDefinitions"].as_array();
    let containers = containers.map(Vec::as_slice).unwrap_or_default();
    let count = |list: &str| {
        containers
            .iter()
            .filter_map(|container| container[list].as_array())
            .map(Vec::len)
            .sum::<usize>() as u64
    };
    let mut line = format!(
        "task definition {}: {}, {}, {}",
        definition["family"].as_str().unwrap_or_default(),
        containers
            .first()
            .and_then(|container| container["image"].as_str())
            .unwrap_or_default(),
        counted(count("environment"), "variable"),
        counted(count("secrets"), "secret")
    );
    if containers.len() > 1 {
        let more = counted(containers.len() as u64 - 1, "more container");
        line.push_str(&format!(", {more}"));
    }
    line
}
