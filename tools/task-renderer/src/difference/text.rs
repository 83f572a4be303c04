//! Differences for people: by container, then by section, one line for each.

use std::fmt::Write as _;

use super::{Change, Difference, Kind};

/// Characters of a value that are shown.
const LONGEST: usize = 400;

/// The report, ending in a newline.
pub(crate) fn text(difference: &Difference) -> String {
    let mut report = format!("{} → {}\n", quiet(&difference.from), quiet(&difference.to));
    if difference.equal {
        report.push_str("no difference\n");
        return report;
    }
    let mut part = "";
    let mut section: Option<&str> = None;
    for change in &difference.changes {
        if change.part != part {
            part = &change.part;
            section = None;
            let sign = whole(difference, part);
            let line = format!("\n{sign}{}\n", quiet(part));
            report.push_str(&line);
        }
        if change.section.as_deref() != section {
            section = change.section.as_deref();
            if let Some(section) = section {
                report.push_str("  ");
                report.push_str(&quiet(section));
                report.push('\n');
            }
        }
        let indent = if section.is_some() { "    " } else { "  " };
        line(&mut report, indent, change);
    }
    let count = |kind: Kind| {
        let changes = difference.changes.iter();
        changes.filter(|change| change.kind == kind).count()
    };
    report.push_str(&format!(
        "\n{} added, {} removed, {} changed\n",
        count(Kind::Added),
        count(Kind::Removed),
        count(Kind::Changed)
    ));
    report
}

/// A part that only one of the two has is marked as a whole.
fn whole(difference: &Difference, part: &str) -> &'static str {
    let is_named = part.starts_with("container ") || part.starts_with("volume ");
    let mut changes = difference
        .changes
        .iter()
        .filter(|change| change.part == part);
    let name = changes.find(|change| change.section.is_none() && change.name == "name");
    match name.map(|change| change.kind) {
        Some(Kind::Added) if is_named => "+ ",
        Some(Kind::Removed) if is_named => "- ",
        _ => "",
    }
}

fn line(report: &mut String, indent: &str, change: &Change) {
    let value = |value: &Option<String>| value.as_deref().map(quiet).unwrap_or_default();
    let name = quiet(&change.name);
    let (before, after) = (value(&change.before), value(&change.after));
    let written = match change.kind {
        Kind::Added => writeln!(report, "{indent}+ {name}: {after}"),
        Kind::Removed => writeln!(report, "{indent}- {name}: {before}"),
        Kind::Changed => writeln!(report, "{indent}~ {name}: {before} → {after}"),
    };
    written.expect("a String takes every text");
}

/// One line without control characters, cut where nobody reads on.
fn quiet(text: &str) -> String {
    let mut line = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            line.push('…');
            break;
        }
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}
