//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::{Request, faults, seed, serve};

const EXAMPLES: &str = "\
EXAMPLES
  local-aws serve --state .longshore/local-aws
  local-aws seed --endpoint http://127.0.0.1:PORT --project . --env local
  local-aws down --state .longshore/local-aws
  local-aws fault add --state .longshore/local-aws --service ecs --fault throttle --count 3
  aws --endpoint-url http://127.0.0.1:PORT ecs list-clusters

EXIT CODES
  0 done   1 failed   2 wrong arguments";

/// AWS on this machine: images, tasks, load balancers, logs, alarms, without an account.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// Only warnings and errors on stderr
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Details too: a line for every request
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM, SIGINT or `down`; one JSON line on stdout says where
    Serve {
        /// Directory of the state; made if it is not there
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        /// Port on 127.0.0.1 [default: the one of the last time, else a free one]
        #[arg(long, value_name = "N")]
        port: Option<u16>,
        /// How many times faster than AWS its waits pass; 1 is AWS's own pace
        #[arg(long, value_name = "FACTOR", default_value_t = 20.0)]
        speed: f64,
        /// Region that ARNs name [default: the one of the last time, else us-east-1]
        #[arg(long, value_name = "REGION")]
        region: Option<String>,
        /// How tasks run
        #[arg(long, value_enum, default_value_t = Isolation::Auto)]
        runtime: Isolation,
    },
    /// Stop the server and its tasks; the state stays
    Down {
        /// Directory of the state
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        /// Let the tasks run on
        #[arg(long)]
        keep_tasks: bool,
    },
    /// Say as JSON whether a server runs, and where
    Status {
        /// Directory of the state
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
    },
    /// Stop the server and its tasks, and remove everything that it made
    Reset {
        /// Directory of the state
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
    },
    /// Create the resources that a project's environment is released to, where they are missing
    Seed {
        /// Where the server answers
        #[arg(long, value_name = "URL")]
        endpoint: String,
        /// Directory of the project
        #[arg(long, value_name = "DIR")]
        project: PathBuf,
        /// Environment
        #[arg(long, value_name = "NAME")]
        env: String,
    },
    /// Have a running server do something wrong, for tests and rehearsals; JSON says which rules there are then
    #[command(subcommand)]
    Fault(FaultCommand),
}

#[derive(Debug, Subcommand)]
enum FaultCommand {
    /// Add a rule
    Add {
        /// Directory of the state
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        #[command(flatten)]
        rule: RuleArgs,
    },
    /// Say which rules there are, and how often each was applied
    List {
        /// Directory of the state
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
    },
    /// Forget all rules
    Clear {
        /// Directory of the state
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct RuleArgs {
    /// Service by the name that signatures have for it, such as ecs or elasticloadbalancing; * is any
    #[arg(long, value_name = "NAME")]
    service: String,
    /// Operation; * is any
    #[arg(long, value_name = "NAME", default_value = "*")]
    operation: String,
    /// What goes wrong
    #[arg(long, value_enum)]
    fault: faults::Kind,
    /// For delay: how much later the answer comes, in milliseconds
    #[arg(long, value_name = "N")]
    delay_ms: Option<u64>,
    /// Requests that pass before it begins
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: u64,
    /// Requests that meet it [default: no end]
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Milliseconds after which it ends [default: no end]
    #[arg(long, value_name = "N")]
    for_ms: Option<u64>,
    /// How likely a request meets it
    #[arg(long, value_name = "0..1", default_value_t = 1.0)]
    probability: f64,
    /// What the dice begin with; the same seed gives the same faults
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// For cut: the first, the third and so on come after the operation was carried out
    #[arg(long)]
    after: bool,
}

impl RuleArgs {
    fn into_rule(self) -> anyhow::Result<faults::Rule> {
        let rule = faults::Rule {
            service: self.service,
            operation: self.operation,
            fault: self.fault,
            delay_ms: self.delay_ms,
            skip: self.skip,
            count: self.count,
            for_ms: self.for_ms,
            probability: self.probability,
            seed: self.seed,
            after: self.after,
        };
        rule.check().map_err(Fault::usage)?;
        Ok(rule)
    }
}

impl FaultCommand {
    fn into_request(self) -> anyhow::Result<faults::Request> {
        let (state, change) = match self {
            Self::Add { state, rule } => (state, faults::Change::Add(rule.into_rule()?)),
            Self::List { state } => (state, faults::Change::List),
            Self::Clear { state } => (state, faults::Change::Clear),
        };
        Ok(faults::Request { state, change })
    }
}

/// How tasks are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// By namespaces where the machine allows them, otherwise not at all
    Auto,
    /// By namespaces, or not at all if they are refused: then the server does not start
    Namespaces,
    /// Not at all
    Process,
}

impl Args {
    /// The validated request.
    pub fn into_request(self) -> anyhow::Result<Request> {
        let verbosity = Verbosity::from_flags(self.quiet, self.verbose);
        match self.command {
            Command::Serve {
                state,
                port,
                speed,
                region,
                runtime,
            } => {
                if !(speed.is_finite() && speed > 0.0) {
                    return Err(Fault::usage(format!("--speed {speed} is not above 0")).into());
                }
                Ok(Request::Serve(serve::Request {
                    state,
                    port,
                    speed,
                    region,
                    runtime,
                    verbosity,
                }))
            }
            Command::Down { state, keep_tasks } => Ok(Request::Down { state, keep_tasks }),
            Command::Status { state } => Ok(Request::Status { state }),
            Command::Reset { state } => Ok(Request::Reset { state }),
            Command::Seed {
                endpoint,
                project,
                env,
            } => Ok(Request::Seed(seed::Request {
                endpoint,
                project,
                env,
            })),
            Command::Fault(command) => Ok(Request::Fault(command.into_request()?)),
        }
    }
}
