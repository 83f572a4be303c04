//! Following a deployment until there is a verdict.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ecs::types::{DesiredStatus, Service, Task};
use contract::deployment::Verdict;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};
use toolkit::Console;

use super::begin::Begun;
use super::failures::{Cause, Failures, cause, sentence};
use super::standing::{Standing, judge};
use super::verdict::{Record, short};
use super::{Interrupt, Request};
use crate::cloud::{CallError, Cloud};
use crate::logs;

/// A way back has a time limit of its own.
const WAY_BACK: Duration = Duration::from_secs(600);

/// Watches one deployment.
pub(super) struct Follower<'a> {
    cloud: &'a Cloud,
    console: &'a Console,
    request: &'a Request,
    begun: Begun,
    seen: BTreeSet<String>,
    failures: Failures,
    counts: String,
    rounds: u32,
    in_trouble: bool,
}

/// What a round leads to.
enum Next {
    Go,
    End(Verdict, String),
    /// Go back, for this reason.
    GoBack(String),
}

impl<'a> Follower<'a> {
    pub(super) fn new(
        cloud: &'a Cloud,
        console: &'a Console,
        request: &'a Request,
        begun: Begun,
    ) -> Self {
        let seen = begun.seen.iter().cloned().collect();
        Self {
            cloud,
            console,
            request,
            begun,
            seen,
            failures: Failures::default(),
            counts: String::new(),
            rounds: 0,
            in_trouble: false,
        }
    }

    /// Until there is a verdict, which goes into the record.
    pub(super) async fn follow(&mut self, record: &mut Record) -> anyhow::Result<()> {
        let deadline = Instant::now() + self.request.timeout;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let next = tokio::select! {
            next = self.rounds(record, deadline) => next?,
            _ = interrupt.recv() => self.interrupted(),
            _ = terminate.recv() => self.interrupted(),
        };
        let (verdict, reason) = match next {
            Next::End(verdict, reason) => (verdict, reason),
            Next::GoBack(reason) => tokio::select! {
                ended = self.go_back(record, reason) => ended?,
                _ = interrupt.recv() => self.detached(),
                _ = terminate.recv() => self.detached(),
            },
            Next::Go => (
                Verdict::Failed,
                "the watch ended without a verdict".to_owned(),
            ),
        };
        record.end(
            verdict,
            reason,
            std::mem::take(&mut self.failures).into_list(),
        );
        Ok(())
    }

    async fn rounds(&mut self, record: &mut Record, deadline: Instant) -> anyhow::Result<Next> {
        loop {
            let is_last = Instant::now() >= deadline;
            match self.round(record).await {
                Ok(Next::Go) => self.is_out_of_trouble(),
                Ok(next) => return Ok(next),
                // Throttling, a service that is away: no reason for any verdict.
                Err(failed) if failed.is_passing => self.is_in_trouble(&failed),
                Err(failed) => return Err(failed.error),
            }
            if is_last {
                let reason = format!(
                    "no verdict within {} s: {}; the deployment {} goes on",
                    self.request.timeout.as_secs(),
                    self.counts,
                    self.begun.id
                );
                self.say_how_to_resume();
                return Ok(Next::End(Verdict::TimedOut, reason));
            }
            sleep_until((Instant::now() + pause(self.rounds)).min(deadline)).await;
            self.rounds += 1;
        }
    }

    async fn round(&mut self, record: &mut Record) -> Result<Next, CallError> {
        let request = self.request;
        let service = self
            .cloud
            .service(&request.cluster, &request.service)
            .await?;
        if let Some(service) = &service {
            self.tell(service, record);
        }
        let standing = judge(service.as_ref(), &self.begun.id, &self.begun.known);
        if standing == Standing::Completed {
            let reason = format!("{} runs {}", request.service, self.definition());
            return Ok(Next::End(Verdict::Completed, reason));
        }
        self.look_for_failures(service.as_ref(), record).await?;
        let why = self.failures.main().map(sentence);
        let explained = |reason: &str| {
            why.as_ref()
                .map_or_else(|| reason.to_owned(), |why| format!("{why}; {reason}"))
        };
        Ok(match standing {
            Standing::GoingBack {
                is_complete: true,
                reason,
                ..
            } => Next::End(
                Verdict::RolledBack,
                format!(
                    "{} failed and was rolled back: {}",
                    self.definition(),
                    explained(&reason)
                ),
            ),
            // The way back is ECS's; it only has to be watched.
            Standing::GoingBack {
                is_complete: false, ..
            } => Next::Go,
            Standing::Failed(reason) => Next::GoBack(explained(&reason)),
            Standing::Superseded(by) => Next::End(
                Verdict::Superseded,
                format!(
                    "the deployment {by} has taken the place of {}",
                    self.begun.id
                ),
            ),
            Standing::Gone => Next::End(
                Verdict::Failed,
                format!("the service {} was deleted", request.service),
            ),
            Standing::InProgress | Standing::Completed => {
                match self.failures.beyond(request.failures) {
                    Some(failure) => Next::GoBack(format!(
                        "{} tasks failed: {}",
                        failure.count,
                        sentence(failure)
                    )),
                    None => Next::Go,
                }
            }
        })
    }

