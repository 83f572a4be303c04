//! The command line.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::deploy::{self, Creation, Interrupt, Source};
use crate::{Reporting, Request, one_off, scale, status};

const EXAMPLES: &str = "\
EXAMPLES
  deployer deploy --cluster ludlow --service ludlow-prod-api --task-definition task-definition.json
  deployer deploy --cluster ludlow --service ludlow-prod-api --task-definition ludlow-prod-api:41
  deployer status --cluster ludlow --service ludlow-prod-api
  deployer wait ecs-svc/0123456789012345678 --cluster ludlow --service ludlow-prod-api
  deployer rollback --cluster ludlow --service ludlow-prod-api
  deployer run --cluster ludlow --task-definition migrate.json --timeout 10m

EXIT CODES
  0 released, or already so   1 failed   2 wrong arguments   4 rolled back
  5 superseded   6 timed out   130 interrupted";

/// Releases services on Amazon ECS, and says truthfully what became of a release.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// Only warnings and errors on stderr
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Details too
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Write the document to this file instead of stdout
    #[arg(long, value_name = "FILE", global = true)]
    output: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register a task definition and release it, or release an existing revision
    Deploy(Deploy),
    /// Follow a deployment that runs already
    Wait {
        /// `ecs-svc/…`, as `deploy` and UpdateService give it
        deployment: String,
        #[command(flatten)]
        follow: Follow,
    },
    /// Go back to the last revision that was released successfully
    Rollback {
        #[command(flatten)]
        follow: Follow,
    },
    /// Show services, deployments, tasks, targets and their health
    Status {
        /// Cluster
        #[arg(long, value_name = "NAME")]
        cluster: String,
        /// Service; may be repeated
        #[arg(long, value_name = "NAME", required = true)]
        service: Vec<String>,
        /// [default: text on a terminal, json elsewhere]
        #[arg(long)]
        format: Option<Format>,
    },
    /// Change the desired number of tasks
    Scale {
        /// Tasks
        count: u32,
        /// Cluster
        #[arg(long, value_name = "NAME")]
        cluster: String,
        /// Service
        #[arg(long, value_name = "NAME")]
        service: String,
    },
    /// Run a task once; its essential container's exit code decides
    Run {
        /// Cluster
        #[arg(long, value_name = "NAME")]
        cluster: String,
        /// A file as RegisterTaskDefinition takes it, or family:revision or an ARN
        #[arg(long, value_name = "FILE|REVISION")]
        task_definition: String,
        /// What it runs on
        #[arg(long, default_value = "EC2")]
        launch_type: LaunchType,
        /// 30s, 10m, 1h
        #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
        timeout: Duration,
    },
}

#[derive(Debug, ClapArgs)]
struct Follow {
    /// Cluster
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// Service
    #[arg(long, value_name = "NAME")]
    service: String,
    /// Until when there must be a verdict: 30s, 10m, 1h
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration)]
    timeout: Duration,
    /// How many tasks may fail for the same cause before the release is given up
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    failures: u32,
    /// Leave a failed release as it is
    #[arg(long)]
    no_rollback: bool,
    /// What the first Ctrl-C does
    #[arg(long, value_enum, default_value_t = OnInterrupt::Detach)]
    on_interrupt: OnInterrupt,
}

#[derive(Debug, ClapArgs)]
struct Deploy {
    #[command(flatten)]
    follow: Follow,
    /// A file as RegisterTaskDefinition takes it, or family:revision or an ARN
    #[arg(long, value_name = "FILE|REVISION")]
    task_definition: String,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Take the place of a deployment that is in progress
    #[arg(long)]
    supersede: bool,
    /// Create the service if it does not exist
    #[arg(long)]
    create: bool,
    /// For a service that is created: its number of tasks
    #[arg(long, value_name = "N", default_value_t = 1)]
    desired_count: u32,
    /// For a service that is created: what it runs on
    #[arg(long, default_value = "EC2")]
    launch_type: LaunchType,
    /// For a service that is created: the target group in front of it
    #[arg(long, value_name = "NAME", requires_all = ["container", "port"])]
    target_group: Option<String>,
    /// For a service that is created: the container behind the target group
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// For a service that is created: that container's port
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// For a service that is created: seconds in which bad health is ignored
    #[arg(long, value_name = "SECONDS")]
    health_grace: Option<u32>,
    /// For a service that is created: part of the desired count that always serves
    #[arg(long, value_name = "PERCENT", default_value_t = 100)]
    minimum_healthy_percent: u32,
    /// For a service that is created: upper limit of tasks during a release
    #[arg(long, value_name = "PERCENT", default_value_t = 200)]
    maximum_percent: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A table for people
    Text,
    /// One document
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "UPPER")]
enum LaunchType {
    Ec2,
    Fargate,
}

