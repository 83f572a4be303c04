//! GetLogEvents: one stream, to and fro.

use serde_json::{Value, json};

use super::journal::{Direction, Position, Record, Source, Span};
use super::page::{self, MOST_EVENTS};
use super::{Logs, invalid_token, limit};
use crate::protocol::{Answer, AwsError, Input};

impl Logs {
    /// Forward tokens name the last event seen, backward tokens the first: a page follows strictly after the one
    /// and strictly before the other. At either end the token that was sent comes back.
    pub(super) fn get_log_events(&self, input: Input<'_>) -> Answer {
        let group = self.group_name(input)?;
        let name = input.required_text("logStreamName")?;
        let limit = limit(input, MOST_EVENTS)?;
        let (stream_id, earliest) = {
            let catalogue = self.catalogue();
            let entry = catalogue.entry(group)?;
            (
                entry.stream(name)?.id,
                entry.earliest_kept(self.clock.now_ms()),
            )
        };
        let start = input.integer("startTime")?.unwrap_or(0).max(earliest);
        let mut span = Span {
            after: Position::before(start),
            before: Position::before(input.integer("endTime")?.unwrap_or(i64::MAX)),
        };
        let token = input.text("nextToken")?.map(Token::parse).transpose()?;
        let direction = match token {
            Some(Token::Forward(position)) => {
                span.after = span.after.max(position);
                Direction::Forward
            }
            Some(Token::Backward(position)) => {
                span.before = span.before.min(position);
                Direction::Backward
            }
            None if input.flag("startFromHead")?.unwrap_or(false) => Direction::Forward,
            None => Direction::Backward,
        };
        let source = Source::Streams(vec![stream_id]);
        let mut records =
            page::read(&self.store, &source, span, direction, limit, |_| true)?.records;
        if direction == Direction::Backward {
            records.reverse();
        }
        let (forward, backward) = tokens(&records, token, span.after);
        Ok(json!({
            "events": records.into_iter().map(event).collect::<Vec<_>>(),
            "nextForwardToken": Token::Forward(forward).text(),
            "nextBackwardToken": Token::Backward(backward).text(),
        }))
    }
}

fn event(record: Record) -> Value {
    json!({
        "timestamp": record.timestamp_ms,
        "message": record.message,
        "ingestionTime": record.ingestion_ms,
    })
}

/// The positions of both tokens. From an empty page, turning round must find the event at the edge again.
fn tokens(records: &[Record], sent: Option<Token>, start: Position) -> (Position, Position) {
    match (records, sent) {
        ([first, .., last], _) => (last.position(), first.position()),
        ([only], _) => (only.position(), only.position()),
        ([], Some(Token::Forward(position))) => (position, position.moved(1)),
        ([], Some(Token::Backward(position))) => (position.moved(-1), position),
        ([], None) => (start, start),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Forward(Position),
    Backward(Position),
}

impl Token {
    fn text(self) -> String {
        match self {
            Self::Forward(position) => format!("f/{}/s", position.digits()),
            Self::Backward(position) => format!("b/{}/s", position.digits()),
        }
    }

    fn parse(text: &str) -> Result<Self, AwsError> {
        let parse = || {
            let (direction, rest) = text.split_once('/')?;
            let position = Position::parse(rest.strip_suffix("/s")?)?;
            match direction {
                "f" => Some(Self::Forward(position)),
                "b" => Some(Self::Backward(position)),
                _ => None,
            }
        };
        parse().ok_or_else(invalid_token)
    }
}
