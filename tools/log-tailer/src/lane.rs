//! One reading after the other of one choice of streams of one log group.

use std::collections::VecDeque;

use aws::explain;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::SdkError;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsError;
use aws_smithy_types::date_time::{DateTime, Format};
use jiff::Timestamp;
use toolkit::Fault;

use crate::Streams;
use crate::event::Event;
use crate::page::{Names, Page};
use crate::tap::{Raw, Slot};
use crate::window::Window;

/// The most streams that FilterLogEvents takes by name.
pub(crate) const MOST_STREAMS: usize = 100;
/// The same token again and again leads nowhere.
const MOST_REPETITIONS: u32 = 20;

/// A log group and the streams of it that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where the group is; none is the region of the configuration.
    pub(crate) region: Option<String>,
    pub(crate) group: String,
    pub(crate) streams: Streams,
    /// Whether it is no error that it is not there: it is awaited, or a task has not written yet.
    pub(crate) may_be_absent: bool,
}

/// How CloudWatch is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asking {
    /// CloudWatch's filter pattern.
    pub(crate) filter: Option<String>,
    /// Nothing after this; milliseconds since 1970.
    pub(crate) until: Option<i64>,
    /// Events in a page; none is as many as CloudWatch gives.
    pub(crate) limit: Option<i32>,
}

/// Why a page could not be read.
#[derive(Debug)]
pub(crate) enum FetchError {
    /// The group or a stream is not there.
    Absent(anyhow::Error),
    /// Too many calls, by this program or by others.
    Throttled(anyhow::Error),
    /// A cut connection, a failing service: the same call may succeed later.
    Passing(anyhow::Error),
    /// It will not succeed.
    Final(anyhow::Error),
}

/// How much of the recent past a reading reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everything that may still come.
    Full,
    /// What came since the last reading; where the window has many events, between two full readings.
    Head,
}

/// A reading that is under way.
#[derive(Debug)]
struct Reading {
    reach: Reach,
    since: i64,
    token: Option<String>,
    repetitions: u32,
    /// By the server's clock, when the first page came.
    began: Option<i64>,
    pages: u32,
}

/// One group's events, as they are read.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) place: Place,
    client: Client,
    slot: Slot,
    names: Names,
    window: Window,
    /// Of several named streams, those that are there, if they are not all; for one reading.
    existing: Option<Vec<String>>,
    reading: Option<Reading>,
    /// Read and not yet shown, in order.
    pub(crate) pending: VecDeque<Event>,
    /// Events of the last page, which are held back until the next has come.
    pub(crate) held: usize,
    /// When the last full reading began, and the last of any reach; by the server's clock.
    full_began: Option<i64>,
    began: Option<i64>,
    /// Pages of the last full reading.
    pages: u32,
    /// Whether nothing has been read before the present reading.
    is_first: bool,
    pub(crate) is_absent: bool,
}

/// Full readings are at least so far apart where they are long; milliseconds.
const FULL_EVERY: i64 = 10_000;
/// What a reading of the head reaches back before the last one; milliseconds.
const HEAD_SPAN: i64 = 10_000;
/// A full reading of that many pages is always affordable.
const CHEAP: u32 = 2;

impl Lane {
    pub(crate) fn new(place: Place, client: Client, slot: Slot, window: Window) -> Self {
        Self {
            place,
            client,
            slot,
            names: Names::default(),
            window,
            existing: None,
            reading: None,
            pending: VecDeque::new(),
            held: 0,
            full_began: None,
            began: None,
            pages: 0,
            is_first: true,
            is_absent: false,
        }
    }

