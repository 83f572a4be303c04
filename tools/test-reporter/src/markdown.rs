//! The report as Markdown: a GitHub step summary, a comment of a merge request.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use contract::test_report::{FailedCase, Portion, TestReport};

use crate::summary::percent;
use crate::text::shortened;

/// Bytes of a step's summary; GitHub refuses the whole of a larger one (1 MiB).
const MOST: usize = 1_000_000;
/// Failures that are shown with their details.
const MOST_FAILURES: usize = 100;
/// Bytes of details of each.
const LONGEST: usize = 6_000;
/// Lines of every other table.
const MOST_ROWS: usize = 20;

/// The whole text, at most `most` bytes.
pub(crate) fn markdown(report: &TestReport, most: usize) -> String {
    let mut page = Page {
        text: String::new(),
        most,
    };
    let counts = report.counts;
    let sign = if report.passed { "✅" } else { "❌" };
    page.add(&format!(
        "## {sign} {} tests: {} passed, {} failed, {} in error, {} flaky, {} skipped\n\n",
        counts.total, counts.passed, counts.failed, counts.errors, counts.flaky, counts.skipped
    ));
    for problem in report.problems.iter().take(MOST_ROWS) {
        page.add(&format!("- {}\n", plain(problem)));
    }
    page.more(report.problems.len(), MOST_ROWS, "problems");
    page.coverage(report);
    page.comparison(report);
    page.failures(report);
    page.flaky(&report.flaky);
    page.slowest(report);
    page.text
}

/// Appends the text to the summary of GitHub's step, if there is room for it.
pub(crate) fn append_to_summary(path: &Path, report: &TestReport) -> anyhow::Result<()> {
    let what = || format!("cannot write the step's summary {}", path.display());
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .with_context(what)?;
    let taken = file.metadata().with_context(what)?.len();
    let room = MOST.saturating_sub(usize::try_from(taken).unwrap_or(MOST));
    file.write_all(markdown(report, room).as_bytes())
        .with_context(what)
}

struct Page {
    text: String,
    most: usize,
}

impl Page {
    /// Adds a piece whole or not at all; false when there is no more room.
    fn add(&mut self, piece: &str) -> bool {
        let fits = self.text.len() + piece.len() <= self.most;
        if fits {
            self.text.push_str(piece);
        }
        fits
    }

    fn more(&mut self, all: usize, shown: usize, what: &str) {
        if all > shown {
            self.add(&format!("\n… and {} more {what}\n", all - shown));
        }
    }

    fn coverage(&mut self, report: &TestReport) {
        let Some(coverage) = report.coverage else {
            return;
        };
        let lines = Portion {
            covered: coverage.lines_covered,
            total: coverage.lines_total,
        };
        self.add("\n| Coverage | | |\n|---|---:|---:|\n");
        for (name, portion) in [
            ("Lines", Some(lines)),
            ("Branches", coverage.branches),
            ("Functions", coverage.functions),
            ("Statements", coverage.statements),
        ] {
            if let Some(portion) = portion
                && let Some(percent) = percent(portion)
            {
                self.add(&format!(
                    "| {name} | {percent} % | {} of {} |\n",
                    portion.covered, portion.total
                ));
            }
        }
    }

    fn comparison(&mut self, report: &TestReport) {
        let Some(comparison) = &report.comparison else {
            return;
        };
        for (title, names) in [
            ("Failing now and not before", &comparison.new_failures),
            ("Repaired since the run before", &comparison.fixed),
        ] {
            if names.is_empty() {
                continue;
            }
            self.add(&format!("\n### {title}\n\n"));
            for name in names.iter().take(MOST_ROWS) {
                self.add(&format!("- {}\n", code(name)));
            }
            self.more(names.len(), MOST_ROWS, "tests");
        }
    }

