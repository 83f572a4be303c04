//! FilterLogEvents: the streams of a group, merged and filtered.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::catalogue::Entry;
use super::journal::{Direction, MOST_STREAMS, Position, Source, Span};
use super::page::{self, MOST_EVENTS};
use super::pattern::Pattern;
use super::{Logs, constraint, invalid_token, limit};
use crate::protocol::{Answer, AwsError, Input};

/// How long a token is good; milliseconds.
const TOKEN_LIFE_MS: i64 = 24 * 3_600_000;
/// Before 2024 AWS reads only forward; milliseconds since 1970.
const EARLIEST_BACKWARD_START_MS: i64 = 1_704_067_200_000;

impl Logs {
    pub(super) fn filter_log_events(&self, input: Input<'_>) -> Answer {
        let group = self.group_name(input)?;
        let limit = limit(input, MOST_EVENTS)?;
        let pattern = pattern(input)?;
        let now = self.clock.now_ms();
        let start = input.integer("startTime")?;
        let (selection, earliest) = {
            let catalogue = self.catalogue();
            let entry = catalogue.entry(group)?;
            (Selection::of(input, entry)?, entry.earliest_kept(now))
        };
        let Some(selection) = selection else {
            return Ok(answer(Vec::new(), None));
        };
        let mut span = Span {
            after: Position::before(start.unwrap_or(0).max(earliest)),
            before: Position::after(input.integer("endTime")?.unwrap_or(i64::MAX)),
        };
        let direction = match input.text("nextToken")? {
            Some(token) => Token::parse(token, now)?.narrow(&mut span),
            None => direction(input, start)?,
        };
        let page = page::read(
            &self.store,
            &selection.source,
            span,
            direction,
            limit,
            |record| selection.takes(record.stream_id) && pattern.matches(&record.message),
        )?;
        let catalogue = self.catalogue();
        let names: HashMap<i64, &str> = catalogue
            .entry(group)?
            .streams
            .values()
            .map(|stream| (stream.id, stream.name.as_str()))
            .collect();
        let events = page
            .records
            .into_iter()
            .filter_map(|record| {
                // A stream may have been deleted since its events were read.
                let stream = names.get(&record.stream_id)?;
                let id = record.position().digits();
                Some(json!({
                    "logStreamName": stream,
                    "timestamp": record.timestamp_ms,
                    "message": record.message,
                    "ingestionTime": record.ingestion_ms,
                    "eventId": id,
                }))
            })
            .collect();
        let token = page.next.map(|position| {
            Token {
                direction,
                position,
                issued_ms: now,
            }
            .text()
        });
        Ok(answer(events, token))
    }
}

fn answer(events: Vec<Value>, token: Option<String>) -> Value {
    let mut answer = json!({ "events": events, "searchedLogStreams": [] });
    if let Some(token) = token {
        answer["nextToken"] = token.into();
    }
    answer
}

fn pattern(input: Input<'_>) -> Result<Pattern, AwsError> {
    let text = input.text("filterPattern")?.unwrap_or("");
    if text.chars().count() > 1024 {
        return Err(constraint(
            "filterPattern",
            text,
            "Member must have length less than or equal to 1024",
        ));
    }
    Pattern::parse(text).map_err(|error| input.refuse(error.to_string()))
}

fn direction(input: Input<'_>, start: Option<i64>) -> Result<Direction, AwsError> {
    if input.flag("startFromHead")?.unwrap_or(true) {
        return Ok(Direction::Forward);
    }
    if start.is_some_and(|start| start < EARLIEST_BACKWARD_START_MS) {
        return Err(input.refuse(
            "startFromHead can be false only when startTime is on or after 2024-01-01T00:00:00Z.",
        ));
    }
    Ok(Direction::Backward)
}

/// Which streams are read, and how.
struct Selection {
    source: Source,
    /// Where the source has more than was asked for.
    only: Option<HashSet<i64>>,
}

impl Selection {
    /// What the request selects; absent when no stream matches.
    fn of(input: Input<'_>, entry: &Entry) -> Result<Option<Self>, AwsError> {
        let names = input.texts("logStreamNames")?;
        let prefix = input.text("logStreamNamePrefix")?;
        if prefix.is_some() && !names.is_empty() {
            return Err(input.refuse(
                "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.",
            ));
        }
        if names.len() > MOST_STREAMS {
            return Err(constraint(
                "logStreamNames",
                &format!("[{} names]", names.len()),
                "Member must have length less than or equal to 100",
            ));
        }
        let whole = Source::Group(entry.group.id);
        let ids: Vec<i64> = match prefix {
            None if names.is_empty() => {
                return Ok(Some(Self {
                    source: whole,
                    only: None,
                }));
            }
            None => {
                let unique: HashSet<&str> = names.into_iter().collect();
                unique
                    .into_iter()
                    .map(|name| entry.stream(name).map(|stream| stream.id))
                    .collect::<Result<_, _>>()?
            }
            Some(prefix) => entry
                .streams
                .values()
                .filter(|stream| stream.name.starts_with(prefix))
                .map(|stream| stream.id)
                .collect(),
        };
        Ok(match ids.len() {
            0 => None,
            all if all == entry.streams.len() => Some(Self {
                source: whole,
                only: None,
            }),
            1..=MOST_STREAMS => Some(Self {
                source: Source::Streams(ids),
                only: None,
            }),
            _ => Some(Self {
                source: whole,
                only: Some(ids.into_iter().collect()),
            }),
        })
    }

    fn takes(&self, stream_id: i64) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| only.contains(&stream_id))
    }
}

/// Where the next page begins, and which way it goes.
struct Token {
    direction: Direction,
    position: Position,
    issued_ms: i64,
}

impl Token {
    fn text(&self) -> String {
        let direction = match self.direction {
            Direction::Forward => 'f',
            Direction::Backward => 'b',
        };
        URL_SAFE_NO_PAD.encode(format!(
            "{direction}/{}/{}",
            self.position.digits(),
            self.issued_ms
        ))
    }

    fn parse(text: &str, now_ms: i64) -> Result<Self, AwsError> {
        let parse = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            let (direction, rest) = text.split_once('/')?;
            let (position, issued) = rest.split_once('/')?;
            Some(Self {
                direction: match direction {
                    "f" => Direction::Forward,
                    "b" => Direction::Backward,
                    _ => return None,
                },
                position: Position::parse(position)?,
                issued_ms: issued.parse().ok()?,
            })
        };
        parse()
            .filter(|token| now_ms - token.issued_ms <= TOKEN_LIFE_MS)
            .ok_or_else(invalid_token)
    }

    fn narrow(&self, span: &mut Span) -> Direction {
        match self.direction {
            Direction::Forward => span.after = span.after.max(self.position),
            Direction::Backward => span.before = span.before.min(self.position),
        }
        self.direction
    }
}
