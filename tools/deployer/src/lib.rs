//! Releases task definitions to ECS services and follows them by their ids.
//!
//! Success means that *this* deployment completed. When its tasks die, their reason and last lines are shown
//! within seconds, and the service goes back to the release that worked. It must not know how an image, a
//! task definition or a project comes to be, and it never deregisters anything.

mod balancing;
mod canonical;
pub mod cli;
mod cloud;
mod cluster;
mod create;
mod definition;
mod deploy;
mod duration;
mod failure;
mod follower;
mod history;
mod inspect;
mod interrupt;
mod one_off;
mod plan;
mod rollback;
mod scale;
mod service;
mod source;
mod status;
mod task_log;
mod timeline;
mod trouble;
pub mod update;
mod wait;
mod watch;

use std::path::{Path, PathBuf};

use contract::deployment::{Deployment, Verdict};
use contract::document::labelled;
use contract::exit;
use serde::Serialize;
use toolkit::Console;
use toolkit::console::Verbosity;
use toolkit::file::Secrecy;
use toolkit::output;

use cloud::Cloud;
pub use create::{Behind, Launch, Network, Settings};
pub use deploy::{OnInterrupt, Release};
pub use one_off::OneOff;
pub use rollback::Rollback;
pub use scale::Scale;
pub use source::Source;
pub use status::{Form, Status};
pub use wait::Wait;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Cluster name.
    pub cluster: String,
    /// What to do there.
    pub command: Command,
    /// Where the document goes instead of stdout.
    pub output: Option<PathBuf>,
    /// What is said beside the document.
    pub verbosity: Verbosity,
}

/// What the tool can do.
#[derive(Debug, Clone)]
pub enum Command {
    /// Put a service on a task definition.
    Deploy(Box<Release>),
    /// Show services.
    Status(Status),
    /// Follow a deployment that has begun.
    Wait(Wait),
    /// Put a service back on what worked before.
    Rollback(Rollback),
    /// Set the number of tasks.
    Scale(Scale),
    /// Run a task once.
    Run(OneOff),
}

/// Does it, writes the document and gives the exit code.
pub fn run(request: Request) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let output = request.output.as_deref();
    // A bad file ends it before anybody is called, or credentials are asked for.
    match &request.command {
        Command::Deploy(release) => release.task_definition.read().map(drop)?,
        Command::Run(run) => run.task_definition.read().map(drop)?,
        _ => {}
    }
    aws::block_on(async {
        let cloud = Cloud::new(&aws::config().await?, &request.cluster);
        match &request.command {
            Command::Deploy(release) => conclude(
                &console,
                &deploy::deploy(&cloud, &console, release).await?,
                output,
            ),
            Command::Wait(wait) => {
                conclude(&console, &wait::wait(&cloud, &console, wait).await?, output)
            }
            Command::Rollback(rollback) => conclude(
                &console,
                &rollback::rollback(&cloud, &console, rollback).await?,
                output,
            ),
            Command::Status(status) => show(&cloud, &console, status, output).await,
            Command::Scale(scale) => ended(scale::scale(&cloud, &console, scale).await?, output),
            Command::Run(run) => ended(one_off::run(&cloud, &console, run).await?, output),
        }
    })
}

fn ended<D: Serialize>((document, code): (D, u8), output: Option<&Path>) -> anyhow::Result<u8> {
    output::document(&document, output, Secrecy::Public)?;
    Ok(code)
}

fn conclude(
    console: &Console,
    deployment: &Deployment,
    output: Option<&Path>,
) -> anyhow::Result<u8> {
    output::document(&labelled(deployment), output, Secrecy::Public)?;
    let goes_on = deployment.deployment_id.as_ref().map(|id| {
        format!(
            "`deployer wait {id} --cluster {} --service {}` follows it",
            deployment.cluster, deployment.service
        )
    });
    match deployment.verdict {
        Verdict::Unchanged | Verdict::Planned => {}
        Verdict::Completed => console.success(&deployment.reason),
        Verdict::Failed | Verdict::RolledBack | Verdict::Superseded => {
            console.error(&deployment.reason);
        }
        Verdict::TimedOut | Verdict::Interrupted => {
            console.error(&deployment.reason);
            if let Some(hint) = goes_on {
                console.hint(&hint);
            }
        }
    }
    Ok(deployment.verdict.exit_code())
}

async fn show(
    cloud: &Cloud,
    console: &Console,
    status: &Status,
    output: Option<&Path>,
) -> anyhow::Result<u8> {
    let report = status::look(cloud, console, status).await?;
    match status.form {
        Form::Json => output::document(&report, output, Secrecy::Public)?,
        Form::Text => output::artifact(status::text(&report).as_bytes(), output, Secrecy::Public)?,
    }
    for missing in &report.failures {
        let reason = match missing.reason.as_str() {
            "MISSING" => "there is none of that name",
            other => other,
        };
        console.error(&format!(
            "the service {} of the cluster {}: {reason}",
            missing.service, cloud.cluster.name
        ));
    }
    Ok(if report.failures.is_empty() {
        exit::DONE
    } else {
        exit::FAILED
    })
}
