//! Why tasks of a deployment failed, grouped by cause.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{Container, Task, TaskStopCode};
use contract::deployment::{Failure, LogPlace};

/// Causes, in the order in which they first appeared.
#[derive(Debug, Default)]
pub(super) struct Failures {
    list: Vec<Failure>,
    counted: BTreeSet<String>,
}

/// A task that failed, before it is grouped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) task: String,
    pub(super) stop_code: Option<String>,
    pub(super) reason: String,
    pub(super) container: Option<String>,
    pub(super) exit_code: Option<i32>,
}

impl Failures {
    /// Counts a task once. True if its cause is new.
    pub(super) fn add(&mut self, cause: Cause) -> bool {
        if !self.counted.insert(cause.task.clone()) {
            return false;
        }
        let known = self.list.iter_mut().find(|failure| {
            failure.stop_code == cause.stop_code
                && general(&failure.reason) == general(&cause.reason)
                && failure.container == cause.container
                && failure.exit_code == cause.exit_code
        });
        if let Some(failure) = known {
            failure.count += 1;
            failure.task = cause.task;
            return false;
        }
        self.list.push(Failure {
            count: 1,
            stop_code: cause.stop_code,
            reason: cause.reason,
            container: cause.container,
            exit_code: cause.exit_code,
            task: cause.task,
            log: None,
            last_lines: Vec::new(),
        });
        true
    }

    pub(super) fn has_counted(&self, task: &str) -> bool {
        self.counted.contains(task)
    }

    /// Adds the last lines to the newest cause.
    pub(super) fn explain_last(&mut self, log: Option<LogPlace>, lines: Vec<String>) {
        if let Some(last) = self.list.last_mut() {
            last.log = log;
            last.last_lines = lines;
        }
    }

    /// The cause that has met the limit, if one has.
    pub(super) fn beyond(&self, limit: u32) -> Option<&Failure> {
        self.list.iter().find(|failure| failure.count >= limit)
    }

    /// The cause that was added last.
    pub(super) fn newest(&self) -> Option<&Failure> {
        self.list.last()
    }

    /// The most frequent cause.
    pub(super) fn main(&self) -> Option<&Failure> {
        self.list.iter().max_by_key(|failure| failure.count)
    }

    /// All causes, the most frequent first.
    pub(super) fn into_list(mut self) -> Vec<Failure> {
        self.list
            .sort_by_key(|failure| std::cmp::Reverse(failure.count));
        self.list
    }
}

/// The cause for which a stopped task of the deployment failed; none for one that was stopped on purpose.
pub(super) fn cause(task: &Task, deployment: &str) -> Option<Cause> {
    if task.started_by() != Some(deployment) {
        return None;
    }
    let reason = task.stopped_reason().unwrap_or_default();
    let is_failure = match task.stop_code()? {
        TaskStopCode::TaskFailedToStart | TaskStopCode::EssentialContainerExited => true,
        TaskStopCode::ServiceSchedulerInitiated => {
            reason.contains("failed ELB health checks")
                || reason.contains("failed container health checks")
        }
        _ => false,
    };
    if !is_failure {
        return None;
    }
    let culprit = culprit(task.containers());
    let why = culprit
        .and_then(Container::reason)
        .filter(|text| !reason.contains(text));
    Some(Cause {
        task: task.task_arn().unwrap_or_default().to_owned(),
        stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
        reason: why.map_or_else(|| reason.to_owned(), |why| format!("{reason}: {why}")),
        container: culprit.and_then(Container::name).map(str::to_owned),
        exit_code: culprit.and_then(Container::exit_code),
    })
}

/// The container that ended the task: one that failed, else the only one.
fn culprit(containers: &[Container]) -> Option<&Container> {
    let has_failed = |container: &&Container| {
        container.reason().is_some() || container.exit_code().is_some_and(|code| code != 0)
    };
    containers.iter().find(has_failed).or(containers.first())
}

/// A sentence about a cause: `Essential container in task exited (container api, exit code 1)`.
pub(super) fn sentence(failure: &Failure) -> String {
    let mut details = Vec::new();
    if let Some(container) = &failure.container {
        details.push(format!("container {container}"));
    }
    if let Some(code) = failure.exit_code {
        details.push(format!("exit code {code}"));
    }
    if details.is_empty() {
        failure.reason.clone()
    } else {
        format!("{} ({})", failure.reason, details.join(", "))
    }
}

/// The reason without what differs from task to task: long hexadecimal and decimal numbers.
fn general(reason: &str) -> String {
    let is_id = |word: &str| word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    reason
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !is_id(word))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(arn: &str, code: &str, reason: &str, exit_code: i32) -> Task {
        Task::builder()
            .task_arn(arn)
            .started_by("ecs-svc/2")
            .stop_code(TaskStopCode::from(code))
            .stopped_reason(reason)
            .containers(
                Container::builder()
                    .name("api")
                    .exit_code(exit_code)
                    .build(),
            )
            .build()
    }

    #[test]
    fn groups_tasks_by_cause_and_counts_each_once() {
        let mut failures = Failures::default();
        let add = |failures: &mut Failures, arn: &str, exit_code| {
            failures.add(
                cause(
                    &task(
                        arn,
                        "EssentialContainerExited",
                        "Essential container in task exited",
                        exit_code,
                    ),
                    "ecs-svc/2",
                )
                .unwrap(),
            )
        };
        assert!(add(&mut failures, "a", 1));
        assert!(!add(&mut failures, "b", 1));
        assert!(!add(&mut failures, "b", 1));
        assert!(add(&mut failures, "c", 137));
        assert_eq!(failures.beyond(3), None);
        assert_eq!(
            failures
                .beyond(2)
                .map(|failure| (failure.count, failure.task.as_str())),
            Some((2, "b"))
        );
        assert_eq!(
            sentence(failures.main().unwrap()),
            "Essential container in task exited (container api, exit code 1)"
        );
    }

    #[test]
    fn takes_reasons_that_differ_only_in_ids_for_the_same() {
        let one = "Task failed ELB health checks in (target-group arn:aws:x:targetgroup/a/0123456789abcdef)";
        let other = "Task failed ELB health checks in (target-group arn:aws:x:targetgroup/a/fedcba9876543210)";
        assert_eq!(general(one), general(other));
        assert_ne!(general("exit 1"), general("exit 2"));
    }

    #[test]
    fn passes_over_tasks_that_were_stopped_on_purpose() {
        let cases = [
            (
                "ServiceSchedulerInitiated",
                "Scaling activity initiated by (deployment ecs-svc/3)",
                false,
            ),
            (
                "ServiceSchedulerInitiated",
                "Task failed ELB health checks in (target-group arn)",
                true,
            ),
            ("UserInitiated", "Task stopped by user", false),
            ("TaskFailedToStart", "CannotPullContainerError: x", true),
        ];
        for (code, reason, expected) in cases {
            assert_eq!(
                cause(&task("a", code, reason, 0), "ecs-svc/2").is_some(),
                expected,
                "{reason}"
            );
        }
        assert_eq!(
            cause(&task("a", "TaskFailedToStart", "x", 0), "ecs-svc/1"),
            None
        );
    }
}
