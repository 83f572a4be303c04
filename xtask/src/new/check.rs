//! A project beside the template that it was made from.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use contract::exit;
use serde::Serialize;
use toolkit::file::Secrecy;
use toolkit::{Console, output};

use super::made::made;
use super::origin::{Record, digest};

/// A file that the template has changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    pub(super) path: String,
    pub(super) template: Fate,
    pub(super) project: Fate,
}

/// What became of a file since the project was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fate {
    Same,
    Changed,
    Added,
    Removed,
    /// It never was.
    Absent,
}

#[derive(Debug, Serialize)]
struct Document<'d> {
    kind: &'static str,
    schema: u32,
    template: &'d str,
    changes: &'d [Change],
}

/// Says what has changed in the template; a negative verdict if anything has.
pub(super) fn run(console: &Console, directory: &Path) -> anyhow::Result<u8> {
    let record = Record::of(directory)?;
    let now = made(&record.origin)?;
    let changes = changes(&record, &now, directory)?;
    for change in &changes {
        console.status(&format!(
            "{}: {} in the template, {} here",
            change.path,
            word(change.template),
            word(change.project)
        ));
    }
    output::document(
        &Document {
            kind: "template-check",
            schema: 1,
            template: &record.origin.template,
            changes: &changes,
        },
        None,
        Secrecy::Public,
    )?;
    if changes.is_empty() {
        console.success(&format!("{} has not changed since", record.origin.template));
        return Ok(exit::DONE);
    }
    Ok(exit::NEGATIVE)
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Same => "unchanged",
        Fate::Changed => "changed",
        Fate::Added => "added",
        Fate::Removed => "removed",
        Fate::Absent => "absent",
    }
}

/// Files that differ between the template as it was and as it is, unless the project has the new form already.
pub(super) fn changes(
    record: &Record,
    now: &[(String, Vec<u8>)],
    directory: &Path,
) -> anyhow::Result<Vec<Change>> {
    let now: BTreeMap<&str, String> = now
        .iter()
        .map(|(path, content)| (path.as_str(), digest(content)))
        .collect();
    let mut paths: Vec<&str> = record.files.keys().map(String::as_str).collect();
    paths.extend(now.keys().filter(|path| !record.files.contains_key(**path)));
    paths.sort_unstable();
    let mut changes = Vec::new();
    for path in paths {
        let then = record.files.get(path);
        let new = now.get(path);
        let here = here(&directory.join(path))?;
        let template = fate(then, new);
        if template != Fate::Same && here.as_ref() != new {
            changes.push(Change {
                path: path.to_owned(),
                template,
                project: fate(then, here.as_ref()),
            });
        }
    }
    Ok(changes)
}

fn fate(then: Option<&String>, now: Option<&String>) -> Fate {
    match (then, now) {
        (None, None) => Fate::Absent,
        (None, Some(_)) => Fate::Added,
        (Some(_), None) => Fate::Removed,
        (Some(then), Some(now)) if then == now => Fate::Same,
        (Some(_), Some(_)) => Fate::Changed,
    }
}

fn here(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(digest(&content))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
