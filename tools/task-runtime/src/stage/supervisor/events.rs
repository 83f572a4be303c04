//! Writes `events.jsonl`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::control::send;
use crate::event::{Event, EventKind};

pub(super) struct EventLog {
    file: File,
}

impl EventLog {
    pub(super) fn open(path: &Path) -> io::Result<EventLog> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)?;
        Ok(EventLog { file })
    }

    /// What cannot be written goes to the supervisor's own log: the task must not suffer from a full disk.
    pub(super) fn write(&self, what: EventKind) {
        let event = Event {
            at_ms: now_ms(),
            what,
        };
        if let Err(error) = send(&self.file, &event) {
            writeln!(io::stderr(), "write event {event:?}: {error}").ok();
        }
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
