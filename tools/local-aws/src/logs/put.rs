//! Taking events in.

use serde_json::{Value, json};

use super::catalogue::{Catalogue, Stream};
use super::journal;
use super::page::EVENT_OVERHEAD;
use super::{INVALID, LogEvent, Logs, constraint};
use crate::protocol::{Answer, AwsError, Input};
use crate::state::put_in;

/// Bytes in one PutLogEvents, each event with its overhead.
const MOST_BATCH_BYTES: usize = 1_048_576;
/// Bytes in one event's text.
const MOST_EVENT_BYTES: usize = MOST_BATCH_BYTES - EVENT_OVERHEAD;
const MOST_BATCH_EVENTS: usize = 10_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How often events beyond retention are looked for; milliseconds.
const PRUNE_EVERY_MS: i64 = 60_000;

impl Logs {
    /// Adds what a container wrote to a stream, which is made if it is absent; the group must exist.
    /// A text longer than an event may be becomes several events. Nothing is rejected for its time.
    pub fn append(&self, group: &str, stream: &str, events: &[LogEvent]) -> Result<(), AwsError> {
        let mut catalogue = self.catalogue();
        let stream = match catalogue.entry(group)?.streams.get(stream) {
            Some(stream) => stream.clone(),
            None => self.new_stream(&mut catalogue, group, stream)?,
        };
        let events: Vec<LogEvent> = events.iter().flat_map(split).collect();
        self.take(&mut catalogue, stream, &events)
    }

    pub(super) fn put_log_events(&self, input: Input<'_>) -> Answer {
        let group = input.required_text("logGroupName")?;
        let stream = input.required_text("logStreamName")?;
        let events = batch(input)?;
        let now = self.clock.now_ms();
        let mut catalogue = self.catalogue();
        let entry = catalogue.entry(group)?;
        let stream = entry.stream(stream)?.clone();
        let acceptance = Acceptance::of(&events, now, entry.earliest_kept(now));
        let accepted = acceptance.accepted(&events);
        if let (Some(first), Some(last)) = (accepted.first(), accepted.last())
            && last.timestamp_ms - first.timestamp_ms > DAY_MS
        {
            return Err(input.refuse(
                "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
            ));
        }
        self.take(&mut catalogue, stream, accepted)?;
        let mut answer = json!({ "nextSequenceToken": format!("{now:056}") });
        if let Some(rejected) = acceptance.rejected() {
            answer["rejectedLogEventsInfo"] = rejected;
        }
        Ok(answer)
    }

    /// Writes events and what they change about their stream in one transaction.
    fn take(
        &self,
        catalogue: &mut Catalogue,
        mut stream: Stream,
        events: &[LogEvent],
    ) -> Result<(), AwsError> {
        let now = self.clock.now_ms();
        let first = events.iter().map(|event| event.timestamp_ms).min();
        let last = events.iter().map(|event| event.timestamp_ms).max();
        let (Some(first), Some(last)) = (first, last) else {
            return Ok(());
        };
        let bytes: usize = events
            .iter()
            .map(|event| event.message.len() + EVENT_OVERHEAD)
            .sum();
        stream.first_event_ms = Some(
            stream
                .first_event_ms
                .map_or(first, |known| known.min(first)),
        );
        stream.last_event_ms = Some(stream.last_event_ms.map_or(last, |known| known.max(last)));
        stream.last_ingestion_ms = Some(now);
        stream.bytes += i64::try_from(bytes).unwrap_or(i64::MAX);
        let entry = catalogue.entry_mut(&stream.group)?;
        self.store.transaction(|transaction| {
            journal::insert_in(transaction, entry.group.id, stream.id, now, events)?;
            put_in(transaction, &stream)
        })?;
        self.count(&stream.group, events);
        entry.streams.insert(stream.name.clone(), stream);
        if now - entry.pruned_ms >= PRUNE_EVERY_MS {
            self.prune(entry, now)?;
        }
        Ok(())
    }
}

