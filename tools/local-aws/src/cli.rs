//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::{Request, serve};

const EXAMPLES: &str = "\
EXAMPLES
  local-aws serve --state .longshore/local-aws
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
    },
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
            } => {
                if !(speed.is_finite() && speed > 0.0) {
                    return Err(Fault::usage(format!("--speed {speed} is not above 0")).into());
                }
                Ok(Request::Serve(serve::Request {
                    state,
                    port,
                    speed,
                    region,
                    verbosity,
                }))
            }
        }
    }
}
