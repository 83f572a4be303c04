//! The arguments of a release.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args as Group, FromArgMatches as _, ValueEnum};

use super::{LaunchArg, NetworkArgs, Place};
use crate::Command;
use crate::create::{Behind, Settings};
use crate::duration;
use crate::one_off::OneOff;
use crate::release::{LockWish, Otherwise, Release};
use crate::smoke::{Expectation, Smoke};
use crate::source::Source;

#[derive(Debug, Group)]
pub(super) struct DeployArgs {
    #[command(flatten)]
    place: Place,
    /// A file as RegisterTaskDefinition takes it, or a registered one: ARN, FAMILY:REVISION or FAMILY
    #[arg(long, value_name = "FILE|REF")]
    task_definition: String,
    /// Run this task before the service is touched; may be repeated. One that fails ends the release
    #[arg(long, value_name = "FILE|REF")]
    first: Vec<String>,
    /// How long such a task may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse, requires = "first")]
    first_timeout: Duration,
    /// Create the service if there is none
    #[arg(long, requires = "desired_count")]
    create: bool,
    /// Tasks of a service that is created
    #[arg(long, value_name = "N", requires = "create", value_parser = clap::value_parser!(i32).range(0..=5000))]
    desired_count: Option<i32>,
    /// Where tasks run that go first, or of a service that is created
    #[arg(long, value_name = "TYPE", ignore_case = true, default_value = "EC2")]
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
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(0..))]
    health_grace: Option<i32>,
    /// How many of the desired tasks stay healthy during a release
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(i32).range(0..=200))]
    minimum_healthy_percent: Option<i32>,
    /// How many tasks there may be during a release
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(i32).range(100..=200))]
    maximum_percent: Option<i32>,
    #[command(flatten)]
    network: NetworkArgs,
    /// Replace the tasks even if nothing has changed
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    following: Following,
}

#[derive(Debug, Group)]
pub(super) struct GroupArgs {
    /// Cluster
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// JSON file: {"services": [{"service", "taskDefinition", "after"?, "first"?, "smoke"?}]}
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Send the whole group back when one of its services fails
    #[arg(long)]
    rollback_group: bool,
    #[command(flatten)]
    following: Following,
}

impl GroupArgs {
    pub(super) fn into_command(self) -> (String, Command) {
        let group = crate::Group {
            file: self.file,
            pattern: self
                .following
                .into_release(String::new(), Source::Live, None),
            rolls_back_all: self.rollback_group,
        };
        (self.cluster, Command::Group(Box::new(group)))
    }
}

/// How a deployment is begun, followed and ended; the same for every command that begins one.
#[derive(Debug, Group)]
pub(super) struct Following {
    /// How long there is for a verdict
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration::parse)]
    timeout: Duration,
    /// How long the way back may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    rollback_timeout: Duration,
    /// Give up when this many tasks have failed of the same
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    failures: u32,
    /// Give up when ECS has found no room for a task for so long
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration::parse)]
    placement_timeout: Duration,
    /// Leave the service as it is when the release fails
    #[arg(long)]
    no_rollback: bool,
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// End as soon as the deployment has begun; `deployer wait` follows it
    #[arg(long)]
    no_wait: bool,
    /// What an interruption does to the deployment
    #[arg(long, value_name = "WHAT", default_value = "detach")]
    on_interrupt: OtherwiseArg,
    /// What the end of the time does to the deployment
    #[arg(long, value_name = "WHAT", default_value = "detach")]
    on_timeout: OtherwiseArg,
    /// Take the place of a deployment that is in progress
    #[arg(long, conflicts_with = "wait_lock")]
    supersede: bool,
    /// Wait for another's deployment and deploy lock, so long [default without a TIME: 15m]
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "15m", value_parser = duration::parse)]
    wait_lock: Option<Duration>,
    /// Do without the deploy lock
    #[arg(long, conflicts_with = "wait_lock")]
    no_lock: bool,
    /// Who holds the lock, for others to read [default: what CI or the machine says]
    #[arg(long, value_name = "NAME", conflicts_with = "no_lock")]
    lock_owner: Option<String>,
    /// What the lock is for, for others to read
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    message: String,
    /// Hold autoscaling up until the deployment has ended
    #[arg(long)]
    suspend_autoscaling: bool,
    /// Ask the released service, through its load balancer, and go back if it answers otherwise; may be repeated
    #[arg(long, value_name = "/PATH[=STATUS[:WORDS]]", value_parser = Expectation::parse)]
    smoke: Vec<Expectation>,
    /// How long it has to answer so
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse, requires = "smoke")]
    smoke_timeout: Duration,
    /// Look up where the service answers
    #[arg(long)]
    url: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OtherwiseArg {
    /// It goes on
    Detach,
    /// It is undone
    Rollback,
}

