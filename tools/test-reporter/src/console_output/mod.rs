//! Understands what test runners print, line by line, for commands that write no report.

mod libtest;
mod teamcity;

use crate::case::Source;
use crate::settle::{Evidence, settle};
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

    /// What all lines together said. `accepted` says that the command ended well.
    pub(crate) fn finish(self, accepted: bool) -> Source {
        let mut source = Source {
            name: "stdout".to_owned(),
            ..Source::default()
        };
        let teamcity = self.teamcity.finish(&mut source);
        source.duration_ms = teamcity
            .iter()
            .fold(0, |sum, case| sum.saturating_add(case.duration_ms));
        let evidence = Evidence {
            stated: None,
            accepted,
        };
        source.cases = settle(teamcity, evidence);
        self.libtest.finish(&mut source);
        if source.cases.is_empty() && source.problems.is_empty() {
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
