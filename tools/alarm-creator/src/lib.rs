//! Creates the alarms that watch an ECS service, from the thresholds of longshore.toml or from what the service has
//! been doing: plan, then apply. With them go their metric filters, topic, dashboard, and the deployment alarms.
//!
//! Which alarms there are, and why, is in [`set`], which calls nobody. It must not know how a release goes; it only
//! makes sure that somebody notices when one goes wrong.

mod apply;
pub mod cli;
mod cloud;
mod dashboard;
mod definition;
mod deployment;
mod drill;
mod history;
mod learn;
mod list;
mod math;
mod orphans;
mod plan;
mod protection;
mod prune;
mod recipients;
mod say;
mod set;
mod simulate;
mod survey;

use std::collections::BTreeMap;
use std::path::PathBuf;

use contract::config::{Alarms as Thresholds, Service};
use contract::names::Names;
use toolkit::Console;
use toolkit::console::Verbosity;

use cloud::Cloud;
pub(crate) use set::HEALTH;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The application.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// Short names of all services of the environment.
    pub services: Vec<String>,
    /// Short name of the service.
    pub service: String,
    /// Its settings.
    pub settings: Service,
    /// The environment's thresholds and recipients.
    pub thresholds: Thresholds,
    /// The names of the environment's resources.
    pub names: Names,
    /// What to do.
    pub command: Command,
    /// Whether to change nothing.
    pub dry_run: bool,
    /// Where the document goes instead of stdout.
    pub output: Option<PathBuf>,
    /// How long CloudWatch's minute is, in seconds.
    pub minute: i32,
    /// What is said beside the document.
    pub verbosity: Verbosity,
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Command {
    /// Bring everything to what longshore.toml says.
    Apply {
        /// Whether a difference is a negative verdict.
        strict: bool,
    },
    /// Show what there is.
    List,
    /// Delete what nobody wants any more.
    Prune,
    /// Have deployments watch alarms.
    Attach {
        /// Their kinds; none for those of longshore.toml.
        alarms: Option<Vec<String>>,
    },
    /// Have deployments watch none of the service's alarms.
    Detach,
    /// Say whether alarms protect the next deployment.
    Preflight,
    /// Try the actions of alarms.
    Test {
        /// Their kinds; none for all that have actions.
        alarms: Vec<String>,
        /// Also during a deployment.
        force: bool,
    },
    /// Say when alarms would have rung.
    Simulate {
        /// Where the metrics come from.
        from: SimulateFrom,
        /// Kinds of alarms; none for all.
        alarms: Vec<String>,
    },
}

/// Where the metrics of a simulation come from.
#[derive(Debug, Clone)]
pub enum SimulateFrom {
    /// The service's own.
    CloudWatch {
        /// How many days back.
        days: u16,
        /// Where they are written to as well.
        save: Option<PathBuf>,
    },
    /// Files.
    Files(Vec<PathBuf>),
}

impl Request {
    /// What tells whose an alarm is.
    fn tags(&self) -> BTreeMap<String, String> {
        [
            ("managed-by", "longshore"),
            ("app", &self.app),
            ("environment", &self.environment),
            ("service", &self.service),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
    }

    /// Whether a name is one of this service's: that of `api-admin` begins as those of `api` do.
    fn owns(&self, name: &str) -> bool {
        self.owner(name) == Some(self.service.as_str())
    }

    /// Whether a name is of this environment, and of no service that it has.
    fn is_nobodys(&self, name: &str) -> bool {
        name.starts_with(&self.names.prefix()) && self.owner(name).is_none()
    }

    fn owner(&self, name: &str) -> Option<&str> {
        self.services
            .iter()
            .filter(|service| name.starts_with(&format!("{}-", self.names.service(service))))
            .max_by_key(|service| service.len())
            .map(String::as_str)
    }

    fn is_dashboard_wanted(&self, name: &str) -> bool {
        self.services
            .iter()
            .any(|service| self.names.dashboard(service) == name)
    }
}

/// Does what is asked for, and writes its document.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    if let Command::Simulate {
        from: from @ SimulateFrom::Files(_),
        alarms,
    } = &request.command
    {
        return simulate::document::of_files(request, &console, alarms, from);
    }
    aws::block_on(async {
        let cloud = Cloud::new(&aws::config().await?);
        match &request.command {
            Command::Apply { strict } => apply::run(&cloud, request, &console, *strict).await,
            Command::List => list::run(&cloud, request, &console).await,
            Command::Prune => prune::run(&cloud, request, &console).await,
            Command::Attach { alarms } => {
                deployment::attach(&cloud, request, &console, alarms.as_deref()).await
            }
            Command::Detach => deployment::detach(&cloud, request, &console).await,
            Command::Preflight => deployment::preflight(&cloud, request, &console).await,
            Command::Test { alarms, force } => {
                drill::run(&cloud, request, &console, alarms, *force).await
            }
            Command::Simulate { from, alarms } => {
                simulate::document::of_service(&cloud, request, &console, alarms, from).await
            }
        }
    })
}