impl LaunchType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ec2 => "EC2",
            Self::Fargate => "FARGATE",
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnInterrupt {
    /// Leave the deployment running
    Detach,
    /// Go back to the revision that worked
    Rollback,
}

impl Args {
    /// The validated request.
    pub fn into_request(self) -> anyhow::Result<Request> {
        let reporting = Reporting {
            output: self.output,
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
        };
        Ok(match self.command {
            Command::Deploy(deploy) => Request::Deploy(Box::new(deploy.into_request(reporting)?)),
            Command::Wait { deployment, follow } => {
                Request::Wait(Box::new(follow.into_request(reporting)), deployment)
            }
            Command::Rollback { follow } => {
                Request::Rollback(Box::new(follow.into_request(reporting)))
            }
            Command::Status {
                cluster,
                service,
                format,
            } => {
                let as_text = match format {
                    Some(Format::Text) => true,
                    Some(Format::Json) => false,
                    None => reporting.output.is_none() && std::io::stdout().is_terminal(),
                };
                Request::Status(status::Request {
                    cluster,
                    services: service,
                    as_text,
                    reporting,
                })
            }
            Command::Scale {
                count,
                cluster,
                service,
            } => Request::Scale(scale::Request {
                cluster,
                service,
                count,
                reporting,
            }),
            Command::Run {
                cluster,
                task_definition,
                launch_type,
                timeout,
            } => Request::Run(one_off::Request {
                cluster,
                source: source(&task_definition),
                launch_type: launch_type.as_str(),
                timeout,
                reporting,
            }),
        })
    }
}

impl Follow {
    fn into_request(self, reporting: Reporting) -> deploy::Request {
        deploy::Request {
            cluster: self.cluster,
            service: self.service,
            source: None,
            creation: None,
            timeout: self.timeout,
            failures: self.failures,
            rolls_back: !self.no_rollback,
            on_interrupt: match self.on_interrupt {
                OnInterrupt::Detach => Interrupt::Detach,
                OnInterrupt::Rollback => Interrupt::RollBack,
            },
            dry_run: false,
            supersede: false,
            reporting,
        }
    }
}

impl Deploy {
    fn into_request(self, reporting: Reporting) -> anyhow::Result<deploy::Request> {
        if self.maximum_percent <= self.minimum_healthy_percent && self.maximum_percent <= 100 {
            return Err(Fault::usage("--maximum-percent must be above 100 or --minimum-healthy-percent below it: no task could be replaced")
                .into());
        }
        let creation = self.create.then(|| Creation {
            desired_count: self.desired_count,
            launch_type: self.launch_type.as_str(),
            balancer: self.target_group.zip(self.container).zip(self.port),
            health_grace: self.health_grace,
            minimum_healthy_percent: self.minimum_healthy_percent,
            maximum_percent: self.maximum_percent,
        });
        Ok(deploy::Request {
            source: Some(source(&self.task_definition)),
            creation,
            dry_run: self.dry_run,
            supersede: self.supersede,
            ..self.follow.into_request(reporting)
        })
    }
}

/// A file is what ends like one or is one; everything else names a revision.
fn source(text: &str) -> Source {
    let is_file = text.ends_with(".json")
        || text.starts_with('.')
        || text.starts_with('/')
        || PathBuf::from(text).is_file();
    if is_file {
        Source::File(PathBuf::from(text))
    } else {
        Source::Revision(text.to_owned())
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let example = "write 30s, 10m or 1h";
    let split = text.len() - text.chars().next_back().map_or(0, char::len_utf8);
    let (digits, unit) = text.split_at(split);
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(example.to_owned()),
    };
    let count: u64 = digits.parse().map_err(|_not_digits| example.to_owned())?;
    count
        .checked_mul(factor)
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or_else(|| example.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3_600)));
        for text in ["", "10", "m", "-1m", "1d", "0s", "ü"] {
            assert_eq!(
                duration(text),
                Err("write 30s, 10m or 1h".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn tells_a_file_from_a_revision() {
        assert_eq!(
            source("task-definition.json"),
            Source::File("task-definition.json".into())
        );
        assert_eq!(source("web:41"), Source::Revision("web:41".to_owned()));
    }
}
