//! The local AWS: what Longshore's tools call, on one machine, without an account.
//!
//! It speaks AWS's wire protocols and really does what they ask: images are stored, tasks run, traffic
//! flows, health is checked, alarms fire. It must not know the tools, nor share a type with them beyond
//! `contract` and `toolkit`: a mistake shared by both sides would be seen by neither.

use std::path::PathBuf;

pub mod account;
pub mod autoscaling;
pub mod cli;
mod client;
pub mod clock;
pub mod cloud;
pub mod cloudwatch;
pub mod control;
pub mod directory;
pub mod ec2;
pub mod ecr;
pub mod ecs;
pub mod elb;
pub mod faults;
pub mod iam;
pub mod logs;
mod page;
pub mod protocol;
pub mod s3;
mod sealed;
pub mod secrets;
pub mod seed;
pub mod serve;
pub mod server;
pub mod sns;
pub mod ssm;
pub mod state;
pub mod sts;

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// Serve a state directory.
    Serve(serve::Request),
    /// Stop a server.
    Down {
        /// The directory of its state.
        state: PathBuf,
        /// Whether its tasks run on.
        keep_tasks: bool,
    },
    /// Say whether a server runs.
    Status {
        /// The directory of its state.
        state: PathBuf,
    },
    /// Remove all that a server made.
    Reset {
        /// The directory of its state.
        state: PathBuf,
    },
    /// Create an environment's resources.
    Seed(seed::Request),
    /// Have a server do something wrong.
    Fault(faults::Request),
}

/// Does it.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    match request {
        Request::Serve(request) => serve::run(request),
        Request::Down { state, keep_tasks } => control::down(state, *keep_tasks),
        Request::Status { state } => control::status(state),
        Request::Reset { state } => control::reset(state),
        Request::Seed(request) => seed::run(request),
        Request::Fault(request) => faults::run(request),
    }
}