impl From<OtherwiseArg> for Otherwise {
    fn from(otherwise: OtherwiseArg) -> Self {
        match otherwise {
            OtherwiseArg::Detach => Self::Detach,
            OtherwiseArg::Rollback => Self::RollBack,
        }
    }
}

impl Following {
    /// As the command line has it where no flag is given.
    pub(super) fn usual() -> Self {
        let matches = Self::augment_args(clap::Command::new("usual")).get_matches_from([""]);
        Self::from_arg_matches(&matches)
            .unwrap_or_else(|_| unreachable!("every flag has a default"))
    }

    /// A release that is followed like this. `output` is where its document goes, and where an earlier one may be.
    pub(super) fn into_release(
        self,
        service: String,
        task_definition: Source,
        output: Option<&Path>,
    ) -> Release {
        Release {
            timeout: self.timeout,
            return_timeout: self.rollback_timeout,
            failures: self.failures,
            placement: self.placement_timeout,
            rolls_back: !self.no_rollback,
            dry_run: self.dry_run,
            no_wait: self.no_wait,
            on_interrupt: self.on_interrupt.into(),
            on_timeout: self.on_timeout.into(),
            supersede: self.supersede,
            lock: LockWish {
                none: self.no_lock,
                patience: self.wait_lock,
                owner: self.lock_owner,
                message: self.message,
            },
            suspend_scaling: self.suspend_autoscaling,
            smoke: Smoke {
                expectations: self.smoke,
                patience: self.smoke_timeout,
            },
            with_url: self.url,
            earlier: output.map(Path::to_owned),
            ..Release::back(&service, task_definition)
        }
    }
}

impl DeployArgs {
    pub(super) fn into_command(self, output: Option<&Path>) -> (String, Command) {
        let cluster = self.place.cluster.clone();
        let release = self.into_release(output);
        (cluster, Command::Deploy(Box::new(release)))
    }

    fn into_release(self, output: Option<&Path>) -> Release {
        let behind = match (self.target_group, self.container, self.port) {
            (Some(target_group), Some(container), Some(port)) => Some(Behind {
                target_group,
                container,
                port: i32::from(port),
            }),
            _ => None,
        };
        let network = self.network.into();
        let launch = self.launch_type.into();
        let first = self
            .first
            .iter()
            .map(|task| OneOff {
                task_definition: Source::of(task),
                launch,
                network: crate::create::Network::clone(&network),
                timeout: self.first_timeout,
                change: crate::one_off::Change::default(),
            })
            .collect();
        let task_definition = Source::of(&self.task_definition);
        Release {
            create: self.create,
            settings: Settings {
                desired: self.desired_count,
                count: None,
                launch: Some(launch),
                network,
                behind,
                health_grace: self.health_grace,
                minimum_healthy_percent: self.minimum_healthy_percent,
                maximum_percent: self.maximum_percent,
            },
            first,
            force: self.force,
            ..self
                .following
                .into_release(self.place.service, task_definition, output)
        }
    }
}
