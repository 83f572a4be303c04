//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use contract::config::{self, KINDS};
use contract::names::Names;
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::{Command, Request, SimulateFrom};

const EXAMPLES: &str = "\
EXAMPLES
  alarm-creator --project longshore.toml --env prod --service api --dry-run
  alarm-creator --env prod --service api --output alarms.json
  alarm-creator diff --env prod --service api
  alarm-creator list --env prod --service api
  alarm-creator prune --env prod --service api --dry-run
  alarm-creator attach target-5xx no-healthy-host --env prod --service api
  alarm-creator detach --env prod --service api
  alarm-creator preflight --env prod --service api
  alarm-creator test --env prod --service api
  alarm-creator simulate --env prod --service api --days 14 --save history.json
  alarm-creator simulate --env prod --service api --history metrics.csv

EXIT CODES
  0 done   1 failed   2 wrong arguments or configuration
  3 diff: something differs; preflight: alarms do not protect the next deployment; test: an action failed";

/// Creates the CloudWatch alarms that watch an ECS service, and everything that belongs to them.
///
/// Without a command the alarms, the metric filters, the topic with its subscriptions, the dashboard and the
/// deployment alarms of the service are brought to what longshore.toml says.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Sub>,
    /// The project's file
    #[arg(
        long,
        value_name = "FILE",
        default_value = "longshore.toml",
        global = true
    )]
    project: PathBuf,
    /// Environment
    #[arg(long, value_name = "NAME", global = true)]
    env: Option<String>,
    /// Service, by its short name
    #[arg(long, value_name = "NAME", global = true)]
    service: Option<String>,
    /// Show what would change, and change nothing
    #[arg(long, global = true)]
    dry_run: bool,
    /// Write the document to this file instead of stdout
    #[arg(long, value_name = "FILE", global = true)]
    output: Option<PathBuf>,
    /// How long CloudWatch's minute is, for a local AWS whose clock runs faster
    #[arg(long, value_name = "SECONDS", default_value_t = 60, global = true,
          value_parser = clap::value_parser!(i32).range(1..=60))]
    minute: i32,
    /// Only warnings and errors on stderr
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Details too
    #[arg(long, short, conflicts_with = "quiet", global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Bring everything to what longshore.toml says; the same as no command
    Apply,
    /// Show what apply would do; the same as --dry-run
    Plan,
    /// Show what differs, and exit with 3 if anything does
    Diff,
    /// Show the alarms as they are: states, recipients, orphans, protection of deployments
    List,
    /// Delete what this program made once and nobody wants any more
    Prune,
    /// Have the service's deployments stopped and rolled back by alarms
    Attach {
        /// Alarms, such as target-5xx [default: those of alarms.deployment]
        #[arg(value_name = "ALARM")]
        alarms: Vec<String>,
    },
    /// Have the service's deployments stopped by none of its alarms any more
    Detach,
    /// Say whether alarms protect a deployment that starts now, and exit with 3 if they do not
    Preflight,
    /// Set alarms to ALARM and back, and see whether their actions are carried out
    Test {
        /// An alarm, such as cpu-reservation; may be repeated [default: all that have actions]
        #[arg(long, value_name = "ALARM")]
        alarm: Vec<String>,
        /// Also while a deployment is under way that the alarm would roll back
        #[arg(long)]
        force: bool,
    },
    /// Say when each alarm would have rung
    Simulate {
        /// Metrics: the JSON that --save writes, a CSV file, or the answer of get-metric-statistics; may be repeated
        /// [default: the service's own, from CloudWatch]
        #[arg(long, value_name = "FILE", conflicts_with = "days")]
        history: Vec<PathBuf>,
        /// How many days back; CloudWatch keeps minutes for 15
        #[arg(long, value_name = "N", default_value_t = 14,
              value_parser = clap::value_parser!(u16).range(1..=15))]
        days: u16,
        /// Write the metrics to this file
        #[arg(long, value_name = "FILE", conflicts_with = "history")]
        save: Option<PathBuf>,
        /// An alarm, such as target-5xx; may be repeated [default: all]
        #[arg(long, value_name = "ALARM")]
        alarm: Vec<String>,
    },
}

