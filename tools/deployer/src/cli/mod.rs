//! The command line.

mod deploy;
mod look;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::create::{Launch, Network};
use crate::deploy::Release;
use crate::one_off::OneOff;
use crate::proceed::Proceed;
use crate::rollback::Rollback;
use crate::scale::Scale;
use crate::source::Source;
use crate::status::{Form, Status};
use crate::stop::Stop;
use crate::wait::Wait;
use crate::{Command, Request, duration};

const EXAMPLES: &str = "\
EXAMPLES
  deployer deploy --cluster prod --service api --task-definition task-definition.json
  deployer deploy --cluster prod --service api --task-definition api:41 --timeout 30m
  deployer status --cluster prod --service api --service web
  deployer run --cluster prod --task-definition migrate.json
  deployer rollback --cluster prod --service api

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
        let (cluster, command) = match self.action {
            Action::Deploy(args) => (
                args.place.cluster.clone(),
                Command::Deploy(Box::new(args.into_release(self.output.as_deref()))),
            ),
            Action::Status(args) => {
                let form = form(args.format, self.output.as_deref());
                let services = args.service;
                (args.cluster, Command::Status(Status { services, form }))
            }
            Action::Wait(args) => {
                let wait = Wait {
                    service: args.place.service,
                    deployment: args.deployment,
                    timeout: args.timeout,
                };
                (args.place.cluster, Command::Wait(wait))
            }
            Action::Rollback(args) => {
                let rollback = Rollback {
                    service: args.place.service,
                    to: args.to,
                    timeout: args.timeout,
                    dry_run: args.dry_run,
                    earlier: self.output.clone(),
                };
                (args.place.cluster, Command::Rollback(rollback))
            }
            Action::Refresh(args) => (
                args.place.cluster.clone(),
                Command::Deploy(Box::new(args.into_release(self.output.as_deref()))),
            ),
            Action::Group(args) => (
                args.cluster.clone(),
                Command::Group(Box::new(args.into_group())),
            ),
            Action::Continue(args) => {
                let proceed = Proceed {
                    service: args.place.service,
                    back: args.rollback,
                    timeout: args.timeout,
                };
                (args.place.cluster, Command::Proceed(proceed))
            }
            Action::Diff(args) => {
                let form = form(args.format, self.output.as_deref());
                let (cluster, diff) = args.into_diff();
                (cluster, Command::Diff(diff, form))
            }
            Action::Plan(args) => {
                let form = form(args.format, self.output.as_deref());
                let (cluster, outlook) = args.into_outlook();
                (cluster, Command::Plan(outlook, form))
            }
            Action::Tasks(args) => args.into_command(self.output.as_deref()),
            Action::History(args) => args.into_command(self.output.as_deref()),
            Action::Prune(args) => args.into_command(self.output.as_deref()),
            Action::Init(args) => args.into_command(),
            Action::Lock(args) => args.into_command(),
            Action::Stop(args) => {
                let stop = Stop {
                    service: args.place.service,
                    timeout: args.timeout,
                    earlier: self.output.clone(),
                };
                (args.place.cluster, Command::Stop(stop))
            }
            Action::Scale(args) => {
                let scale = Scale {
                    service: args.place.service,
                    count: args.count,
                    minimum: args.min,
                    maximum: args.max,
                    suspended: match (args.suspend, args.resume) {
                        (true, _) => Some(true),
                        (_, true) => Some(false),
                        _ => None,
                    },
                    timeout: args.timeout,
                };
                (args.place.cluster, Command::Scale(scale))
            }
            Action::Run(args) => {
                let run = OneOff {
                    task_definition: Source::of(&args.task_definition),
                    launch: args.launch_type.into(),
                    network: args.network.into(),
                    timeout: args.timeout,
                };
                (args.cluster, Command::Run(run))
            }
        };
        if cluster.is_empty() {
            return Err(Fault::usage("--cluster is empty").into());
        }
        Ok(Request {
            cluster,
            command,
            output: self.output,
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
        })
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
    fn into_release(self, output: Option<&Path>) -> Release {
        Release {
            force: true,
            ..self
                .following
                .into_release(self.place.service, Source::Live, output)
        }
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
