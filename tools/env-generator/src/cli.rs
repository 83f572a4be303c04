//! The command line.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use contract::config::{self, Project};
use toolkit::Fault;
use toolkit::console::Verbosity;
use zeroize::Zeroizing;

use crate::Request;
use crate::check::Check;
use crate::diff::{Diff, Other};
use crate::execute::Run;
use crate::generate::{Destination, Generate, Target};
use crate::push::Push;
use crate::schema::Schema;
use crate::secret_text::SecretText;
use crate::sources::{Parameters, Scope};

const EXAMPLES: &str = "\
EXAMPLES
  env-generator --project longshore.toml --env prod --output environment.json
  env-generator --env prod --offline | jq .secrets
  env-generator --env dev --output environment.json --env-file dev.env
  docker run --env-file dev.env IMAGE
  env-generator --env dev --target bash --output dev.sh
  env-generator --env prod --target ecs-file --output prod.env --bucket ludlow-settings --upload
  env-generator check
  env-generator diff --env prod --with qa
  env-generator run --env dev -- cargo run
  env-generator push dev.env --path /ludlow/dev/ --apply

SOURCES, of which the later wins
  defaults of the schema; [variables]; [sources] files; [sources] paths of Parameter Store;
  [secrets]; [sources] process and --pass; --parameters

EXIT CODES
  0 done   1 failed   2 wrong arguments or configuration, or a secret that does not exist
  3 check found mistakes, or diff found differences";

/// Puts the environment of a project's containers together: plain variables and references to secrets.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    generate: GenerateArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes the environment in the form that a reader takes (what is done without a command)
    Generate(Box<GenerateArgs>),
    /// Checks environments against their sources and the schema, and reports all mistakes at once
    Check(CheckArgs),
    /// Shows what differs from another environment or from a live service; no secret is shown
    Diff(DiffArgs),
    /// Becomes a command that has the environment; nothing is written
    Run(RunArgs),
    /// Brings a local file to Parameter Store: shows the plan, and carries it out with --apply
    Push(PushArgs),
}

#[derive(Debug, clap::Args)]
struct Common {
    /// The project's file
    #[arg(long, value_name = "FILE", default_value = "longshore.toml")]
    project: PathBuf,
    /// File with [schema.NAME] sections, instead of those of the project's file
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// NAME=VALUE lines from CI, or - for standard input
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// Also take this variable over from the process
    #[arg(long, value_name = "NAME")]
    pass: Vec<String>,
    /// Do not ask AWS whether the secrets exist
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    voice: Voice,
}

#[derive(Debug, Clone, Copy, clap::Args)]
struct Voice {
    /// Only warnings and errors on stderr
    #[arg(long, short)]
    quiet: bool,
    /// Details too
    #[arg(long, short, conflicts_with = "quiet")]
    verbose: bool,
}

#[derive(Debug, clap::Args)]
struct GenerateArgs {
    #[command(flatten)]
    common: Common,
    /// Environment
    #[arg(long, value_name = "NAME", required = true)]
    env: Option<String>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Target::Document)]
    target: Target,
    /// Also write a file with all values, secrets included, in the form of `docker run --env-file`
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    env_file: Option<PathBuf>,
    /// Write the result to this file instead of stdout; values go to stdout only with -
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave secrets out of targets that hold values
    #[arg(long)]
    without_secrets: bool,
    /// S3 bucket that the file of --target ecs-file goes to
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// Bring that file there, unless it is there already: its key follows from its content
    #[arg(long, requires = "bucket", conflicts_with = "offline")]
    upload: bool,
    /// Say on stderr which source gave each variable
    #[arg(long)]
    explain: bool,
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    #[command(flatten)]
    common: Common,
    /// Environment; all of them without it
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Also read the secrets and check their values, which are not shown
    #[arg(long, conflicts_with = "offline")]
    values: bool,
    /// Write the verdict to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct DiffArgs {
    #[command(flatten)]
    common: Common,
    /// Environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Environment to compare with
    #[arg(long, value_name = "NAME", required_unless_present = "service", conflicts_with_all = ["cluster", "service"])]
    with: Option<String>,
    /// Cluster of the live service to compare with
    #[arg(long, value_name = "NAME", requires = "service")]
    cluster: Option<String>,
    /// Live service to compare with
    #[arg(long, value_name = "NAME", requires = "cluster")]
    service: Option<String>,
    /// Container of the service's tasks, where there are several
    #[arg(long, value_name = "NAME", requires = "service")]
    container: Option<String>,
    /// Write the differences to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    #[command(flatten)]
    common: Common,
    /// Environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Give the command nothing of this process's environment but PATH, HOME, TERM and LANG
    #[arg(long)]
    clean: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
