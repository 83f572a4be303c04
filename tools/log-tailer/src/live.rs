//! CloudWatch's live tail: events within a second of their writing, and no promise that all of them come.
//!
//! Above 500 events a second CloudWatch sends a sample, and to a slow reader it drops the oldest. Both are said.
//! Nothing is remembered and nothing is asked for again: who must not lose a line follows without it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws::explain;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::{LiveTailSessionLogEvent, StartLiveTailResponseStream};
use tokio::time::{Instant, sleep};
use toolkit::{Console, Fault};

use crate::Streams;
use crate::ending::End;
use crate::event::{Event, Key};
use crate::lane::Place;

/// CloudWatch takes so many groups in a session.
const MOST_GROUPS: usize = 10;
/// How often a sample is spoken of.
const REMIND: Duration = Duration::from_secs(30);

/// What came in an update.
pub(crate) struct Update {
    /// With the position of the place that each comes from.
    pub(crate) events: Vec<(usize, Event)>,
}

/// A session, begun anew when CloudWatch ends it after three hours.
pub(crate) struct Live {
    client: Client,
    places: Vec<Place>,
    arns: Vec<String>,
    filter: Option<String>,
    /// Updates in which events were left out, since it was last said.
    sampled: u64,
    said: Option<Instant>,
    serial: u128,
}

impl Live {
    pub(crate) async fn new(
        client: Client,
        places: Vec<Place>,
        filter: Option<String>,
    ) -> anyhow::Result<Self> {
        let groups: BTreeSet<&str> = places.iter().map(|place| place.group.as_str()).collect();
        if groups.len() > MOST_GROUPS {
            return Err(Fault::usage(format!(
                "{} log groups were chosen; a live tail takes {MOST_GROUPS}",
                groups.len()
            ))
            .into());
        }
        let mut arns = Vec::new();
        for group in groups {
            arns.push(arn(&client, group).await?);
        }
        Ok(Self {
            client,
            places,
            arns,
            filter,
            sampled: 0,
            said: None,
            serial: 0,
        })
    }

    /// Hands every update on until there is a reason to end.
    pub(crate) async fn read(
        &mut self,
        console: &Console,
        mut take: impl AsyncFnMut(Update) -> anyhow::Result<Option<End>>,
    ) -> anyhow::Result<End> {
        loop {
            let (names, prefixes) = self.streams();
            let mut session = self
                .client
                .start_live_tail()
                .set_log_group_identifiers(Some(self.arns.clone()))
                .set_log_stream_names(names)
                .set_log_stream_name_prefixes(prefixes)
                .set_log_event_filter_pattern(self.filter.clone())
                .send()
                .await
                .map_err(|error| {
                    let fault = Fault::new(1, format!("{:#}", explain("start a live tail", error)))
                        .with_hint(
                            "leave --live out: --follow loses nothing, and every CloudWatch has it",
                        );
                    anyhow::Error::from(fault)
                })?;
            console.detail("the live tail has begun");
            loop {
                let received = session.response_stream.recv().await;
                match received {
                    Ok(Some(StartLiveTailResponseStream::SessionUpdate(update))) => {
                        let is_sampled = update
                            .session_metadata()
                            .is_some_and(|metadata| metadata.sampled());
                        self.note(is_sampled, console);
                        let events = update
                            .session_results
                            .unwrap_or_default()
                            .into_iter()
                            .filter_map(|event| self.event(event))
                            .collect();
                        if let Some(end) = take(Update { events }).await? {
                            return Ok(end);
                        }
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => {
                        let explained = explain("go on with the live tail", error);
                        console.warning(&format!("{explained:#}; beginning another one"));
                        break;
                    }
                }
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Names or prefixes, which CloudWatch takes for a single group only; for several they are told apart here.
    fn streams(&self) -> (Option<Vec<String>>, Option<Vec<String>>) {
        if self.arns.len() > 1
            || self
                .places
                .iter()
                .any(|place| place.streams == Streams::All)
        {
            return (None, None);
        }
        let mut prefixes = Vec::new();
        for place in &self.places {
            match &place.streams {
                Streams::All => {}
                Streams::Prefix(prefix) => prefixes.push(prefix.clone()),
                Streams::Named(names) => prefixes.extend(names.iter().cloned()),
            }
        }
        (None, Some(prefixes))
    }

    fn event(&mut self, event: LiveTailSessionLogEvent) -> Option<(usize, Event)> {
        let stream = event.log_stream_name.unwrap_or_default();
        let group = event.log_group_identifier.unwrap_or_default();
        let place = self.places.iter().position(|place| {
            let is_group = group == place.group
                || group
                    .strip_suffix(place.group.as_str())
                    .is_some_and(|rest| rest.ends_with(':'));
            let is_stream = match &place.streams {
                Streams::All => true,
                Streams::Prefix(prefix) => stream.starts_with(prefix.as_str()),
                Streams::Named(names) => names.contains(&stream),
            };
            is_group && is_stream
        })?;
        self.serial += 1;
        let stream: Arc<str> = stream.into();
        Some((
            place,
            Event {
                key: Key(self.serial),
                stream,
                timestamp: event.timestamp.unwrap_or_default(),
                ingestion: event.ingestion_time.unwrap_or_default(),
                message: event.message.unwrap_or_default().into(),
            },
        ))
    }

    fn note(&mut self, is_sampled: bool, console: &Console) {
        self.sampled += u64::from(is_sampled);
        if self.sampled > 0 && self.said.is_none_or(|said| said.elapsed() >= REMIND) {
            console.warning(&format!(
                "CloudWatch sends a sample: events were left out in {}",
                toolkit::console::counted(self.sampled, "second")
            ));
            self.sampled = 0;
            self.said = Some(Instant::now());
        }
    }
}

/// A live tail takes groups by their ARN, without the `:*` at its end.
async fn arn(client: &Client, group: &str) -> anyhow::Result<String> {
    let mut token = None;
    loop {
        let answer = client
            .describe_log_groups()
            .log_group_name_prefix(group)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| explain(&format!("describe the log group {group}"), error))?;
        let found = answer
            .log_groups()
            .iter()
            .find(|known| known.log_group_name() == Some(group));
        if let Some(arn) = found.and_then(|known| known.log_group_arn().or(known.arn())) {
            return Ok(arn.strip_suffix(":*").unwrap_or(arn).to_owned());
        }
        token = answer.next_token;
        if token.is_none() {
            return Err(Fault::new(1, format!("there is no log group {group}"))
                .with_hint("check its name and the region; without --live it is awaited")
                .into());
        }
    }
}
