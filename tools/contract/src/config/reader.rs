//! Reading a TOML table strictly: each key that is asked for is known, every other is a mistake, and no
//! mistake hides the next.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;

/// How alike two words must be (Jaro-Winkler, 0 to 1) for one to be suggested for the other.
const ALIKE: f64 = 0.75;

/// The text being read and the mistakes found so far.
pub(super) struct Reader<'s> {
    source: &'s str,
    problems: RefCell<Vec<Problem>>,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// A table that is being read.
pub(super) struct Table<'r, 's> {
    reader: &'r Reader<'s>,
    path: String,
    span: Range<usize>,
    entries: &'r DeTable<'s>,
    asked: RefCell<BTreeSet<String>>,
}

type Entry<'r, 's> = &'r Spanned<DeValue<'s>>;

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            source,
            problems: RefCell::default(),
        }
    }

    /// Notes a mistake at a place.
    pub(super) fn problem(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) {
        let (line, column) = self.place(span.start);
        let problem = Problem {
            line,
            column,
            message: message.into(),
            suggestion,
        };
        let mut problems = self.problems.borrow_mut();
        // The common part is read once for each environment.
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// Line and column, both from 1.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let before = &self.source[..self.source.floor_char_boundary(offset)];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        (line, column)
    }

    pub(super) fn has_problems(&self) -> bool {
        !self.problems.borrow().is_empty()
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort();
        problems
    }
}

impl<'r, 's> Table<'r, 's> {
    pub(super) fn new(
        reader: &'r Reader<'s>,
        path: &str,
        span: Range<usize>,
        entries: &'r DeTable<'s>,
    ) -> Self {
        Self {
            reader,
            path: path.to_owned(),
            span,
            entries,
            asked: RefCell::default(),
        }
    }

