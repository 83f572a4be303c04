//! The command line.

use std::path::PathBuf;

use clap::Parser;
use contract::config;
use contract::names::Names;
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::Request;

const EXAMPLES: &str = "\
EXAMPLES
  alarm-creator --project longshore.toml --env prod --service api --dry-run
  alarm-creator --project longshore.toml --env prod --service api --output alarms.json

EXIT CODES
  0 done   1 failed   2 wrong arguments or configuration";

/// Creates the CloudWatch alarms that watch an ECS service.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    /// The project's file
    #[arg(long, value_name = "FILE", default_value = "longshore.toml")]
    project: PathBuf,
    /// Environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Service, by its short name
    #[arg(long, value_name = "NAME")]
    service: String,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the document to this file instead of stdout
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
        let file = self.project.display().to_string();
        let source = std::fs::read_to_string(&self.project)
            .map_err(|error| Fault::usage(format!("cannot read {file}: {error}")))?;
        let project =
            config::parse(&source, &file).map_err(|problems| Fault::usage(problems.to_string()))?;
        let environment = project
            .environment(&self.env)
            .map_err(|error| Fault::usage(error.to_string()))?;
        let Some(settings) = environment.services.get(&self.service) else {
            let known: Vec<&str> = environment.services.keys().map(String::as_str).collect();
            let message = format!(
                "{file} has no service \"{}\"; it has {}",
                self.service,
                known.join(", ")
            );
            return Err(Fault::usage(message).into());
        };
        Ok(Request {
            names: Names::new(&project.app.name, &environment.name),
            settings: settings.clone(),
            thresholds: environment.alarms.clone(),
            service: self.service,
            dry_run: self.dry_run,
            output: self.output,
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
        })
    }
}