struct PushArgs {
    /// NAME=VALUE lines, or - for standard input
    file: PathBuf,
    /// Path of Parameter Store, for example /ludlow/dev/
    #[arg(long, value_name = "PATH")]
    path: String,
    /// Carry the plan out
    #[arg(long)]
    apply: bool,
    /// Write this variable as a String instead of a SecureString
    #[arg(long, value_name = "NAME")]
    string: Vec<String>,
    /// Region, instead of the project's
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The project's file
    #[arg(long, value_name = "FILE", default_value = "longshore.toml")]
    project: PathBuf,
    /// Write the plan to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    voice: Voice,
}

impl Args {
    /// The validated request.
    pub fn into_request(self) -> anyhow::Result<Request> {
        match self.command {
            None => self.generate.into_request(),
            Some(Command::Generate(arguments)) => arguments.into_request(),
            Some(Command::Check(arguments)) => arguments.into_request(),
            Some(Command::Diff(arguments)) => arguments.into_request(),
            Some(Command::Run(arguments)) => arguments.into_request(),
            Some(Command::Push(arguments)) => arguments.into_request(),
        }
    }
}

impl Voice {
    fn verbosity(self) -> Verbosity {
        Verbosity::from_flags(self.quiet, self.verbose)
    }
}

impl Common {
    /// The environments called `names`, or all.
    fn scopes(&self, names: Option<&[&str]>) -> anyhow::Result<Vec<Scope>> {
        let project = read_project(&self.project)?;
        let schema = self.schema.as_deref().map(read_schema).transpose()?;
        let parameters = match &self.parameters {
            Some(path) => read_parameters(path)?,
            None => Parameters::default(),
        };
        let all: Vec<&str> = project.environments.keys().map(String::as_str).collect();
        names
            .unwrap_or(&all)
            .iter()
            .map(|name| self.scope(&project, name, schema.as_ref(), &parameters))
            .collect()
    }

    fn one(&self, name: &str) -> anyhow::Result<Scope> {
        let mut scopes = self.scopes(Some(&[name]))?;
        scopes.pop().context("no environment was read")
    }

    fn scope(
        &self,
        project: &Project,
        name: &str,
        schema: Option<&Schema>,
        parameters: &Parameters,
    ) -> anyhow::Result<Scope> {
        let settings = project
            .environment(name)
            .map_err(|error| Fault::usage(error.to_string()))?;
        // Origins are read by people on other machines, whose directories are others.
        let file = file_name(&self.project);
        let own = || Schema {
            file: file.clone(),
            rules: settings.schema.clone(),
        };
        let mut sources = settings.sources.clone();
        sources.process.extend(self.pass.iter().cloned());
        Ok(Scope {
            application: project.app.name.clone(),
            environment: settings.name.clone(),
            region: project.app.region.clone(),
            directory: self.project.parent().unwrap_or(Path::new("")).to_owned(),
            services: settings.services.keys().cloned().collect(),
            variables: settings.variables.clone(),
            secrets: settings.secrets.clone(),
            schema: schema.cloned().unwrap_or_else(own),
            file,
            sources,
            parameters: parameters.clone(),
            offline: self.offline,
        })
    }
}

