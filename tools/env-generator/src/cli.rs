//! The command line.

use std::path::PathBuf;

use clap::Parser;
use contract::config;
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::Request;

const EXAMPLES: &str = "\
EXAMPLES
  env-generator --project longshore.toml --env prod --output environment.json
  env-generator --env prod --offline | jq .secrets
  env-generator --env dev --output environment.json --env-file dev.env
  docker run --env-file dev.env IMAGE

EXIT CODES
  0 done   1 failed   2 wrong arguments or configuration, or a secret that does not exist";

/// Puts the environment of a project's containers together: plain variables and references to secrets.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    /// The project's file
    #[arg(long, value_name = "FILE", default_value = "longshore.toml")]
    project: PathBuf,
    /// Environment
    #[arg(long, value_name = "NAME")]
    env: String,
    /// Do not ask AWS whether the secrets exist
    #[arg(long, conflicts_with = "env_file")]
    offline: bool,
    /// Also write a file with all values, secrets included, in the form of `docker run --env-file`
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
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
        let settings = project
            .environment(&self.env)
            .map_err(|error| Fault::usage(error.to_string()))?;
        // Origins are read by people on other machines, whose directories are others.
        let file_name = self.project.file_name().unwrap_or_default();
        Ok(Request {
            environment: settings.name.clone(),
            region: project.app.region.clone(),
            file: file_name.to_string_lossy().into_owned(),
            variables: settings.variables.clone(),
            secrets: settings.secrets.clone(),
            offline: self.offline,
            env_file: self.env_file,
            output: self.output,
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
        })
    }
}
