//! Following a deployment until it has ended, tasks fail too often, or time is up.

use tokio::time::{Duration, Instant, sleep_until};
use toolkit::Console;

use crate::cloud::Cloud;
use crate::failure::sentence;
use crate::follower::{End, Follower};
use crate::inspect::Inspector;
use crate::service::Service;
use crate::timeline::Timeline;
use crate::trouble::Trouble;

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
    round: u32,
    is_troubled: bool,
}

/// Why the following is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    Ended(End),
    /// So many tasks failed of the same that more of them would teach nothing.
    Hopeless(String),
    OutOfTime,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(
        cloud: &'a Cloud,
        console: &'a Console,
        service: Service,
        follower: Follower,
        inspector: Inspector,
        timeline: Timeline,
    ) -> Self {
        Self {
            cloud,
            console,
            service,
            follower,
            inspector,
            timeline,
            round: 0,
            is_troubled: false,
        }
    }

    /// Follows until `deadline`. With `limit`, that many tasks that fail of the same end it too.
    pub(crate) async fn until(
        &mut self,
        deadline: Instant,
        limit: Option<u32>,
    ) -> anyhow::Result<Watched> {
        loop {
            let is_last = Instant::now() >= deadline;
            match self.look().await {
                Ok(Some(end)) => return Ok(Watched::Ended(end)),
                Ok(None) => self.is_troubled = false,
                Err(Trouble::Final(error)) => return Err(error),
                Err(Trouble::Passing(error)) => {
                    if !std::mem::replace(&mut self.is_troubled, true) {
                        self.console.warning(&format!("{error:#}; trying again"));
                    }
                }
            }
            let reached = limit.and_then(|limit| self.inspector.failures.reached(limit));
            if let Some(failure) = reached.filter(|_| !self.follower.is_returning()) {
                return Ok(Watched::Hopeless(sentence(failure)));
            }
            if is_last {
                return Ok(Watched::OutOfTime);
            }
            sleep_until((Instant::now() + self.pause()).min(deadline)).await;
        }
    }

    async fn look(&mut self) -> Result<Option<End>, Trouble> {
        let name = self.service.name.clone();
        self.service = self.cloud.cluster.existing(&name).await?;
        let observation = self.follower.observe(&self.service);
        for event in &observation.events {
            self.console.status(&event.text);
            self.timeline.event(event);
        }
        if let Some(counts) = &observation.counts {
            self.console.status(counts);
        }
        if let Some(turn) = &observation.turn {
            self.console.warning(turn);
            self.timeline.note(turn);
        }
        self.inspector.hear(&observation.events);
        let with_targets = self.round.is_multiple_of(3);
        self.round += 1;
        if observation.end != Some(End::Completed) {
            self.inspector
                .look(
                    self.cloud,
                    self.console,
                    &self.service,
                    &mut self.timeline,
                    with_targets,
                )
                .await?;
        }
        Ok(observation.end)
    }

    /// Quick at first, when tasks start or fail within seconds; slow when it takes long.
    fn pause(&self) -> Duration {
        match self.round {
            0..=10 => Duration::from_millis(300),
            11..=30 => Duration::from_secs(1),
            _ => Duration::from_secs(3),
        }
    }
}
