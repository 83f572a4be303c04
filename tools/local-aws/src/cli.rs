//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::{Request, seed, serve};

const EXAMPLES: &str = "\
EXAMPLES
  local-aws serve --state .longshore/local-aws
  local-aws seed --endpoint http://127.0.0.1:PORT --project . --env local
  local-aws down --state .longshore/local-aws
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
        }
    }
}
