//! Releases task definitions to ECS services and follows them by their ids.
//!
//! Success means that *this* deployment completed. When its tasks die, their reason and last lines are shown
//! within seconds, and the service goes back to the release that worked. It must not know how an image, a
//! task definition or a project comes to be, and it never deregisters anything.

mod balancing;
mod before;
mod board;
mod canonical;
pub mod cli;
mod cloud;
mod cluster;
mod create;
mod definition;
mod deploy;
mod diff;
mod duration;
mod failure;
mod follower;
mod forecast;
mod group;
mod history;
mod init;
mod inspect;
mod interrupt;
mod last_good;
mod lock;
mod one_off;
mod patched;
mod plan;
mod proceed;
mod prune;
mod record;
mod release;
mod rollback;
mod scale;
mod scaling;
mod service;
mod settle;
mod smoke;
mod source;
mod status;
mod stop;
mod table;
mod task_log;
mod tasks;
mod timeline;
mod trouble;
mod unlock;
mod update;
mod verify;
mod wait;
mod watch;

use std::path::{Path, PathBuf};

use aws::SdkConfig;
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
pub use diff::Diff;
pub use forecast::gather::Outlook;
pub use group::Group;
pub use history::History;
pub use init::Init;
pub use one_off::OneOff;
pub use proceed::Proceed;
pub use prune::Prune;
pub use release::{LockWish, Otherwise, Release};
pub use rollback::Rollback;
pub use scale::Scale;
pub use smoke::{Expectation, Smoke};
pub use source::Source;
pub use status::{Form, Status};
pub use stop::Stop;
pub use tasks::Tasks;
pub use unlock::Unlock;
pub use update::{Change, Changes, Patch, Update};
pub use verify::Verify;
pub use wait::Wait;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Cluster name.
    pub cluster: String,
    /// What to do there.
    pub command: Command,
    /// Region in place of the environment's.
    pub region: Option<String>,
    /// Profile in place of the environment's.
    pub profile: Option<String>,
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
    /// End a deployment that is in progress.
    Stop(Stop),
    /// Release several services.
    Group(Box<Group>),
    /// Tell a deployment that waits at a hook how it goes on.
    Proceed(Proceed),
    /// Show what a release would change.
    Diff(Diff, Form),
    /// Show what a release would change, need and take.
    Plan(Outlook, Form),
    /// Show a service's tasks.
    Tasks(Tasks, Form),
    /// Show a service's releases.
    History(History, Form),
    /// Deregister revisions that nothing refers to.
    Prune(Prune, Form),
    /// Write down the task definition of a service that runs.
    Init(Init),
    /// Show or remove the deploy lock.
    Unlock(Unlock),
    /// Set the number of tasks.
    Scale(Scale),
    /// Run a task once.
    Run(OneOff),
    /// Look for every problem of a release before it begins.
    Verify(Box<Verify>),
}

/// Does it, writes the document and gives the exit code.
pub fn run(request: Request) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let output = request.output.as_deref();
    // A bad file ends it before anybody is called, or credentials are asked for.
    match &request.command {
        Command::Deploy(release) => {
            release.task_definition.read().map(drop)?;
            for task in &release.first {
                task.task_definition.read().map(drop)?;
            }
        }
        Command::Run(run) => run.task_definition.read().map(drop)?,
        _ => {}
    }
    aws::block_on(async {
        let config = aws::config_for(request.region.as_deref(), request.profile.as_deref()).await?;
        carry_out(&config, &console, &request, output).await
    })
}

async fn carry_out(
    config: &SdkConfig,
    console: &Console,
    request: &Request,
    output: Option<&Path>,
) -> anyhow::Result<u8> {
    let cloud = &Cloud::new(config, &request.cluster);
    let release = |ended: Deployment| conclude(console, &ended, output);
    let way_back = |ended: Deployment| conclude_way_back(console, &ended, output);
    match &request.command {
        Command::Deploy(it) => release(deploy::deploy(cloud, console, it).await?),
        Command::Wait(it) => release(wait::wait(cloud, console, it).await?),
        Command::Rollback(it) => way_back(rollback::rollback(cloud, console, it).await?),
        Command::Stop(it) => way_back(stop::stop(cloud, console, it).await?),
        Command::Proceed(it) if it.back => way_back(proceed::proceed(cloud, console, it).await?),
        Command::Proceed(it) => release(proceed::proceed(cloud, console, it).await?),
        Command::Scale(it) => ended(scale::scale(cloud, console, it).await?, output),
        Command::Run(it) => ended(one_off::run(cloud, console, it).await?, output),
        Command::Unlock(it) => ended(unlock::unlock(cloud, console, it).await?, output),
        Command::Group(it) => ended(group::group(cloud, console, it).await?, output),
        Command::Verify(it) => verify::run(console, config, &request.cluster, it, output).await,
        Command::Init(it) => init::init(cloud, console, it).await.map(|()| exit::DONE),
        Command::Status(it) => show(cloud, console, it, output).await,
        Command::Diff(it, form) => {
            let found = diff::diff(cloud, it).await?;
            let printed = print(&found, diff::text, *form, output)?;
            Ok(if found.changes.is_empty() {
                printed
            } else {
                exit::NEGATIVE
            })
        }
        Command::Plan(it, form) => {
            let prospect = forecast::gather::outlook(cloud, console, it).await?;
            print(&prospect, forecast::gather::text, *form, output)
        }
        Command::Tasks(it, form) => {
            print(&tasks::tasks(cloud, it).await?, tasks::text, *form, output)
        }
        Command::History(it, form) => {
            let releases = history::history(cloud, it).await?;
            print(&releases, history::text, *form, output)
        }
        Command::Prune(it, form) => {
            let pruned = prune::prune(cloud, console, it).await?;
            print(&pruned, prune::text, *form, output)
        }
    }
}

/// For who asked for the way back, to be back is success.
fn conclude_way_back(
    console: &Console,
    deployment: &Deployment,
    output: Option<&Path>,
) -> anyhow::Result<u8> {
    if deployment.verdict != Verdict::RolledBack {
        return conclude(console, deployment, output);
    }
    output::document(&labelled(deployment), output, Secrecy::Public)?;
    console.success(&deployment.reason);
    Ok(exit::DONE)
}

fn print<D: Serialize>(
    document: &D,
    text: fn(&D) -> String,
    form: Form,
    output: Option<&Path>,
) -> anyhow::Result<u8> {
    match form {
        Form::Json => output::document(document, output, Secrecy::Public)?,
        Form::Text => output::artifact(text(document).as_bytes(), output, Secrecy::Public)?,
    }
    Ok(exit::DONE)
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
        Verdict::Refused => {
            console.error(&deployment.reason);
            console.hint(&refusal_hint(deployment));
        }
        Verdict::Started => {
            console.status(&deployment.reason);
            if let Some(hint) = goes_on {
                console.hint(&hint);
            }
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

/// What to do about whoever is in the way.
fn refusal_hint(deployment: &Deployment) -> String {
    let (cluster, service) = (&deployment.cluster, &deployment.service);
    let place = format!("--cluster {cluster} --service {service}");
    match &deployment.deployment_id {
        Some(id) => format!(
            "wait for it with --wait-lock or `deployer wait {id} {place}`, or take its place with --supersede"
        ),
        None => format!(
            "wait for it with --wait-lock; `deployer lock {place} --remove` removes the lock of an owner that is gone"
        ),
    }
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
