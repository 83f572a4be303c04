//! A report while it is read: what is open, and the cases so far.

use std::borrow::Cow;
use std::sync::Arc;

use super::element::{Element, Outcome, is_misspelt, milliseconds};
use crate::case::{Case, Failure, LONGEST_DETAILS, Source, Verdict, one_line};
use crate::settle::Gathered;
use crate::store::Store;
use crate::tally::Tally;
use crate::xml::{Tag, Text, value_of};

/// A report while it is read.
pub(super) struct Document<'s> {
    accepted: bool,
    path: Vec<Element>,
    /// The name of every open element that has no meaning here, so that its end can be told from another's.
    others: Vec<Vec<u8>>,
    suites: Vec<Suite>,
    open: Option<OpenCase>,
    /// Text of the outcome that is open.
    text: Text,
    message: String,
    /// Its type, which some runners write instead of a message.
    kind: String,
    tally: Tally<'s>,
    /// Elements of a report that were seen.
    is_report: bool,
    /// What the outermost element states, or its suites together.
    root: Stated,
    suites_stated: Stated,
    /// Failures and errors that were seen, those of attempts and of expected ones too.
    outcomes: u64,
    damage: Option<&'static str>,
}

struct Suite {
    name: Arc<str>,
    tests: Option<u64>,
    gathered: Gathered,
    has_suites: bool,
    /// The last class, with the suite that it makes: most cases have that of the one before.
    class: Option<(String, Arc<str>)>,
}

struct OpenCase {
    case: Case,
    /// A todo that fails is expected to.
    is_todo: bool,
    was_flaky: bool,
}

/// Numbers in attributes, which nobody can rely on.
#[derive(Debug, Default, Clone, Copy)]
struct Stated {
    tests: Option<u64>,
    /// Failures and errors.
    bad: Option<u64>,
}

impl<'s> Document<'s> {
    pub(super) fn new(name: &str, accepted: bool, store: &'s Store) -> Self {
        Self {
            accepted,
            path: Vec::new(),
            others: Vec::new(),
            suites: Vec::new(),
            open: None,
            text: Text::default(),
            message: String::new(),
            kind: String::new(),
            tally: Tally::new(name, store),
            is_report: false,
            root: Stated::default(),
            suites_stated: Stated::default(),
            outcomes: 0,
            damage: None,
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.path.len()
    }

    /// Whether an element of a report was seen.
    pub(super) fn is_report(&self) -> bool {
        self.is_report
    }

    /// What the last event has shown to be damaged.
    pub(super) fn take_damage(&mut self) -> Option<&'static str> {
        self.damage.take()
    }

