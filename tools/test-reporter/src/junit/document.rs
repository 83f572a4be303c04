//! A report while it is read: what is open, and the cases so far.

use quick_xml::events::BytesStart;

use super::element::{Element, Outcome, attribute, milliseconds, push_reference};
use crate::case::{Case, Failure, LONGEST_DETAILS, Source, Verdict, one_line};
use crate::settle::{Evidence, settle};

/// A report while it is read.
pub(super) struct Document {
    accepted: bool,
    path: Vec<Element>,
    suites: Vec<Suite>,
    open: Vec<OpenCase>,
    /// Text of the outcome that is open.
    text: String,
    message: String,
    /// Its type, which some runners write instead of a message.
    kind: String,
    cases: Vec<Case>,
    /// Elements of a report that were seen.
    is_report: bool,
    /// Tests that the outermost element states, or its suites together.
    stated: Option<u64>,
    warnings: Vec<String>,
}

struct Suite {
    name: String,
    stated: Option<u64>,
    cases: Vec<Case>,
    has_suites: bool,
}

struct OpenCase {
    case: Case,
    /// A todo that fails is expected to.
    is_todo: bool,
    was_flaky: bool,
}

impl Document {
    pub(super) fn new(accepted: bool) -> Self {
        Self {
            accepted,
            path: Vec::new(),
            suites: Vec::new(),
            open: Vec::new(),
            text: String::new(),
            message: String::new(),
            kind: String::new(),
            cases: Vec::new(),
            is_report: false,
            stated: None,
            warnings: Vec::new(),
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.path.len()
    }

    pub(super) fn open(&mut self, tag: &BytesStart<'_>) {
        let mut element = Element::of(tag);
        match element {
            Element::Root => {
                self.is_report = true;
                self.stated = stated(tag);
            }
            Element::Suite => self.open_suite(tag),
            Element::Case => self.open_case(tag),
            Element::Outcome(outcome) => {
                // Inside another outcome it is part of its text.
                if self
                    .path
                    .iter()
                    .any(|above| matches!(above, Element::Outcome(_)))
                {
                    element = Element::Other;
                } else {
                    self.open_outcome(outcome, tag);
                }
            }
            Element::Other => {}
        }
        self.path.push(element);
    }

    fn open_suite(&mut self, tag: &BytesStart<'_>) {
        self.is_report = true;
        let stated = stated(tag);
        match self.suites.last_mut() {
            Some(above) => above.has_suites = true,
            None if !self.path.contains(&Element::Root) => self.stated = add(self.stated, stated),
            None => {}
        }
        let own = one_line(&attribute(tag, "name").unwrap_or_default());
        let name = match self.suites.last() {
            Some(above) => joined(&above.name, &own),
            None => own,
        };
        self.suites.push(Suite {
            name,
            stated,
            cases: Vec::new(),
            has_suites: false,
        });
    }

    fn open_case(&mut self, tag: &BytesStart<'_>) {
        self.is_report = true;
        let name = attribute(tag, "name").unwrap_or_default();
        let class = attribute(tag, "classname").unwrap_or_default();
        let suite = self.suite_of(&name, &one_line(&class));
        let mut case = Case::new(&suite, &name);
        case.duration_ms = milliseconds(&attribute(tag, "time").unwrap_or_default());
        case.place = attribute(tag, "file").map(|file| match attribute(tag, "line") {
            Some(line) => one_line(&format!("{file}:{line}")),
            None => one_line(&file),
        });
        // GoogleTest says it in an attribute.
        let status = attribute(tag, "status").unwrap_or_default();
        if ["notrun", "disabled", "skipped"].contains(&status.as_str()) {
            case.verdict = Verdict::Skipped;
        }
        self.open.push(OpenCase {
            case,
            is_todo: false,
            was_flaky: false,
        });
    }

    /// The class is part of the suite where it says more than suite and name do.
    fn suite_of(&self, name: &str, class: &str) -> String {
        let suite = self.suites.last().map_or("", |suite| &suite.name);
        let class = class.trim_start_matches('.');
        let says_nothing = class.is_empty()
            || name.contains(class)
            || suite
                .strip_suffix(class)
                .is_some_and(|outer| outer.is_empty() || outer.ends_with([' ', '.']));
        if says_nothing {
            suite.to_owned()
        } else {
            joined(suite, class)
        }
    }

    fn open_outcome(&mut self, outcome: Outcome, tag: &BytesStart<'_>) {
        self.text.clear();
        self.message = attribute(tag, "message").unwrap_or_default();
        self.kind = attribute(tag, "type").unwrap_or_default();
        if self.open.is_empty() && matches!(outcome, Outcome::Failure | Outcome::Error) {
            // Beside the cases: the set-up of a whole suite went wrong.
            let suite = self
                .suites
                .last()
                .map_or("", |suite| &suite.name)
                .to_owned();
            self.open.push(OpenCase {
                case: Case::new(&suite, "set-up"),
                is_todo: false,
                was_flaky: false,
            });
        }
        let Some(open) = self.open.last_mut() else {
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

    pub(super) fn text(&mut self, text: &str) {
        if matches!(self.path.last(), Some(Element::Outcome(_))) {
            let room = LONGEST_DETAILS.saturating_sub(self.text.len());
            self.text.push_str(&text[..text.floor_char_boundary(room)]);
        }
    }

    pub(super) fn reference(&mut self, name: &str) {
        let mut text = String::new();
        push_reference(name, &mut text);
        self.text(&text);
    }

    pub(super) fn close(&mut self) {
        match self.path.pop() {
            Some(Element::Outcome(outcome)) => self.close_outcome(outcome),
            Some(Element::Case) => self.close_case(),
            Some(Element::Suite) => self.close_suite(),
            Some(Element::Root | Element::Other) | None => {}
        }
    }

    fn close_outcome(&mut self, outcome: Outcome) {
        let is_of_case = self.path.contains(&Element::Case);
        if let Some(open) = self.open.last_mut()
            && outcome != Outcome::Skipped
        {
            let is_silent = self.message.is_empty() && self.text.trim().is_empty();
            let message = if is_silent { &self.kind } else { &self.message };
            open.case.failures.push(Failure::new(message, &self.text));
        }
        if !is_of_case {
            self.close_case();
        }
    }

    fn close_case(&mut self) {
        if let Some(open) = self.open.pop() {
            let case = open.settled();
            match self.suites.last_mut() {
                Some(suite) => suite.cases.push(case),
                None => self.cases.push(case),
            }
        }
    }

    fn close_suite(&mut self) {
        if let Some(suite) = self.suites.pop() {
            let stated = suite.stated.filter(|_| !suite.has_suites);
            let evidence = Evidence {
                stated: stated.and_then(|stated| usize::try_from(stated).ok()),
                accepted: self.accepted,
            };
            self.cases.extend(settle(suite.cases, evidence));
        }
    }

    /// The input is at its end: what is wrong if something is still open, or if it was no report at all.
    pub(super) fn end(&mut self) -> Option<String> {
        if !self.path.is_empty() {
            return Some(
                "ends before its last element does: the run was cut off, or the disk is full"
                    .to_owned(),
            );
        }
        (!self.is_report).then(|| "is not a JUnit report".to_owned())
    }

    /// What was read. A case that is still open has no verdict, and must not pass for want of one.
    pub(super) fn finish(mut self, name: &str) -> Source {
        while let Some(mut open) = self.open.pop() {
            if open.case.failures.is_empty() {
                open.case
                    .failures
                    .push(Failure::new("the report ends within this test", ""));
            }
            open.worsen(Verdict::Error);
            let case = open.settled();
            match self.suites.last_mut() {
                Some(suite) => suite.cases.push(case),
                None => self.cases.push(case),
            }
        }
        while !self.suites.is_empty() {
            self.close_suite();
        }
        let listed = self.cases.len() as u64;
        if let Some(stated) = self.stated.filter(|stated| *stated != listed) {
            self.warnings.push(format!(
                "{name} states {stated} tests and lists {listed}; those that it lists count"
            ));
        }
        Source {
            name: name.to_owned(),
            duration_ms: self
                .cases
                .iter()
                .fold(0, |sum, case| sum.saturating_add(case.duration_ms)),
            cases: self.cases,
            problems: Vec::new(),
            warnings: self.warnings,
            coverage: None,
        }
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

fn stated(tag: &BytesStart<'_>) -> Option<u64> {
    attribute(tag, "tests")?.trim().parse().ok()
}

fn add(sum: Option<u64>, more: Option<u64>) -> Option<u64> {
    match (sum, more) {
        (None, more) => more,
        (sum, None) => sum,
        (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
    }
}

fn joined(outer: &str, inner: &str) -> String {
    match (outer, inner) {
        ("", name) | (name, "") => name.to_owned(),
        _ => format!("{outer} > {inner}"),
    }
}
