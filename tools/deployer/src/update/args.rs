//! The command line of `deployer update`: that of `ecs deploy`.

use std::time::Duration;

use clap::{ArgAction, Args};

use super::private::Private;
use super::refused::Refused;
use crate::duration;

const EXAMPLES: &str = "\
EXAMPLES
  deployer update prod api --region eu-central-1                 redeploy as it is, images pulled again
  deployer update prod api -t 1.4.2                              all containers to this tag
  deployer update prod api -i web repo/web@sha256:4f0c... --task-memory 1024
  deployer update prod api -e web LOG_LEVEL debug -s web DB_PASSWORD arn:aws:ssm:...:parameter/db
  deployer update prod api --env-file web prod.env --exclusive-env --dry-run
  deployer update prod api -c web '[\"sh\", \"-c\", \"exec app --port 80\"]' --timeout -1

The flags are those of `ecs deploy` (ecs-deploy 1.17.0); so -h is --health-check, and help is --help.
REFUSED, each with the equivalent: --access-key-id --secret-access-key --account --assume-role
  --deregister --newrelic-* --slack-*";

/// Clone the task definition of a service, patch it, and release it: the flags of `ecs deploy`
#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    disable_help_flag = true,
    args_override_self = true,
    next_help_heading = "Options"
)]
pub(crate) struct UpdateArgs {
    /// Cluster
    #[arg(value_name = "CLUSTER")]
    pub(super) cluster: String,
    /// Service
    #[arg(value_name = "SERVICE")]
    pub(super) service: String,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
    #[command(flatten)]
    pub(super) containers: ContainerArgs,
    #[command(flatten)]
    pub(super) lists: ListArgs,
    #[command(flatten)]
    pub(super) exclusive: ExclusiveArgs,
    #[command(flatten)]
    pub(super) task: TaskArgs,
    #[command(flatten)]
    pub(super) release: ReleaseArgs,
    #[command(flatten)]
    pub(super) refused: Refused,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Containers")]
pub(super) struct ContainerArgs {
    /// Tag of every container's image, but for those of --image
    #[arg(long, short, value_name = "TAG", allow_hyphen_values = true)]
    pub(super) tag: Option<String>,
    /// Image of a container
    #[arg(long, short, num_args = 2, value_names = ["CONTAINER", "IMAGE"], allow_hyphen_values = true)]
    pub(super) image: Vec<String>,
    /// Command of a container: words split at white space, or a JSON list
    #[arg(long, short, num_args = 2, value_names = ["CONTAINER", "COMMAND"], allow_hyphen_values = true)]
    pub(super) command: Vec<String>,
    /// Health check of a container; the times are seconds
    #[arg(long, short = 'h', num_args = 6, allow_hyphen_values = true,
        value_names = ["CONTAINER", "COMMAND", "INTERVAL", "TIMEOUT", "RETRIES", "START_PERIOD"])]
    pub(super) health_check: Vec<String>,
    /// CPU units of a container
    #[arg(long, num_args = 2, value_names = ["CONTAINER", "UNITS"], allow_hyphen_values = true)]
    pub(super) cpu: Vec<String>,
    /// Hard memory limit of a container
    #[arg(long, num_args = 2, value_names = ["CONTAINER", "MIB"], allow_hyphen_values = true)]
    pub(super) memory: Vec<String>,
    /// Soft memory limit of a container
    #[arg(long, num_args = 2, value_names = ["CONTAINER", "MIB"], allow_hyphen_values = true)]
    pub(super) memoryreservation: Vec<String>,
    /// Whether a container is privileged
    #[arg(long, num_args = 2, value_names = ["CONTAINER", "BOOL"], allow_hyphen_values = true)]
    pub(super) privileged: Vec<String>,
    /// Whether the task ends with a container
    #[arg(long, num_args = 2, value_names = ["CONTAINER", "BOOL"], allow_hyphen_values = true)]
    pub(super) essential: Vec<String>,
    /// Log configuration of a container, in place of the one it has; once for each option of the driver
    #[arg(long, short, num_args = 4, allow_hyphen_values = true,
        value_names = ["CONTAINER", "DRIVER", "OPTION", "VALUE"])]
    pub(super) log: Vec<Private>,
    /// Add a container, which --image must give an image
    #[arg(long, value_name = "CONTAINER", allow_hyphen_values = true)]
    pub(super) add_container: Vec<String>,
    /// Remove a container
    #[arg(long, value_name = "CONTAINER", allow_hyphen_values = true)]
    pub(super) remove_container: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Lists of a container: add an item, or change the one of that name")]
