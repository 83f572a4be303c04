//! Understands what test runners print, line by line, for commands that write no report.

mod libtest;
mod teamcity;

use crate::case::Source;
use crate::settle::Gathered;
use crate::store::Store;
use crate::tally::Tally;
use crate::text::clean;

use libtest::Libtest;
use teamcity::TeamCity;

/// Reads lines as they come. The formats can be mixed, as when a script calls one runner after the other.
#[derive(Default)]
pub(crate) struct ConsoleOutput {
    libtest: Libtest,
    teamcity: TeamCity,
}

impl ConsoleOutput {
    /// The next line, without its end.
    pub(crate) fn line(&mut self, line: &str) {
        let line = clean(line);
        // What a Rust test printed belongs to the test, whatever it looks like.
        if !self.libtest.line(&line) {
            self.teamcity.line(&line);
        }
    }

    /// Whether there was a test result of any form.
    pub(crate) fn is_empty(&self) -> bool {
        self.libtest.is_empty() && self.teamcity.is_empty()
    }

    /// What all lines together said. `accepted` says that the command ended well.
    pub(crate) fn finish(self, name: &str, accepted: bool, store: &Store) -> Source {
        let is_empty = self.is_empty();
        let mut tally = Tally::new(name, store);
        let mut said = Source::default();
        let mut gathered = Gathered::default();
        for case in self.teamcity.finish(&mut said) {
            gathered.push(case);
        }
        gathered.settle(None, accepted, &mut tally);
        let duration_ms = self.libtest.finish(&mut said, &mut tally);
        let mut source = tally.finish();
        source.duration_ms = source.duration_ms.saturating_add(duration_ms);
        source.problems.append(&mut said.problems);
        source.coverage = said.coverage;
        if is_empty && source.problems.is_empty() {
            source.warnings.push(
                "no test results were found in the command's output; name the runner's JUnit files with --report"
                    .to_owned(),
            );
        }
        source
    }
}

#[cfg(test)]
mod tests;
