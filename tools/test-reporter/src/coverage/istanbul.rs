//! Istanbul's JSON: `coverage-final.json` with every statement, `coverage-summary.json` with the numbers only.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use anyhow::bail;
use contract::test_report::Portion;
use serde::Deserialize;
use serde::de::{DeserializeSeed, MapAccess, Visitor};

use super::measured::{Measured, Source};

/// A file of either form.
#[derive(Deserialize)]
struct File {
    // Of coverage-final.json.
    #[serde(rename = "statementMap", default)]
    statement_map: BTreeMap<String, Range>,
    #[serde(default)]
    s: BTreeMap<String, u64>,
    #[serde(default)]
    f: BTreeMap<String, u64>,
    #[serde(default)]
    b: BTreeMap<String, Vec<u64>>,
    /// Some versions wrap all of the above once more.
    data: Option<Box<File>>,
    // Of coverage-summary.json.
    lines: Option<Summary>,
    statements: Option<Summary>,
    functions: Option<Summary>,
    branches: Option<Summary>,
}

#[derive(Deserialize)]
struct Range {
    start: Position,
}

#[derive(Deserialize)]
struct Position {
    line: Option<u32>,
}

#[derive(Deserialize, Clone, Copy)]
struct Summary {
    total: u64,
    covered: u64,
}

impl From<Summary> for Portion {
    fn from(summary: Summary) -> Self {
        Self {
            covered: summary.covered,
            total: summary.total,
        }
    }
}

pub(super) fn read(input: impl Read) -> anyhow::Result<Measured> {
    let mut measured = Measured::default();
    let mut json = serde_json::Deserializer::from_reader(input);
    Files(&mut measured).deserialize(&mut json)?;
    json.end()?;
    if measured.is_empty() {
        bail!("it names no source file");
    }
    Ok(measured)
}

/// Takes one file after the other, so that only one is in memory.
struct Files<'m>(&'m mut Measured);

impl<'d> DeserializeSeed<'d> for Files<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'d>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'d> Visitor<'d> for Files<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a member for each source file")
    }

    fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(path) = map.next_key::<String>()? {
            let file: File = map.next_value()?;
            // The summary's sum of all files.
            if path != "total" || file.lines.is_none() {
                add(self.0.file(&path), file);
            }
        }
        Ok(())
    }
}

fn add(source: &mut Source, mut file: File) {
    if let Some(data) = file.data.take() {
        return add(source, *data);
    }
    for (number, range) in &file.statement_map {
        let ran = file.s.get(number).is_some_and(|count| *count > 0);
        source.statement(number, ran);
        if let Some(line) = range.start.line {
            source.line(line, ran);
        }
    }
    for (number, count) in &file.f {
        source.function(number, *count > 0);
    }
    for (number, counts) in &file.b {
        for (way, count) in counts.iter().enumerate() {
            source.branch(0, format!("{number}.{way}"), *count > 0);
        }
    }
    source.stated.lines = file.lines.map(Portion::from);
    source.stated.statements = file.statements.map(Portion::from);
    source.stated.functions = file.functions.map(Portion::from);
    source.stated.branches = file.branches.map(Portion::from);
}
