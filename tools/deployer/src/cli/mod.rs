//! The command line.

mod deploy;
mod look;
mod update;
mod verify;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::create::{Launch, Network};
use crate::one_off::{Change, OneOff};
use crate::proceed::Proceed;
use crate::release::Release;
use crate::rollback::Rollback;
use crate::scale::Scale;
use crate::source::Source;
use crate::status::{Form, Status};
use crate::stop::Stop;
use crate::update::args::UpdateArgs;
use crate::wait::Wait;
use crate::{Command, Request, duration};

const EXAMPLES: &str = "\
EXAMPLES
  deployer deploy --cluster prod --service api --task-definition task-definition.json
  deployer deploy --cluster prod --service api --task-definition api:41 --timeout 30m
  deployer status --cluster prod --service api --service web
  deployer run --cluster prod --task-definition api:41 -- bin/migrate --to 7
  deployer rollback --cluster prod --service api
  deployer update prod api --region eu-central-1 --tag 1.4.2

EXIT CODES
  0 done   1 failed   2 wrong arguments   3 refused: another deployment or the deploy lock is in the way
  4 rolled back   5 superseded   6 timed out   130 interrupted";

/// Releases task definitions to ECS services, and tells the truth about what became of it.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    /// Write the document to this file instead of stdout
    #[arg(long, value_name = "FILE", global = true)]
    output: Option<PathBuf>,
    /// AWS region [default: AWS_REGION, or that of the profile]
    #[arg(long, value_name = "REGION", global = true, value_parser = NonEmptyStringValueParser::new())]
    region: Option<String>,
    /// Profile of ~/.aws/config [default: AWS_PROFILE]
    #[arg(long, value_name = "NAME", global = true, value_parser = NonEmptyStringValueParser::new())]
    profile: Option<String>,
    /// Only warnings and errors on stderr
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Details too
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Put a service on a task definition and follow that deployment until it has ended
    Deploy(Box<deploy::DeployArgs>),
    /// Show services with their deployments, tasks, targets and events
    Status(StatusArgs),
    /// Follow a deployment that has begun
    Wait(WaitArgs),
    /// Put a service back on the release that worked before
    Rollback(RollbackArgs),
    /// Replace the tasks of a service, though nothing has changed
    Refresh(RefreshArgs),
    /// End a deployment that is in progress: its service goes back to what worked
    Stop(StopArgs),
    /// Release several services at once, each after what it waits for
    Group(Box<deploy::GroupArgs>),
    /// Tell a deployment that waits at a hook to go on, or back
    Continue(ContinueArgs),
    /// Show what a release would change of the task definition; exit code 3 if anything
    Diff(look::DiffArgs),
    /// Show what a release would change, the least time that it takes, and what would make it faster
    Plan(look::DiffArgs),
    /// Show the tasks of a service
    Tasks(look::TasksArgs),
    /// Show the releases of a service: when, what, by whom, and what became of them
    History(look::HistoryArgs),
    /// Deregister revisions that nothing refers to any more; shows them unless --apply is given
    Prune(look::PruneArgs),
    /// Write the task definition of a service that runs to a file
    Init(look::InitArgs),
    /// Show who holds the deploy lock of a service, or remove it
    Lock(look::LockArgs),
    /// Set the number of a service's tasks, or the limits of its autoscaling, and wait until they run
    Scale(ScaleArgs),
    /// Run a task once and wait until it has ended
    Run(RunArgs),
    /// Change the task definition that a service runs, and release it: the flags of `ecs deploy`
    Update(Box<UpdateArgs>),
    /// Look for every problem of a release before it begins; exit code 3 if there is one
    Verify(Box<verify::VerifyArgs>),
}

#[derive(Debug, Group)]
struct Place {
    /// Cluster
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// Service
    #[arg(long, value_name = "NAME")]
    service: String,
}

#[derive(Debug, Group)]
struct NetworkArgs {
    /// Subnet of tasks with a network of their own; may be repeated
    #[arg(long, value_name = "ID")]
    subnet: Vec<String>,
    /// Security group of such tasks; may be repeated
    #[arg(long, value_name = "ID", requires = "subnet")]
    security_group: Vec<String>,
    /// Give such tasks public addresses
    #[arg(long, requires = "subnet")]
    public_ip: bool,
}

