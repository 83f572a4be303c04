//! Where a run ended, so that the next one goes on there: nothing twice, and what came late in between too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant};
use toolkit::Fault;
use toolkit::file::{Secrecy, write_atomic};

use crate::Streams;
use crate::event::Key;
use crate::lane::{Lane, Place};

const KIND: &str = "log-cursor";
const SCHEMA: u32 = 1;
/// A large cursor is not written more often.
const EVERY: Duration = Duration::from_secs(5);
/// Events of a cursor that is written after every reading.
const SMALL: usize = 2_000;

/// The file.
#[derive(Debug)]
pub(crate) struct Cursor {
    path: PathBuf,
    places: Vec<Saved>,
    written: Option<Instant>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    kind: String,
    schema: u32,
    places: Vec<Saved>,
}

/// How far one group was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Saved {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    region: Option<String>,
    group: String,
    streams: String,
    /// Events from here on are read again; milliseconds since 1970.
    since: i64,
    /// Those of them that were shown, by second of their time: the keys in hexadecimal.
    seen: BTreeMap<i64, Vec<String>>,
}

impl Cursor {
    /// Reads the file, if it is there.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let places = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                return Err(Fault::usage(format!(
                    "cannot read the cursor {}: {error}",
                    path.display()
                ))
                .into());
            }
            Ok(bytes) => parse(&bytes).ok_or_else(|| {
                Fault::usage(format!("{} is no cursor of log-tailer", path.display()))
                    .with_hint("name another file, or remove it to begin anew")
            })?,
        };
        Ok(Self {
            path: path.to_owned(),
            places,
            written: None,
        })
    }

    /// Where to begin in this place, and what has been seen from there on.
    pub(crate) fn resume(&self, place: &Place) -> Option<(i64, Vec<(i64, Key)>)> {
        let saved = self.places.iter().find(|saved| is_of(saved, place))?;
        let mut seen = Vec::new();
        for (second, keys) in &saved.seen {
            for key in keys {
                let key = u128::from_str_radix(key, 16).ok()?;
                seen.push((*second, Key(key)));
            }
        }
        Some((saved.since, seen))
    }

    /// Notes how far the lanes are, where they are all at rest; a large memory not every time.
    pub(crate) fn note(&mut self, lanes: &[Lane]) -> anyhow::Result<()> {
        let size: usize = lanes.iter().map(Lane::remembered).sum();
        let is_recent = self
            .written
            .is_some_and(|written| written.elapsed() < EVERY);
        if size > SMALL && is_recent {
            return Ok(());
        }
        self.save(lanes, &[])
    }

    /// Writes how far the lanes are. `unshown` was read and not shown: it is to come again.
    pub(crate) fn save(
        &mut self,
        lanes: &[Lane],
        unshown: &[(usize, Key, i64)],
    ) -> anyhow::Result<()> {
        for (index, lane) in lanes.iter().enumerate() {
            let ready = unshown
                .iter()
                .filter(|(lane, ..)| *lane == index)
                .map(|(_, key, timestamp)| (*key, *timestamp));
            let pending = lane
                .pending
                .iter()
                .map(|event| (event.key, event.timestamp));
            let back: BTreeMap<Key, i64> = ready.chain(pending).collect();
            let (since, window) = lane.memory();
            let since = back.values().copied().fold(since, i64::min);
            let mut seen = BTreeMap::new();
            for (second, keys) in window.seconds(since) {
                let keys: Vec<String> = keys
                    .into_iter()
                    .filter(|key| !back.contains_key(key))
                    .map(|Key(key)| format!("{key:032x}"))
                    .collect();
                if !keys.is_empty() {
                    seen.insert(second, keys);
                }
            }
            let saved = Saved {
                region: lane.place.region.clone(),
                group: lane.place.group.clone(),
                streams: name(&lane.place.streams),
                since,
                seen,
            };
            match self
                .places
                .iter_mut()
                .find(|known| is_of(known, &lane.place))
            {
                Some(known) => *known = saved,
                None => self.places.push(saved),
            }
        }
        let document = Document {
            kind: KIND.to_owned(),
            schema: SCHEMA,
            places: std::mem::take(&mut self.places),
        };
        let bytes = serde_json::to_vec(&document)?;
        self.places = document.places;
        self.written = Some(Instant::now());
        write_atomic(&self.path, &bytes, Secrecy::Public)
    }
}

fn parse(bytes: &[u8]) -> Option<Vec<Saved>> {
    let document: Document = serde_json::from_slice(bytes).ok()?;
    (document.kind == KIND && document.schema == SCHEMA).then_some(document.places)
}

fn is_of(saved: &Saved, place: &Place) -> bool {
    saved.region == place.region
        && saved.group == place.group
        && saved.streams == name(&place.streams)
}

/// The ids of a service's containers change, and their lane stays the same one.
fn name(streams: &Streams) -> String {
    match streams {
        Streams::All => "*".to_owned(),
        Streams::Prefix(prefix) => format!("{prefix}*"),
        Streams::Named(names) if names.len() == 1 => names[0].clone(),
        Streams::Named(_) => "named".to_owned(),
    }
}
