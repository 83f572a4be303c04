//! `log-tailer put`: the lines of standard input into a log stream.

mod batch;
mod lines;

use std::path::PathBuf;
use std::time::Duration;

use aws::explain;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::SdkError;
use aws_sdk_cloudwatchlogs::operation::put_log_events::PutLogEventsError;
use aws_sdk_cloudwatchlogs::types::{InputLogEvent, RejectedLogEventsInfo};
use contract::exit;
use jiff::{Timestamp, ZonedDateTime};
use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until};
use toolkit::console::{Verbosity, counted};
use toolkit::file::Secrecy;
use toolkit::{Console, Fault, output};

use crate::interrupt;
use batch::{Batch, Entry};
use lines::Lines;

/// Where the lines go.
#[derive(Debug, Clone)]
pub struct Request {
    /// The log group.
    pub group: String,
    /// The stream, which is made if it is not there; none is one of this session's own.
    pub stream: Option<String>,
    /// Whether the group is made too.
    pub create_group: bool,
    /// Whether each line begins with its time.
    pub timed: bool,
    /// Whether lines are shown as well.
    pub tee: bool,
    /// Lines wait for others no longer than this.
    pub wait: Duration,
    /// Where the summary goes; none is stdout.
    pub output: Option<PathBuf>,
    /// What is said beside it.
    pub verbosity: Verbosity,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Summary {
    kind: &'static str,
    schema: u32,
    group: String,
    stream: String,
    /// Taken by CloudWatch.
    events: u64,
    bytes: u64,
    requests: u64,
    /// Refused for their time.
    rejected: u64,
}

/// Pauses after a failure.
const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// What comes first.
enum Next {
    /// A line, or the end of them.
    Line(Option<anyhow::Result<String>>),
    /// The time up to which lines may wait for others.
    Due,
}

struct Put<'r> {
    request: &'r Request,
    console: Console,
    client: Client,
    summary: Summary,
}

/// Sends standard input to the stream until it ends, and writes what was done.
pub(crate) async fn run(request: &Request) -> anyhow::Result<u8> {
    // Requests are repeated here, for as long as it takes: the lines are nowhere else.
    let config = aws::without_retries(&aws::config().await?);
    let stream = request.stream.clone().unwrap_or_else(session);
    let mut put = Put {
        request,
        console: Console::new(request.verbosity),
        client: Client::new(&config),
        summary: Summary {
            kind: "log-put",
            schema: 1,
            group: request.group.clone(),
            stream,
            ..Summary::default()
        },
    };
    put.prepare().await?;
    let was_interrupted = put.send_all().await?;
    let summary = &put.summary;
    put.console.status(&format!(
        "{} written to {} {}",
        counted(summary.events, "event"),
        summary.group,
        summary.stream
    ));
    // With --tee, stdout has the lines.
    if !request.tee || request.output.is_some() {
        output::document(summary, request.output.as_deref(), Secrecy::Public)?;
    }
    Ok(match (was_interrupted, summary.rejected) {
        (true, _) => exit::INTERRUPTED,
        (false, 0) => exit::DONE,
        (false, _) => exit::NEGATIVE,
    })
}

/// `session/2026-11-24T09-00-00Z/HOST/PID`: a colon may not be in a stream's name.
fn session() -> String {
    let time = ZonedDateTime::now()
        .with_time_zone(jiff::tz::TimeZone::UTC)
        .strftime("%Y-%m-%dT%H-%M-%SZ")
        .to_string();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-.".contains(*c))
        .collect();
    format!("session/{time}/{host}/{}", std::process::id())
}

