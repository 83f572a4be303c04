//! A task as its server sees it: a directory. Everything here works the same for the server that started the task
//! and for one that came later.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::control::{self, Answer, ExecOutcome, Request};
use crate::event::Event;
use crate::lock::Lock;
use crate::log::{self, LogPage};
use crate::remove;
use crate::spec::TaskSpec;

/// Files of a task's directory, as supervisor and server both name them.
pub(crate) const SPEC_FILE: &str = "task.json";
pub(crate) const EVENTS_FILE: &str = "events.jsonl";
pub(crate) const ALIVE_FILE: &str = "alive.lock";

pub(crate) fn log_file(container: &str) -> String {
    format!("{container}.log")
}

/// Why a task could not be asked something.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    #[error("task directory {}: {source}", directory.display())]
    Directory {
        directory: PathBuf,
        source: io::Error,
    },
    /// The supervisor has ended, and with it all containers.
    #[error("the task in {} has ended", directory.display())]
    Ended { directory: PathBuf },
    /// The supervisor says no: there is no such container, it has not started, or it started already.
    #[error("{0}")]
    Refused(String),
    #[error("the task in {} still runs", directory.display())]
    StillRuns { directory: PathBuf },
}

/// Events from an offset on, and the offset to ask for next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    pub events: Vec<Event>,
    pub next: u64,
}

/// A task's directory. Cheap to clone; holds nothing open.
#[derive(Debug, Clone)]
pub struct Task {
    directory: PathBuf,
}

impl Task {
    /// Takes up a task that this or an earlier process started in `directory`. It may have ended long ago.
    pub fn attach(directory: &Path) -> Result<Task, TaskError> {
        let task = Task {
            directory: directory.to_owned(),
        };
        std::fs::metadata(directory.join(SPEC_FILE)).map_err(|source| task.failed(source))?;
        Ok(task)
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the task was started with, except for the values of environment variables: they may be secrets and
    /// are not kept.
    pub fn spec(&self) -> Result<TaskSpec, TaskError> {
        let document =
            std::fs::read(self.directory.join(SPEC_FILE)).map_err(|source| self.failed(source))?;
        serde_json::from_slice(&document).map_err(|error| self.failed(error.into()))
    }

    /// Whether the supervisor runs. It ends right after the event `Finished`.
    pub fn is_alive(&self) -> Result<bool, TaskError> {
        Lock::is_held(&self.directory.join(ALIVE_FILE)).map_err(|source| self.failed(source))
    }

    /// Blocks until the supervisor has ended.
    pub fn wait(&self) -> Result<(), TaskError> {
        Lock::wait_released(&self.directory.join(ALIVE_FILE)).map_err(|source| self.failed(source))
    }

    /// Everything since the byte `offset` (0, or an earlier `next`); never blocks.
    pub fn events(&self, offset: u64) -> Result<EventPage, TaskError> {
        let read = || -> io::Result<EventPage> {
            let mut file = File::open(self.directory.join(EVENTS_FILE))?;
            file.seek(SeekFrom::Start(offset))?;
            let mut page = EventPage {
                events: Vec::new(),
                next: offset,
            };
            let mut reader = BufReader::new(file);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
                page.events.push(serde_json::from_slice(&line)?);
                page.next += line.len() as u64;
                line.clear();
            }
            Ok(page)
        };
        read().map_err(|source| self.failed(source))
    }

    /// At most a mebibyte of a container's log since the byte `offset` (0, or an earlier `next`); never blocks.
    /// Empty for a container that has written nothing yet.
    pub fn logs(&self, container: &str, offset: u64) -> Result<LogPage, TaskError> {
        match File::open(self.directory.join(log_file(container))) {
            Ok(mut file) => log::read(&mut file, offset),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(LogPage {
                records: Vec::new(),
                next: offset,
            }),
            Err(error) => Err(error),
        }
        .map_err(|source| self.failed(source))
    }

    /// Starts a container whose spec says `starts_with_task: false`. Until then it keeps the task alive: stop the task
    /// to be rid of it.
    pub fn start_container(&self, container: &str) -> Result<(), TaskError> {
        self.call(&Request::Start {
            container: container.to_owned(),
        })
        .map(drop)
    }

    /// Sends the stop signal to one container, or to all of them, and SIGKILL once `grace` has passed. Returns at
    /// once; the end shows as events. A second stop can only shorten the grace. Containers that have not started
    /// never will.
    pub fn stop(&self, container: Option<&str>, grace: Duration) -> Result<(), TaskError> {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.call(&Request::Stop {
            container: container.map(str::to_owned),
            grace_ms,
        })
        .map(drop)
    }

    /// Kills everything in the task now.
    pub fn kill(&self) -> Result<(), TaskError> {
        self.stop(None, Duration::ZERO)
    }

    /// Runs a command in a running container, as its user, in its working directory and with its environment;
    /// blocks until it ends or `timeout` has passed. This is what container health checks do.
    pub fn exec(
        &self,
        container: &str,
        argv: &[String],
        timeout: Duration,
    ) -> Result<ExecOutcome, TaskError> {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let request = Request::Exec {
            container: container.to_owned(),
            argv: argv.to_vec(),
            timeout_ms,
        };
        match self.call(&request)? {
            Answer::Executed(outcome) => Ok(outcome),
            other => Err(self.failed(io::Error::other(format!("unexpected answer {other:?}")))),
        }
    }

    /// Deletes the directory of a task that has ended, whatever its containers left there.
    pub fn remove(self) -> Result<(), TaskError> {
        if self.is_alive()? {
            return Err(TaskError::StillRuns {
                directory: self.directory,
            });
        }
        remove::tree(&self.directory).map_err(|source| self.failed(source))
    }

    fn call(&self, request: &Request) -> Result<Answer, TaskError> {
        match control::call(&self.directory, request) {
            Ok(Answer::Refused(reason)) => Err(TaskError::Refused(reason)),
            Ok(answer) => Ok(answer),
            Err(source) if self.is_alive()? => Err(self.failed(source)),
            Err(_) => Err(TaskError::Ended {
                directory: self.directory.clone(),
            }),
        }
    }

    fn failed(&self, source: io::Error) -> TaskError {
        TaskError::Directory {
            directory: self.directory.clone(),
            source,
        }
    }
}

/// The first kilobytes of a text file.
pub(crate) fn head(path: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(path)?.take(4096).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
