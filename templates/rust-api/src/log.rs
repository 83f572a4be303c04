//! What the service tells about itself: one JSON object a line on stdout, the reason of an end on stderr.

use std::io::{self, Write};
use std::time::SystemTime;

use crate::json::{self, Value};

/// `Quiet`: start and stop. `Info`: also every request, once answered. `Debug`: also every request as it
/// comes in, and why connections broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Quiet,
    Info,
    Debug,
}

impl Level {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "quiet" => Some(Self::Quiet),
            "info" => Some(Self::Info),
            "debug" => Some(Self::Debug),
            _ => None,
        }
    }
}

#[derive(Clone, Copy)]
pub struct Log {
    level: Level,
}

impl Log {
    pub fn new(level: Level) -> Self {
        Self { level }
    }

    /// Writes a line, if lines of this level are wanted.
    pub fn line<const N: usize>(&self, level: Level, event: &str, members: [(&str, Value); N]) {
        if level <= self.level {
            write_line(io::stdout().lock(), &render(epoch_millis(), event, members));
        }
    }
}

/// The reason why the service cannot start or go on, for people, on stderr.
pub fn fatal(reason: &str) {
    let line = format!("{}: fatal: {reason}", env!("CARGO_PKG_NAME"));
    write_line(io::stderr().lock(), &line);
}

fn render<const N: usize>(time: u64, event: &str, members: [(&str, Value); N]) -> String {
    let head = [("time", Value::Number(time)), ("event", Value::Text(event))];
    json::object(head.into_iter().chain(members))
}

/// A log that cannot be written has nobody left to tell, and is no reason to stop serving.
fn write_line(mut stream: impl Write, line: &str) {
    stream
        .write_all(format!("{line}\n").as_bytes())
        .unwrap_or(());
}

/// Milliseconds since 1970; 0 for a clock set before that.
fn epoch_millis() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_each_line_with_time_and_event() {
        let line = render(
            1_700_000_000_123,
            "request",
            [("status", Value::Number(200))],
        );
        let expected = r#"{"time":1700000000123,"event":"request","status":200}"#;
        assert_eq!(line, expected);
    }

    #[test]
    fn orders_levels_by_how_much_they_tell() {
        let levels = ["quiet", "info", "debug", "loud"].map(Level::parse);
        let expected = [
            Some(Level::Quiet),
            Some(Level::Info),
            Some(Level::Debug),
            None,
        ];
        assert_eq!(levels, expected);
        assert!(levels[..3].is_sorted());
    }
}