/// The parts of an event, each no longer than an event may be.
fn split(event: &LogEvent) -> Vec<LogEvent> {
    let mut parts = Vec::new();
    let mut rest = event.message.as_str();
    while rest.len() > MOST_EVENT_BYTES {
        let cut = rest.floor_char_boundary(MOST_EVENT_BYTES);
        parts.push(&rest[..cut]);
        rest = &rest[cut..];
    }
    parts.push(rest);
    parts
        .into_iter()
        .map(|message| LogEvent {
            timestamp_ms: event.timestamp_ms,
            message: message.to_owned(),
        })
        .collect()
}

/// The events of a request, in their order, checked against what holds for a whole batch.
fn batch(input: Input<'_>) -> Result<Vec<LogEvent>, AwsError> {
    let given = input.structures("logEvents")?;
    if given.is_empty() {
        return Err(constraint(
            "logEvents",
            "[]",
            "Member must have length greater than or equal to 1",
        ));
    }
    if given.len() > MOST_BATCH_EVENTS {
        return Err(constraint(
            "logEvents",
            &format!("[{} events]", given.len()),
            "Member must have length less than or equal to 10000",
        ));
    }
    let events: Vec<LogEvent> = given
        .iter()
        .map(|event| {
            let timestamp_ms = event
                .integer("timestamp")?
                .filter(|timestamp| *timestamp >= 0)
                .ok_or_else(|| AwsError::invalid_member(INVALID, "timestamp", "given"))?;
            let message = event.required_text("message")?.to_owned();
            Ok(LogEvent {
                timestamp_ms,
                message,
            })
        })
        .collect::<Result<_, AwsError>>()?;
    let size: usize = events
        .iter()
        .map(|event| event.message.len() + EVENT_OVERHEAD)
        .sum();
    if let Some(event) = events
        .iter()
        .find(|event| event.message.len() > MOST_EVENT_BYTES)
    {
        return Err(input.refuse(format!(
            "Log event too large: {} bytes exceeds limit of {MOST_BATCH_BYTES}",
            event.message.len() + EVENT_OVERHEAD
        )));
    }
    if size > MOST_BATCH_BYTES {
        return Err(input.refuse(format!(
            "Upload too large: {size} bytes exceeds limit of {MOST_BATCH_BYTES}"
        )));
    }
    if !events.is_sorted_by_key(|event| event.timestamp_ms) {
        return Err(input.refuse(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    Ok(events)
}

/// Which events of an ordered batch are taken: those from `begin` to before `end`.
struct Acceptance {
    total: usize,
    too_old: usize,
    expired: usize,
    end: usize,
}

impl Acceptance {
    fn of(events: &[LogEvent], now: i64, earliest_kept: i64) -> Self {
        let before = |limit: i64| events.partition_point(|event| event.timestamp_ms < limit);
        Self {
            total: events.len(),
            too_old: before(now - 14 * DAY_MS),
            expired: before(earliest_kept),
            end: before(now + 2 * HOUR_MS + 1),
        }
    }

    fn accepted<'a>(&self, events: &'a [LogEvent]) -> &'a [LogEvent] {
        let begin = self.too_old.max(self.expired);
        &events[begin.min(self.end)..self.end]
    }

    /// `rejectedLogEventsInfo`: the start index is inclusive, the end indexes are exclusive.
    fn rejected(&self) -> Option<Value> {
        let mut info = serde_json::Map::new();
        if self.end < self.total {
            info.insert("tooNewLogEventStartIndex".to_owned(), self.end.into());
        }
        if self.too_old > 0 {
            info.insert("tooOldLogEventEndIndex".to_owned(), self.too_old.into());
        }
        if self.expired > 0 {
            info.insert("expiredLogEventEndIndex".to_owned(), self.expired.into());
        }
        (!info.is_empty()).then_some(Value::Object(info))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_text_at_characters() {
        let event = LogEvent {
            timestamp_ms: 7,
            message: format!("{}é", "x".repeat(MOST_EVENT_BYTES - 1)),
        };
        let parts = split(&event);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].message.len(), MOST_EVENT_BYTES - 1);
        assert_eq!(
            parts[1],
            LogEvent {
                timestamp_ms: 7,
                message: "é".to_owned()
            }
        );
    }
}
