//! `[schema.NAME]`: what a variable must look like, and `[sources]`: where values come from beside the file.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::check;
use super::reader::{Reader, Table};
use super::{Kind, Problems, Rule, Sources};

const KINDS: [(&str, Kind); 6] = [
    ("text", Kind::Text),
    ("integer", Kind::Integer),
    ("number", Kind::Number),
    ("boolean", Kind::Boolean),
    ("url", Kind::Url),
    ("json", Kind::Json),
];

/// Reads a file that holds nothing but `[schema.NAME]` sections. `file` is the name that mistakes are
/// reported under.
pub fn parse_schema(source: &str, file: &str) -> Result<BTreeMap<String, Rule>, Problems> {
    let reader = Reader::new(source);
    let (document, syntax) = DeTable::parse_recoverable(source);
    for error in &syntax {
        reader.problem(&error.span().unwrap_or(0..0), error.message(), None);
    }
    let mut rules = BTreeMap::new();
    if syntax.is_empty() {
        let top = Table::new(&reader, "", 0..0, document.get_ref());
        rules = schema(&reader, top.table("schema"));
        top.finish();
    }
    if reader.has_problems() {
        return Err(Problems {
            file: file.to_owned(),
            list: reader.into_problems(),
        });
    }
    Ok(rules)
}

pub(super) fn schema(reader: &Reader<'_>, table: Option<Table<'_, '_>>) -> BTreeMap<String, Rule> {
    let Some(table) = table else {
        return BTreeMap::new();
    };
    table
        .tables()
        .into_iter()
        .map(|(name, below)| {
            check::variable_name(&table, &name);
            let line = reader.place(name.span.start).0;
            (name.value, rule(below, line))
        })
        .collect()
}

fn rule(table: Table<'_, '_>, line: usize) -> Rule {
    let rule = Rule {
        kind: table.word("type", &KINDS).unwrap_or(Kind::Text),
        pattern: table.text("pattern").map(|text| text.value),
        required: table.flag("required").unwrap_or(false),
        secret: table.flag("secret").unwrap_or(false),
        default: table.text("default").map(|text| text.value),
        description: table.text("description").map(|text| text.value),
        values: plain(&table, "values"),
        min: table.decimal("min"),
        max: table.decimal("max"),
        line,
    };
    if rule.secret && rule.default.is_some() {
        table.problem(
            table.span(),
            format!("{} is secret and has a default", table.name()),
            Some("take the default out: this file is in git".to_owned()),
        );
    }
    if matches!((rule.min, rule.max), (Some(min), Some(max)) if min > max) {
        table.problem(
            table.span(),
            format!("{} has a min above its max", table.name()),
            Some("write the smaller one as min".to_owned()),
        );
    }
    table.finish();
    rule
}

pub(super) fn sources(table: Option<Table<'_, '_>>) -> Sources {
    let Some(table) = table else {
        return Sources::default();
    };
    for path in table.texts("paths") {
        if !path.value.starts_with('/') {
            table.problem(
                &path.span,
                "a path of Parameter Store begins with a slash",
                Some(format!("write \"/{}\"", path.value)),
            );
        }
    }
    let sources = Sources {
        files: plain(&table, "files"),
        paths: plain(&table, "paths"),
        process: plain(&table, "process"),
    };
    table.finish();
    sources
}

fn plain(table: &Table<'_, '_>, key: &str) -> Vec<String> {
    table
        .texts(key)
        .into_iter()
        .map(|text| text.value)
        .collect()
}
