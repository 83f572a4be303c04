//! Looking at the services and tasks: new streams, news, and the end that is waited for.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Heard, LOOK_EVERY, Show};
use crate::ecs::Subject;
use crate::ecs::places::last;
use crate::ecs::verdict;
use crate::ecs::watch::{Look, LookError};
use crate::ending::End;

/// Looks that may fail in a row without `--follow`.
const PATIENCE: u32 = 8;

impl Show<'_> {
    pub(super) fn is_look_due(&self) -> bool {
        !self.directory.watches.is_empty() && self.look_at.is_none_or(|at| Instant::now() >= at)
    }

    /// Looks at everything; gives the end if one has come.
    pub(super) async fn look(&mut self) -> anyhow::Result<Option<End>> {
        let mut end = None;
        let begun = Instant::now();
        for index in 0..self.directory.watches.len() {
            if let Some(look) = self.look_at(index).await? {
                self.report(index, &look);
                if end.is_none() {
                    end = self.end_of(index, &look);
                }
            }
        }
        // However many tasks there are, four fifths of the calls are for their lines.
        self.look_at = Some(Instant::now() + LOOK_EVERY.max(4 * begun.elapsed()));
        let (added, changed) = self.directory.changes();
        for place in added {
            self.console
                .detail(&format!("reading the log group {}", place.group));
            self.add_lane(place);
        }
        for (lane, streams) in changed {
            self.sweep.lanes[lane].place.streams = streams;
        }
        Ok(end)
    }

    async fn look_at(&mut self, index: usize) -> anyhow::Result<Option<Look>> {
        let follow = self.request.follow;
        let mut attempts = 0;
        loop {
            let watch = &mut self.directory.watches[index];
            let error = match watch.look(&mut self.sweep.pace).await {
                Ok(look) => {
                    self.awaited.retain(|awaited| *awaited != index);
                    return Ok(Some(look));
                }
                Err(LookError::Final(error)) => return Err(error),
                Err(LookError::Absent(error)) => {
                    if !follow {
                        return Err(error);
                    }
                    error
                }
                Err(LookError::Passing(error)) => {
                    attempts += 1;
                    if !follow {
                        if attempts == PATIENCE {
                            return Err(error);
                        }
                        sleep(Duration::from_millis(200) * 2_u32.pow(attempts)).await;
                        continue;
                    }
                    error
                }
            };
            if !self.awaited.contains(&index) {
                self.console.status(&format!("{error:#}; waiting for it"));
                self.awaited.push(index);
            }
            return Ok(None);
        }
    }

    fn report(&mut self, index: usize, look: &Look) {
        let target = &self.directory.watches[index].target;
        let name = match &target.subject {
            Subject::Service(name) => name.clone(),
            Subject::Task(id) => id.get(..8).unwrap_or(id).to_owned(),
        };
        for container in &look.elsewhere {
            self.console.warning(&format!(
                "the container {container} of {name} does not write to CloudWatch; its lines are not here"
            ));
        }
        if self.request.news {
            let at = Instant::now();
            let news = self.told[index].tell(look);
            self.news.extend(news.into_iter().map(|news| Heard {
                subject: name.clone(),
                news,
                at,
            }));
            self.news.make_contiguous().sort_by_key(Heard::due);
        }
    }

    fn end_of(&mut self, index: usize, look: &Look) -> Option<End> {
        let ends = &self.request.ends;
        if ends.stopped {
            let target = &self.directory.watches[index].target;
            let is_wanted = |id: &str| {
                matches!(target.subject, Subject::Task(_)) || self.directory.wants_task(id)
            };
            let verdict = look
                .tasks
                .iter()
                .filter(|task| is_wanted(last(task.task_arn().unwrap_or_default())))
                .find_map(verdict::stopped);
            if let Some(verdict) = verdict {
                return Some(End::Stopped(verdict));
            }
        }
        if ends.released
            && let Some(service) = &look.service
        {
            return self.releases[index].verdict(service).map(End::Released);
        }
        None
    }
}
