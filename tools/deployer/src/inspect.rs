//! Finds out why tasks of a deployment fail, while they do.

use std::collections::{HashMap, HashSet};

use aws_sdk_ecs::types::{DesiredStatus, Task};
use tokio::time::{Duration, Instant};
use toolkit::Console;

use crate::balancing::Target;
use crate::cloud::Cloud;
use crate::failure::{Cause, Failed, Failures, Judgement, explained, judge};
use crate::service::{Balanced, Event, Service, short};
use crate::task_log::Streams;
use crate::timeline::Timeline;
use crate::trouble::Trouble;

/// Lines may be visible a little later than the end of their task: that many looks.
const LOOKS: u32 = 20;
/// Tasks that have stopped are looked for at least every so many looks, whatever ECS counts.
const SWEEP: u32 = 6;

/// Tasks of one deployment, as ECS counts them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) running: i32,
    pub(crate) failed: i32,
}

/// Looks at the tasks of one deployment.
#[derive(Debug)]
pub(crate) struct Inspector {
    deployment: String,
    streams: Streams,
    pub(crate) failures: Failures,
    /// Tasks of which nothing more is to be learnt.
    decided: HashSet<String>,
    /// What events say of the health of tasks, by task id.
    said: HashMap<String, String>,
    /// Since when a target is in bad health.
    unhealthy: HashMap<(String, i32), Instant>,
    instances: HashMap<String, String>,
    looks: HashMap<usize, u32>,
    /// What this process may not look at; said once.
    blind: HashSet<&'static str>,
    /// How many tasks of the deployment ran, and how many had failed, at the last look.
    counts: Counts,
    /// Whether events since the last look of tasks tell of bad health.
    is_suspicious: bool,
    /// Whether a task has stopped of which it is not yet known why.
    is_undecided: bool,
    /// Since when there is no room for a task, and ECS's words for it.
    unplaced: Option<(Instant, String)>,
    round: u32,
}

impl Inspector {
    pub(crate) fn new(deployment: &str, streams: Streams) -> Self {
        Self {
            deployment: deployment.to_owned(),
            streams,
            failures: Failures::default(),
            decided: HashSet::new(),
            said: HashMap::new(),
            unhealthy: HashMap::new(),
            instances: HashMap::new(),
            looks: HashMap::new(),
            blind: HashSet::new(),
            counts: Counts::default(),
            is_suspicious: false,
            is_undecided: false,
            unplaced: None,
            round: 0,
        }
    }

    /// Since when ECS finds no room for a task, and what it says of that.
    pub(crate) fn unplaced(&self) -> Option<(Instant, &str)> {
        let (since, event) = self.unplaced.as_ref()?;
        Some((*since, event.as_str()))
    }

    /// Takes note of what events say.
    pub(crate) fn hear(&mut self, events: &[Event]) {
        for event in events {
            let text = event.text.as_str();
            if text.contains("was unable to place a task") {
                self.unplaced
                    .get_or_insert_with(|| (Instant::now(), text.trim_end_matches('.').to_owned()));
            } else if text.contains(" has started ") {
                self.unplaced = None;
            }
            self.is_suspicious |= ["unhealthy", "failed", "unable"]
                .iter()
                .any(|word| text.contains(word));
            if let Some((task, reason)) = bad_health(&event.text) {
                self.said.insert(task.to_owned(), reason.to_owned());
            }
        }
    }

    /// Looks at tasks that have stopped and at targets, when there is reason to; says each new cause at once,
    /// with the last lines of its task. `counts` are ECS's own; `is_over` asks for all that can be known.
    pub(crate) async fn look(
        &mut self,
        cloud: &Cloud,
        console: &Console,
        service: &Service,
        timeline: &mut Timeline,
        counts: Counts,
        is_over: bool,
    ) -> Result<(), Trouble> {
        self.round += 1;
        let is_sweep = self.round.is_multiple_of(SWEEP);
        let is_worse = counts.failed != self.counts.failed || counts.running < self.counts.running;
        if is_worse || self.is_suspicious || self.is_undecided || is_sweep || is_over {
            let stopped = self.stopped(cloud, service).await;
            for failed in self.seen(console, "stopped tasks", stopped)? {
                self.say(console, timeline, None, failed);
            }
            self.is_suspicious = false;
        }
        self.counts = counts;
        // Bad health shows in the target group before ECS acts on it.
        if is_sweep {
            for balanced in &service.balanced {
                let found = self.targets(cloud, service, balanced).await;
                for (target, failed) in self.seen(console, "targets' health", found)? {
                    self.say(console, timeline, Some(&target), failed);
                }
            }
        }
        self.read(cloud, console).await
    }

