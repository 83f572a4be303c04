//! Operations on log streams.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::catalogue::{Catalogue, Stream, delete_stream_in};
use super::groups::{name_of_token, token_of_name};
use super::{Logs, constraint, invalid_token, limit, nothing};
use crate::protocol::{Answer, AwsError, Input};

const MOST_PER_PAGE: usize = 50;

impl Logs {
    pub(super) fn create_log_stream(&self, input: Input<'_>) -> Answer {
        let group = input.required_text("logGroupName")?;
        let name = input.required_text("logStreamName")?;
        let mut catalogue = self.catalogue();
        if catalogue.entry(group)?.streams.contains_key(name) {
            return Err(AwsError::new(
                "ResourceAlreadyExistsException",
                "The specified log stream already exists",
            ));
        }
        let stream = self.new_stream(&mut catalogue, group, name)?;
        self.store.put(&stream)?;
        let streams = &mut catalogue.entry_mut(group)?.streams;
        streams.insert(name.to_owned(), stream);
        Ok(nothing())
    }

    /// A stream that is kept nowhere yet.
    pub(super) fn new_stream(
        &self,
        catalogue: &mut Catalogue,
        group: &str,
        name: &str,
    ) -> Result<Stream, AwsError> {
        if name.len() > 512 {
            return Err(constraint(
                "logStreamName",
                name,
                "Member must have length less than or equal to 512",
            ));
        }
        if name.contains([':', '*']) {
            return Err(constraint(
                "logStreamName",
                name,
                "Member must satisfy regular expression pattern: [^:*]*",
            ));
        }
        Ok(Stream {
            id: catalogue.next_id(),
            group: group.to_owned(),
            name: name.to_owned(),
            created_ms: self.clock.now_ms(),
            first_event_ms: None,
            last_event_ms: None,
            last_ingestion_ms: None,
            bytes: 0,
        })
    }

    pub(super) fn delete_log_stream(&self, input: Input<'_>) -> Answer {
        let mut catalogue = self.catalogue();
        let entry = catalogue.entry_mut(input.required_text("logGroupName")?)?;
        let name = input.required_text("logStreamName")?;
        let stream = entry.stream(name)?;
        self.store
            .transaction(|transaction| delete_stream_in(transaction, stream))?;
        entry.streams.remove(name);
        Ok(nothing())
    }

    pub(super) fn describe_log_streams(&self, input: Input<'_>) -> Answer {
        let group = self.group_name(input)?;
        let limit = limit(input, MOST_PER_PAGE)?;
        let prefix = input.text("logStreamNamePrefix")?;
        let order = Order::of(input)?;
        if prefix.is_some() && order == Order::LastEventTime {
            return Err(input.refuse("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        let is_descending = input.flag("descending")?.unwrap_or(false);
        let in_order = |a: &Place, b: &Place| {
            if is_descending { b.cmp(a) } else { a.cmp(b) }
        };
        let after = input.text("nextToken")?.map(Place::of_token).transpose()?;
        let catalogue = self.catalogue();
        let entry = catalogue.entry(group)?;
        let mut matching: Vec<(Place, &Stream)> = entry
            .streams
            .values()
            .filter(|stream| prefix.is_none_or(|prefix| stream.name.starts_with(prefix)))
            .map(|stream| (Place::of(stream, order), stream))
            .filter(|(place, _)| {
                after
                    .as_ref()
                    .is_none_or(|after| in_order(place, after) == Ordering::Greater)
            })
            .collect();
        matching.sort_by(|(a, _), (b, _)| in_order(a, b));
        let page = &matching[..limit.min(matching.len())];
        let streams: Vec<Value> = page
            .iter()
            .map(|(_, stream)| self.stream_description(stream))
            .collect();
        let mut answer = json!({ "logStreams": streams });
        if let Some((place, _)) = page.last()
            && page.len() < matching.len()
        {
            answer["nextToken"] = place.token().into();
        }
        Ok(answer)
    }

    fn stream_description(&self, stream: &Stream) -> Value {
        let arn = format!(
            "{}:log-stream:{}",
            self.group_arn(&stream.group),
            stream.name
        );
        let mut description = json!({
            "logStreamName": stream.name,
            "creationTime": stream.created_ms,
            "arn": arn,
            // AWS has reported 0 for streams since 2019; the group has the sum.
            "storedBytes": 0,
        });
        let times = [
            ("firstEventTimestamp", stream.first_event_ms),
            ("lastEventTimestamp", stream.last_event_ms),
            ("lastIngestionTime", stream.last_ingestion_ms),
        ];
        for (member, time) in times {
            if let Some(time) = time {
                description[member] = time.into();
            }
        }
        if let Some(ingestion) = stream.last_ingestion_ms {
            description["uploadSequenceToken"] = format!("{ingestion:056}").into();
        }
        description
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    LogStreamName,
    LastEventTime,
}

impl Order {
    fn of(input: Input<'_>) -> Result<Self, AwsError> {
        match input.text("orderBy")? {
            None | Some("LogStreamName") => Ok(Self::LogStreamName),
            Some("LastEventTime") => Ok(Self::LastEventTime),
            Some(other) => Err(constraint(
                "orderBy",
                other,
                "Member must satisfy enum value set: [LogStreamName, LastEventTime]",
            )),
        }
    }
}

/// Where a stream stands in a listing: by time, where that is the order, then by name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    time: i64,
    name: String,
}

impl Place {
    fn of(stream: &Stream, order: Order) -> Self {
        Self {
            time: match order {
                Order::LogStreamName => 0,
                // Streams without events come as if they were the oldest.
                Order::LastEventTime => stream.last_event_ms.unwrap_or(0),
            },
            name: stream.name.clone(),
        }
    }

    fn token(&self) -> String {
        format!("{}.{}", self.time, token_of_name(&self.name))
    }

    fn of_token(token: &str) -> Result<Self, AwsError> {
        let (time, name) = token.split_once('.').ok_or_else(invalid_token)?;
        let Ok(time) = time.parse() else {
            return Err(invalid_token());
        };
        Ok(Self {
            time,
            name: name_of_token(name)?,
        })
    }
}
