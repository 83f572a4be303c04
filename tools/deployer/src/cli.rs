//! The command line.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::create::{Behind, Launch, Network, Settings};
use crate::deploy::{OnInterrupt, Release};
use crate::one_off::OneOff;
use crate::rollback::Rollback;
use crate::scale::Scale;
use crate::source::Source;
use crate::status::{Form, Status};
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
  0 done   1 failed   2 wrong arguments   4 rolled back   5 superseded   6 timed out   130 interrupted";

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
    Deploy(Box<DeployArgs>),
    /// Show services with their deployments, tasks, targets and events
    Status(StatusArgs),
    /// Follow a deployment that has begun
    Wait(WaitArgs),
    /// Put a service back on the release that worked before
    Rollback(RollbackArgs),
    /// Set the number of a service's tasks and wait until they run
    Scale(ScaleArgs),
    /// Run a task once and wait until it has ended
    Run(RunArgs),
    /// Look for every problem of a release before it begins, and change nothing
    Verify(Box<crate::verify::args::VerifyArgs>),
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
struct DeployArgs {
    #[command(flatten)]
    place: Place,
    /// A file as RegisterTaskDefinition takes it, or a registered one: ARN, FAMILY:REVISION or FAMILY
    #[arg(long, value_name = "FILE|REF")]
    task_definition: String,
    /// Create the service if there is none
    #[arg(long, requires = "desired_count")]
    create: bool,
    /// Tasks of a service that is created
    #[arg(long, value_name = "N", requires = "create", value_parser = clap::value_parser!(i32).range(0..=5000))]
    desired_count: Option<i32>,
    /// Where tasks of a service that is created run
    #[arg(
        long,
        value_name = "TYPE",
        requires = "create",
        ignore_case = true,
        default_value = "EC2"
    )]
    launch_type: LaunchArg,
    /// Target group of a service that is created, by name or ARN
    #[arg(long, value_name = "NAME", requires_all = ["create", "container", "port"])]
    target_group: Option<String>,
    /// The container that the target group sends to
    #[arg(long, value_name = "NAME", requires = "target_group")]
    container: Option<String>,
    /// Its port
    #[arg(long, value_name = "PORT", requires = "target_group")]
    port: Option<u16>,
    /// For how many seconds after its start a task's bad health is passed over
    #[arg(long, value_name = "SECONDS", requires = "create", value_parser = clap::value_parser!(i32).range(0..))]
    health_grace: Option<i32>,
    /// How many of the desired tasks stay healthy during a release
    #[arg(long, value_name = "PERCENT", requires = "create", default_value_t = 100, value_parser = clap::value_parser!(i32).range(0..=200))]
    minimum_healthy_percent: i32,
    /// How many tasks there may be during a release
    #[arg(long, value_name = "PERCENT", requires = "create", default_value_t = 200, value_parser = clap::value_parser!(i32).range(100..=200))]
    maximum_percent: i32,
    #[command(flatten)]
    network: NetworkArgs,
    /// How long there is for a verdict
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration::parse)]
    timeout: Duration,
    /// Give up when this many tasks have failed of the same
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    failures: u32,
    /// Leave the service as it is when the release fails
    #[arg(long)]
    no_rollback: bool,
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// What an interruption does to the deployment
    #[arg(long, value_name = "WHAT", default_value = "detach")]
    on_interrupt: InterruptArg,
    /// Take the place of a deployment that is in progress
    #[arg(long)]
    supersede: bool,
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
struct ScaleArgs {
    #[command(flatten)]
    place: Place,
    /// How many tasks there shall be
    #[arg(value_name = "COUNT", value_parser = clap::value_parser!(i32).range(0..=5000))]
    count: i32,
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
enum InterruptArg {
    /// It goes on
    Detach,
    /// It is undone
    Rollback,
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
                Command::Deploy(Box::new(args.into_release())),
            ),
            Action::Status(args) => {
                let form = match args.format {
                    Some(FormatArg::Text) => Form::Text,
                    Some(FormatArg::Json) => Form::Json,
                    None if self.output.is_none() && std::io::stdout().is_terminal() => Form::Text,
                    None => Form::Json,
                };
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
                };
                (args.place.cluster, Command::Rollback(rollback))
            }
            Action::Scale(args) => {
                let scale = Scale {
                    service: args.place.service,
                    count: args.count,
                    timeout: args.timeout,
                };
                (args.place.cluster, Command::Scale(scale))
            }
            Action::Verify(args) => args.into_request(self.output.is_some()),
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

impl DeployArgs {
    fn into_release(self) -> Release {
        let behind = match (self.target_group, self.container, self.port) {
            (Some(target_group), Some(container), Some(port)) => Some(Behind {
                target_group,
                container,
                port: i32::from(port),
            }),
            _ => None,
        };
        let create = self.desired_count.map(|desired| Settings {
            desired,
            launch: self.launch_type.into(),
            network: self.network.into(),
            behind,
            health_grace: self.health_grace,
            minimum_healthy_percent: self.minimum_healthy_percent,
            maximum_percent: self.maximum_percent,
        });
        Release {
            service: self.place.service,
            task_definition: Source::of(&self.task_definition),
            create,
            timeout: self.timeout,
            failures: self.failures,
            rolls_back: !self.no_rollback,
            dry_run: self.dry_run,
            on_interrupt: match self.on_interrupt {
                InterruptArg::Detach => OnInterrupt::Detach,
                InterruptArg::Rollback => OnInterrupt::RollBack,
            },
            supersede: self.supersede,
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