impl Args {
    /// The validated request.
    pub fn into_request(self) -> anyhow::Result<Request> {
        let file = self.project.display().to_string();
        let source = std::fs::read_to_string(&self.project)
            .map_err(|error| Fault::usage(format!("cannot read {file}: {error}")))?;
        let project =
            config::parse(&source, &file).map_err(|problems| Fault::usage(problems.to_string()))?;
        let env = given(self.env, "--env")?;
        let service = given(self.service, "--service")?;
        let environment = project
            .environment(&env)
            .map_err(|error| Fault::usage(error.to_string()))?;
        let Some(settings) = environment.services.get(&service) else {
            let known: Vec<&str> = environment.services.keys().map(String::as_str).collect();
            let message = format!(
                "{file} has no service \"{service}\"; it has {}",
                known.join(", ")
            );
            return Err(Fault::usage(message).into());
        };
        let of_logs = environment.alarms.logs.keys();
        let kinds: Vec<String> = KINDS
            .into_iter()
            .map(str::to_owned)
            .chain(of_logs.map(|name| format!("log-{name}")))
            .collect();
        let (command, dry_run) = self.command.unwrap_or(Sub::Apply).into_command(&kinds)?;
        Ok(Request {
            names: Names::new(&project.app.name, &environment.name),
            app: project.app.name.clone(),
            environment: environment.name.clone(),
            services: environment.services.keys().cloned().collect(),
            settings: settings.clone(),
            thresholds: environment.alarms.clone(),
            service,
            command,
            dry_run: dry_run || self.dry_run,
            output: self.output,
            minute: self.minute,
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
        })
    }
}

impl Sub {
    /// The command, and whether it changes nothing by itself.
    fn into_command(self, kinds: &[String]) -> anyhow::Result<(Command, bool)> {
        Ok(match self {
            Self::Apply => (Command::Apply { strict: false }, false),
            Self::Plan => (Command::Apply { strict: false }, true),
            Self::Diff => (Command::Apply { strict: true }, true),
            Self::List => (Command::List, true),
            Self::Prune => (Command::Prune, false),
            Self::Attach { alarms } => {
                known(&alarms, kinds, &[])?;
                let alarms = (!alarms.is_empty()).then_some(alarms);
                (Command::Attach { alarms }, false)
            }
            Self::Detach => (Command::Detach, false),
            Self::Preflight => (Command::Preflight, true),
            Self::Test { alarm, force } => {
                known(&alarm, kinds, &[crate::HEALTH])?;
                let alarms = alarm;
                (Command::Test { alarms, force }, false)
            }
            Self::Simulate {
                history,
                days,
                save,
                alarm,
            } => {
                known(&alarm, kinds, &[crate::HEALTH])?;
                let from = if history.is_empty() {
                    SimulateFrom::CloudWatch { days, save }
                } else {
                    SimulateFrom::Files(history)
                };
                let alarms = alarm;
                (Command::Simulate { from, alarms }, true)
            }
        })
    }
}

fn given(value: Option<String>, option: &str) -> anyhow::Result<String> {
    value.ok_or_else(|| {
        Fault::usage(format!("{option} is missing"))
            .with_hint(format!("add {option} NAME, as in longshore.toml"))
            .into()
    })
}

fn known(named: &[String], kinds: &[String], more: &[&str]) -> anyhow::Result<()> {
    match named
        .iter()
        .find(|name| !kinds.contains(name) && !more.contains(&name.as_str()))
    {
        None => Ok(()),
        Some(unknown) => {
            let mut all: Vec<&str> = kinds.iter().map(String::as_str).collect();
            all.extend(more);
            Err(Fault::usage(format!(
                "there is no alarm \"{unknown}\"; the alarms are {}",
                all.join(", ")
            ))
            .into())
        }
    }
}
