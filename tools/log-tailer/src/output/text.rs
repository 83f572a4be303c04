//! Lines for people.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::io;

use regex::Regex;
use toolkit::ci::Dialect;
use toolkit::console::printable;
use toolkit::output::Batch;

use super::{Line, Style, fields};
use crate::directory::Label;
use crate::ecs::news::{Kind, News};
use crate::time::Clock;

/// `TIME LABEL MESSAGE`, one line for each of the message's.
pub(super) fn event(
    line: Line<'_>,
    style: &Style,
    clock: &mut Clock,
    dialect: Dialect,
    batch: &mut Batch,
) -> io::Result<()> {
    let head = |clock: &mut Clock, out: &mut Vec<u8>| {
        time(line.event.timestamp, style.colour, clock, out);
        label(line.label, style.colour, out);
        out.extend_from_slice(if line.is_late { b" (late) " } else { b" " });
    };
    body(line, style, |text| {
        batch.line(|out| {
            head(clock, out);
            message(text, style, dialect, out);
        })
    })
}

/// The message alone.
pub(super) fn raw(
    line: Line<'_>,
    style: &Style,
    dialect: Dialect,
    batch: &mut Batch,
) -> io::Result<()> {
    body(line, style, |text| {
        batch.line(|out| message(text, style, dialect, out))
    })
}

/// Each line of the message, in the shape that is asked for.
fn body(
    line: Line<'_>,
    style: &Style,
    mut write: impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    let message = line.event.message.trim_end_matches('\n');
    let shaped = if style.shape.is_plain() {
        None
    } else {
        style.shape.of(message).map(|members| {
            if style.shape.pretty {
                serde_json::to_string_pretty(&members).unwrap_or_default()
            } else {
                fields::in_a_line(&members)
            }
        })
    };
    let text = shaped.as_deref().unwrap_or(message);
    if !text.contains('\n') {
        return write(text);
    }
    text.split('\n').try_for_each(write)
}

/// What happened to a service or a task.
pub(super) fn news(
    subject: &str,
    news: &News,
    style: &Style,
    clock: &mut Clock,
    dialect: Dialect,
    batch: &mut Batch,
) -> io::Result<()> {
    let (mark, colour) = match news.kind {
        Kind::Service => ("[service]", 34),
        Kind::Deployment => ("[deployment]", 35),
        Kind::Stopped => ("[stopped]", 31),
    };
    batch.line(|out| {
        time(news.timestamp, style.colour, clock, out);
        painted(
            style.colour,
            colour,
            |out| {
                out.extend_from_slice(format!("{mark} {subject}").as_bytes());
            },
            out,
        );
        out.push(b' ');
        clean(&news.text, dialect, out);
    })
}

fn time(milliseconds: i64, colour: bool, clock: &mut Clock, out: &mut Vec<u8>) {
    painted(colour, 2, |out| clock.write(milliseconds, out), out);
    out.push(b' ');
}

/// The task in a colour of its own, and so the revision: a release shows as a change of the second colour.
fn label(label: &Label, colour: bool, out: &mut Vec<u8>) {
    if !colour {
        out.extend_from_slice(label.text.as_bytes());
        return;
    }
    let (head, revision) = match &label.revision {
        Some(revision) => label
            .text
            .split_at(label.text.len().saturating_sub(revision.len() + 1)),
        None => (label.text.as_str(), ""),
    };
    let mut hash = DefaultHasher::new();
    label.task.as_deref().unwrap_or(head).hash(&mut hash);
    // 31 to 36: red to cyan; 91 to 96 are the same, bright.
    let task = 31 + u32::try_from(hash.finish() % 6).unwrap_or_default();
    painted(
        true,
        task,
        |out| out.extend_from_slice(head.as_bytes()),
        out,
    );
    if !revision.is_empty() {
        let number: u32 = revision[1..].parse().unwrap_or_default();
        painted(
            true,
            91 + number % 6,
            |out| out.extend_from_slice(revision.as_bytes()),
            out,
        );
    }
}

fn painted(colour: bool, code: u32, write: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    if colour {
        out.extend_from_slice(format!("\u{1b}[{code}m").as_bytes());
        write(out);
        out.extend_from_slice(b"\x1b[0m");
    } else {
        write(out);
    }
}

fn message(text: &str, style: &Style, dialect: Dialect, out: &mut Vec<u8>) {
    match &style.highlight {
        Some(pattern) if style.colour => highlighted(text, pattern, dialect, out),
        _ => clean(text, dialect, out),
    }
}

