//! An event and the line that shows it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use serde::Serialize;
use toolkit::ci::Dialect;
use toolkit::console::printable;
use toolkit::output::Lines;

use crate::time::rfc3339;

/// One log event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// CloudWatch's own id, by which an event is recognised.
    pub(crate) id: String,
    pub(crate) stream: String,
    /// Milliseconds since 1970, as the writer says.
    pub(crate) timestamp: i64,
    /// Milliseconds since 1970, when CloudWatch took it in.
    pub(crate) ingestion: i64,
    pub(crate) message: String,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `TIME STREAM MESSAGE`, with the stream in a colour of its own on a terminal.
    Text {
        /// Whether a terminal understands colours.
        colour: bool,
    },
    /// An object with `timestamp`, `stream`, `message`, and `late` where it is true.
    Json,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    timestamp: String,
    stream: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    late: bool,
}

/// Writes events to stdout.
pub(crate) struct Printer {
    style: Style,
    dialect: Dialect,
    lines: Lines,
}

impl Printer {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            style,
            dialect: Dialect::detect(),
            lines: Lines::default(),
        }
    }

    /// Writes one event; `late` says that a newer one was written before it.
    pub(crate) fn print(&mut self, event: &Event, late: bool) -> anyhow::Result<()> {
        match self.style {
            Style::Json => self.lines.json(&JsonLine {
                timestamp: rfc3339(event.timestamp),
                stream: &event.stream,
                message: &event.message,
                late,
            })?,
            Style::Text { colour } => {
                for line in event.message.trim_end_matches('\n').split('\n') {
                    self.lines
                        .line(&text(event, line, late, colour, self.dialect))?;
                }
            }
        }
        Ok(())
    }
}

fn text(event: &Event, line: &str, late: bool, colour: bool, dialect: Dialect) -> String {
    let mut message = printable(line);
    if dialect == Dialect::TeamCity {
        // Understood anywhere in a line: an application must not speak for the build.
        message = message.replace("##teamcity[", "## teamcity[");
    }
    let mark = if late { " (late)" } else { "" };
    let stream = short(&event.stream);
    let time = rfc3339(event.timestamp);
    if colour {
        // 31 to 36: red to cyan.
        let mut hash = DefaultHasher::new();
        event.stream.hash(&mut hash);
        format!(
            "\u{1b}[2m{time}\u{1b}[0m \u{1b}[{}m{stream}\u{1b}[0m{mark} {message}",
            31 + hash.finish() % 6
        )
    } else {
        format!("{time} {stream}{mark} {message}")
    }
}

/// The stream's name with a task id (32 hexadecimal digits) cut to 8, which tells tasks apart well enough.
fn short(stream: &str) -> String {
    match stream.rsplit_once('/') {
        Some((rest, task))
            if task.len() == 32 && task.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            // awslogs names a stream prefix/container/task; the prefix repeats the container more often than not.
            let rest = match rest.split_once('/') {
                Some((prefix, container)) if prefix == container => prefix,
                _ => rest,
            };
            format!("{rest}/{}", &task[..8])
        }
        _ => printable(stream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(message: &str) -> Event {
        Event {
            id: "1".to_owned(),
            stream: "api/api/0123456789abcdef0123456789abcdef".to_owned(),
            timestamp: 0,
            ingestion: 0,
            message: message.to_owned(),
        }
    }

    #[test]
    fn shows_time_stream_and_message() {
        let line = text(&event("hello"), "hello", true, false, Dialect::None);
        assert_eq!(line, "1970-01-01T00:00:00.000Z api/01234567 (late) hello");
    }

    #[test]
    fn lets_no_event_speak_to_the_terminal_or_to_teamcity() {
        let hostile = "\u{1b}[2J##teamcity[buildNumber 'x']";
        let line = text(&event(hostile), hostile, false, false, Dialect::TeamCity);
        assert_eq!(
            line,
            "1970-01-01T00:00:00.000Z api/01234567 [2J## teamcity[buildNumber 'x']"
        );
    }
}