    /// Something that cannot be looked at for good, for want of a permission for example, is no reason to
    /// stop following.
    fn seen<T: Default>(
        &mut self,
        console: &Console,
        what: &'static str,
        result: Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        match result {
            Err(Trouble::Final(error)) => {
                if self.blind.insert(what) {
                    console.warning(&format!("going on without a view of {what}: {error:#}"));
                }
                Ok(T::default())
            }
            other => other,
        }
    }

    fn say(
        &mut self,
        console: &Console,
        timeline: &mut Timeline,
        target: Option<&Target>,
        failed: Failed,
    ) {
        let cause = failed.cause.clone();
        let task = short(&failed.task).to_owned();
        if !self.failures.record(failed, &self.streams) {
            return;
        }
        let text = match target {
            Some(target) => format!(
                "target {}:{} is unhealthy: {} (task {task})",
                target.id, target.port, cause.reason
            ),
            None => format!("task {task} failed: {}", explained(&cause)),
        };
        console.warning(&text);
        timeline.note(&text);
    }

    async fn stopped(&mut self, cloud: &Cloud, service: &Service) -> Result<Vec<Failed>, Trouble> {
        let listed = cloud
            .watching
            .tasks_of(&service.name, DesiredStatus::Stopped)
            .await?;
        self.is_undecided = false;
        let new: Vec<String> = listed.difference(&self.decided).cloned().collect();
        let mut failures = Vec::new();
        for task in cloud.watching.tasks(&new).await? {
            let arn = task.task_arn().unwrap_or_default();
            let judgement = if task.started_by() == Some(self.deployment.as_str()) {
                judge(&task, self.streams.essential())
            } else {
                Judgement::Innocent
            };
            match judgement {
                Judgement::Undecided => {
                    self.is_undecided = true;
                    continue;
                }
                Judgement::Innocent => {}
                Judgement::Failed(mut failed) => {
                    if let Some(said) = self.said.get(short(arn))
                        && failed.cause.is_target_health
                    {
                        failed.cause.reason.clone_from(said);
                        failed.cause.container =
                            service.balanced.first().map(|b| b.container.clone());
                    }
                    failures.push(failed);
                }
            }
            self.decided.insert(arn.to_owned());
        }
        Ok(failures)
    }

    /// Tasks of the deployment whose targets are unhealthy, for longer than the service's grace period.
    async fn targets(
        &mut self,
        cloud: &Cloud,
        service: &Service,
        balanced: &Balanced,
    ) -> Result<Vec<(Target, Failed)>, Trouble> {
        let targets = cloud
            .watched_balancing
            .targets(&balanced.target_group)
            .await?;
        let grace = Duration::from_secs(u64::try_from(service.grace_seconds).unwrap_or(0));
        let now = Instant::now();
        let bad: Vec<Target> = targets
            .into_iter()
            .filter(|target| target.state == "unhealthy")
            .collect();
        self.unhealthy
            .retain(|key, _| bad.iter().any(|t| (&t.id, t.port) == (&key.0, key.1)));
        let bad: Vec<Target> = bad
            .into_iter()
            .filter(|target| {
                let since = self
                    .unhealthy
                    .entry((target.id.clone(), target.port))
                    .or_insert(now);
                now.duration_since(*since) >= grace
            })
            .collect();
        if bad.is_empty() {
            return Ok(Vec::new());
        }
        let running = cloud
            .watching
            .tasks_of(&service.name, DesiredStatus::Running)
            .await?;
        let tasks = cloud.watching.tasks(&Vec::from_iter(running)).await?;
        let ours: Vec<Task> = tasks
            .into_iter()
            .filter(|task| task.started_by() == Some(self.deployment.as_str()))
            .collect();
        self.learn_instances(cloud, &ours).await;
        let mut found = Vec::new();
        for target in bad {
            let of_target = |task: &&Task| is_endpoint(task, balanced, &target, &self.instances);
            if let Some(task) = ours.iter().find(of_target)
                && !self.failures.has(task.task_arn().unwrap_or_default())
            {
                let failed = unhealthy(task, balanced, &target);
                found.push((target, failed));
            }
        }
        Ok(found)
    }

    /// Without a view of the instances, a target is told by its port alone.
    async fn learn_instances(&mut self, cloud: &Cloud, tasks: &[Task]) {
        let unknown: HashSet<String> = tasks
            .iter()
            .filter_map(|task| task.container_instance_arn())
            .filter(|arn| !self.instances.contains_key(*arn))
            .map(str::to_owned)
            .collect();
        if unknown.is_empty() || self.blind.contains("instances") {
            return;
        }
        match cloud.watching.instances(&Vec::from_iter(unknown)).await {
            Ok(instances) => self.instances.extend(instances),
            Err(Trouble::Final(_)) => {
                self.blind.insert("instances");
            }
            Err(Trouble::Passing(_)) => {}
        }
    }

