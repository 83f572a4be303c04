//! The output of Rust's own test harness, by way of `cargo test` or of a test binary itself.
//!
//! Its forms are those of library/test/src/formatters (pretty and terse); there is no other interface in
//! stable Rust. A binary's part goes from `running N tests` to the `test result:` line whose numbers fit: a
//! test may print such lines itself, for example when it runs cargo.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{Case, Failure, LONGEST_DETAILS, Source, Verdict, one_line, panic_message};
use crate::tally::Tally;

/// What libtest adds to a name to say how the test is meant.
const MODES: [&str; 3] = [" - should panic", " - compile fail", " - compile"];

#[derive(Default)]
pub(super) struct Libtest {
    /// The last header of cargo's, which names the next binary.
    header: Option<String>,
    /// Names of binaries so far: packages of a workspace may have equal ones.
    used: BTreeMap<String, usize>,
    suite: String,
    part: Option<Part>,
    cases: Vec<Case>,
    duration_ms: u64,
    problems: Vec<String>,
}

/// The part of one binary.
struct Part {
    suite: String,
    /// From `running N tests`.
    expected: usize,
    section: Section,
    cases: Vec<Case>,
    /// A test whose result is not in its line, because the test itself printed something.
    pending: Option<String>,
    /// Output of failed tests.
    details: BTreeMap<String, String>,
    /// Names in the list of failures.
    failed: BTreeSet<String>,
}

enum Section {
    Results,
    /// The output of a failed test, or what is before the first.
    Details(Option<String>),
    Failures,
}

/// The numbers of a `test result:` line.
struct Totals {
    passed: usize,
    failed: usize,
    ignored: usize,
    measured: usize,
    duration_ms: u64,
}

impl Libtest {
    /// The next line; true if it belongs to a test binary.
    pub(super) fn line(&mut self, line: &str) -> bool {
        let Some(part) = &mut self.part else {
            return self.outside(line);
        };
        if let Some(totals) = Totals::of(line)
            && part.fits(&totals)
        {
            self.end_part(Some(&totals));
            return true;
        }
        // The binary before died without a result, and cargo went on with the next (--no-fail-fast).
        if !matches!(part.section, Section::Details(_)) && header(line).is_some() {
            self.end_part(None);
            return self.outside(line);
        }
        part.line(line);
        true
    }

    fn outside(&mut self, line: &str) -> bool {
        if let Some(name) = header(line) {
            self.header = Some(name);
            return true;
        }
        let Some(expected) = running(line) else {
            return false;
        };
        // Doc tests come in several parts under one header.
        match self.header.take() {
            Some(header) => self.suite = self.unused(header),
            None if self.suite.is_empty() || !self.suite.starts_with("Doc-tests ") => {
                self.suite = self.unused("tests".to_owned());
            }
            None => {}
        }
        self.part = Some(Part {
            suite: self.suite.clone(),
            expected,
            section: Section::Results,
            cases: Vec::new(),
            pending: None,
            details: BTreeMap::new(),
            failed: BTreeSet::new(),
        });
        true
    }

    fn unused(&mut self, name: String) -> String {
        let times = self.used.entry(name.clone()).or_default();
        *times += 1;
        match times {
            1 => name,
            times => format!("{name} #{times}"),
        }
    }

    fn end_part(&mut self, totals: Option<&Totals>) {
        let Some(part) = self.part.take() else {
            return;
        };
        match totals {
            Some(totals) => {
                self.duration_ms += totals.duration_ms;
                self.cases.extend(part.settled(totals));
            }
            None => {
                self.problems.push(format!(
                    "{} ended without a result: {} of its {} tests had one",
                    part.suite,
                    part.cases.len(),
                    part.expected
                ));
                self.cases.extend(part.broken_off());
            }
        }
    }

    /// Whether no test binary has begun.
    pub(super) fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.part.is_none() && self.problems.is_empty()
    }

    /// Hands the cases on and gives the milliseconds of all binaries, since libtest times no single test.
    pub(super) fn finish(mut self, source: &mut Source, tally: &mut Tally<'_>) -> u64 {
        self.end_part(None);
        self.cases.iter().for_each(|case| tally.add(case));
        source.problems.append(&mut self.problems);
        self.duration_ms
    }
}

impl Part {
    fn line(&mut self, line: &str) {
        if let Some(name) = details_of(line) {
            let name = one_line(name);
            self.details.entry(name.clone()).or_default();
            self.section = Section::Details(Some(name));
            return;
        }
        match &self.section {
            Section::Results if line == "failures:" => self.section = Section::Details(None),
            Section::Results => self.result(line),
            Section::Details(_) if line == "failures:" => self.section = Section::Failures,
            Section::Details(Some(name)) => {
                let text = self.details.entry(name.clone()).or_default();
                if text.len() < LONGEST_DETAILS {
                    text.push_str(line);
                    text.push('\n');
                }
            }
            Section::Details(None) => {}
            Section::Failures => {
                if let Some(name) = line.strip_prefix("    ") {
                    self.failed.insert(one_line(name));
                }
            }
        }
    }

    fn result(&mut self, line: &str) {
        if let Some((name, result)) = line
            .strip_prefix("test ")
            .and_then(|test| test.split_once(" ... "))
        {
            let name = MODES
                .iter()
                .find_map(|mode| name.strip_suffix(mode))
                .unwrap_or(name);
            match verdict(result) {
                Some(verdict) => self.push(name, verdict),
                None => self.pending = Some(one_line(name)),
            }
        } else if let Some(verdict) = verdict(line)
            && let Some(name) = self.pending.take()
        {
            self.push(&name, verdict);
        }
    }