/// Matches in bold red.
fn highlighted(text: &str, pattern: &Regex, dialect: Dialect, out: &mut Vec<u8>) {
    let mut end = 0;
    for found in pattern.find_iter(text) {
        clean(&text[end..found.start()], dialect, out);
        if !found.is_empty() {
            out.extend_from_slice(b"\x1b[1;31m");
            clean(found.as_str(), dialect, out);
            out.extend_from_slice(b"\x1b[0m");
        }
        end = found.end();
    }
    clean(&text[end..], dialect, out);
}

/// What somebody else wrote, without control characters and without the words that a CI system obeys.
pub(crate) fn clean(text: &str, dialect: Dialect, out: &mut Vec<u8>) {
    let is_clean = text
        .bytes()
        .all(|byte| byte >= b' ' && byte != 0x7f && byte != 0xc2 || byte == b'\t');
    if is_clean && dialect != Dialect::TeamCity {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let text = printable(text);
    if dialect == Dialect::TeamCity {
        // Understood anywhere in a line, and a fence could be ended by it: an application must not speak for the build.
        out.extend_from_slice(text.replace("##teamcity[", "## teamcity[").as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::event::{Event, Key};
    use crate::output::{Format, Shape};

    fn style(colour: bool) -> Style {
        Style {
            format: Format::Text,
            colour,
            zone: TimeZone::UTC,
            shape: Shape::default(),
            highlight: None,
        }
    }

    fn cleaned(text: &str, dialect: Dialect) -> String {
        let mut out = Vec::new();
        clean(text, dialect, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lets_no_event_speak_to_the_terminal_or_to_teamcity() {
        let hostile = "\u{1b}[2J\u{9b}1m##teamcity[buildNumber 'x']\té";
        assert_eq!(
            cleaned(hostile, Dialect::None),
            "[2J1m##teamcity[buildNumber 'x']\té"
        );
        assert_eq!(
            cleaned(hostile, Dialect::TeamCity),
            "[2J1m## teamcity[buildNumber 'x']\té"
        );
        // A control character in its middle must not hide a command.
        assert_eq!(
            cleaned("##team\u{7}city[x", Dialect::TeamCity),
            "## teamcity[x"
        );
    }

    fn shown(message: &str, style: &Style) -> Vec<String> {
        let event = Event {
            key: Key(0),
            stream: "s".into(),
            timestamp: 0,
            ingestion: 0,
            message: message.into(),
        };
        let label = Label::default();
        let mut lines = Vec::new();
        let line = Line {
            event: &event,
            label: &label,
            is_late: false,
        };
        body(line, style, |text| {
            let mut out = Vec::new();
            super::message(text, style, Dialect::None, &mut out);
            lines.push(String::from_utf8(out).unwrap());
            Ok(())
        })
        .unwrap();
        lines
    }

    #[test]
    fn shows_every_line_of_a_message() {
        assert_eq!(shown("a\n\nb\n", &style(false)), ["a", "", "b"]);
        assert_eq!(shown("", &style(false)), [""]);
    }

    #[test]
    fn lays_json_out() {
        let mut style = style(false);
        style.shape.pretty = true;
        assert_eq!(shown(r#"{"a":1}"#, &style), ["{", "  \"a\": 1", "}"]);
        assert_eq!(shown("plain", &style), ["plain"]);
    }

    #[test]
    fn makes_matches_stand_out_on_a_terminal_only() {
        let mut style = style(true);
        style.highlight = Some(Regex::new("b+|x*").unwrap());
        assert_eq!(shown("abbc", &style), ["a\u{1b}[1;31mbb\u{1b}[0mc"]);
        style.colour = false;
        assert_eq!(shown("abbc", &style), ["abbc"]);
    }

    #[test]
    fn gives_task_and_revision_a_colour_each() {
        let of = |task: &str, revision: &str| {
            let mut out = Vec::new();
            let named = Label {
                text: format!("api/{task}:{revision}"),
                task: Some(task.to_owned()),
                revision: Some(revision.to_owned()),
                ..Label::default()
            };
            label(&named, true, &mut out);
            String::from_utf8(out).unwrap()
        };
        let (first, second) = (of("1", "7"), of("1", "8"));
        let (task, revision) = first.split_once("\u{1b}[0m").unwrap();
        assert!(task.ends_with("mapi/1"), "{first:?}");
        assert_eq!(revision, "\u{1b}[92m:7\u{1b}[0m");
        assert_eq!(second, format!("{task}\u{1b}[0m\u{1b}[93m:8\u{1b}[0m"));
    }
}