    /// Shows what is new: events, and counts when they change.
    fn tell(&mut self, service: &Service, record: &mut Record) {
        let mut news: Vec<&str> = Vec::new();
        for event in service.events() {
            if self.seen.insert(event.id().unwrap_or_default().to_owned()) {
                news.push(event.message().unwrap_or_default());
            }
        }
        for message in news.into_iter().rev() {
            // Every line is about the same service.
            let prefix = format!("(service {}) ", self.request.service);
            let text = message.strip_prefix(prefix.as_str()).unwrap_or(message);
            self.console.status(text);
            record.note(text);
        }
        let ours = service
            .deployments()
            .iter()
            .find(|deployment| deployment.id() == Some(&self.begun.id));
        if let Some(ours) = ours {
            let counts = format!(
                "{} of {} tasks running, {} pending",
                ours.running_count(),
                ours.desired_count(),
                ours.pending_count()
            );
            if counts != self.counts {
                self.console
                    .status(&format!("{}: {counts}", self.definition()));
                self.counts = counts;
            }
        }
    }

    async fn look_for_failures(
        &mut self,
        service: Option<&Service>,
        record: &mut Record,
    ) -> Result<(), CallError> {
        let (cluster, name) = (&self.request.cluster, &self.request.service);
        let stopped = self
            .cloud
            .tasks(cluster, name, DesiredStatus::Stopped)
            .await?;
        for task in &stopped {
            if let Some(cause) = cause(task, &self.begun.id) {
                self.count(cause, record).await;
            }
        }
        let groups: Vec<String> = service
            .map(Service::load_balancers)
            .unwrap_or_default()
            .iter()
            .filter_map(|balancer| balancer.target_group_arn().map(str::to_owned))
            .collect();
        if groups.is_empty() {
            return Ok(());
        }
        let running = self
            .cloud
            .tasks(cluster, name, DesiredStatus::Running)
            .await?;
        let ours: Vec<&Task> = running
            .iter()
            .filter(|task| task.started_by() == Some(&self.begun.id))
            .collect();
        for group in groups {
            let unhealthy = self
                .cloud
                .targets(&group)
                .await?
                .into_iter()
                .filter(|target| target.state == "unhealthy");
            for target in unhealthy {
                if let Some(task) = ours.iter().find(|task| listens_on(task, target.port)) {
                    let why = target
                        .description
                        .unwrap_or_else(|| "Health checks failed".to_owned());
                    let cause = Cause {
                        task: task.task_arn().unwrap_or_default().to_owned(),
                        stop_code: None,
                        reason: why,
                        container: task
                            .containers()
                            .first()
                            .and_then(|container| container.name().map(str::to_owned)),
                        exit_code: None,
                    };
                    self.count(cause, record).await;
                }
            }
        }
        Ok(())
    }

    /// Counts a failed task, and explains its cause if it is new.
    async fn count(&mut self, cause: Cause, record: &mut Record) {
        if self.failures.has_counted(&cause.task) {
            return;
        }
        let (task, container) = (cause.task.clone(), cause.container.clone());
        if !self.failures.add(cause) {
            return;
        }
        let place =
            container.and_then(|container| logs::place(&self.begun.definition, &container, &task));
        let lines = match &place {
            Some(place) => logs::last_lines(self.cloud, place).await,
            None => Vec::new(),
        };
        let text = self.failures.newest().map(sentence).unwrap_or_default();
        let id = task.rsplit('/').next().unwrap_or(&task).to_owned();
        self.console.warning(&format!("task {id} failed: {text}"));
        if let (Some(place), false) = (&place, lines.is_empty()) {
            self.console.status(&format!(
                "its last lines, from {} in {}:",
                place.stream, place.group
            ));
            self.console.untrusted(&lines);
        }
        record.note(&format!("task {id} failed: {text}"));
        self.failures.explain_last(place, lines);
    }