    fn push(&mut self, name: &str, verdict: Verdict) {
        self.cases.push(Case {
            verdict,
            ..Case::new(self.suite.as_str().into(), name)
        });
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.cases
            .iter()
            .filter(|case| case.verdict == verdict)
            .count()
    }

    /// Whether a result line can be this binary's own.
    fn fits(&self, totals: &Totals) -> bool {
        let all = totals.passed + totals.failed + totals.ignored + totals.measured;
        all == self.expected
            && self.count(Verdict::Failed) <= totals.failed
            && self.count(Verdict::Skipped) <= totals.ignored
            && self.count(Verdict::Passed) <= totals.passed + totals.measured
            && !(matches!(self.section, Section::Details(_)) && totals.failed > 0)
    }

    /// All cases, with those that are only in the list of failures or only in the numbers. In its terse form
    /// libtest names failures alone.
    fn settled(mut self, totals: &Totals) -> Vec<Case> {
        let named: BTreeSet<String> = self.cases.iter().map(|case| case.name.clone()).collect();
        let unnamed: Vec<String> = self.failed.difference(&named).cloned().collect();
        for name in unnamed {
            // A failed test may have printed a list of its own; the numbers tell how many are real.
            if self.count(Verdict::Failed) < totals.failed {
                self.push(&name, Verdict::Failed);
            }
        }
        self.pending = self.pending.filter(|name| !self.failed.contains(name));
        let missing = [
            (Verdict::Failed, totals.failed),
            (Verdict::Skipped, totals.ignored),
            (Verdict::Passed, totals.passed + totals.measured),
        ];
        let mut number = 0;
        for (verdict, total) in missing {
            for _ in self.count(verdict)..total {
                number += 1;
                match self.pending.take() {
                    Some(name) => self.push(&name, verdict),
                    None => self.push(&format!("unnamed {number}"), verdict),
                }
            }
        }
        self.explained()
    }

    /// What is known of a binary that died.
    fn broken_off(mut self) -> Vec<Case> {
        if let Some(name) = self.pending.take() {
            self.push(&name, Verdict::Error);
            if let Some(case) = self.cases.last_mut() {
                case.failures
                    .push(Failure::new("the test binary ended within this test", ""));
            }
        }
        self.explained()
    }

    fn explained(self) -> Vec<Case> {
        let mut cases = self.cases;
        for case in cases.iter_mut().filter(|case| case.is_bad()) {
            if let Some(text) = self.details.get(&case.name) {
                case.failures.push(Failure::new(message(text), text));
            } else if case.failures.is_empty() {
                case.failures.push(Failure::new("failed", ""));
            }
        }
        cases
    }
}

impl Totals {
    /// `test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 6 filtered out; finished in 0.01s`
    fn of(line: &str) -> Option<Self> {
        let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut fields = numbers.split("; ");
        let mut number = |what: &str| {
            let (count, word) = fields.next()?.split_once(' ')?;
            (word == what).then_some(count)?.parse().ok()
        };
        let (passed, failed) = (number("passed")?, number("failed")?);
        let (ignored, measured) = (number("ignored")?, number("measured")?);
        let seconds = fields
            .find_map(|field| field.strip_prefix("finished in ")?.strip_suffix('s'))
            .and_then(|seconds| seconds.parse::<f64>().ok())
            .unwrap_or(0.0);
        Some(Self {
            passed,
            failed,
            ignored,
            measured,
            duration_ms: (seconds * 1_000.0).round() as u64,
        })
    }
}

/// `     Running unittests src/lib.rs (target/debug/deps/shop-0d6c…)` and `   Doc-tests shop`, without the
/// hash, which changes with every build.
fn header(line: &str) -> Option<String> {
    let text = line.strip_prefix(' ')?.trim_start();
    if text.starts_with("Doc-tests ") {
        return Some(one_line(text));
    }
    let target = text.strip_prefix("Running ")?;
    let (source, path) = match target.strip_suffix(')') {
        Some(target) => {
            let (source, path) = target.rsplit_once(" (")?;
            (format!("{source} "), path)
        }
        None if target.starts_with("target/") => (String::new(), target),
        None => return None,
    };
    let file = path.rsplit(['/', '\\']).next()?;
    let stem = file.rsplit_once('-').map_or(file, |(stem, _)| stem);
    Some(one_line(&format!("{source}({stem})")))
}

/// `running 3 tests`
fn running(line: &str) -> Option<usize> {
    let (count, noun) = line.strip_prefix("running ")?.split_once(' ')?;
    let count = count.parse().ok()?;
    (noun == if count == 1 { "test" } else { "tests" }).then_some(count)
}

/// `---- tests::adds stdout ----`
fn details_of(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

fn verdict(result: &str) -> Option<Verdict> {
    // `ok <0.001s>` with --report-time, `ignored, the reason`.
    let word = result.split([' ', ',']).next()?;
    match word {
        "ok" | "FAILED" if result != word && !result[word.len()..].starts_with(" <") => None,
        "ok" => Some(Verdict::Passed),
        "FAILED" => Some(Verdict::Failed),
        "ignored" if result == word || result.starts_with("ignored,") => Some(Verdict::Skipped),
        "bench:" => Some(Verdict::Passed),
        _ => None,
    }
}

/// The line that says what went wrong: that of the panic, or the error that was returned.
fn message(text: &str) -> &str {
    panic_message(text)
        .or_else(|| text.lines().find(|line| line.starts_with("Error: ")))
        .or_else(|| text.lines().find(|line| !line.trim().is_empty()))
        .unwrap_or_default()
}
