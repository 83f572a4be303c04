//! TeamCity service messages, as karma-teamcity-reporter, mocha-teamcity-reporter and others print them.
//!
//! Source: JetBrains' page on service messages (2025.11), and what those two really write.

use std::collections::HashMap;

use contract::test_report::{Coverage, Portion};

use crate::case::{Case, Failure, Source, Verdict, one_line};

#[derive(Default)]
pub(super) struct TeamCity {
    flows: HashMap<String, Flow>,
    /// Suites that the last message was in: a flow that begins within them may not repeat them.
    last: Vec<String>,
    cases: Vec<Case>,
    /// Whether a message about a test could not be read.
    is_damaged: bool,
    /// Values by what follows `CodeCoverageAbs`.
    coverage: HashMap<String, u64>,
}

#[derive(Default)]
struct Flow {
    suites: Vec<String>,
    open: Option<Open>,
}

/// A test that was started.
struct Open {
    case: Case,
    /// Whether this is not the first attempt.
    is_again: bool,
    /// Whether this attempt failed.
    has_failed: bool,
    is_ignored: bool,
}

/// One service message.
struct Message<'l> {
    kind: &'l str,
    attributes: HashMap<&'l str, String>,
}

impl TeamCity {
    pub(super) fn line(&mut self, line: &str) {
        let mut rest = line;
        while let Some((_, text)) = rest.split_once("##teamcity[") {
            rest = match Message::of(text) {
                Some((message, behind)) => {
                    self.take(&message);
                    behind
                }
                None => {
                    // It may have been a failure.
                    self.is_damaged |= text.starts_with("test");
                    text
                }
            };
        }
    }

    fn take(&mut self, message: &Message<'_>) {
        match message.kind {
            "testSuiteStarted" => {
                self.end_open(message);
                let inherited = self.last.clone();
                let flow = self.flows.entry(message.flow()).or_insert_with(|| Flow {
                    suites: inherited,
                    open: None,
                });
                flow.suites.push(message.name());
                self.last.clone_from(&flow.suites);
            }
            "testSuiteFinished" => {
                self.end_open(message);
                if let Some(flow) = self.flows.get_mut(&message.flow()) {
                    flow.suites.pop();
                    self.last.clone_from(&flow.suites);
                }
            }
            "testStarted" => self.started(message),
            "testFailed" => self.failed(message),
            "testIgnored" => self.ignored(message),
            "testFinished" => self.finished(message),
            "buildStatisticValue" => self.statistic(message),
            _ => {}
        }
    }

    /// Whether no test was named.
    pub(super) fn is_empty(&self) -> bool {
        self.cases.is_empty()
            && self
                .flows
                .values()
                .all(|flow| flow.open.is_none() && flow.suites.is_empty())
    }

    fn suite(&self, message: &Message<'_>) -> String {
        let suites = match self.flows.get(&message.flow()) {
            Some(flow) => &flow.suites,
            None => &self.last,
        };
        suites.join(" > ")
    }

    fn open(&mut self, message: &Message<'_>) -> Option<&mut Open> {
        let name = message.name();
        let flow = self.flows.get_mut(&message.flow())?;
        flow.open.as_mut().filter(|open| open.case.name == name)
    }

    fn started(&mut self, message: &Message<'_>) {
        // A second start without an end is a second attempt (mocha's this.retries).
        if let Some(open) = self.open(message) {
            if !open.has_failed {
                open.case
                    .failures
                    .push(Failure::new("the test was started again", ""));
            }
            open.is_again = true;
            open.has_failed = false;
            open.is_ignored = false;
            return;
        }
        self.end_open(message);
        let case = Case::new(self.suite(message).into(), &message.name());
        let inherited = self.last.clone();
        let flow = self.flows.entry(message.flow()).or_insert_with(|| Flow {
            suites: inherited,
            open: None,
        });
        flow.open = Some(Open {
            case,
            is_again: false,
            has_failed: false,
            is_ignored: false,
        });
    }

    fn failed(&mut self, message: &Message<'_>) {
        let failure = Failure::new(&message.text("message"), &message.text("details"));
        if let Some(open) = self.open(message) {
            open.has_failed = true;
            open.case.failures.push(failure);
            return;
        }
        // Without a start: a hook beside the tests.
        let mut case = Case::new(self.suite(message).into(), &message.name());
        case.verdict = Verdict::Failed;
        case.failures.push(failure);
        self.cases.push(case);
    }

    fn ignored(&mut self, message: &Message<'_>) {
        if let Some(open) = self.open(message) {
            open.is_ignored = true;
            return;
        }
        let mut case = Case::new(self.suite(message).into(), &message.name());
        case.verdict = Verdict::Skipped;
        self.cases.push(case);
    }

