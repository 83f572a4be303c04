//! JSON Lines.

use serde::Serialize;
use serde_json::{Map, Value};
use toolkit::ci::Dialect;

use super::{Line, Style};
use crate::ecs::news::News;
use crate::time::Clock;

#[derive(Serialize)]
struct JsonLine<'a> {
    timestamp: &'a str,
    group: &'a str,
    stream: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    late: bool,
}

#[derive(Serialize)]
struct JsonNews<'a> {
    timestamp: &'a str,
    kind: &'a str,
    service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    last_lines: &'a [String],
}

pub(super) fn event(
    line: Line<'_>,
    style: &Style,
    clock: &mut Clock,
    dialect: Dialect,
    out: &mut Vec<u8>,
) {
    let fields = if style.shape.is_plain() {
        None
    } else {
        style.shape.of(&line.event.message)
    };
    let label = line.label;
    let timestamp = time(line.event.timestamp, clock);
    let object = JsonLine {
        timestamp: &timestamp,
        group: &label.group,
        stream: &line.event.stream,
        service: label.service.as_deref(),
        container: label.container.as_deref(),
        task: label.task.as_deref(),
        revision: label.revision.as_deref(),
        message: fields.is_none().then_some(&*line.event.message),
        fields,
        late: line.is_late,
    };
    write(&object, dialect, out);
}

pub(super) fn news(
    subject: &str,
    news: &News,
    last_lines: &[String],
    clock: &mut Clock,
    dialect: Dialect,
    out: &mut Vec<u8>,
) {
    let timestamp = time(news.timestamp, clock);
    let object = JsonNews {
        timestamp: &timestamp,
        kind: news.kind.word(),
        service: subject,
        task: news.task.as_deref(),
        message: &news.text,
        last_lines,
    };
    write(&object, dialect, out);
}

fn time(milliseconds: i64, clock: &mut Clock) -> String {
    let mut text = Vec::with_capacity(24);
    clock.write(milliseconds, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Strings and maps with string keys are always written.
fn write(object: &impl Serialize, dialect: Dialect, out: &mut Vec<u8>) {
    if dialect != Dialect::TeamCity {
        serde_json::to_writer(out, object).expect("memory takes any JSON");
        return;
    }
    // TeamCity obeys commands anywhere in a line; the same JSON can be written without one.
    let text = serde_json::to_string(object).expect("strings are always JSON");
    out.extend_from_slice(text.replace("##teamcity[", "##teamcity\\u005b").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_the_same_to_teamcity_without_a_command() {
        let message = "##teamcity[buildNumber 'x']";
        let mut out = Vec::new();
        write(&message, Dialect::TeamCity, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "\"##teamcity\\u005bbuildNumber 'x']\"");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), message);
    }
}
