//! Groups and streams: in memory, each change written to the store first.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::journal;
use crate::protocol::AwsError;
use crate::state::{Document, Store};

/// A log group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Group {
    pub id: i64,
    pub name: String,
    pub created_ms: i64,
    pub retention_days: Option<i64>,
    pub class: String,
    pub deletion_protected: bool,
    pub kms_key: Option<String>,
    pub tags: BTreeMap<String, String>,
}

/// A log stream, with what its events add up to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stream {
    pub id: i64,
    pub group: String,
    pub name: String,
    pub created_ms: i64,
    pub first_event_ms: Option<i64>,
    pub last_event_ms: Option<i64>,
    pub last_ingestion_ms: Option<i64>,
    pub bytes: i64,
}

impl Document for Group {
    const KIND: &'static str = "log-group";
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Document for Stream {
    const KIND: &'static str = "log-stream";
    fn key(&self) -> String {
        stream_key(&self.group, &self.name)
    }
}

/// A group's name has no colon, so the key is unambiguous.
pub(super) fn stream_key(group: &str, stream: &str) -> String {
    format!("{group}:{stream}")
}

/// A group with its streams by name.
pub(super) struct Entry {
    pub group: Group,
    pub streams: BTreeMap<String, Stream>,
    /// When the events beyond retention were last removed; milliseconds since 1970.
    pub pruned_ms: i64,
}

impl Entry {
    pub(super) fn stream(&self, name: &str) -> Result<&Stream, AwsError> {
        self.streams.get(name).ok_or_else(|| {
            AwsError::new(
                "ResourceNotFoundException",
                "The specified log stream does not exist.",
            )
        })
    }

    /// The earliest time that retention keeps, at `now_ms`.
    pub(super) fn earliest_kept(&self, now_ms: i64) -> i64 {
        self.group
            .retention_days
            .map_or(i64::MIN, |days| now_ms - days * 86_400_000)
    }
}

/// All groups by name.
pub(super) struct Catalogue {
    groups: BTreeMap<String, Entry>,
    next_id: i64,
}

impl Catalogue {
    pub(super) fn load(store: &Store) -> anyhow::Result<Self> {
        journal::create(&store.connection())?;
        let mut groups: BTreeMap<String, Entry> = store
            .all::<Group>()?
            .into_iter()
            .map(|group| (group.name.clone(), Entry::new(group)))
            .collect();
        for stream in store.all::<Stream>()? {
            if let Some(entry) = groups.get_mut(&stream.group) {
                entry.streams.insert(stream.name.clone(), stream);
            }
        }
        let known: Vec<i64> = groups.values().map(|entry| entry.group.id).collect();
        for orphan in journal::groups(&store.connection())? {
            if !known.contains(&orphan) {
                journal::delete_group(store, orphan)?;
            }
        }
        let highest = groups
            .values()
            .flat_map(|entry| {
                std::iter::once(entry.group.id).chain(entry.streams.values().map(|s| s.id))
            })
            .max();
        Ok(Self {
            groups,
            next_id: highest.unwrap_or(0) + 1,
        })
    }

    /// A number that no group or stream has.
    pub(super) fn next_id(&mut self) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.groups.contains_key(name)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.groups.keys().cloned().collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.groups.values()
    }

    pub(super) fn entry(&self, name: &str) -> Result<&Entry, AwsError> {
        self.groups.get(name).ok_or_else(no_group)
    }

    pub(super) fn entry_mut(&mut self, name: &str) -> Result<&mut Entry, AwsError> {
        self.groups.get_mut(name).ok_or_else(no_group)
    }

    pub(super) fn insert(&mut self, group: Group) {
        self.groups.insert(group.name.clone(), Entry::new(group));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.groups.remove(name);
    }
}

impl Entry {
    fn new(group: Group) -> Self {
        Self {
            group,
            streams: BTreeMap::new(),
            pruned_ms: 0,
        }
    }
}

fn no_group() -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )
}

/// Removes a stream's document and events within a transaction.
pub(super) fn delete_stream_in(transaction: &Connection, stream: &Stream) -> rusqlite::Result<()> {
    crate::state::delete_in::<Stream>(transaction, &stream.key())?;
    journal::delete_stream_in(transaction, stream.id)
}