    /// Begins to read. `forced` is full whatever it costs.
    pub(crate) fn begin(&mut self, forced: bool) {
        let reach = match (self.full_began, self.began) {
            (Some(full), Some(last))
                if !forced && self.pages > CHEAP && last - full < FULL_EVERY =>
            {
                Reach::Head
            }
            _ => Reach::Full,
        };
        let since = match reach {
            Reach::Full => self.window.since(self.full_began),
            Reach::Head => self
                .window
                .since(self.full_began)
                .max(self.began.unwrap_or(i64::MIN).saturating_sub(HEAD_SPAN)),
        };
        self.existing = None;
        self.reading = Some(Reading {
            reach,
            since,
            token: None,
            repetitions: 0,
            began: None,
            pages: 0,
        });
    }

    /// Whether the reading has come to its end.
    pub(crate) fn is_over(&self) -> bool {
        self.reading.is_none()
    }

    /// Gives this reading up; the next one begins where it began.
    pub(crate) fn abandon(&mut self) {
        self.reading = None;
    }

    /// Reads the next page of the reading.
    pub(crate) async fn fetch(&mut self, asking: &Asking) -> Result<(), FetchError> {
        let Some(reading) = &self.reading else {
            return Ok(());
        };
        let call = self
            .client
            .filter_log_events()
            .log_group_name(&self.place.group)
            .set_filter_pattern(asking.filter.clone())
            .start_time(reading.since.max(0))
            .set_end_time(asking.until)
            .set_limit(asking.limit)
            .set_next_token(reading.token.clone());
        let call = match &self.place.streams {
            Streams::All => call,
            Streams::Prefix(prefix) => call.log_stream_name_prefix(prefix),
            Streams::Named(names) => match names.as_slice() {
                // A prefix that nothing begins with is no error, as the name of a missing stream is.
                [only] => call.log_stream_name_prefix(only),
                names if names.len() > MOST_STREAMS => call,
                names => {
                    let names = self.existing.as_deref().unwrap_or(names);
                    call.set_log_stream_names(Some(names.to_vec()))
                }
            },
        };
        drop(self.slot.take());
        if let Err(error) = call.send().await {
            return self.refused(error).await;
        }
        let Some(raw) = self.slot.take() else {
            return Err(FetchError::Final(anyhow::anyhow!(
                "the answer to FilterLogEvents has no body"
            )));
        };
        let page = Page::decode(&raw.body, &mut self.names).map_err(|error| {
            let group = &self.place.group;
            FetchError::Final(anyhow::Error::new(error).context(format!(
                "the events of the log group {group} cannot be read"
            )))
        })?;
        self.take(page, server_clock(&raw));
        self.slot.give_back(raw.body);
        Ok(())
    }

    /// What a refusal means; a token that is no longer taken only begins the reading anew.
    async fn refused(&mut self, error: SdkError<FilterLogEventsError>) -> Result<(), FetchError> {
        let says_token = error.as_service_error().is_some_and(|error| {
            matches!(error, FilterLogEventsError::InvalidParameterException(_))
                && error
                    .meta()
                    .message()
                    .is_some_and(|message| message.contains("nextToken"))
        });
        if let Some(reading) = &mut self.reading
            && says_token
            && reading.token.take().is_some()
        {
            reading.since = self.window.floor(reading.since);
            return Ok(());
        }
        let failure = self.failure(error);
        if let (FetchError::Absent(_), Streams::Named(names), None) =
            (&failure, &self.place.streams, &self.existing)
            && names.len() > 1
        {
            // One name that is missing makes CloudWatch refuse them all.
            let existing = self.those_there(names).await?;
            if !existing.is_empty() {
                self.existing = Some(existing);
                return Ok(());
            }
        }
        Err(failure)
    }

