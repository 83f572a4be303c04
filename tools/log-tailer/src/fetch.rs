//! Reading events out of CloudWatch.

use aws::{SdkConfig, explain};
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsError;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use toolkit::Fault;

use crate::event::Event;
use crate::{Request, Streams};

/// A choice of events, as CloudWatch is asked for it.
pub(crate) struct Source {
    client: Client,
    group: String,
    streams: Streams,
    filter: Option<String>,
}

/// Why a page could not be read.
#[derive(Debug)]
pub(crate) enum FetchError {
    /// Neither group nor streams are there yet.
    NotThere(anyhow::Error),
    /// Throttling, a cut connection: the same call may succeed later.
    Passing(anyhow::Error),
    /// It will not succeed.
    Final(anyhow::Error),
}

impl From<FetchError> for anyhow::Error {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::NotThere(error) | FetchError::Passing(error) | FetchError::Final(error) => {
                error
            }
        }
    }
}

/// The pages of one reading. Only the absence of a token ends it: a page may be empty and not be the last.
pub(crate) struct Pages<'a> {
    source: &'a Source,
    since: i64,
    until: Option<i64>,
    token: Option<String>,
    is_over: bool,
}

impl Source {
    pub(crate) fn new(config: &SdkConfig, request: &Request) -> Self {
        Self {
            client: Client::new(config),
            group: request.group.clone(),
            streams: request.streams.clone(),
            filter: request.filter.clone(),
        }
    }

    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    pub(crate) fn pages(&self, since: i64, until: Option<i64>) -> Pages<'_> {
        Pages {
            source: self,
            since,
            until,
            token: None,
            is_over: false,
        }
    }
}

impl Pages<'_> {
    /// The next page, in the order of time; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Event>>, FetchError> {
        if self.is_over {
            return Ok(None);
        }
        let source = self.source;
        let call = source
            .client
            .filter_log_events()
            .log_group_name(&source.group)
            .set_filter_pattern(source.filter.clone())
            .start_time(self.since)
            .set_end_time(self.until)
            .set_next_token(self.token.take());
        let call = match &source.streams {
            Streams::All => call,
            Streams::Prefix(prefix) => call.log_stream_name_prefix(prefix),
            Streams::Named(names) => call.set_log_stream_names(Some(names.clone())),
        };
        let page = call.send().await.map_err(|error| self.failure(error))?;
        self.token = page.next_token.filter(|token| !token.is_empty());
        self.is_over = self.token.is_none();
        Ok(Some(
            page.events
                .unwrap_or_default()
                .into_iter()
                .map(event)
                .collect(),
        ))
    }

    fn failure(
        &self,
        error: aws_sdk_cloudwatchlogs::error::SdkError<FilterLogEventsError>,
    ) -> FetchError {
        let group = &self.source.group;
        let is_absent = matches!(
            error.as_service_error(),
            Some(FilterLogEventsError::ResourceNotFoundException(_))
        );
        let is_passing = aws::is_passing(&error);
        let explained = explain(&format!("read the log group {group}"), error);
        if is_absent {
            let fault = Fault::new(1, format!("{explained}"))
                .with_hint("check its name and the region; with --follow it is awaited");
            FetchError::NotThere(fault.into())
        } else if is_passing {
            FetchError::Passing(explained)
        } else {
            FetchError::Final(explained)
        }
    }
}

fn event(event: FilteredLogEvent) -> Event {
    Event {
        id: event.event_id.unwrap_or_default(),
        stream: event.log_stream_name.unwrap_or_default(),
        timestamp: event.timestamp.unwrap_or_default(),
        ingestion: event.ingestion_time.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
    }
}
