//! Following a deployment until it has ended, tasks fail too often, or time is up.

use contract::deployment::{Deployment, Rollback, Verdict};
use tokio::time::{Duration, Instant, sleep_until};
use toolkit::Console;

use crate::cloud::Cloud;
use crate::failure::{is_definite, sentence};
use crate::follower::{End, Follower, Observation};
use crate::inspect::{Counts, Inspector};
use crate::interrupt::Interrupt;
use crate::record::Record;
use crate::service::Service;
use crate::timeline::Timeline;
use crate::trouble::Trouble;

/// Between two looks while something moves.
const QUICK: Duration = Duration::from_secs(1);
/// Between two looks while nothing does.
const SLOW: Duration = Duration::from_secs(5);
/// The first look comes this soon, for what fails at once.
const FIRST: Duration = Duration::from_millis(500);
/// Looks after which ECS, which would not let a deployment be stopped, must have begun to go back by itself.
const LOOKS_FOR_RETURN: u32 = 5;
/// Nothing has moved for that many looks: it will take longer.
const CALM: u32 = 15;

/// Everything about one deployment that is being followed.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) console: &'a Console,
    /// As it was described last.
    pub(crate) service: Service,
    pub(crate) follower: Follower,
    pub(crate) inspector: Inspector,
    pub(crate) timeline: Timeline,
    /// ECS's own record, as it was last, once it is known which one it is.
    pub(crate) record: Option<Record>,
    /// The record that the service had before this deployment.
    earlier_record: Option<String>,
    /// False once the service deployments API has refused to answer.
    has_records: bool,
    seen_at: Instant,
    /// Looks since anything changed.
    calm: u32,
    round: u32,
    is_troubled: bool,
}

/// Up to when to follow, and what ends it before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) deadline: Instant,
    /// That many tasks that fail of the same are enough; none to leave it to ECS.
    pub(crate) failures: Option<u32>,
    /// So long without room for a task is enough; none to leave it to ECS.
    pub(crate) placement: Option<Duration>,
    /// The longest pause between two looks, where somebody asked for one.
    pub(crate) pace: Option<Duration>,
}

/// Why the following is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    Ended(End),
    /// More of the same would teach nothing.
    Hopeless(String),
    OutOfTime,
}

impl<'a> Watch<'a> {
    /// `earlier_record` is the record that the service had before the deployment began.
    pub(crate) fn new(
        cloud: &'a Cloud,
        console: &'a Console,
        service: Service,
        follower: Follower,
        inspector: Inspector,
        timeline: Timeline,
        earlier_record: Option<String>,
    ) -> Self {
        // The answer to the call that began the deployment may name its record.
        let record = record_of(&service, &follower, earlier_record.as_deref());
        Self {
            cloud,
            console,
            service,
            follower,
            inspector,
            timeline,
            record: record.map(Record::named),
            earlier_record,
            has_records: true,
            seen_at: Instant::now(),
            calm: 0,
            round: 0,
            is_troubled: false,
        }
    }

    /// Follows until there is an end or a limit is reached.
    pub(crate) async fn until(&mut self, limits: Limits) -> anyhow::Result<Watched> {
        loop {
            let pause = self.pause().min(limits.pace.unwrap_or(Duration::MAX));
            sleep_until((Instant::now() + pause).min(limits.deadline)).await;
            let is_last = Instant::now() >= limits.deadline;
            match self.look().await {
                Ok(Some(end)) => {
                    self.cloud.board.leave(&self.service.name).await;
                    return Ok(Watched::Ended(end));
                }
                Ok(None) => self.recovered(),
                Err(Trouble::Final(error)) => return Err(error),
                Err(Trouble::Passing(error)) => self.troubled(&error),
            }
            if let Some(reason) = self.hopeless(limits) {
                return Ok(Watched::Hopeless(reason));
            }
            if is_last {
                return Ok(Watched::OutOfTime);
            }
        }
    }

    /// The same, unless an interruption comes first; none for that.
    pub(crate) async fn unless(
        &mut self,
        interrupt: &mut Interrupt,
        limits: Limits,
    ) -> anyhow::Result<Option<Watched>> {
        tokio::select! {
            watched = self.until(limits) => watched.map(Some),
            () = interrupt.received() => Ok(None),
        }
    }

    /// Whether ECS sends the service back by itself, looked at now.
    pub(crate) async fn is_returning_by_itself(&mut self) -> bool {
        for _ in 0..LOOKS_FOR_RETURN {
            if let Err(Trouble::Passing(error) | Trouble::Final(error)) = self.look().await {
                self.troubled(&error);
            }
            if self.follower.is_returning() {
                return true;
            }
            tokio::time::sleep(QUICK).await;
        }
        false
    }

    /// One look, for who takes up a deployment that has begun. What is in the way of it will show again.
    pub(crate) async fn learn(&mut self) {
        if let Err(Trouble::Passing(error) | Trouble::Final(error)) = self.look().await {
            self.troubled(&error);
        }
    }

    /// Writes down what is known of the deployment.
    pub(crate) fn conclude(self, document: &mut Deployment) {
        document.serving_task_definition = self.service.task_definition;
        if let Some(record) = self.record {
            document.service_revision = record.revision;
            document.service_deployment = Some(record.arn);
        }
        if let Some((by, id)) = self.follower.way_back() {
            document.rollback = Some(Rollback {
                by,
                reason: self.follower.fault().unwrap_or_default().to_owned(),
                deployment_id: id.map(str::to_owned),
                task_definition: (document.verdict == Verdict::RolledBack)
                    .then(|| document.serving_task_definition.clone()),
            });
        }
        document.failures = self.inspector.failures.into_document();
        document.timeline = self.timeline.into_document();
    }