    /// Which of the streams are there. Those of tasks that have not written are not.
    async fn those_there(&self, names: &[String]) -> Result<Vec<String>, FetchError> {
        let mut existing = Vec::new();
        for name in names {
            let answer = self
                .client
                .describe_log_streams()
                .log_group_name(&self.place.group)
                .log_stream_name_prefix(name)
                .limit(1)
                .send()
                .await
                .map_err(|error| {
                    let is_passing = aws::is_passing(&error);
                    let group = &self.place.group;
                    let explained = explain(
                        &format!("describe the streams of the log group {group}"),
                        error,
                    );
                    if is_passing {
                        FetchError::Passing(explained)
                    } else {
                        FetchError::Final(explained)
                    }
                })?;
            let is_there = answer
                .log_streams()
                .iter()
                .any(|stream| stream.log_stream_name() == Some(name));
            if is_there {
                existing.push(name.clone());
            }
        }
        Ok(existing)
    }

    fn failure(&self, error: SdkError<FilterLogEventsError>) -> FetchError {
        let group = &self.place.group;
        let is_absent = matches!(
            error.as_service_error(),
            Some(FilterLogEventsError::ResourceNotFoundException(_))
        );
        let is_throttled = aws::code(&error).is_some_and(|code| code.contains("Throttling"));
        let is_passing = aws::is_passing(&error);
        let explained = explain(&format!("read the log group {group}"), error);
        if is_absent {
            let fault = Fault::new(1, format!("{explained}"))
                .with_hint("check its name and the region; with --follow it is awaited");
            FetchError::Absent(fault.into())
        } else if is_throttled {
            FetchError::Throttled(explained)
        } else if is_passing {
            FetchError::Passing(explained)
        } else {
            FetchError::Final(explained)
        }
    }

    /// Takes a page in: what is new of it waits to be shown.
    fn take(&mut self, page: Page, clock: i64) {
        let Some(mut reading) = self.reading.take() else {
            return;
        };
        let began = *reading.began.get_or_insert(clock);
        reading.pages += 1;
        let known = self.pending.len();
        for event in page.events {
            if accepts(&self.place.streams, &event.stream) && self.window.admit(&event) {
                self.pending.push_back(event);
            }
        }
        self.held = self.pending.len() - known;
        sort(&mut self.pending, known);
        self.window.pass(began, self.is_first);
        self.is_absent = false;
        let is_stuck = page.next.is_some() && page.next == reading.token && {
            reading.repetitions += 1;
            reading.repetitions > MOST_REPETITIONS
        };
        match page.next {
            Some(token) if !is_stuck => {
                reading.token = Some(token);
                self.reading = Some(reading);
            }
            _ => self.conclude(&reading, began),
        }
    }

    fn conclude(&mut self, reading: &Reading, began: i64) {
        self.is_first = false;
        self.began = Some(began);
        if reading.reach == Reach::Full {
            self.full_began = Some(began);
            self.pages = reading.pages;
            self.window.forget(self.window.since(self.full_began));
        }
    }

    /// From when on the next run has to read, and which events of that time were seen.
    pub(crate) fn memory(&self) -> (i64, &Window) {
        let since = self.window.floor(self.window.since(self.full_began));
        (since, &self.window)
    }

    /// How many events are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.window.len()
    }
}

fn accepts(streams: &Streams, name: &str) -> bool {
    match streams {
        Streams::All => true,
        Streams::Prefix(prefix) => name.starts_with(prefix.as_str()),
        Streams::Named(names) => names.iter().any(|wanted| wanted == name),
    }
}

/// Puts what follows the first `known` events in order with them. Pages mostly come in order, so that there is
/// mostly nothing to do.
fn sort(pending: &mut VecDeque<Event>, known: usize) {
    let from = known.saturating_sub(1);
    if !pending.range(from..).is_sorted_by_key(Event::order) {
        pending.make_contiguous().sort_by_key(Event::order);
    }
}

/// The server's clock, in milliseconds since 1970: by its answer, else by ours.
fn server_clock(raw: &Raw) -> i64 {
    raw.date
        .as_deref()
        .and_then(|date| DateTime::from_str(date, Format::HttpDate).ok())
        .map_or_else(
            || Timestamp::now().as_millisecond(),
            |date| date.secs().saturating_mul(1000),
        )
}
