//! Comma-separated values (RFC 4180), one event in a line: a line break in a message is written as `\n`.

use toolkit::ci::Dialect;

use super::fields::cell;
use super::{Line, Style};
use crate::ecs::news::News;
use crate::time::Clock;

const BEFORE: [&str; 8] = [
    "timestamp",
    "kind",
    "group",
    "stream",
    "service",
    "task",
    "revision",
    "late",
];

/// The names of the columns: what is known of each event, the members that were picked, and the message.
pub(crate) fn columns(fields: &[String]) -> Vec<&str> {
    BEFORE
        .into_iter()
        .chain(fields.iter().map(String::as_str))
        .chain(std::iter::once("message"))
        .collect()
}

/// Appends one line, without its end.
pub(crate) fn row<S: AsRef<str>>(cells: &[S], out: &mut Vec<u8>) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        quoted(cell.as_ref(), out);
    }
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    let text = if text.contains(['\n', '\r']) {
        &text.replace('\r', "\\r").replace('\n', "\\n")
    } else {
        text
    };
    if text.contains([',', '"', ' ']) {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

pub(super) fn event(
    line: Line<'_>,
    style: &Style,
    clock: &mut Clock,
    dialect: Dialect,
    out: &mut Vec<u8>,
) {
    let label = line.label;
    let picked = &style.shape.fields;
    let members = if picked.is_empty() {
        None
    } else {
        style.shape.of(&line.event.message)
    };
    clock.write(line.event.timestamp, out);
    let mut cells = vec![
        String::new(),
        "log".to_owned(),
        label.group.clone(),
        line.event.stream.to_string(),
        label.service.clone().unwrap_or_default(),
        label.task.clone().unwrap_or_default(),
        label.revision.clone().unwrap_or_default(),
        if line.is_late { "late" } else { "" }.to_owned(),
    ];
    for path in picked {
        cells.push(cell(members.as_ref().and_then(|members| members.get(path))));
    }
    // What is a JSON object is in the columns that were picked.
    cells.push(match members {
        Some(_) => String::new(),
        None => line.event.message.trim_end_matches('\n').to_owned(),
    });
    finish(&mut cells, dialect, out);
}

pub(super) fn news(
    subject: &str,
    news: &News,
    style: &Style,
    clock: &mut Clock,
    dialect: Dialect,
    out: &mut Vec<u8>,
) {
    clock.write(news.timestamp, out);
    let mut cells = vec![String::new(); columns(&style.shape.fields).len()];
    news.kind.word().clone_into(&mut cells[1]);
    subject.clone_into(&mut cells[4]);
    news.task
        .clone()
        .unwrap_or_default()
        .clone_into(&mut cells[5]);
    if let Some(message) = cells.last_mut() {
        news.text.clone_into(message);
    }
    finish(&mut cells, dialect, out);
}

/// The first cell, the time, is written already.
fn finish(cells: &mut [String], dialect: Dialect, out: &mut Vec<u8>) {
    if dialect == Dialect::TeamCity {
        for cell in &mut *cells {
            *cell = cell.replace("##teamcity[", "## teamcity[");
        }
    }
    row(cells, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_needs_quotes() {
        let mut out = Vec::new();
        row(&["a", "b,c", "say \"x\"", "two\nlines", ""], &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"a,"b,c","say ""x""",two\nlines,"#
        );
    }

    #[test]
    fn names_its_columns() {
        assert_eq!(
            columns(&["level".to_owned()]).join(","),
            "timestamp,kind,group,stream,service,task,revision,late,level,message"
        );
    }
}
