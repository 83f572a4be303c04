//! Showing events: those of a range of time, and on request those that are still being written.

mod look;
mod setup;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use toolkit::Console;
use toolkit::console::Verbosity;

use crate::cursor::Cursor;
use crate::directory::{Choice, Directory};
use crate::ecs::Target;
use crate::ecs::news::{Kind, News, Told};
use crate::ecs::verdict::Release;
use crate::ending::{End, Ends};
use crate::interrupt;
use crate::lane::Place;
use crate::live::Live;
use crate::matching::{Item, Matching, Pattern};
use crate::output::{Line, Printer, Style};
use crate::sweep::Sweep;
use setup::Clients;

/// What to show, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// Services and tasks.
    pub targets: Vec<Target>,
    /// Log groups that were named themselves.
    pub(crate) places: Vec<Place>,
    /// Which containers and tasks.
    pub(crate) choice: Choice,
    /// Events from this time on, in milliseconds since 1970.
    pub since: i64,
    /// Events up to this time, included; none means now, or no end when following.
    pub until: Option<i64>,
    /// CloudWatch's filter pattern.
    pub filter: Option<String>,
    /// Which of the events that CloudWatch gives.
    pub pattern: Pattern,
    /// Whether to go on with events as they are written.
    pub follow: bool,
    /// Whether by CloudWatch's live tail, which may leave some out.
    pub live: bool,
    /// Whether service events, deployments and stopped tasks are shown too.
    pub news: bool,
    /// So many lines of a task that stopped are repeated with its reason.
    pub last_lines: usize,
    /// When it ends by itself.
    pub ends: Ends,
    /// So long is still read after the end of a task or a release: log drivers write in batches.
    pub grace: Duration,
    /// How late an event may come and still be shown, in milliseconds.
    pub lateness: i64,
    /// Calls a second at most.
    pub rate: f64,
    /// Pause between two readings.
    pub poll: Duration,
    /// The file that says where the last run ended.
    pub cursor: Option<PathBuf>,
    /// How events are written.
    pub style: Style,
    /// What is said beside them.
    pub verbosity: Verbosity,
}

/// Services and tasks are looked at so often, and less often where a look takes many calls.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Tasks whose last lines are kept.
const MOST_TASKS: usize = 200;
/// Of a line that is repeated, so much; bytes.
const MOST_REPEATED: usize = 2_000;

/// What happened, and is told when it is due.
#[derive(Debug)]
struct Heard {
    /// The name of whom it happened to.
    subject: String,
    news: News,
    at: Instant,
}

/// The last lines of a task come later than its end: log drivers write in batches.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl Heard {
    /// The time of the lines after which it is told; milliseconds since 1970.
    fn due(&self) -> i64 {
        match self.news.kind {
            Kind::Service | Kind::Deployment => self.news.timestamp,
            Kind::Stopped => self.news.timestamp.saturating_add(5_000),
        }
    }

    /// Whether nothing is waited for, though no lines come.
    fn is_due(&self) -> bool {
        self.news.kind != Kind::Stopped || self.at.elapsed() >= LAST_WORDS
    }
}

/// Everything that takes part.
struct Show<'r> {
    request: &'r Request,
    console: Console,
    clients: Clients,
    sweep: Sweep,
    directory: Directory,
    told: Vec<Told>,
    releases: Vec<Release>,
    /// What happened and is still to be shown, by the time at which it is due.
    news: VecDeque<Heard>,
    last_lines: BTreeMap<String, VecDeque<String>>,
    matching: Matching,
    printer: Printer,
    cursor: Option<Cursor>,
    /// When the next look is due.
    look_at: Option<Instant>,
    /// Services that are awaited, by position, so that each is named once.
    awaited: Vec<usize>,
    /// The newest time that was written.
    newest: i64,
    written: u64,
}

/// Shows the events and gives the exit code.
pub(crate) async fn run(request: &Request) -> anyhow::Result<u8> {
    let mut show = Show::new(request).await?;
    let ended = until_over(request, show.read()).await;
    show.end(ended, request)
}

/// What `shown` ends with, unless somebody or the clock ends it before.
async fn until_over(
    request: &Request,
    shown: impl Future<Output = anyhow::Result<End>>,
) -> anyhow::Result<End> {
    tokio::select! {
        ended = shown => ended,
        pressed = interrupt::asked() => pressed.map(|()| End::Interrupted),
        limit = passed(request.ends.deadline) => Ok(End::Deadline(limit)),
    }
}

/// Waits for the deadline, if there is one.
pub(crate) async fn passed(deadline: Option<Duration>) -> Duration {
    match deadline {
        Some(limit) => {
            sleep(limit).await;
            limit
        }
        None => std::future::pending().await,
    }
}