    pub(super) fn span(&self) -> &Range<usize> {
        &self.span
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Option<Located<String>> {
        self.read(key, "a text", &format!("write {key} = \"…\""), |value| {
            value.as_str().map(str::to_owned)
        })
    }

    /// A text that must be there.
    pub(super) fn required_text(&self, key: &str, example: &str) -> Option<Located<String>> {
        if self.entries.contains_key(key) {
            return self.text(key);
        }
        self.asked.borrow_mut().insert(key.to_owned());
        self.problem(
            &self.span,
            format!("{} lacks the key \"{key}\"", self.name()),
            Some(format!("write {key} = \"{example}\"")),
        );
        None
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.problem(
            &text.span,
            format!("{}{key} cannot be \"{}\"", self.prefix(), text.value),
            Some(format!("write {}", alternatives(&known))),
        );
        None
    }

    /// Whether a key is true.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.read(
            key,
            "true or false",
            &format!("write {key} = true"),
            DeValue::as_bool,
        )
        .map(|flag| flag.value)
    }

    /// A whole number within limits.
    pub(super) fn integer<N: TryFrom<i64> + Into<i64> + Copy>(
        &self,
        key: &str,
        limits: RangeInclusive<N>,
    ) -> Option<N> {
        let (low, high) = ((*limits.start()).into(), (*limits.end()).into());
        let number = self.read(
            key,
            "a whole number",
            &format!("write {key} = {}", low.max(1)),
            |value| {
                let integer = value.as_integer()?;
                i64::from_str_radix(integer.as_str(), integer.radix()).ok()
            },
        )?;
        match N::try_from(number.value) {
            Ok(value) if (low..=high).contains(&number.value) => Some(value),
            _ => {
                self.problem(
                    &number.span,
                    format!("{}{key} cannot be {}", self.prefix(), number.value),
                    Some(format!("write a number from {low} to {high}")),
                );
                None
            }
        }
    }

    /// A number.
    pub(super) fn decimal(&self, key: &str) -> Option<f64> {
        self.located_decimal(key).map(|number| number.value)
    }

    fn located_decimal(&self, key: &str) -> Option<Located<f64>> {
        self.read(key, "a number", &format!("write {key} = 5"), |value| {
            let float = value.as_float().map(|float| float.as_str());
            float
                .or_else(|| Some(value.as_integer()?.as_str()))?
                .replace('_', "")
                .parse::<f64>()
                .ok()
        })
    }

    /// A number above 0.
    pub(super) fn positive(&self, key: &str) -> Option<f64> {
        let number = self.located_decimal(key)?;
        if number.value > 0.0 && number.value.is_finite() {
            return Some(number.value);
        }
        self.problem(
            &number.span,
            format!("{}{key} must be above 0", self.prefix()),
            Some(format!("write {key} = 5")),
        );
        None
    }

    /// A list of texts; absent is empty.
    pub(super) fn texts(&self, key: &str) -> Vec<Located<String>> {
        let list = self.read(
            key,
            "a list of texts",
            &format!("write {key} = [\"…\"]"),
            |value| {
                value
                    .as_array()?
                    .iter()
                    .map(|item| {
                        Some(Located {
                            value: item.get_ref().as_str()?.to_owned(),
                            span: item.span(),
                        })
                    })
                    .collect::<Option<Vec<_>>>()
            },
        );
        list.map(|list| list.value).unwrap_or_default()
    }

    /// A table below this one; absent is none.
    pub(super) fn table(&self, key: &str) -> Option<Table<'r, 's>> {
        let (span, entry) = self.ask(key)?;
        self.below(key, &span, entry)
    }

    /// The tables below this one, by name: every key of this table is a name.
    pub(super) fn tables(&self) -> Vec<(Located<String>, Table<'r, 's>)> {
        self.named()
            .into_iter()
            .filter_map(|(name, entry)| {
                let table = self.below(&name.value, &name.span, entry)?;
                Some((name, table))
            })
            .collect()
    }

    /// The texts of this table, by name: every key of this table is a name.
    pub(super) fn named_texts(&self) -> Vec<(Located<String>, Located<String>)> {
        self.named()
            .into_iter()
            .filter_map(|(name, _)| {
                let text = self.text(&name.value)?;
                Some((name, text))
            })
            .collect()
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        let asked = self.asked.borrow();
        for key in self.entries.keys() {
            let name = key.get_ref();
            if asked.contains(name.as_ref()) {
                continue;
            }
            let known: Vec<&str> = asked.iter().map(String::as_str).collect();
            let suggestion = match nearest(name, &known) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("known keys: {}", known.join(", ")),
            };
            self.problem(
                &key.span(),
                format!("unknown key \"{name}\" in {}", self.name()),
                Some(suggestion),
            );
        }
    }

    /// Notes a mistake.
    pub(super) fn problem(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        suggestion: Option<String>,
    ) {
        self.reader.problem(span, message, suggestion);
    }

    /// `[services.api]`, or what stands for the file itself.
    pub(super) fn name(&self) -> String {
        if self.path.is_empty() {
            "the file".to_owned()
        } else {
            format!("[{}]", self.path)
        }
    }

    fn prefix(&self) -> String {
        if self.path.is_empty() {
            String::new()
        } else {
            format!("{}.", self.path)
        }
    }

    fn ask(&self, key: &str) -> Option<(Range<usize>, Entry<'r, 's>)> {
        self.asked.borrow_mut().insert(key.to_owned());
        let (name, entry) = self.entries.get_key_value(key)?;
        Some((name.span(), entry))
    }

    fn named(&self) -> Vec<(Located<String>, Entry<'r, 's>)> {
        self.entries
            .iter()
            .map(|(key, entry)| {
                self.asked.borrow_mut().insert(key.get_ref().to_string());
                (
                    Located {
                        value: key.get_ref().to_string(),
                        span: key.span(),
                    },
                    entry,
                )
            })
            .collect()
    }

    fn below(&self, key: &str, span: &Range<usize>, entry: Entry<'r, 's>) -> Option<Table<'r, 's>> {
        let path = format!("{}{key}", self.prefix());
        match entry.get_ref().as_table() {
            Some(entries) => Some(Table::new(self.reader, &path, span.clone(), entries)),
            None => {
                self.problem(
                    &entry.span(),
                    format!("{path} must be a table, not {}", kind(entry.get_ref())),
                    Some(format!("write a section [{path}]")),
                );
                None
            }
        }
    }

    fn read<T>(
        &self,
        key: &str,
        expected: &str,
        suggestion: &str,
        convert: impl FnOnce(&DeValue<'s>) -> Option<T>,
    ) -> Option<Located<T>> {
        let (_, entry) = self.ask(key)?;
        match convert(entry.get_ref()) {
            Some(value) => Some(Located {
                value,
                span: entry.span(),
            }),
            None => {
                let found = kind(entry.get_ref());
                self.problem(
                    &entry.span(),
                    format!("{}{key} must be {expected}, not {found}", self.prefix()),
                    Some(suggestion.to_owned()),
                );
                None
            }
        }
    }
}

/// The known word that is most like `word`, if any is like it.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// `"a"`, `"a" or "b"`, `"a", "b" or "c"`.
pub(super) fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
