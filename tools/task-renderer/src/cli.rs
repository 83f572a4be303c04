//! The command line.

mod sources;
mod workload;

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::{File, Request, Settings, Tag, Work};

const EXAMPLES: &str = "\
EXAMPLES
  task-renderer --project longshore.toml --env prod --service api \\
    --image image.json --environment environment.json --tag longshore:commit=4f2c1e9
  task-renderer --env prod --task migrate --image image.json --environment environment.json \\
    --output task-definition.json
  task-renderer --file task-definition.json --set CPU=512 --allow-env BUILD_NUMBER --image image.json
  task-renderer --from ludlow-prod-api --set-image registry.example/ludlow@sha256:…
  task-renderer --from-live --cluster ludlow --service ludlow-prod-api --environment environment.json
  task-renderer check task-definition.json --require-digest
  task-renderer diff ludlow/ludlow-prod-api task-definition.json
  aws ecs register-task-definition --cli-input-json file://task-definition.json

EXIT CODES
  0 done, or no difference   1 failed   2 wrong arguments or configuration
  3 `check` found an error, or `diff` a difference";

/// Renders the ECS task definition of a service or of a one-off task.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(group = ArgGroup::new("workload").args(["service", "task"]))]
#[command(group = ArgGroup::new("elsewhere").args(["file", "from", "from_live"]))]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    elsewhere: ElsewhereArgs,
    #[command(flatten)]
    overlay: OverlayArgs,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    result: ResultArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say everything that is wrong with a task definition, without calling AWS
    Check {
        /// What RegisterTaskDefinition takes, or DescribeTaskDefinition answers
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        rules: RuleArgs,
        #[command(flatten)]
        format: FormatArgs,
        #[command(flatten)]
        result: ResultArgs,
    },
    /// Say what two task definitions differ in
    Diff {
        /// A file, FAMILY, FAMILY:REVISION, or CLUSTER/SERVICE for what it runs
        #[arg(value_name = "A")]
        from: String,
        /// The other, in the same way
        #[arg(value_name = "B")]
        to: String,
        /// Count tags, too: they carry the commit, which alone is no reason for a release
        #[arg(long)]
        tags: bool,
        /// Instead of the region of the process
        #[arg(long, value_name = "REGION")]
        region: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
        #[command(flatten)]
        result: ResultArgs,
    },
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "From longshore.toml")]
struct ProjectArgs {
    /// The project's file
    #[arg(long, value_name = "FILE", default_value = "longshore.toml")]
    project: PathBuf,
    /// Environment
    #[arg(long, value_name = "NAME", required_unless_present = "elsewhere")]
    #[arg(conflicts_with = "elsewhere", requires = "workload")]
    env: Option<String>,
    /// Service, by its short name; with --from-live, by its name in the cluster
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// One-off task, by its short name
    #[arg(long, value_name = "NAME", conflicts_with = "elsewhere")]
    task: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "From elsewhere")]
struct ElsewhereArgs {
    /// A task definition with ${NAME} references; $${ stands for the characters themselves
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// What ${NAME} stands for; may be repeated
    #[arg(long, value_name = "NAME=VALUE", requires = "file")]
    set: Vec<String>,
    /// Variable of this process that ${NAME} may stand for; may be repeated
    #[arg(long, value_name = "NAME", requires = "file")]
    allow_env: Vec<String>,
    /// A revision that ECS has: FAMILY, FAMILY:REVISION or an ARN
    #[arg(long, value_name = "REVISION")]
    from: Option<String>,
    /// The revision that --service of --cluster runs
    #[arg(long, requires_all = ["cluster", "service"])]
    from_live: bool,
    /// Cluster, by its name or ARN
    #[arg(long, value_name = "NAME", requires = "from_live")]
    cluster: Option<String>,
    /// Instead of the region of the process
    #[arg(long, value_name = "REGION", conflicts_with_all = ["env", "file"])]
    region: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Laid over it")]
struct OverlayArgs {
    /// The image, as image-builder wrote it; in a file also ${IMAGE}, ${IMAGE_TAG} and ${IMAGE_DIGEST}
    #[arg(long, value_name = "FILE", required_unless_present = "elsewhere")]
    image: Option<PathBuf>,
    /// The environment, as env-generator wrote it; in a file also a ${NAME} for each variable
    #[arg(long, value_name = "FILE", required_unless_present = "elsewhere")]
    environment: Option<PathBuf>,
    /// An image by its reference; may be repeated
    #[arg(long, value_name = "[CONTAINER=]REFERENCE", conflicts_with = "env")]
    set_image: Vec<String>,
    /// The container that image and environment are for, where there are several
    #[arg(long, value_name = "NAME", conflicts_with = "env")]
    container: Option<String>,
    /// Take away the variables and secrets that --environment does not have
    #[arg(long, requires = "environment", conflicts_with = "env")]
    replace_environment: bool,
    /// Family instead of the definition's own
    #[arg(long, value_name = "NAME", conflicts_with = "env")]
    family: Option<String>,
    /// Members to set, as JSON: containers, variables and others are found by their names, null takes away
    #[arg(long = "override", value_name = "FILE")]
    overrides: Vec<PathBuf>,
    /// Tag of the definition; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    tag: Vec<Tag>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Rules")]
struct RuleArgs {
    /// An image that is not named by its digest is an error
    #[arg(long)]
    require_digest: bool,
    /// Every warning is an error
    #[arg(long)]
    strict: bool,
    /// Seconds that the target group drains
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=3600))]
    deregistration_delay: u32,
    /// Variable that is no secret although it looks like one; may be repeated
    #[arg(long, value_name = "NAME")]
    plain: Vec<String>,
}

#[derive(Debug, ClapArgs)]
struct FormatArgs {
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For machines
    Json,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Options")]
struct ResultArgs {
    /// Write the result to this file instead of stdout
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
        let Some(command) = self.command else {
            let work = sources::render(self.project, self.elsewhere, self.overlay, self.rules)?;
            return Ok(self.result.request(Work::Render(Box::new(work))));
        };
        match command {
            Command::Check {
                file,
                rules,
                format,
                result,
            } => Ok(result.request(Work::Check {
                file: read(&file)?,
                settings: rules.settings(),
                as_json: format.format == Format::Json,
            })),
            Command::Diff {
                from,
                to,
                tags,
                region,
                format,
                result,
            } => Ok(result.request(Work::Diff {
                sides: [sources::side(&from)?, sources::side(&to)?],
                with_tags: tags,
                as_json: format.format == Format::Json,
                region,
            })),
        }
    }
}

impl RuleArgs {
    fn settings(self) -> Settings {
        Settings {
            require_digest: self.require_digest,
            strict: self.strict,
            deregistration_delay: self.deregistration_delay,
            plain: self.plain,
        }
    }
}

impl ResultArgs {
    fn request(self, work: Work) -> Request {
        Request {
            work,
            output: self.output,
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
        }
    }
}

fn read(path: &Path) -> Result<File, Fault> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Fault::usage(format!("cannot read {name}: {error}")))?;
    Ok(File { name, text })
}
