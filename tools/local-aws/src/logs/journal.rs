//! The table of events, and the reads that must stay fast with millions of rows.
//!
//! Events are ordered by time and then by `id`, which grows with every event taken in. A row's `id` is never
//! used twice, even after the row is gone.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::LogEvent;
use crate::state::Store;

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub id: i64,
    pub stream_id: i64,
    pub timestamp_ms: i64,
    pub ingestion_ms: i64,
    pub message: String,
}

impl Record {
    pub(super) fn position(&self) -> Position {
        Position {
            timestamp_ms: self.timestamp_ms,
            id: self.id,
        }
    }
}

/// A place in the order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub timestamp_ms: i64,
    pub id: i64,
}

impl Position {
    /// Before every event at or after `timestamp_ms`.
    pub(super) fn before(timestamp_ms: i64) -> Self {
        Self {
            timestamp_ms,
            id: 0,
        }
    }

    /// After every event at or before `timestamp_ms`.
    pub(super) fn after(timestamp_ms: i64) -> Self {
        Self {
            timestamp_ms,
            id: i64::MAX,
        }
    }
}

/// Whose events are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// All streams of a group.
    Group(i64),
    /// Some streams, at most [`MOST_STREAMS`], at least one.
    Streams(Vec<i64>),
}

/// More streams than this are read by their group: each one is a term of the statement.
pub(super) const MOST_STREAMS: usize = 100;

/// Which way a reader goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// The events strictly between two positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub after: Position,
    pub before: Position,
}

pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS log_events (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             group_id INTEGER NOT NULL, stream_id INTEGER NOT NULL,
             timestamp INTEGER NOT NULL, ingestion INTEGER NOT NULL, message TEXT NOT NULL
         );
         CREATE INDEX IF NOT EXISTS log_events_by_group ON log_events (group_id, timestamp);
         CREATE INDEX IF NOT EXISTS log_events_by_stream ON log_events (stream_id, timestamp);",
    )
}

pub(super) fn insert_in(
    transaction: &Connection,
    group_id: i64,
    stream_id: i64,
    ingestion_ms: i64,
    events: &[LogEvent],
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO log_events (group_id, stream_id, timestamp, ingestion, message) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for event in events {
        statement.execute(params![
            group_id,
            stream_id,
            event.timestamp_ms,
            ingestion_ms,
            event.message
        ])?;
    }
    Ok(())
}

/// At most `most` events of `source` within `span`, in the order of `direction`.
pub(super) fn read(
    connection: &Connection,
    source: &Source,
    span: Span,
    direction: Direction,
    most: usize,
) -> rusqlite::Result<Vec<Record>> {
    let (column, ids) = match source {
        Source::Group(id) => ("group_id", std::slice::from_ref(id)),
        Source::Streams(ids) => ("stream_id", ids.as_slice()),
    };
    // SQLite merges the terms, each read along its index, and stops at the limit.
    let term = format!(
        "SELECT id, stream_id, timestamp, ingestion, message FROM log_events
         WHERE {column} = ? AND (timestamp, id) > (?, ?) AND (timestamp, id) < (?, ?)"
    );
    let order = match direction {
        Direction::Forward => "timestamp, id",
        Direction::Backward => "timestamp DESC, id DESC",
    };
    let sql = format!(
        "{} ORDER BY {order} LIMIT ?",
        vec![term; ids.len()].join(" UNION ALL ")
    );
    let bounds = [
        span.after.timestamp_ms,
        span.after.id,
        span.before.timestamp_ms,
        span.before.id,
    ];
    let values = ids
        .iter()
        .flat_map(|id| std::iter::once(*id).chain(bounds))
        .chain(std::iter::once(i64::try_from(most).unwrap_or(i64::MAX)))
        .map(Value::Integer);
    connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(values), record)?
        .collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        id: row.get(0)?,
        stream_id: row.get(1)?,
        timestamp_ms: row.get(2)?,
        ingestion_ms: row.get(3)?,
        message: row.get(4)?,
    })
}

/// What a stream lost when its old events were removed.
pub(super) struct Pruned {
    pub stream_id: i64,
    pub bytes: i64,
    pub first_event_ms: Option<i64>,
}

/// Removes a group's events before `earliest_ms`.
pub(super) fn prune_in(
    transaction: &Connection,
    group_id: i64,
    earliest_ms: i64,
) -> rusqlite::Result<Vec<Pruned>> {
    let lost: Vec<(i64, i64)> = transaction
        .prepare_cached(
            "SELECT stream_id, SUM(LENGTH(CAST(message AS BLOB)) + 26) FROM log_events
             WHERE group_id = ?1 AND timestamp < ?2 GROUP BY stream_id",
        )?
        .query_map(params![group_id, earliest_ms], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    if !lost.is_empty() {
        transaction
            .prepare_cached("DELETE FROM log_events WHERE group_id = ?1 AND timestamp < ?2")?
            .execute(params![group_id, earliest_ms])?;
    }
    lost.into_iter()
        .map(|(stream_id, bytes)| {
            let first_event_ms = transaction
                .prepare_cached("SELECT MIN(timestamp) FROM log_events WHERE stream_id = ?1")?
                .query_row([stream_id], |row| row.get(0))?;
            Ok(Pruned {
                stream_id,
                bytes,
                first_event_ms,
            })
        })
        .collect()
}

pub(super) fn delete_stream_in(transaction: &Connection, stream_id: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM log_events WHERE stream_id = ?1")?
        .execute([stream_id])?;
    Ok(())
}

/// Removes all events of a group, some at a time, so that others are not kept from the database for long.
pub(super) fn delete_group(store: &Store, group_id: i64) -> rusqlite::Result<()> {
    loop {
        let removed = store
            .connection()
            .prepare_cached(
                "DELETE FROM log_events WHERE id IN
                     (SELECT id FROM log_events WHERE group_id = ?1 LIMIT 20000)",
            )?
            .execute([group_id])?;
        if removed == 0 {
            return Ok(());
        }
    }
}

/// The groups that have events, read by skipping along the index.
pub(super) fn groups(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut statement =
        connection.prepare_cached("SELECT MIN(group_id) FROM log_events WHERE group_id > ?1")?;
    let mut found = Vec::new();
    let mut last = i64::MIN;
    while let Some(next) = statement.query_row([last], |row| row.get::<_, Option<i64>>(0))? {
        found.push(next);
        last = next;
    }
    Ok(found)
}

impl Position {
    /// The position that many ids further.
    pub(super) fn moved(self, ids: i64) -> Self {
        Self {
            id: self.id.saturating_add(ids).max(0),
            ..self
        }
    }

    /// As an event's id: 56 digits, in the order of positions.
    pub(super) fn digits(self) -> String {
        format!("{:020}{:036}", self.timestamp_ms.max(0), self.id)
    }

    /// The position that [`Position::digits`] wrote.
    pub(super) fn parse(digits: &str) -> Option<Self> {
        if digits.len() != 56 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            timestamp_ms: digits[..20].parse().ok()?,
            id: digits[20..].parse().ok()?,
        })
    }
}