pub(super) struct ListArgs {
    /// Environment variable
    #[arg(long, short, num_args = 3, value_names = ["CONTAINER", "NAME", "VALUE"], allow_hyphen_values = true)]
    pub(super) env: Vec<Private>,
    /// Environment variables of a file of NAME=VALUE lines; --env and earlier files win
    #[arg(long, num_args = 2, value_names = ["CONTAINER", "FILE"], allow_hyphen_values = true)]
    pub(super) env_file: Vec<String>,
    /// Environment file in S3, by ARN, which the task reads when it starts
    #[arg(long, num_args = 2, value_names = ["CONTAINER", "ARN"], allow_hyphen_values = true)]
    pub(super) s3_env_file: Vec<String>,
    /// Secret, by the name or ARN of a parameter or the ARN of a secret
    #[arg(long, short, num_args = 3, value_names = ["CONTAINER", "NAME", "REF"], allow_hyphen_values = true)]
    pub(super) secret: Vec<String>,
    /// Secrets of a file of NAME=REF lines; --secret and earlier files win
    #[arg(long, num_args = 2, value_names = ["CONTAINER", "FILE"], allow_hyphen_values = true)]
    pub(super) secrets_env_file: Vec<String>,
    /// Docker label
    #[arg(long, short, num_args = 3, value_names = ["CONTAINER", "NAME", "VALUE"], allow_hyphen_values = true)]
    pub(super) docker_label: Vec<String>,
    /// Ulimit
    #[arg(long, short, num_args = 4, value_names = ["CONTAINER", "NAME", "SOFT", "HARD"], allow_hyphen_values = true)]
    pub(super) ulimit: Vec<String>,
    /// Kernel parameter
    #[arg(long, num_args = 3, value_names = ["CONTAINER", "NAMESPACE", "VALUE"], allow_hyphen_values = true)]
    pub(super) system_control: Vec<String>,
    /// Port mapping (tcp)
    #[arg(long, short, num_args = 3, value_names = ["CONTAINER", "CONTAINER_PORT", "HOST_PORT"], allow_hyphen_values = true)]
    pub(super) port: Vec<String>,
    /// Mount point of a volume, writable
    #[arg(long, short, num_args = 3, value_names = ["CONTAINER", "VOLUME", "PATH"], allow_hyphen_values = true)]
    pub(super) mount: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Lists of all containers: only what this command line gives")]
pub(super) struct ExclusiveArgs {
    /// No other environment variables
    #[arg(long)]
    pub(super) exclusive_env: bool,
    /// No other environment files in S3
    #[arg(long)]
    pub(super) exclusive_s3_env_file: bool,
    /// No other secrets
    #[arg(long)]
    pub(super) exclusive_secrets: bool,
    /// No other Docker labels
    #[arg(long)]
    pub(super) exclusive_docker_labels: bool,
    /// No other ulimits
    #[arg(long)]
    pub(super) exclusive_ulimits: bool,
    /// No other kernel parameters
    #[arg(long)]
    pub(super) exclusive_system_controls: bool,
    /// No other port mappings
    #[arg(long)]
    pub(super) exclusive_ports: bool,
    /// No other mount points
    #[arg(long)]
    pub(super) exclusive_mounts: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Task")]
pub(super) struct TaskArgs {
    /// Start from this task definition instead of the service's: ARN, FAMILY:REVISION or FAMILY
    #[arg(long, value_name = "REF")]
    pub(super) task: Option<String>,
    /// CPU units of the task
    #[arg(long, value_name = "UNITS", allow_hyphen_values = true, value_parser = clap::value_parser!(i32).range(1..))]
    pub(super) task_cpu: Option<i32>,
    /// Memory of the task
    #[arg(long, value_name = "MIB", allow_hyphen_values = true, value_parser = clap::value_parser!(i32).range(1..))]
    pub(super) task_memory: Option<i32>,
    /// Role of the containers
    #[arg(long, short, value_name = "ARN")]
    pub(super) role: Option<String>,
    /// Role that pulls images, reads secrets and writes logs
    #[arg(long, short = 'x', value_name = "ARN")]
    pub(super) execution_role: Option<String>,
    /// What the task runs on, for example ARM64 LINUX
    #[arg(long, num_args = 2, value_names = ["CPU", "SYSTEM"], action = ArgAction::Set)]
    pub(super) runtime_platform: Option<Vec<String>>,
    /// Volume of the host; those given replace all that there are
    #[arg(long, num_args = 2, value_names = ["NAME", "PATH"], allow_hyphen_values = true)]
    pub(super) volume: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Release")]
pub(super) struct ReleaseArgs {
    /// How many tasks the service shall have from now on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..=5000))]
    pub(super) desired_count: Option<i32>,
    /// How long there is for a verdict, in seconds or as 90s, 15m, 2h; -1 waits for none
    #[arg(long, value_name = "TIME", default_value = "15m", allow_hyphen_values = true, value_parser = patience)]
    pub(super) timeout: Patience,
    /// Wait for no verdict, as --timeout -1
    #[arg(long)]
    pub(super) no_wait: bool,
    /// Longest pause between two looks at the service, in seconds [default: adaptive]
    #[arg(long, value_name = "SECONDS", value_parser = duration::parse)]
    pub(super) sleep_time: Option<Duration>,
    /// Go on although a task finds no place
    #[arg(long)]
    pub(super) ignore_warnings: bool,
    /// Start new tasks although nothing changes
    #[arg(long)]
    pub(super) force_new_deployment: bool,
    /// Go back to the release that worked when this one fails [the default]
    #[arg(long, overrides_with = "no_rollback")]
    pub(super) rollback: bool,
    /// Leave the service as it is when the release fails
    #[arg(long, overrides_with = "rollback")]
    pub(super) no_rollback: bool,
    /// Show what changes in the task definition [the default]
    #[arg(long, overrides_with = "no_diff")]
    pub(super) diff: bool,
    /// Do not show it
    #[arg(long, overrides_with = "diff")]
    pub(super) no_diff: bool,
    /// Keep the old revision: always so
    #[arg(long, overrides_with = "deregister")]
    no_deregister: bool,
    /// What the record of this release says about it
    #[arg(long, value_name = "TEXT")]
    pub(super) comment: Option<String>,
    /// Who releases, for the record
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// How long to wait for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Not at all.
    None,
    /// This long.
    For(Duration),
}

fn patience(text: &str) -> Result<Patience, String> {
    match text {
        "-1" => Ok(Patience::None),
        _ => duration::parse(text)
            .map(Patience::For)
            .map_err(|problem| format!("{problem}; -1 waits for no verdict")),
    }
}