    /// Goes back to what worked, and watches that.
    async fn go_back(
        &mut self,
        record: &mut Record,
        reason: String,
    ) -> anyhow::Result<(Verdict, String)> {
        let failed = format!("{} failed: {reason}", self.definition());
        let Some(fallback) = self
            .begun
            .fallback
            .clone()
            .filter(|_| self.request.rolls_back)
        else {
            let left = if self.request.rolls_back {
                "there is no earlier release to go back to"
            } else {
                "it was left as it is, as asked"
            };
            return Ok((Verdict::Failed, format!("{failed}; {left}")));
        };
        let (cluster, name) = (self.request.cluster.clone(), self.request.service.clone());
        self.console.error(&failed);
        self.console
            .status(&format!("going back to {}", short(&fallback)));
        record.note(&format!("going back to {}: {reason}", short(&fallback)));
        let id = self
            .cloud
            .update(&cluster, &name, &fallback)
            .await?
            .id
            .unwrap_or_default();
        let deadline = Instant::now() + WAY_BACK;
        let mut round = 0;
        loop {
            match self.cloud.service(&cluster, &name).await {
                Ok(service) => {
                    if let Some(service) = &service {
                        self.tell(service, record);
                    }
                    match judge(service.as_ref(), &id, &[]) {
                        Standing::Completed => {
                            return Ok((
                                Verdict::RolledBack,
                                format!("{failed}; {name} is back on {}", short(&fallback)),
                            ));
                        }
                        Standing::InProgress | Standing::GoingBack { .. } => {}
                        other => {
                            return Ok((
                                Verdict::Failed,
                                format!(
                                    "{failed}; the way back to {} ended: {other:?}",
                                    short(&fallback)
                                ),
                            ));
                        }
                    }
                }
                Err(failure) if failure.is_passing => self.is_in_trouble(&failure),
                Err(failure) => return Err(failure.error),
            }
            if Instant::now() >= deadline {
                return Ok((
                    Verdict::Failed,
                    format!(
                        "{failed}; {name} was not back on {} within {} s",
                        short(&fallback),
                        WAY_BACK.as_secs()
                    ),
                ));
            }
            sleep_until(Instant::now() + pause(round)).await;
            round += 1;
        }
    }

    fn definition(&self) -> String {
        short(
            self.begun
                .definition
                .task_definition_arn()
                .unwrap_or_default(),
        )
        .to_owned()
    }

    fn interrupted(&self) -> Next {
        match self.request.on_interrupt {
            Interrupt::RollBack => Next::GoBack("interrupted".to_owned()),
            Interrupt::Detach => {
                let (verdict, reason) = self.detached();
                Next::End(verdict, reason)
            }
        }
    }

    fn detached(&self) -> (Verdict, String) {
        self.say_how_to_resume();
        (
            Verdict::Interrupted,
            format!(
                "interrupted; the deployment {} goes on without an observer",
                self.begun.id
            ),
        )
    }

    fn say_how_to_resume(&self) {
        let Request {
            cluster, service, ..
        } = self.request;
        self.console.hint(&format!(
            "go on watching with: deployer wait {} --cluster {cluster} --service {service}",
            self.begun.id
        ));
    }

    fn is_in_trouble(&mut self, failed: &CallError) {
        if !self.in_trouble {
            self.console
                .warning(&format!("{:#}; trying again", failed.error));
        }
        self.in_trouble = true;
    }

    fn is_out_of_trouble(&mut self) {
        if self.in_trouble {
            self.console.status("AWS answers again");
        }
        self.in_trouble = false;
    }
}

fn listens_on(task: &Task, port: i32) -> bool {
    let bindings = task
        .containers()
        .iter()
        .flat_map(|container| container.network_bindings());
    bindings
        .into_iter()
        .any(|binding| binding.host_port() == Some(port))
}

/// Quick at first, when a short rollout may be over soon; 5 s in the long run.
fn pause(round: u32) -> Duration {
    match round {
        0..=20 => Duration::from_millis(300),
        21..=60 => Duration::from_secs(1),
        61..=120 => Duration::from_secs(2),
        _ => Duration::from_secs(5),
    }
}
