//! Releases services on ECS, and says truthfully what became of a release.
//!
//! A release is followed by the identity of its deployment, never by time or by the state that a service happens to
//! be in: [`deploy`] succeeds only if *this* deployment completed. It must not know what is in an image, where a task
//! definition comes from, or which alarms there are.

mod address;
mod canonical;
pub mod cli;
mod cloud;
mod definition;
mod deploy;
mod logs;
mod one_off;
mod scale;
mod status;

use std::path::PathBuf;

use toolkit::console::Verbosity;

pub use deploy::{Creation, Interrupt, Source};

/// What is asked for.
#[derive(Debug)]
pub enum Request {
    /// Release a task definition.
    Deploy(Box<deploy::Request>),
    /// Follow a deployment that runs already.
    Wait(Box<deploy::Request>, String),
    /// Go back to the last revision that was released successfully.
    Rollback(Box<deploy::Request>),
    /// Show services, tasks and targets.
    Status(status::Request),
    /// Change the number of tasks.
    Scale(scale::Request),
    /// Run a task once.
    Run(one_off::Request),
}

/// Where a document goes, and what is said beside it.
#[derive(Debug, Clone)]
pub struct Reporting {
    /// A file instead of stdout.
    pub output: Option<PathBuf>,
    /// How much goes to stderr.
    pub verbosity: Verbosity,
}

/// Does what is asked for and gives the exit code.
pub fn run(request: Request) -> anyhow::Result<u8> {
    aws::block_on(async {
        match request {
            Request::Deploy(request) => deploy::run(&request).await,
            Request::Wait(request, id) => deploy::wait(&request, &id).await,
            Request::Rollback(request) => deploy::roll_back(&request).await,
            Request::Status(request) => status::run(&request).await,
            Request::Scale(request) => scale::run(&request).await,
            Request::Run(request) => one_off::run(&request).await,
        }
    })
}