impl Show<'_> {
    /// Reads until there is a reason to end.
    async fn read(&mut self) -> anyhow::Result<End> {
        let follow = self.request.follow;
        let mut last: Option<(End, Instant)> = None;
        loop {
            if self.is_look_due() {
                let end = self.look().await?;
                if last.is_none() {
                    last = end.map(|end| (end, Instant::now() + self.request.grace));
                }
            }
            // What was written before this moment is read now, to the last page.
            let is_last = last.as_ref().is_some_and(|(_, at)| Instant::now() >= *at);
            if let Some(end) = self.sweep(last.is_some()).await? {
                return Ok(end);
            }
            self.tell_those_due()?;
            if let Some(cursor) = &mut self.cursor {
                cursor.note(&self.sweep.lanes)?;
            }
            match last.take() {
                Some((end, _)) if is_last => return Ok(end),
                _ if !follow => return Ok(End::Shown),
                unfinished => last = unfinished,
            }
            sleep(self.request.poll).await;
        }
    }

    /// Reads all lanes once.
    async fn sweep(&mut self, forced: bool) -> anyhow::Result<Option<End>> {
        self.sweep.begin(forced);
        while self.sweep.advance(&self.console).await? {
            let Sweep { ready, pace, .. } = &mut self.sweep;
            self.directory
                .resolve(ready.iter(), pace, &self.console)
                .await?;
            let end = self.drain()?;
            self.printer.flush()?;
            if end.is_some() {
                return Ok(end);
            }
        }
        Ok(None)
    }

    /// Shows what is ready.
    fn drain(&mut self) -> anyhow::Result<Option<End>> {
        while let Some((lane, event)) = self.sweep.ready.pop_front() {
            let Some(label) = self.directory.label(lane, &event.stream) else {
                continue;
            };
            self.tell(event.timestamp)?;
            self.keep(label.task.as_deref(), &event.message);
            let ends = &self.request.ends;
            let is_seen = ends
                .pattern
                .as_ref()
                .is_some_and(|pattern| pattern.is_match(&event.message));
            let is_late = event.timestamp < self.newest;
            self.newest = self.newest.max(event.timestamp);
            let item = Item {
                event,
                label,
                is_late,
            };
            let (printer, written) = (&mut self.printer, &mut self.written);
            self.matching.take(item, |item, is_match| {
                *written += u64::from(is_match);
                printer.event(Line {
                    event: &item.event,
                    label: &item.label,
                    is_late: item.is_late,
                })?;
                Ok(())
            })?;
            if is_seen {
                return Ok(Some(End::Pattern));
            }
            if ends.lines.is_some_and(|lines| self.written >= lines) {
                return Ok(Some(End::Lines(self.written)));
            }
        }
        Ok(None)
    }

    /// Shows what happened before a line is shown.
    fn tell(&mut self, until: i64) -> anyhow::Result<()> {
        while let Some(heard) = self.news.pop_front_if(|heard| heard.due() <= until) {
            self.tell_one(&heard)?;
        }
        Ok(())
    }

    /// Shows what happened after the last line.
    fn tell_those_due(&mut self) -> anyhow::Result<()> {
        for heard in std::mem::take(&mut self.news) {
            if heard.is_due() {
                self.tell_one(&heard)?;
            } else {
                self.news.push_back(heard);
            }
        }
        self.printer.flush()?;
        Ok(())
    }

    fn tell_one(&mut self, heard: &Heard) -> anyhow::Result<()> {
        let lines: Vec<String> = heard
            .news
            .task
            .as_deref()
            .and_then(|task| self.last_lines.remove(task))
            .map(Vec::from)
            .unwrap_or_default();
        self.printer.news(&heard.subject, &heard.news, &lines)?;
        Ok(())
    }

    fn keep(&mut self, task: Option<&str>, message: &str) {
        let (Some(task), true) = (task, self.request.news && self.request.last_lines > 0) else {
            return;
        };
        if self.last_lines.len() >= MOST_TASKS && !self.last_lines.contains_key(task) {
            self.last_lines.pop_first();
        }
        let lines = self.last_lines.entry(task.to_owned()).or_default();
        if lines.len() >= self.request.last_lines {
            lines.pop_front();
        }
        let end = message.floor_char_boundary(MOST_REPEATED);
        lines.push_back(message[..end].trim_end().to_owned());
    }

    /// The end, told where that is asked for, and its exit code. What is left is written however it ended.
    fn end(&mut self, ended: anyhow::Result<End>, request: &Request) -> anyhow::Result<u8> {
        let saved = self.conclude();
        let end = ended?;
        saved?;
        if let Some(text) = end.text(&request.ends) {
            self.console.status(&text);
        }
        Ok(end.code(&request.ends))
    }

    /// Writes what is left, and where the next run goes on.
    fn conclude(&mut self) -> anyhow::Result<()> {
        let unshown: Vec<_> = self
            .sweep
            .ready
            .iter()
            .map(|(lane, event)| (*lane, event.key, event.timestamp))
            .collect();
        self.tell(i64::MAX)?;
        self.printer.finish()?;
        if let Some(cursor) = &mut self.cursor {
            cursor.save(&self.sweep.lanes, &unshown)?;
        }
        Ok(())
    }
}

/// The same by a live tail: what CloudWatch sends is shown, and nothing is asked for again.
pub(crate) async fn run_live(request: &Request) -> anyhow::Result<u8> {
    let mut show = Show::new(request).await?;
    let ended = until_over(request, show.listen()).await;
    show.end(ended, request)
}

impl Show<'_> {
    async fn listen(&mut self) -> anyhow::Result<End> {
        if !self.directory.watches.is_empty() {
            self.look().await?;
        }
        let places = self
            .sweep
            .lanes
            .iter()
            .map(|lane| lane.place.clone())
            .collect();
        let filter = self.request.filter.clone();
        let mut live = Live::new(self.clients.get(None), places, filter).await?;
        let console = Console::new(self.request.verbosity);
        live.read(&console, async |update| {
            // Updates come every second, also without events.
            if self.is_look_due()
                && let Some(end) = self.look().await?
            {
                return Ok(Some(end));
            }
            self.sweep.ready.extend(update.events);
            let Sweep { ready, pace, .. } = &mut self.sweep;
            self.directory.resolve(ready.iter(), pace, &console).await?;
            let end = self.drain()?;
            self.tell_those_due()?;
            Ok(end)
        })
        .await
    }
}
