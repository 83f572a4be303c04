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
        let cloud = Cloud::new(&config, &request.cluster);
        match &request.command {
            Command::Deploy(_)
            | Command::Wait(_)
            | Command::Rollback(_)
            | Command::Stop(_)
            | Command::Proceed(_) => release(&cloud, &console, &request.command, output).await,
            Command::Scale(scale) => ended(scale::scale(&cloud, &console, scale).await?, output),
            Command::Verify(it) => {
                verify::run(&console, &config, &request.cluster, it, output).await
            }
            Command::Run(run) => ended(one_off::run(&cloud, &console, run).await?, output),
            Command::Unlock(lock) => ended(unlock::unlock(&cloud, &console, lock).await?, output),
            Command::Group(group) => ended(group::group(&cloud, &console, group).await?, output),
            Command::Init(init) => {
                init::init(&cloud, &console, init).await?;
                Ok(exit::DONE)
            }
            Command::Status(status) => show(&cloud, &console, status, output).await,
            looking => look(&cloud, &console, looking, output).await,
        }
    })
}

/// Commands whose outcome is a deployment.
async fn release(
    cloud: &Cloud,
    console: &Console,
    command: &Command,
    output: Option<&Path>,
) -> anyhow::Result<u8> {
    let (deployment, wants_back) = match command {
        Command::Deploy(release) => (deploy::deploy(cloud, console, release).await?, false),
        Command::Wait(wait) => (wait::wait(cloud, console, wait).await?, false),
        Command::Rollback(rollback) => (rollback::rollback(cloud, console, rollback).await?, true),
        Command::Stop(stop) => (stop::stop(cloud, console, stop).await?, true),
        Command::Proceed(proceed) => {
            let deployment = proceed::proceed(cloud, console, proceed).await?;
            (deployment, proceed.back)
        }
        _ => unreachable!("the caller gives commands that release"),
    };
    // For who asked for the way back, to be back is success.
    if wants_back && deployment.verdict == Verdict::RolledBack {
        output::document(&labelled(&deployment), output, Secrecy::Public)?;
        console.success(&deployment.reason);
        return Ok(exit::DONE);
    }
    conclude(console, &deployment, output)
}

/// Commands that show something and have a form for people.
async fn look(
    cloud: &Cloud,
    console: &Console,
    command: &Command,
    output: Option<&Path>,
) -> anyhow::Result<u8> {
    match command {
        Command::Diff(diff, form) => {
            let found = diff::diff(cloud, diff).await?;
            print(&found, diff::text, *form, output)?;
            Ok(if found.changes.is_empty() {
                exit::DONE
            } else {
                exit::NEGATIVE
            })
        }
        Command::Plan(outlook, form) => {
            let prospect = forecast::gather::outlook(cloud, console, outlook).await?;
            print(&prospect, forecast::gather::text, *form, output)
        }
        Command::Tasks(tasks, form) => print(
            &tasks::tasks(cloud, tasks).await?,
            tasks::text,
            *form,
            output,
        ),
        Command::History(history, form) => {
            let releases = history::history(cloud, history).await?;
            print(&releases, history::text, *form, output)
        }
        Command::Prune(prune, form) => {
            let pruned = prune::prune(cloud, console, prune).await?;
            print(&pruned, prune::text, *form, output)
        }
        _ => unreachable!("the caller gives commands that show"),
    }
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