impl GenerateArgs {
    fn into_request(self) -> anyhow::Result<Request> {
        let name = self.env.unwrap_or_default();
        Ok(Request::Generate(Box::new(Generate {
            scope: self.common.one(&name)?,
            target: self.target,
            env_file: self.env_file,
            destination: match self.output {
                None => Destination::Unsaid,
                Some(path) if path.as_os_str() == "-" => Destination::Stdout,
                Some(path) => Destination::File(path),
            },
            without_secrets: self.without_secrets,
            bucket: self.bucket,
            upload: self.upload,
            explain: self.explain,
            verbosity: self.common.voice.verbosity(),
        })))
    }
}

impl CheckArgs {
    fn into_request(self) -> anyhow::Result<Request> {
        let name = self.env.as_deref();
        Ok(Request::Check(Check {
            scopes: self
                .common
                .scopes(name.as_ref().map(std::slice::from_ref))?,
            values: self.values,
            output: self.output,
            verbosity: self.common.voice.verbosity(),
        }))
    }
}

impl DiffArgs {
    fn into_request(self) -> anyhow::Result<Request> {
        let other = match (self.with, self.cluster, self.service) {
            (Some(name), _, _) => Other::Environment(Box::new(self.common.one(&name)?)),
            (None, Some(cluster), Some(service)) => Other::Live {
                cluster,
                service,
                container: self.container,
            },
            _ => return Err(Fault::usage("diff needs --with, or --cluster and --service").into()),
        };
        Ok(Request::Diff(Box::new(Diff {
            scope: self.common.one(&self.env)?,
            other,
            output: self.output,
            verbosity: self.common.voice.verbosity(),
        })))
    }
}

impl RunArgs {
    fn into_request(self) -> anyhow::Result<Request> {
        Ok(Request::Run(Box::new(Run {
            scope: self.common.one(&self.env)?,
            command: self.command,
            clean: self.clean,
        })))
    }
}

impl PushArgs {
    fn into_request(self) -> anyhow::Result<Request> {
        if !self.path.starts_with('/') {
            return Err(
                Fault::usage("--path begins with a slash, for example /ludlow/dev/").into(),
            );
        }
        let region = match self.region {
            Some(region) => region,
            None => read_project(&self.project)?.app.region,
        };
        Ok(Request::Push(Push {
            file: read_parameters(&self.file)?,
            path: format!("{}/", self.path.trim_end_matches('/')),
            region,
            apply: self.apply,
            strings: self.string,
            output: self.output,
            verbosity: self.voice.verbosity(),
        }))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let file = path.display();
    Ok(std::fs::read_to_string(path)
        .map_err(|error| Fault::usage(format!("cannot read {file}: {error}")))?)
}

fn read_project(path: &Path) -> anyhow::Result<Project> {
    Ok(
        config::parse(&read_text(path)?, &path.display().to_string())
            .map_err(|problems| Fault::usage(problems.to_string()))?,
    )
}

fn read_schema(path: &Path) -> anyhow::Result<Schema> {
    let file = file_name(path);
    let rules = config::parse_schema(&read_text(path)?, &path.display().to_string())
        .map_err(|problems| Fault::usage(problems.to_string()))?;
    Ok(Schema { file, rules })
}

fn read_parameters(path: &Path) -> anyhow::Result<Parameters> {
    if path.as_os_str() != "-" {
        return Ok(Parameters {
            name: file_name(path),
            text: Some(SecretText::new(read_text(path)?)),
        });
    }
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .read_to_string(&mut text)
        .context("cannot read the parameters from standard input")?;
    Ok(Parameters {
        name: "stdin".to_owned(),
        text: Some(SecretText::new(std::mem::take(&mut *text))),
    })
}

impl ValueEnum for Target {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.word()))
    }
}