    /// An element begins; gives its name if its content is text alone.
    pub(super) fn open(&mut self, tag: &Tag<'_>) -> Option<&'static str> {
        let name = tag.name();
        let mut element = Element::of(&name);
        let above = self.path.last().copied();
        match element {
            Element::Root => {
                self.is_report = true;
                self.root = self.root.plus(Stated::of(tag));
            }
            Element::Suite => self.open_suite(tag),
            Element::Case => self.open_case(tag),
            Element::Outcome(outcome) => {
                // Inside another outcome it is part of its text.
                let is_inside = self
                    .path
                    .iter()
                    .any(|above| matches!(above, Element::Outcome(_)));
                if is_inside {
                    element = Element::Detail;
                } else {
                    self.open_outcome(outcome, tag);
                }
            }
            Element::Detail if !matches!(above, Some(Element::Outcome(_))) => {
                element = Element::Other;
            }
            Element::Other if above == Some(Element::Case) && is_misspelt(&name) => {
                self.damage("a test has an element that was a failure or an error");
            }
            Element::Detail | Element::Output(_) | Element::Other => {}
        }
        if matches!(element, Element::Other | Element::Detail) {
            self.others.push(name.into_owned());
        }
        self.path.push(element);
        match element {
            Element::Other => None,
            Element::Detail => Some("stackTrace").filter(|_| Element::of(&tag.name()) == element),
            element => element.text_of(),
        }
    }

    fn damage(&mut self, what: &'static str) {
        self.damage.get_or_insert(what);
    }

    fn open_suite(&mut self, tag: &Tag<'_>) {
        self.is_report = true;
        if self.open.is_some() {
            self.damage("a suite begins within a test");
            self.break_off();
        }
        let stated = Stated::of(tag);
        match self.suites.last_mut() {
            Some(above) => above.has_suites = true,
            None => self.suites_stated = self.suites_stated.plus(stated),
        }
        let own = one_line(&tag.attribute("name").unwrap_or_default());
        let name = match self.suites.last() {
            Some(above) => joined(&above.name, &own),
            None => own.into(),
        };
        self.suites.push(Suite {
            name,
            tests: stated.tests,
            gathered: Gathered::default(),
            has_suites: false,
            class: None,
        });
    }

    fn open_case(&mut self, tag: &Tag<'_>) {
        self.is_report = true;
        if self.open.is_some() {
            self.damage("a test begins within another");
            self.break_off();
        }
        let [mut name, mut class, mut file] = [const { Cow::Borrowed("") }; 3];
        let mut line = None;
        let mut duration_ms = 0;
        let mut verdict = Verdict::Passed;
        for (key, value) in tag.attributes() {
            match key {
                b"name" => name = value_of(value),
                b"classname" => class = value_of(value),
                b"time" => duration_ms = milliseconds(&value_of(value)),
                b"file" => file = value_of(value),
                b"line" => line = Some(value_of(value)),
                // GoogleTest and others say it in an attribute.
                b"status" | b"result" => verdict = verdict.and(stated_verdict(&value_of(value))),
                _ => {}
            }
        }
        let suite = self.suite_of(&name, &class);
        let mut case = Case::new(suite, &name);
        case.duration_ms = duration_ms;
        case.verdict = verdict;
        if !file.is_empty() {
            case.place = Some(match line {
                Some(line) => one_line(&format!("{file}:{line}")),
                None => one_line(&file),
            });
        }
        self.open = Some(OpenCase {
            case,
            is_todo: false,
            was_flaky: false,
        });
    }

    /// The class is part of the suite where it says more than suite and name do.
    fn suite_of(&mut self, name: &str, class: &str) -> Arc<str> {
        let Some(suite) = self.suites.last_mut() else {
            return suite_with("", name, class).unwrap_or_default();
        };
        if let Some((known, made)) = &suite.class
            && known == class
            && !contains(name, class.trim_start_matches('.'))
        {
            return Arc::clone(made);
        }
        match suite_with(&suite.name, name, class) {
            Some(made) => {
                suite.class = Some((class.to_owned(), Arc::clone(&made)));
                made
            }
            None => Arc::clone(&suite.name),
        }
    }

    fn open_outcome(&mut self, outcome: Outcome, tag: &Tag<'_>) {
        self.text.clear();
        self.message = tag.attribute("message").unwrap_or_default().into_owned();
        self.kind = tag.attribute("type").unwrap_or_default().into_owned();
        if outcome != Outcome::Skipped {
            self.outcomes += 1;
        }
        if self.open.is_none() {
            if outcome == Outcome::Skipped {
                return;
            }
            // Beside the cases: the set-up of a whole suite went wrong.
            let suite = self.suites.last().map(|suite| Arc::clone(&suite.name));
            self.open = Some(OpenCase {
                case: Case::new(suite.unwrap_or_default(), "set-up"),
                is_todo: false,
                was_flaky: false,
            });
        }
        let Some(open) = &mut self.open else {
            return;
        };
        match outcome {
            Outcome::Failure | Outcome::Rerun => open.worsen(Verdict::Failed),
            Outcome::Error => open.worsen(Verdict::Error),
            Outcome::Flaky => open.was_flaky = true,
            Outcome::Skipped => {
                open.is_todo |= self.kind == "todo";
                if open.case.verdict == Verdict::Passed {
                    open.case.verdict = Verdict::Skipped;
                }
            }
        }
    }

    /// A piece of text; `is_literal` says that references are none.
    pub(super) fn text(&mut self, piece: &[u8], is_literal: bool) {
        match self.path.last() {
            Some(Element::Outcome(_) | Element::Detail) => {
                self.text.push(piece, is_literal, LONGEST_DETAILS);
            }
            Some(Element::Root | Element::Suite | Element::Case)
                if piece.iter().any(|byte| matches!(byte, b'<' | b'>')) =>
            {
                self.damage("there is markup without a beginning");
            }
            _ => {}
        }
    }

    /// An end tag.
    pub(super) fn close(&mut self, name: &[u8]) {
        let is_match = |element: &Element, others: &[Vec<u8>]| match element {
            Element::Other | Element::Detail => others.last().is_some_and(|last| last == name),
            element => *element == Element::of(name),
        };
        if self
            .path
            .last()
            .is_some_and(|element| is_match(element, &self.others))
        {
            self.close_last();
            return;
        }
        let wanted = Element::of(name);
        let is_known = !matches!(wanted, Element::Other | Element::Detail);
        if is_known && self.path.contains(&wanted) {
            self.damage("an element has no end");
            while let Some(last) = self.path.last() {
                let is_it = *last == wanted;
                if *last == Element::Case && !is_it {
                    self.break_off();
                }
                self.close_last();
                if is_it {
                    break;
                }
            }
            return;
        }
        self.damage("an end tag has no beginning");
        if let (Element::Outcome(_), Some(open)) = (wanted, &mut self.open) {
            open.worsen(Verdict::Error);
        }
    }

    /// The innermost element ends.
    pub(super) fn close_last(&mut self) {
        match self.path.pop() {
            Some(Element::Outcome(outcome)) => self.close_outcome(outcome),
            Some(Element::Case) => self.close_case(),
            Some(Element::Suite) => self.close_suite(),
            Some(Element::Other | Element::Detail) => {
                self.others.pop();
            }
            Some(Element::Root | Element::Output(_)) | None => {}
        }
    }

    fn close_outcome(&mut self, outcome: Outcome) {
        let is_of_case = self.path.contains(&Element::Case);
        if let Some(open) = &mut self.open
            && outcome != Outcome::Skipped
        {
            let text = self.text.taken();
            let is_silent = self.message.is_empty() && text.trim().is_empty();
            let message = if is_silent { &self.kind } else { &self.message };
            open.case.failures.push(Failure::new(message, &text));
        }
        if !is_of_case {
            self.close_case();
        }
    }

    /// The open case lost its end, and with it perhaps a failure: it must not pass for want of a verdict.
    fn break_off(&mut self) {
        if let Some(open) = &mut self.open {
            if open.case.failures.is_empty() {
                open.case
                    .failures
                    .push(Failure::new("the report ends within this test", ""));
            }
            open.worsen(Verdict::Error);
        }
        self.close_case();
    }

    fn close_case(&mut self) {
        if let Some(open) = self.open.take() {
            let case = open.settled();
            match self.suites.last_mut() {
                Some(suite) => suite.gathered.push(case),
                None => self.tally.add(&case),
            }
        }
    }

    fn close_suite(&mut self) {
        if self.open.is_some() {
            self.break_off();
        }
        if let Some(suite) = self.suites.pop() {
            let tests = suite.tests.filter(|_| !suite.has_suites);
            suite.gathered.settle(tests, self.accepted, &mut self.tally);
        }
    }

    /// What was read.
    pub(super) fn finish(mut self) -> Source {
        self.break_off();
        while !self.suites.is_empty() {
            self.close_suite();
        }
        let mut source = self.tally.finish();
        let name = &source.name;
        let listed = source.counts.total;
        let stated = self.root.or(self.suites_stated);
        if let Some(tests) = stated.tests.filter(|tests| *tests != listed) {
            source.warnings.push(format!(
                "{name} states {tests} tests and lists {listed}; those that it lists count"
            ));
        }
        let bad = self.root.bad.max(self.suites_stated.bad).unwrap_or(0);
        if bad > self.outcomes && source.counts.failed + source.counts.errors == 0 {
            source.problems.push(format!(
                "{name} states {bad} failures and errors, and lists {}",
                self.outcomes
            ));
        }
        source
    }
}

impl OpenCase {
    fn worsen(&mut self, verdict: Verdict) {
        self.case.verdict = self.case.verdict.max(verdict);
    }

