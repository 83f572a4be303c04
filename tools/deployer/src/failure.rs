//! Failed tasks, grouped by what they failed of. It calls nobody.

use std::collections::HashSet;

use aws_sdk_ecs::types::{Task, TaskStopCode};
use contract::deployment::{Failure, LogPlace};

use crate::service::short;
use crate::task_log::Streams;

/// One task's failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// ARN.
    pub(crate) task: String,
    pub(crate) cause: Cause,
}

/// What a task failed of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) stop_code: Option<String>,
    /// ECS's or the load balancer's words.
    pub(crate) reason: String,
    pub(crate) container: Option<String>,
    pub(crate) exit_code: Option<i32>,
    /// Whether the load balancer found the task in bad health.
    pub(crate) is_target_health: bool,
}

/// What is known of a task of the deployment that was told to stop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It failed.
    Failed(Failed),
    /// It stops, and why is not known yet.
    Undecided,
    /// It was stopped for another reason: scaling, a person, the next release.
    Innocent,
}

/// Why a task of the deployment stopped. `essential` names the containers whose end ends the task.
pub(crate) fn judge(task: &Task, essential: &[String]) -> Judgement {
    let reason = task.stopped_reason().unwrap_or_default();
    let is_target_health = reason.contains("failed ELB health checks");
    let is_failure = match task.stop_code() {
        Some(TaskStopCode::TaskFailedToStart | TaskStopCode::EssentialContainerExited) => true,
        Some(TaskStopCode::ServiceSchedulerInitiated) => {
            is_target_health || reason.contains("failed container health checks")
        }
        _ => false,
    };
    let is_stopped = task.last_status() == Some("STOPPED");
    if !is_failure {
        return if is_stopped || task.stop_code().is_some() {
            Judgement::Innocent
        } else {
            Judgement::Undecided
        };
    }
    let by_exit = task.stop_code() == Some(&TaskStopCode::EssentialContainerExited);
    if by_exit && !is_stopped {
        // Exit codes come with the last status.
        return Judgement::Undecided;
    }
    let culprit = culprit(task, essential);
    let detail = culprit.and_then(|container| container.reason());
    Judgement::Failed(Failed {
        task: task.task_arn().unwrap_or_default().to_owned(),
        cause: Cause {
            stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
            reason: match detail.filter(|detail| !detail.is_empty() && !reason.contains(detail)) {
                Some(detail) if reason.is_empty() => detail.to_owned(),
                Some(detail) => format!("{reason}: {detail}"),
                None => reason.to_owned(),
            },
            container: culprit.and_then(|container| container.name().map(str::to_owned)),
            // What a container ends with after ECS has stopped it says nothing.
            exit_code: culprit.and_then(|c| c.exit_code()).filter(|_| by_exit),
            is_target_health,
        },
    })
}

/// The container that ended the task: an essential one, with an exit of its own rather than by a signal
/// that came after another's end.
fn culprit<'t>(task: &'t Task, essential: &[String]) -> Option<&'t aws_sdk_ecs::types::Container> {
    task.containers().iter().min_by_key(|container| {
        let is_essential = essential
            .iter()
            .any(|name| Some(name.as_str()) == container.name());
        let has_reason = container.reason().is_some_and(|reason| !reason.is_empty());
        let exit = match container.exit_code() {
            _ if has_reason => 0,
            Some(143 | 137) => 2,
            Some(0) => 3,
            Some(_) => 1,
            None => 4,
        };
        (!is_essential, exit)
    })
}

/// The failures of one deployment.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    groups: Vec<Group>,
    counted: HashSet<String>,
}

#[derive(Debug)]
struct Group {
    signature: String,
    is_target_health: bool,
    failure: Failure,
}

impl Failures {
    /// Counts a task once, whatever is said of it later. True if nothing failed of this before.
    pub(crate) fn record(&mut self, failed: Failed, streams: &Streams) -> bool {
        if !self.counted.insert(failed.task.clone()) {
            return false;
        }
        let signature = signature(&failed.cause);
        let log = streams.place(failed.cause.container.as_deref(), short(&failed.task));
        // ECS says only that checks failed; the target's own words came first if they came at all.
        let joins = |group: &&mut Group| {
            group.signature == signature
                || (group.is_target_health
                    && failed.cause.is_target_health
                    && failed.cause.stop_code.is_some())
        };
        if let Some(group) = self.groups.iter_mut().find(joins) {
            group.failure.count += 1;
            group.failure.task = failed.task;
            group.failure.log = log;
            return false;
        }
        self.groups.push(Group {
            signature,
            is_target_health: failed.cause.is_target_health,
            failure: Failure {
                count: 1,
                stop_code: failed.cause.stop_code,
                reason: failed.cause.reason,
                container: failed.cause.container,
                exit_code: failed.cause.exit_code,
                task: failed.task,
                log,
                last_lines: Vec::new(),
            },
        });
        true
    }