    /// An end without a start follows an ignored test, and says nothing.
    fn finished(&mut self, message: &Message<'_>) {
        if self.open(message).is_none() {
            return;
        }
        let duration: u64 = message.text("duration").parse().unwrap_or(0);
        let flow = self.flows.get_mut(&message.flow());
        if let Some(mut open) = flow.and_then(|flow| flow.open.take()) {
            open.case.duration_ms = duration;
            open.case.verdict = if open.has_failed {
                Verdict::Failed
            } else if open.is_ignored {
                Verdict::Skipped
            } else if open.is_again {
                Verdict::Flaky
            } else {
                Verdict::Passed
            };
            self.cases.push(open.case);
        }
    }

    /// A test that something else follows before its end has no verdict.
    fn end_open(&mut self, message: &Message<'_>) {
        let flow = self.flows.get_mut(&message.flow());
        if let Some(open) = flow.and_then(|flow| flow.open.take()) {
            self.cases.push(open.broken_off());
        }
    }

    fn statistic(&mut self, message: &Message<'_>) {
        let key = message.text("key");
        if let Some(key) = key.strip_prefix("CodeCoverageAbs")
            && let Ok(value) = message.text("value").parse()
        {
            self.coverage.insert(key.to_owned(), value);
        }
    }

    fn portion(&self, key: &str) -> Option<Portion> {
        Some(Portion {
            covered: *self.coverage.get(&format!("{key}Covered"))?,
            total: *self.coverage.get(&format!("{key}Total"))?,
        })
    }

    /// L lines, R branches, M methods; istanbul writes statements as B, blocks.
    fn covered(&self) -> Option<Coverage> {
        let lines = self.portion("L")?;
        Some(Coverage {
            lines_covered: lines.covered,
            lines_total: lines.total,
            branches: self.portion("R"),
            functions: self.portion("M"),
            statements: self.portion("S").or_else(|| self.portion("B")),
        })
    }

    /// The cases in their order; what was cut off is a problem of the source.
    pub(super) fn finish(mut self, source: &mut Source) -> Vec<Case> {
        source.coverage = self.covered();
        if self.is_damaged {
            source
                .problems
                .push("a service message about a test cannot be read".to_owned());
        }
        let mut names: Vec<&String> = self.flows.keys().collect();
        names.sort();
        let cut_off = names
            .into_iter()
            .find_map(|name| self.flows[name].suites.last().cloned());
        let mut open: Vec<Open> = self
            .flows
            .into_values()
            .filter_map(|flow| flow.open)
            .collect();
        open.sort_by(|one, other| one.case.name.cmp(&other.case.name));
        if let Some(suite) = cut_off {
            source
                .problems
                .push(format!("the output ends within the suite {suite}"));
        } else if let Some(open) = open.first() {
            source.problems.push(format!(
                "the output ends within the test {}",
                open.case.name
            ));
        }
        self.cases.extend(open.into_iter().map(Open::broken_off));
        self.cases
    }
}

impl Open {
    fn broken_off(mut self) -> Case {
        self.case.verdict = Verdict::Error;
        self.case
            .failures
            .push(Failure::new("the test was started and never finished", ""));
        self.case
    }
}

impl<'l> Message<'l> {
    /// A message with named values behind its bracket, and what follows it in the line.
    fn of(text: &'l str) -> Option<(Self, &'l str)> {
        let (kind, mut rest) = text.split_once(' ')?;
        let mut attributes = HashMap::new();
        loop {
            rest = rest.trim_start();
            if let Some(behind) = rest.strip_prefix(']') {
                return Some((Self { kind, attributes }, behind));
            }
            let (name, value) = rest.split_once("='")?;
            let end = end_of_value(value)?;
            attributes.insert(name.trim(), unescaped(&value[..end]));
            rest = &value[end + 1..];
        }
    }

    fn text(&self, name: &str) -> String {
        self.attributes.get(name).cloned().unwrap_or_default()
    }

    fn name(&self) -> String {
        one_line(&self.text("name"))
    }

    fn flow(&self) -> String {
        self.text("flowId")
    }
}

/// Where the quotation mark is that ends a value.
fn end_of_value(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == '\'' && !escaped;
        escaped = c == '|' && !escaped;
        ends.then_some(at)
    })
}

fn unescaped(text: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let c = if c == '|' {
            match rest.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('x') => '\u{85}',
                Some('l') => '\u{2028}',
                Some('p') => '\u{2029}',
                // A unit of UTF-16 in four digits: `|0x00fc`.
                Some('0') => {
                    let code = rest
                        .as_str()
                        .get(1..5)
                        .filter(|_| rest.as_str().starts_with('x'));
                    if let Some(unit) = code.and_then(|code| u16::from_str_radix(code, 16).ok()) {
                        units.push(unit);
                        rest = rest.as_str()[5..].chars();
                    }
                    continue;
                }
                Some(other) => other,
                None => break,
            }
        } else {
            c
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&units)
}
