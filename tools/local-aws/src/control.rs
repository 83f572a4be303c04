//! Looking after a server from outside: is it there, stop it, remove what it made.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use contract::exit;
use serde_json::{Value, json};
use toolkit::file::Secrecy;
use toolkit::{Console, Fault, output};

use crate::client::Client;
use crate::directory::{Directory, Endpoint, Lock};

/// Tasks have 5 seconds to stop, and requests under way as well.
const PATIENCE: Duration = Duration::from_secs(60);

/// `local-aws status`: one JSON document, whether a server runs or not.
pub fn status(state: &Path) -> anyhow::Result<u8> {
    let document = match running(state)? {
        Some((_, endpoint)) => Client::new(&endpoint.endpoint)?.get("/_local/state")?,
        None => json!({ "kind": "local-aws-state", "schema": 1, "running": false, "state": state }),
    };
    output::document(&document, None, Secrecy::Public)?;
    Ok(exit::DONE)
}

/// `local-aws down`: stops the server and, unless they are kept, its tasks.
pub fn down(state: &Path, keep_tasks: bool) -> anyhow::Result<u8> {
    let console = Console::from_environment();
    match running(state)? {
        Some((directory, endpoint)) => {
            stop(&directory, &endpoint, keep_tasks)?;
            console.status(&format!("the local AWS at {} stopped", endpoint.endpoint));
        }
        None => {
            if !keep_tasks && let Ok(directory) = Directory::existing(state) {
                end_tasks(&directory, &console)?;
            }
            console.status("no local AWS runs here");
        }
    }
    Ok(exit::DONE)
}

/// `local-aws reset`: stops everything and removes it, also what a killed server left.
pub fn reset(state: &Path) -> anyhow::Result<u8> {
    let console = Console::from_environment();
    if !state.exists() {
        console.status(&format!("there is no local AWS in {}", state.display()));
        return Ok(exit::DONE);
    }
    let directory = Directory::existing(state)?;
    if let Some((_, endpoint)) = running(state)? {
        stop(&directory, &endpoint, false)?;
    }
    let lock = acquire(&directory)?;
    end_tasks(&directory, &console)?;
    directory.remove(lock)?;
    console.status(&format!("removed the local AWS in {}", state.display()));
    Ok(exit::DONE)
}

/// The server of a state directory, if one holds it.
pub(crate) fn running(state: &Path) -> anyhow::Result<Option<(Directory, Endpoint)>> {
    if !state.is_dir() {
        return Ok(None);
    }
    let directory = Directory::existing(state)?;
    // The lock tells the truth, also about a server that was killed.
    if directory.try_lock()?.is_some() {
        return Ok(None);
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(endpoint) = directory.endpoint()? {
            return Ok(Some((directory, endpoint)));
        }
        if Instant::now() > deadline {
            bail!(
                "a server holds {} and does not say where it answers",
                directory.path().display()
            );
        }
        pause();
    }
}

fn stop(directory: &Directory, endpoint: &Endpoint, keep_tasks: bool) -> anyhow::Result<()> {
    let tasks = if keep_tasks { "keep" } else { "stop" };
    Client::new(&endpoint.endpoint)?
        .post("/_local/shutdown", &json!({ "tasks": tasks }))
        .with_context(|| format!("cannot stop the local AWS at {}", endpoint.endpoint))?;
    drop(acquire(directory)?);
    Ok(())
}

/// The lock of the directory, as soon as the server has let go of it.
fn acquire(directory: &Directory) -> anyhow::Result<Lock> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(lock) = directory.try_lock()? {
            return Ok(lock);
        }
        if Instant::now() > deadline {
            return Err(Fault::new(
                exit::FAILED,
                format!(
                    "the local AWS of {} does not stop",
                    directory.path().display()
                ),
            )
            .with_hint("its process is in endpoint.json there; end it, and try again")
            .into());
        }
        pause();
    }
}

/// Ends tasks that no server looks after any more, and removes what they left.
fn end_tasks(directory: &Directory, console: &Console) -> anyhow::Result<()> {
    let tasks = directory.path().join("tasks");
    let entries = match std::fs::read_dir(&tasks) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot list {}", tasks.display()));
        }
    };
    for entry in entries {
        let path = entry
            .with_context(|| format!("cannot list {}", tasks.display()))?
            .path();
        // Without a description it was never started.
        let Ok(task) = task_runtime::Task::attach(&path) else {
            continue;
        };
        if task.is_alive()? {
            console.detail(&format!("stopping the task in {}", path.display()));
            match task.stop(None, Duration::from_secs(5)) {
                Ok(()) | Err(task_runtime::TaskError::Ended { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            task.wait()?;
        }
        task.remove()?;
    }
    Ok(())
}

/// A moment between two looks at a lock, which nothing announces.
fn pause() {
    std::thread::park_timeout(Duration::from_millis(20));
}

/// One member of a document, as text.
pub(crate) fn text<'v>(value: &'v Value, path: &str) -> anyhow::Result<&'v str> {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .with_context(|| format!("the answer has no text at {path}"))
}