    /// Shows the last lines of causes that have none yet.
    async fn read(&mut self, cloud: &Cloud, console: &Console) -> Result<(), Trouble> {
        for (index, place) in self.failures.unread() {
            let looks = self.looks.entry(index).or_default();
            *looks += 1;
            if *looks > LOOKS {
                continue;
            }
            let lines = cloud.last_lines(&place).await;
            let lines = self.seen(console, "the tasks' log lines", lines)?;
            if !lines.is_empty() {
                console.status(&format!("last lines of {}:", place.stream));
                console.untrusted(&lines);
                self.failures.read(index, lines);
            }
        }
        Ok(())
    }
}

fn unhealthy(task: &Task, balanced: &Balanced, target: &Target) -> Failed {
    Failed {
        task: task.task_arn().unwrap_or_default().to_owned(),
        cause: Cause {
            stop_code: None,
            reason: target
                .reason
                .clone()
                .unwrap_or_else(|| "the target is unhealthy".to_owned()),
            container: Some(balanced.container.clone()),
            exit_code: None,
            is_target_health: true,
        },
    }
}

/// Whether a target is this task's container: by address in a network of its own, else by instance and port.
fn is_endpoint(
    task: &Task,
    balanced: &Balanced,
    target: &Target,
    instances: &HashMap<String, String>,
) -> bool {
    let instance = task
        .container_instance_arn()
        .and_then(|arn| instances.get(arn));
    task.containers().iter().any(|container| {
        let by_address = container.network_interfaces().iter().any(|interface| {
            interface.private_ipv4_address() == Some(target.id.as_str())
                && target.port == balanced.port
        });
        let by_port = container.network_bindings().iter().any(|binding| {
            binding.container_port() == Some(balanced.port)
                && binding.host_port() == Some(target.port)
        });
        container.name() == Some(balanced.container.as_str())
            && (by_address || (by_port && instance.is_none_or(|id| *id == target.id)))
    })
}

/// Task id and reason of an event such as `(service S) (task T) (port P) is unhealthy in (target-group ARN)
/// due to (reason R).`
fn bad_health(event: &str) -> Option<(&str, &str)> {
    let (who, why) = event.split_once(" is unhealthy in ")?;
    let (_, task) = who.split_once("(task ")?;
    let (task, _) = task.split_once(')')?;
    let (_, reason) = why.split_once("(reason ")?;
    let reason = reason.trim_end_matches('.');
    Some((task, reason.strip_suffix(')').unwrap_or(reason)))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Container, NetworkBinding, NetworkInterface};

    use super::*;

    #[test]
    fn hears_what_an_event_says_of_a_task() {
        let heard = bad_health(
            "(service web) (task 12ab) [EC2: (instance i-1)] (port 32768) is unhealthy in (target-group arn:aws:x) due to (reason Health checks failed with these codes: [500]).",
        );
        assert_eq!(
            heard,
            Some(("12ab", "Health checks failed with these codes: [500]"))
        );
        assert_eq!(
            bad_health("(service web) has reached a steady state."),
            None
        );
    }

    #[test]
    fn finds_the_task_of_a_target() {
        let balanced = Balanced {
            target_group: "g".to_owned(),
            container: "api".to_owned(),
            port: 8080,
        };
        let binding = NetworkBinding::builder()
            .container_port(8080)
            .host_port(32768);
        let bridge = Task::builder()
            .container_instance_arn("arn:i")
            .containers(
                Container::builder()
                    .name("api")
                    .network_bindings(binding.build())
                    .build(),
            )
            .build();
        let interface = NetworkInterface::builder().private_ipv4_address("10.0.0.7");
        let own = Task::builder()
            .containers(
                Container::builder()
                    .name("api")
                    .network_interfaces(interface.build())
                    .build(),
            )
            .build();
        let known = HashMap::from([("arn:i".to_owned(), "i-1".to_owned())]);
        let table = [
            (&bridge, "i-1", 32768, true),
            (&bridge, "i-2", 32768, false),
            (&bridge, "i-1", 32769, false),
            (&own, "10.0.0.7", 8080, true),
            (&own, "10.0.0.8", 8080, false),
        ];
        for (task, id, port, expected) in table {
            let target = Target {
                id: id.to_owned(),
                port,
                state: "unhealthy".to_owned(),
                reason: None,
            };
            assert_eq!(
                is_endpoint(task, &balanced, &target, &known),
                expected,
                "{id}:{port}"
            );
        }
        let elsewhere = Target {
            id: "i-2".to_owned(),
            port: 32768,
            state: "unhealthy".to_owned(),
            reason: None,
        };
        assert!(is_endpoint(&bridge, &balanced, &elsewhere, &HashMap::new()));
    }
}