    /// One line for as long as it lasts; it changes nothing about the deployment.
    fn troubled(&mut self, error: &anyhow::Error) {
        if !std::mem::replace(&mut self.is_troubled, true) {
            let text = format!("{error:#}; the deployment goes on, and so does the watch");
            self.console.warning(&text);
            self.timeline.note(&text);
        }
    }

    fn recovered(&mut self) {
        if std::mem::replace(&mut self.is_troubled, false) {
            self.console.status("AWS answers again");
            self.timeline.note("AWS answers again");
        }
    }

    fn hopeless(&self, limits: Limits) -> Option<String> {
        if self.follower.is_returning() {
            return None;
        }
        let failures = &self.inspector.failures;
        let failed = limits.failures.and_then(|limit| {
            failures
                .reached(limit)
                .or_else(|| failures.all().find(|failure| is_definite(failure)))
        });
        if let Some(failure) = failed {
            return Some(sentence(failure));
        }
        let (since, event) = self.inspector.unplaced()?;
        (since.elapsed() >= limits.placement?).then(|| event.to_owned())
    }

    async fn look(&mut self) -> Result<Option<End>, Trouble> {
        let name = self.service.name.clone();
        let asked_at = Instant::now();
        self.service = self.cloud.board.look(&name, self.seen_at).await?;
        self.seen_at = asked_at;
        self.learn_record().await?;
        let record = self
            .record
            .as_ref()
            .filter(|_| self.follower.needs_record(&self.service));
        let observation = self.follower.observe(&self.service, record);
        self.tell(&observation);
        self.inspector.hear(&observation.events);
        self.round += 1;
        if observation.end != Some(End::Completed) {
            let rollout = self.service.rollout(self.follower.current());
            let counts = rollout.map_or_else(Counts::default, |rollout| Counts {
                running: rollout.running,
                failed: rollout.failed,
            });
            let looked = self
                .inspector
                .look(
                    self.cloud,
                    self.console,
                    &self.service,
                    &mut self.timeline,
                    counts,
                    observation.end.is_some(),
                )
                .await;
            // Why tasks fail is worth knowing; that it cannot be asked right now decides nothing.
            if let Err(Trouble::Passing(error)) = looked {
                self.troubled(&error);
            }
        }
        Ok(observation.end)
    }

    /// Finds out which record is this deployment's, and reads it where it has something to say.
    async fn learn_record(&mut self) -> Result<(), Trouble> {
        if !self.has_records {
            return Ok(());
        }
        if self.record.is_none() {
            let earlier = self.earlier_record.as_deref();
            self.record = record_of(&self.service, &self.follower, earlier).map(Record::named);
        }
        let arn = self.record.as_ref().map(|record| record.arn.clone());
        let Some(arn) = arn else { return Ok(()) };
        if !self.follower.needs_record(&self.service) {
            return Ok(());
        }
        match self.cloud.watching.record(&arn).await {
            Ok(Some(record)) => self.record = Some(record),
            Ok(None) => {}
            Err(Trouble::Final(error)) => {
                self.console.detail(&format!(
                    "going on without ECS's record of the deployment: {error:#}"
                ));
                self.has_records = false;
                self.record = None;
            }
            Err(passing) => return Err(passing),
        }
        Ok(())
    }

    fn tell(&mut self, observation: &Observation) {
        let is_news = !observation.events.is_empty()
            || observation.counts.is_some()
            || observation.turn.is_some();
        self.calm = if is_news { 0 } else { self.calm + 1 };
        for event in &observation.events {
            self.console.status(&event.text);
            self.timeline.event(event);
        }
        if let Some(counts) = &observation.counts {
            self.console.status(counts);
            if self.service.shifts_traffic() {
                self.timeline.note(counts);
            }
        }
        if let Some(turn) = &observation.turn {
            self.console.warning(turn);
            self.timeline.note(turn);
        }
        for pause in &observation.pauses {
            let until = if pause.expires_at.is_empty() {
                String::new()
            } else {
                format!(" until {} (then: {})", pause.expires_at, pause.then)
            };
            let text = format!(
                "the deployment waits for a word at the hook {}{until}",
                pause.id
            );
            self.console.warning(&text);
            self.timeline.note(&text);
            self.console.hint(&format!(
                "`deployer continue --cluster {} --service {}` lets it go on; with --rollback it goes back",
                self.cloud.cluster.name, self.service.name
            ));
        }
    }

    /// Quick while something moves or the end is near, slow when it takes long.
    fn pause(&self) -> Duration {
        let is_near = self
            .service
            .rollout(self.follower.current())
            .is_some_and(|rollout| rollout.running >= rollout.desired || rollout.failed > 0);
        match self.round {
            0 => FIRST,
            _ if self.calm < CALM || is_near => QUICK,
            _ => SLOW,
        }
    }
}

/// The record of the deployment that is being followed: while it is the primary one, that is the record under way.
fn record_of(service: &Service, follower: &Follower, earlier: Option<&str>) -> Option<String> {
    let is_ours = service
        .primary()
        .is_some_and(|primary| primary.id == follower.current());
    let record = service.record.clone();
    record.filter(|arn| is_ours && !follower.is_returning() && Some(arn.as_str()) != earlier)
}
