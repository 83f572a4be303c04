//! The command line of `deployer verify`.

use std::path::Path;

use clap::Args;

use super::{FormatArg, LaunchArg, form};
use crate::Command;
use crate::service::Balanced;
use crate::source::Source;
use crate::verify::{Flags, Verify};

const EXAMPLES: &str = "\
EXAMPLES
  deployer verify --cluster prod --service api --task-definition task-definition.json
  deployer verify --cluster prod --service api --task-definition api:41 --format text
  deployer verify --cluster prod --service new --task-definition task-definition.json \\
    --target-group api --container api --port 8080 --desired-count 2

EXIT CODES
  0 no problem   1 nothing could be looked at   2 wrong arguments   3 problems";

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct VerifyArgs {
    /// Cluster
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// Service; what it has is taken for what no flag says
    #[arg(long, value_name = "NAME")]
    service: String,
    /// A file as RegisterTaskDefinition takes it, or a registered one: ARN, FAMILY:REVISION or FAMILY
    #[arg(long, value_name = "FILE|REF")]
    task_definition: String,
    /// Target group, by name or ARN
    #[arg(long, value_name = "NAME", requires_all = ["container", "port"])]
    target_group: Option<String>,
    /// The container that the target group sends to
    #[arg(long, value_name = "NAME", requires = "target_group")]
    container: Option<String>,
    /// Its port
    #[arg(long, value_name = "PORT", requires = "target_group", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Where the tasks run
    #[arg(long, value_name = "TYPE", ignore_case = true)]
    launch_type: Option<LaunchArg>,
    /// How many tasks there shall be
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    desired_count: Option<i32>,
    /// How many of the desired tasks stay healthy during a release
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(i32).range(0..=200))]
    minimum_healthy_percent: Option<i32>,
    /// How many tasks there may be during a release
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(i32).range(100..=1000))]
    maximum_percent: Option<i32>,
    /// For how many seconds after its start a task's bad health is passed over
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(0..))]
    health_grace: Option<i32>,
    /// Alarm that ends the release; may be repeated
    #[arg(long, value_name = "NAME")]
    alarm: Vec<String>,
    /// Subnet of tasks with a network of their own; may be repeated
    #[arg(long, value_name = "ID")]
    subnet: Vec<String>,
    /// Security group of such tasks; may be repeated
    #[arg(long, value_name = "ID")]
    security_group: Vec<String>,
    /// How it is written [default: text on a terminal, json elsewhere]
    #[arg(long)]
    format: Option<FormatArg>,
}

impl VerifyArgs {
    /// The cluster, and what to verify there. `output` is where the document goes.
    pub(super) fn into_command(self, output: Option<&Path>) -> (String, Command) {
        let balanced = match (self.target_group, self.container, self.port) {
            (Some(target_group), Some(container), Some(port)) => Some(Balanced {
                target_group,
                container,
                port: i32::from(port),
            }),
            _ => None,
        };
        let verify = Verify {
            service: self.service,
            task_definition: Source::of(&self.task_definition),
            form: form(self.format, output),
            flags: Flags {
                desired: self.desired_count,
                minimum_percent: self.minimum_healthy_percent,
                maximum_percent: self.maximum_percent,
                launch: self.launch_type.map(Into::into),
                balanced,
                grace: self.health_grace,
                subnets: self.subnet,
                security_groups: self.security_group,
                alarms: self.alarm,
            },
        };
        (self.cluster, Command::Verify(Box::new(verify)))
    }
}