    /// Whether this task has been counted.
    pub(crate) fn has(&self, task: &str) -> bool {
        self.counted.contains(task)
    }

    /// The cause of which `limit` tasks or more have failed.
    pub(crate) fn reached(&self, limit: u32) -> Option<&Failure> {
        self.groups
            .iter()
            .map(|group| &group.failure)
            .find(|failure| failure.count >= limit)
    }

    /// All causes.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Failure> {
        self.groups.iter().map(|group| &group.failure)
    }

    /// Places of logs that have not been read yet, with the index to hand the lines in by.
    pub(crate) fn unread(&self) -> Vec<(usize, LogPlace)> {
        let unread = |(index, group): (usize, &Group)| {
            let log = group.failure.log.clone()?;
            group.failure.last_lines.is_empty().then_some((index, log))
        };
        self.groups.iter().enumerate().filter_map(unread).collect()
    }

    pub(crate) fn read(&mut self, index: usize, lines: Vec<String>) {
        if let Some(group) = self.groups.get_mut(index) {
            group.failure.last_lines = lines;
        }
    }

    /// The most frequent first.
    pub(crate) fn into_document(mut self) -> Vec<Failure> {
        self.groups
            .sort_by_key(|group| std::cmp::Reverse(group.failure.count));
        self.groups.into_iter().map(|group| group.failure).collect()
    }

    /// The most frequent cause.
    pub(crate) fn main(&self) -> Option<&Failure> {
        // The first of equals: max_by_key gives the last.
        let failures = self.groups.iter().rev().map(|group| &group.failure);
        failures.max_by_key(|failure| failure.count)
    }
}

/// Whether another attempt must fail of the same: what the task needs is not there, which no retry changes. ECS
/// itself has tried several times before it says so.
pub(crate) fn is_definite(failure: &Failure) -> bool {
    let reason = failure.reason.as_str();
    let is_image = reason.contains("CannotPull")
        && [
            ": not found",
            "manifest unknown",
            "does not exist",
            "does not contain descriptor matching platform",
            "no matching manifest",
        ]
        .iter()
        .any(|words| reason.contains(words));
    let is_secret = reason.contains("ResourceInitializationError")
        && [
            "ParameterNotFound",
            "ResourceNotFoundException",
            "invalid parameters",
            "did not contain json key",
            "can't find the specified secret",
        ]
        .iter()
        .any(|words| reason.contains(words));
    is_image || is_secret
}

/// `3 tasks failed: Essential container in task exited (container api, exit code 1)`.
pub(crate) fn sentence(failure: &Failure) -> String {
    let tasks = toolkit::console::counted(u64::from(failure.count), "task");
    let cause = Cause {
        stop_code: failure.stop_code.clone(),
        reason: failure.reason.clone(),
        container: failure.container.clone(),
        exit_code: failure.exit_code,
        is_target_health: false,
    };
    format!("{tasks} failed: {}", explained(&cause))
}

/// `Essential container in task exited (container api, exit code 1)`.
pub(crate) fn explained(cause: &Cause) -> String {
    let container = cause
        .container
        .as_ref()
        .map(|container| format!("container {container}"));
    let exit = cause.exit_code.map(|code| format!("exit code {code}"));
    let notes: Vec<String> = container.into_iter().chain(exit).collect();
    let reason = match &cause.stop_code {
        Some(code) if cause.reason.is_empty() => code,
        _ => &cause.reason,
    };
    if notes.is_empty() {
        reason.clone()
    } else {
        format!("{reason} ({})", notes.join(", "))
    }
}

/// What tasks that failed of the same have in common: all but ids, addresses and ports.
fn signature(cause: &Cause) -> String {
    format!(
        "{:?} {} {:?} {:?}",
        cause.stop_code,
        without_ids(&cause.reason),
        cause.container,
        cause.exit_code
    )
}

/// Runs of at least eight hexadecimal digits, dashes between them included, become `*`.
fn without_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    let flush = |run: &mut String, out: &mut String| {
        let is_id = run.len() >= 8 && run.contains(|c: char| c.is_ascii_digit());
        out.push_str(if is_id { "*" } else { run });
        run.clear();
    };
    for c in text.chars() {
        if c.is_ascii_hexdigit() || c == '-' {
            run.push(c);
        } else {
            flush(&mut run, &mut out);
            out.push(c);
        }
    }
    flush(&mut run, &mut out);
    out
}

#[cfg(test)]
mod tests;