    fn settled(mut self) -> Case {
        if self.is_todo && self.case.verdict == Verdict::Failed {
            self.case.verdict = Verdict::Skipped;
        } else if self.was_flaky && self.case.verdict == Verdict::Passed {
            self.case.verdict = Verdict::Flaky;
        }
        self.case
    }
}

impl Stated {
    fn of(tag: &Tag<'_>) -> Self {
        let number = |name| tag.attribute(name)?.trim().parse().ok();
        Self {
            tests: number("tests"),
            bad: add(number("failures"), number("errors")),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            tests: add(self.tests, other.tests),
            bad: add(self.bad, other.bad),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            tests: self.tests.or(other.tests),
            bad: self.bad.or(other.bad),
        }
    }
}

fn add(sum: Option<u64>, more: Option<u64>) -> Option<u64> {
    match (sum, more) {
        (None, more) => more,
        (sum, None) => sum,
        (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
    }
}

/// The suite with the class, unless that says nothing new.
fn suite_with(suite: &str, name: &str, class: &str) -> Option<Arc<str>> {
    let class = one_line(class);
    let class = class.trim_start_matches('.');
    let says_nothing = class.is_empty()
        || contains(name, class)
        || suite
            .strip_suffix(class)
            .is_some_and(|outer| outer.is_empty() || outer.ends_with([' ', '.']));
    (!says_nothing).then(|| joined(suite, class))
}

/// `str::contains` for texts of which most have nothing in common: it would first prepare for long ones.
fn contains(text: &str, part: &str) -> bool {
    part.len() <= text.len() && memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some()
}

/// How a case ended by the word of an attribute.
fn stated_verdict(word: &str) -> Verdict {
    match word.to_ascii_lowercase().as_str() {
        "notrun" | "disabled" | "skipped" | "suppressed" => Verdict::Skipped,
        "failed" | "failure" | "fail" => Verdict::Failed,
        "error" | "broken" | "errored" => Verdict::Error,
        _ => Verdict::Passed,
    }
}

fn joined(outer: &str, inner: &str) -> Arc<str> {
    match (outer, inner) {
        ("", name) | (name, "") => name.into(),
        _ => format!("{outer} > {inner}").into(),
    }
}