#[derive(Debug, Group)]
struct StatusArgs {
    /// Cluster
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// Service; may be repeated
    #[arg(long, value_name = "NAME", required = true, num_args = 1..)]
    service: Vec<String>,
    /// How it is written [default: text on a terminal, json elsewhere]
    #[arg(long)]
    format: Option<FormatArg>,
}

#[derive(Debug, Group)]
struct WaitArgs {
    /// Deployment, as `deployer deploy` names it [default: the one that the service goes to now]
    #[arg(value_name = "DEPLOYMENT_ID")]
    deployment: Option<String>,
    #[command(flatten)]
    place: Place,
    /// How long there is for a verdict
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration::parse)]
    timeout: Duration,
}

#[derive(Debug, Group)]
struct RollbackArgs {
    #[command(flatten)]
    place: Place,
    /// Task definition to go back to [default: the newest other one whose release worked]
    #[arg(long, value_name = "REF")]
    to: Option<String>,
    /// How long there is for a verdict
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration::parse)]
    timeout: Duration,
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Group)]
struct RefreshArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    following: deploy::Following,
}

#[derive(Debug, Group)]
struct ContinueArgs {
    #[command(flatten)]
    place: Place,
    /// Back rather than on
    #[arg(long)]
    rollback: bool,
    /// How long there is for a verdict, once it goes on
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration::parse)]
    timeout: Duration,
}

#[derive(Debug, Group)]
struct StopArgs {
    #[command(flatten)]
    place: Place,
    /// How long the way back may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
}

#[derive(Debug, Group)]
struct ScaleArgs {
    #[command(flatten)]
    place: Place,
    /// How many tasks there shall be
    #[arg(value_name = "COUNT", required_unless_present_any = ["min", "max", "suspend", "resume"], value_parser = clap::value_parser!(i32).range(0..=5000))]
    count: Option<i32>,
    /// The fewest that autoscaling may set
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..=5000))]
    min: Option<i32>,
    /// The most that autoscaling may set
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..=5000))]
    max: Option<i32>,
    /// Hold autoscaling up from now on
    #[arg(long)]
    suspend: bool,
    /// Let autoscaling go on
    #[arg(long, conflicts_with = "suspend")]
    resume: bool,
    /// How long it may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
}

