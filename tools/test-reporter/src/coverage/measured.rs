//! What ran and what could, by source file.

use std::collections::BTreeMap;

use contract::test_report::{Coverage, Portion};

/// The highest line of a file that is counted.
const LAST_LINE: u32 = 1 << 20;

/// The coverage of source files.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// The name of the report.
    pub(super) name: String,
    files: BTreeMap<String, Source>,
}

/// One source file. Reports of several runs may have it several times; what ran once, ran.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// By line number: 0 for no code, 1 for code, 2 for code that ran.
    lines: Vec<u8>,
    /// Outcomes of a line's branches, covered and all.
    branches: BTreeMap<(u32, String), bool>,
    conditions: BTreeMap<u32, Portion>,
    functions: BTreeMap<String, bool>,
    statements: BTreeMap<String, bool>,
    /// What the report only gives as numbers.
    pub(super) stated: Stated,
}

/// Numbers without what they count.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Stated {
    pub(super) lines: Option<Portion>,
    pub(super) branches: Option<Portion>,
    pub(super) functions: Option<Portion>,
    pub(super) statements: Option<Portion>,
}

/// The numbers of one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) lines: Portion,
    pub(crate) branches: Option<Portion>,
    pub(crate) functions: Option<Portion>,
    pub(crate) statements: Option<Portion>,
}

impl Measured {
    /// The file of this name.
    pub(super) fn file(&mut self, name: &str) -> &mut Source {
        if !self.files.contains_key(name) {
            self.files.insert(name.to_owned(), Source::default());
        }
        self.files
            .get_mut(name)
            .expect("the file was put in if it was not there")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Takes another report of other tests in.
    pub(crate) fn join(&mut self, other: Self) {
        for (name, source) in other.files {
            self.file(&name).join(source);
        }
    }

    /// Takes only the statements of another report of the same tests.
    pub(super) fn add_statements(&mut self, other: &Self) {
        let total = other.total().statements;
        if total.is_some() && self.total().statements.is_none() {
            // Names of files differ between reports; only the sum counts.
            if let Some(first) = self.files.values_mut().next() {
                first.stated.statements = total;
            }
        }
    }

    pub(super) fn has_statements(&self) -> bool {
        self.total().statements.is_some()
    }

    /// Every file with its numbers.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, Numbers)> {
        self.files
            .iter()
            .map(|(name, source)| (name.as_str(), source.numbers()))
    }

    fn total(&self) -> Numbers {
        self.files()
            .map(|(_, numbers)| numbers)
            .fold(Numbers::default(), Numbers::plus)
    }

    /// All files together, for the document.
    pub(crate) fn coverage(&self) -> Coverage {
        let total = self.total();
        Coverage {
            lines_covered: total.lines.covered,
            lines_total: total.lines.total,
            branches: total.branches,
            functions: total.functions,
            statements: total.statements,
        }
    }
}

impl Source {
    pub(super) fn line(&mut self, line: u32, ran: bool) {
        if line > LAST_LINE {
            return;
        }
        let at = line as usize;
        if self.lines.len() <= at {
            self.lines.resize(at + 1, 0);
        }
        self.lines[at] = self.lines[at].max(if ran { 2 } else { 1 });
    }

    pub(super) fn branch(&mut self, line: u32, name: String, ran: bool) {
        *self.branches.entry((line, name)).or_default() |= ran;
    }

    /// So many of a line's branches.
    pub(super) fn condition(&mut self, line: u32, portion: Portion) {
        let known = self.conditions.entry(line).or_default();
        *known = larger(*known, portion);
    }

    pub(super) fn function(&mut self, name: &str, ran: bool) {
        *self.functions.entry(name.to_owned()).or_default() |= ran;
    }

    pub(super) fn statement(&mut self, name: &str, ran: bool) {
        *self.statements.entry(name.to_owned()).or_default() |= ran;
    }

    pub(super) fn has_lines(&self) -> bool {
        !self.lines.is_empty()
    }

    fn join(&mut self, other: Self) {
        for (line, state) in (0..).zip(other.lines) {
            if state > 0 {
                self.line(line, state == 2);
            }
        }
        for ((line, name), ran) in other.branches {
            self.branch(line, name, ran);
        }
        for (line, portion) in other.conditions {
            self.condition(line, portion);
        }
        for (name, ran) in &other.functions {
            self.function(name, *ran);
        }
        for (name, ran) in &other.statements {
            self.statement(name, *ran);
        }
        self.stated = Stated {
            lines: joined(self.stated.lines, other.stated.lines),
            branches: joined(self.stated.branches, other.stated.branches),
            functions: joined(self.stated.functions, other.stated.functions),
            statements: joined(self.stated.statements, other.stated.statements),
        };
    }

    fn numbers(&self) -> Numbers {
        let total = self.lines.iter().filter(|state| **state > 0).count() as u64;
        let covered = self.lines.iter().filter(|state| **state == 2).count() as u64;
        let lines = Portion { covered, total };
        let conditions = self
            .conditions
            .values()
            .fold(None, |sum, portion| plus(sum, Some(*portion)));
        let branches = plus(conditions, counted(self.branches.values()));
        Numbers {
            lines: if self.has_lines() {
                lines
            } else {
                self.stated.lines.unwrap_or_default()
            },
            branches: branches.or(self.stated.branches),
            functions: counted(self.functions.values()).or(self.stated.functions),
            statements: counted(self.statements.values()).or(self.stated.statements),
        }
    }
}

impl Numbers {
    fn plus(self, other: Self) -> Self {
        Self {
            lines: plus(Some(self.lines), Some(other.lines)).unwrap_or_default(),
            branches: plus(self.branches, other.branches),
            functions: plus(self.functions, other.functions),
            statements: plus(self.statements, other.statements),
        }
    }
}

fn counted<'r>(ran: impl ExactSizeIterator<Item = &'r bool>) -> Option<Portion> {
    let total = ran.len() as u64;
    let covered = ran.filter(|ran| **ran).count() as u64;
    (total > 0).then_some(Portion { covered, total })
}

fn plus(sum: Option<Portion>, more: Option<Portion>) -> Option<Portion> {
    match (sum, more) {
        (None, more) => more,
        (sum, None) => sum,
        (Some(sum), Some(more)) => Some(Portion {
            covered: sum.covered.saturating_add(more.covered),
            total: sum.total.saturating_add(more.total),
        }),
    }
}

fn joined(one: Option<Portion>, other: Option<Portion>) -> Option<Portion> {
    match (one, other) {
        (Some(one), Some(other)) => Some(larger(one, other)),
        (one, other) => one.or(other),
    }
}

fn larger(one: Portion, other: Portion) -> Portion {
    Portion {
        covered: one.covered.max(other.covered),
        total: one.total.max(other.total),
    }
}