impl Put<'_> {
    /// Makes the stream, and the group if that is asked for.
    async fn prepare(&self) -> anyhow::Result<()> {
        let group = &self.request.group;
        let stream = &self.summary.stream;
        if self.request.create_group {
            self.until_done(async || {
                match self
                    .client
                    .create_log_group()
                    .log_group_name(group)
                    .send()
                    .await
                {
                    Err(error) if aws::code(&error) != Some("ResourceAlreadyExistsException") => {
                        Err((
                            aws::is_passing(&error),
                            explain(&format!("make the log group {group}"), error),
                        ))
                    }
                    _ => Ok(()),
                }
            })
            .await?;
        }
        self.until_done(async || {
            let call = self
                .client
                .create_log_stream()
                .log_group_name(group)
                .log_stream_name(stream);
            match call.send().await {
                Err(error) if aws::code(&error) == Some("ResourceNotFoundException") => {
                    let fault = Fault::new(1, format!("there is no log group {group}"))
                        .with_hint("make it with --create-group");
                    Err((false, fault.into()))
                }
                Err(error) if aws::code(&error) != Some("ResourceAlreadyExistsException") => Err((
                    aws::is_passing(&error),
                    explain(&format!("make the log stream {group} {stream}"), error),
                )),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Repeats what may succeed later; the flag of a failure says whether it may.
    async fn until_done<T>(
        &self,
        mut attempt: impl AsyncFnMut() -> Result<T, (bool, anyhow::Error)>,
    ) -> anyhow::Result<T> {
        let mut pause = SHORTEST;
        loop {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err((false, error)) => return Err(error),
                Err((true, error)) => {
                    if pause == SHORTEST {
                        self.console.warning(&format!("{error:#}; trying again"));
                    }
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
    }

    /// Reads lines until they end or somebody asks to end, which is also what is given.
    async fn send_all(&mut self) -> anyhow::Result<bool> {
        let mut lines = Lines::of_stdin();
        let mut batch = Batch::default();
        let mut tee = output::Batch::default();
        let mut since = Instant::now();
        let mut latest = None;
        let mut asked = std::pin::pin!(interrupt::asked());
        let was_interrupted = loop {
            if batch.is_empty() {
                since = Instant::now();
            }
            let limit = since + self.request.wait;
            let next = tokio::select! {
                next = lines.next() => Next::Line(next),
                () = sleep_until(limit), if !batch.is_empty() => Next::Due,
                pressed = &mut asked => {
                    pressed?;
                    break true;
                }
            };
            match next {
                Next::Due => {
                    if let Some(entries) = batch.take() {
                        self.send(entries).await?;
                    }
                }
                Next::Line(None) => break false,
                Next::Line(Some(line)) => {
                    let line = line?;
                    if self.request.tee {
                        tee.line(|out| out.extend_from_slice(line.as_bytes()))?;
                        tee.flush()?;
                    }
                    for entry in self.entries(&line, &mut latest) {
                        if let Some(entries) = batch.add(entry) {
                            self.send(entries).await?;
                            since = Instant::now();
                        }
                    }
                }
            }
        };
        if let Some(entries) = batch.take() {
            self.send(entries).await?;
        }
        Ok(was_interrupted)
    }

    /// A line without a time of its own has that of the line before it, or now.
    fn entries(&self, line: &str, latest: &mut Option<i64>) -> Vec<Entry> {
        let now = Timestamp::now().as_millisecond();
        if !self.request.timed {
            return batch::split(line, now);
        }
        match lines::time_of(line) {
            Some((timestamp, rest)) => {
                *latest = Some(timestamp);
                batch::split(rest, timestamp)
            }
            None => batch::split(line, latest.unwrap_or(now)),
        }
    }

    async fn send(&mut self, entries: Vec<Entry>) -> anyhow::Result<()> {
        let count = entries.len();
        let bytes: usize = entries.iter().map(|entry| entry.message.len()).sum();
        let events: Vec<InputLogEvent> = entries
            .into_iter()
            .map(|entry| {
                InputLogEvent::builder()
                    .timestamp(entry.timestamp)
                    .message(entry.message)
                    .build()
            })
            .collect::<Result<_, _>>()?;
        let Summary { group, stream, .. } = &self.summary;
        let answer = self
            .until_done(async || {
                self.client
                    .put_log_events()
                    .log_group_name(group)
                    .log_stream_name(stream)
                    .set_log_events(Some(events.clone()))
                    .send()
                    .await
                    .map_err(|error| refused(group, stream, error))
            })
            .await?;
        let rejected = answer
            .rejected_log_events_info()
            .map_or(0, |info| rejected(info, count));
        if rejected > 0 {
            self.console.warning(&format!(
                "{} refused for their time: CloudWatch takes none older than 14 days or than the group keeps, and none more than 2 hours ahead",
                counted(rejected, "event")
            ));
        }
        self.summary.requests += 1;
        self.summary.rejected += rejected;
        self.summary.events += count as u64 - rejected;
        self.summary.bytes += bytes as u64;
        Ok(())
    }
}

fn refused(group: &str, stream: &str, error: SdkError<PutLogEventsError>) -> (bool, anyhow::Error) {
    let is_passing = aws::is_passing(&error);
    (
        is_passing,
        explain(&format!("write to the log stream {group} {stream}"), error),
    )
}

/// How many of `count` events in order were refused: too new ones are at the end, too old ones at the beginning.
fn rejected(info: &RejectedLogEventsInfo, count: usize) -> u64 {
    let index = |value: Option<i32>| value.and_then(|value| usize::try_from(value).ok());
    let old = index(info.too_old_log_event_end_index())
        .max(index(info.expired_log_event_end_index()))
        .unwrap_or(0)
        .min(count);
    let new =
        index(info.too_new_log_event_start_index()).map_or(0, |start| count.saturating_sub(start));
    (old + new).min(count) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_was_refused() {
        let info = RejectedLogEventsInfo::builder()
            .too_old_log_event_end_index(2)
            .expired_log_event_end_index(3)
            .too_new_log_event_start_index(8)
            .build();
        assert_eq!(rejected(&info, 10), 5);
        assert_eq!(rejected(&RejectedLogEventsInfo::builder().build(), 10), 0);
    }

    #[test]
    fn names_a_session_as_a_stream_may_be_called() {
        let name = session();
        assert!(name.starts_with("session/2"), "{name}");
        assert!(!name.contains([':', '*']), "{name}");
    }
}