#[derive(Debug, Group)]
struct RunArgs {
    /// Cluster
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// A file as RegisterTaskDefinition takes it, or a registered one: ARN, FAMILY:REVISION or FAMILY
    #[arg(long, value_name = "FILE|REF")]
    task_definition: String,
    /// Where the task runs
    #[arg(long, value_name = "TYPE", ignore_case = true, default_value = "EC2")]
    launch_type: LaunchArg,
    #[command(flatten)]
    network: NetworkArgs,
    /// How long it may take; then it is stopped
    #[arg(long, value_name = "TIME", default_value = "600s", value_parser = duration::parse)]
    timeout: Duration,
    /// Container that the command and the variables are for [default: the first essential one]
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// A variable of this run, not a secret: all who may look at the task see it; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Words of the container's command in this run
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        // The text may be a value in the wrong place.
        _ => Err("it is not NAME=VALUE".to_owned()),
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LaunchArg {
    /// On the cluster's own instances
    #[value(name = "EC2")]
    Ec2,
    /// On Fargate
    #[value(name = "FARGATE")]
    Fargate,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// Tables
    Text,
    /// One document
    Json,
}

impl Args {
    /// The validated request.
    pub fn into_request(self) -> anyhow::Result<Request> {
        let (cluster, command) = self.action.into_command(self.output.as_deref())?;
        if cluster.is_empty() {
            return Err(Fault::usage("--cluster is empty").into());
        }
        Ok(Request {
            cluster,
            command,
            region: self.region,
            profile: self.profile,
            output: self.output,
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
        })
    }
}

impl Action {
    /// The cluster, and what to do there. `output` is where the document goes.
    fn into_command(self, output: Option<&Path>) -> Result<(String, Command), Fault> {
        Ok(match self {
            Self::Deploy(args) => args.into_command(output),
            Self::Status(args) => args.into_command(output),
            Self::Wait(args) => args.into_command(),
            Self::Rollback(args) => args.into_command(output),
            Self::Refresh(args) => args.into_command(output),
            Self::Stop(args) => args.into_command(output),
            Self::Group(args) => args.into_command(),
            Self::Continue(args) => args.into_command(),
            Self::Diff(args) => args.into_diff(output),
            Self::Plan(args) => args.into_plan(output),
            Self::Tasks(args) => args.into_command(output),
            Self::History(args) => args.into_command(output),
            Self::Prune(args) => args.into_command(output),
            Self::Init(args) => args.into_command(),
            Self::Lock(args) => args.into_command(),
            Self::Scale(args) => args.into_command(),
            Self::Run(args) => args.into_command(),
            Self::Update(args) => update::command(args.into_update()?, output),
            Self::Verify(args) => args.into_command(output),
        })
    }
}

impl StatusArgs {
    fn into_command(self, output: Option<&Path>) -> (String, Command) {
        let status = Status {
            services: self.service,
            form: form(self.format, output),
        };
        (self.cluster, Command::Status(status))
    }
}

impl WaitArgs {
    fn into_command(self) -> (String, Command) {
        let wait = Wait {
            service: self.place.service,
            deployment: self.deployment,
            timeout: self.timeout,
        };
        (self.place.cluster, Command::Wait(wait))
    }
}

impl RollbackArgs {
    fn into_command(self, output: Option<&Path>) -> (String, Command) {
        let rollback = Rollback {
            service: self.place.service,
            to: self.to,
            timeout: self.timeout,
            dry_run: self.dry_run,
            earlier: output.map(Path::to_owned),
        };
        (self.place.cluster, Command::Rollback(rollback))
    }
}

impl StopArgs {
    fn into_command(self, output: Option<&Path>) -> (String, Command) {
        let stop = Stop {
            service: self.place.service,
            timeout: self.timeout,
            earlier: output.map(Path::to_owned),
        };
        (self.place.cluster, Command::Stop(stop))
    }
}

impl ContinueArgs {
    fn into_command(self) -> (String, Command) {
        let proceed = Proceed {
            service: self.place.service,
            back: self.rollback,
            timeout: self.timeout,
        };
        (self.place.cluster, Command::Proceed(proceed))
    }
}

impl ScaleArgs {
    fn into_command(self) -> (String, Command) {
        let scale = Scale {
            service: self.place.service,
            count: self.count,
            minimum: self.min,
            maximum: self.max,
            suspended: match (self.suspend, self.resume) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            timeout: self.timeout,
        };
        (self.place.cluster, Command::Scale(scale))
    }
}

impl RunArgs {
    fn into_command(self) -> (String, Command) {
        let run = OneOff {
            task_definition: Source::of(&self.task_definition),
            launch: self.launch_type.into(),
            network: self.network.into(),
            timeout: self.timeout,
            change: Change {
                container: self.container,
                command: self.command,
                variables: self.env,
            },
        };
        (self.cluster, Command::Run(run))
    }
}

/// Tables on a terminal, a document elsewhere, unless one of them is asked for.
fn form(asked: Option<FormatArg>, output: Option<&Path>) -> Form {
    match asked {
        Some(FormatArg::Text) => Form::Text,
        Some(FormatArg::Json) => Form::Json,
        None if output.is_none() && std::io::stdout().is_terminal() => Form::Text,
        None => Form::Json,
    }
}

impl RefreshArgs {
    fn into_command(self, output: Option<&Path>) -> (String, Command) {
        let release = Release {
            force: true,
            ..self
                .following
                .into_release(self.place.service, Source::Live, output)
        };
        (self.place.cluster, Command::Deploy(Box::new(release)))
    }
}

impl From<LaunchArg> for Launch {
    fn from(launch: LaunchArg) -> Self {
        match launch {
            LaunchArg::Ec2 => Self::Ec2,
            LaunchArg::Fargate => Self::Fargate,
        }
    }
}

impl From<NetworkArgs> for Network {
    fn from(network: NetworkArgs) -> Self {
        Self {
            subnets: network.subnet,
            security_groups: network.security_group,
            public_ip: network.public_ip,
        }
    }
}