    fn failures(&mut self, report: &TestReport) {
        if report.failures.is_empty() {
            return;
        }
        self.add("\n### Failures\n");
        let mut shown = 0;
        for failure in report.failures.iter().take(MOST_FAILURES) {
            if !self.add(&failed(failure)) {
                break;
            }
            shown += 1;
        }
        let all =
            report.failures.len() + usize::try_from(report.failures_omitted).unwrap_or(usize::MAX);
        self.more(all, shown, "failures, which are in the report");
    }

    fn flaky(&mut self, flaky: &[FailedCase]) {
        if flaky.is_empty() {
            return;
        }
        self.add("\n### Flaky\n\n");
        for case in flaky.iter().take(MOST_ROWS) {
            self.add(&format!(
                "- {} {}\n",
                code(&crate::compare::name(case)),
                plain(&case.message)
            ));
        }
        self.more(flaky.len(), MOST_ROWS, "flaky tests");
    }

    fn slowest(&mut self, report: &TestReport) {
        if report.slowest.is_empty() {
            return;
        }
        self.add("\n### Slowest\n\n| Test | s |\n|---|---:|\n");
        for slow in report.slowest.iter().take(MOST_ROWS) {
            let name = format!("{} > {}", slow.suite, slow.name);
            self.add(&format!(
                "| {} | {}.{:03} |\n",
                code(&name),
                slow.duration_ms / 1_000,
                slow.duration_ms % 1_000
            ));
        }
    }
}

fn failed(failure: &FailedCase) -> String {
    let place = match &failure.place {
        Some(place) => format!(" {}", code(place)),
        None => String::new(),
    };
    // Nothing inside `<pre>` is Markdown, and nothing can end it.
    format!(
        "\n<details><summary>{}{place}</summary>\n\n<pre>{}</pre>\n\n</details>\n",
        code(&crate::compare::name(failure)),
        crate::merged::escaped(&shortened(&details(failure), LONGEST)).replace("&#10;", "\n"),
    )
}

fn details(failure: &FailedCase) -> String {
    if failure.details.starts_with(&failure.message) {
        failure.details.clone()
    } else {
        format!("{}\n{}", failure.message, failure.details)
    }
}

/// Text that is shown letter by letter: whatever could be markup, a link or a mention is a reference.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '%' | '/') {
                c.to_string()
            } else if c.is_control() {
                " ".to_owned()
            } else {
                format!("&#{};", u32::from(c))
            }
        })
        .collect()
}

/// The same in the letters of code, where not even a mention is one.
fn code(text: &str) -> String {
    format!("<code>{}</code>", plain(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(name: &str, details: &str) -> FailedCase {
        FailedCase {
            suite: "s".to_owned(),
            name: name.to_owned(),
            message: "wrong".to_owned(),
            place: Some("src/a.rs:7".to_owned()),
            details: details.to_owned(),
        }
    }

    #[test]
    fn shows_hostile_text_letter_by_letter() {
        let mut report = crate::verdict::empty();
        report.failures = vec![failure(
            "<img src=x onerror=alert(1)> | `a` [x](y) @everyone",
            "</pre><script>alert(1)</script>\n\n# title",
        )];
        let text = markdown(&report, MOST);
        assert!(
            text.contains("<code>s &#62; &#60;img src&#61;x onerror&#61;alert&#40;1&#41;&#62; &#124; &#96;a&#96; &#91;x&#93;&#40;y&#41; &#64;everyone</code>"),
            "{text}"
        );
        assert!(
            text.contains(
                "<pre>wrong\n&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\n\n# title</pre>"
            ),
            "{text}"
        );
    }

    #[test]
    fn stays_within_the_room_there_is() {
        let mut report = crate::verdict::empty();
        report.failures = (0..90)
            .map(|number| failure(&number.to_string(), &"x".repeat(5_000)))
            .collect();
        report.failures_omitted = 10;
        let text = markdown(&report, 100_000);
        assert!(text.len() <= 100_000);
        assert!(text.contains("more failures, which are in the report"));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("summary");
        for _ in 0..4 {
            append_to_summary(&path, &report).unwrap();
        }
        assert!(path.metadata().unwrap().len() <= MOST as u64);
    }
}
