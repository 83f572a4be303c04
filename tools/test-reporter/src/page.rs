//! The report as one HTML page that needs nothing else.

use std::io::Write;

use contract::test_report::{Coverage, FailedCase, Portion, TestReport};

use crate::artifact;
use crate::compare;
use crate::coverage::{Measured, Numbers};
use crate::merged::escaped;
use crate::summary::percent;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2733;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid #d5dde5}\
table{border-collapse:collapse;width:100%}td,th{padding:.25rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #eef2f5}\
td.n{text-align:right;white-space:nowrap}code,pre{font:13px ui-monospace,monospace;overflow-wrap:anywhere}\
pre{background:#f5f7f9;padding:.8rem;overflow-x:auto;white-space:pre-wrap}.good{color:#0a7a3f}.bad{color:#b3261e}\
summary{cursor:pointer}meter{width:8rem}\
@media(prefers-color-scheme:dark){body{color:#dbe4ec;background:#12181e}pre{background:#1c252d}h2{border-color:#33404c}\
td,th{border-color:#26313b}.good{color:#5cc98a}.bad{color:#ff8a80}}";
/// Failures, flaky tests and source files that are shown.
const MOST: usize = 1_000;

/// Writes the page of a test run.
pub(crate) fn write(
    target: &std::path::Path,
    report: &TestReport,
    measured: Option<&Measured>,
) -> anyhow::Result<()> {
    artifact::write(target, |file| {
        let html = page(report, measured);
        Ok(file.write_all(html.as_bytes())?)
    })
}

/// The page of a coverage report that came without pages.
pub(crate) fn of_coverage(measured: &Measured) -> String {
    let mut page = Page::new("Coverage");
    page.coverage(measured.coverage(), Some(measured));
    page.html
}

fn page(report: &TestReport, measured: Option<&Measured>) -> String {
    let mut page = Page::new("Tests");
    let counts = report.counts;
    let class = if report.passed { "good" } else { "bad" };
    page.add(&format!(
        "<p class=\"{class}\"><strong>{}</strong>: {} tests, {} passed, {} failed, {} in error, {} flaky, {} skipped, {} s</p>",
        if report.passed { "Passed" } else { "Not passed" },
        counts.total,
        counts.passed,
        counts.failed,
        counts.errors,
        counts.flaky,
        counts.skipped,
        seconds(report.duration_ms)
    ));
    page.list(&report.problems);
    if let Some(comparison) = &report.comparison {
        page.names("Failing now and not before", &comparison.new_failures);
        page.names("Repaired since the run before", &comparison.fixed);
    }
    page.cases("Failures", &report.failures, report.failures_omitted);
    page.cases("Flaky", &report.flaky, 0);
    page.slowest(report);
    if let Some(coverage) = report.coverage {
        page.coverage(coverage, measured);
    }
    page.html
}

struct Page {
    html: String,
}

impl Page {
    fn new(title: &str) -> Self {
        Self {
            // No script runs, and nothing is loaded, even if an escape were forgotten.
            html: format!(
                "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
                 <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
                 <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>\n"
            ),
        }
    }

    fn add(&mut self, html: &str) {
        self.html.push_str(html);
        self.html.push('\n');
    }

    fn list(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.add("<ul>");
        for line in lines.iter().take(MOST) {
            self.add(&format!("<li>{}</li>", escaped(line)));
        }
        self.add("</ul>");
    }

    fn names(&mut self, title: &str, names: &[String]) {
        if !names.is_empty() {
            self.add(&format!("<h2>{title}</h2>"));
            self.list(names);
        }
    }

    fn cases(&mut self, title: &str, cases: &[FailedCase], omitted: u64) {
        if cases.is_empty() {
            return;
        }
        self.add(&format!("<h2>{title}</h2>"));
        for case in cases.iter().take(MOST) {
            let place = case.place.as_deref().unwrap_or_default();
            self.add(&format!(
                "<details><summary><strong>{}</strong> <code>{}</code><br>{}</summary><pre>{}</pre></details>",
                escaped(&compare::name(case)),
                escaped(place),
                escaped(&case.message),
                escaped(&case.details).replace("&#10;", "\n")
            ));
        }
        let more = omitted + cases.len().saturating_sub(MOST) as u64;
        if more > 0 {
            self.add(&format!("<p>… and {more} more</p>"));
        }
    }

    fn slowest(&mut self, report: &TestReport) {
        if report.slowest.is_empty() {
            return;
        }
        self.add("<h2>Slowest</h2><table>");
        for slow in &report.slowest {
            self.add(&format!(
                "<tr><td>{} &gt; {}</td><td class=\"n\">{} s</td></tr>",
                escaped(&slow.suite),
                escaped(&slow.name),
                seconds(slow.duration_ms)
            ));
        }
        self.add("</table>");
    }

    fn coverage(&mut self, coverage: Coverage, measured: Option<&Measured>) {
        self.add("<h2>Coverage</h2><table>");
        let lines = Portion {
            covered: coverage.lines_covered,
            total: coverage.lines_total,
        };
        for (name, portion) in [
            ("Lines", Some(lines)),
            ("Branches", coverage.branches),
            ("Functions", coverage.functions),
            ("Statements", coverage.statements),
        ] {
            if let Some(portion) = portion {
                self.add(&row(name, portion));
            }
        }
        self.add("</table>");
        let Some(measured) = measured else {
            return;
        };
        let mut files: Vec<(&str, Numbers)> = measured.files().collect();
        // The most lines that never ran first: there a test is worth most.
        files.sort_by_key(|(_, numbers)| {
            std::cmp::Reverse(numbers.lines.total - numbers.lines.covered.min(numbers.lines.total))
        });
        self.add("<h2>Source files, the most lines without a test first</h2><table>");
        for (name, numbers) in files.into_iter().take(MOST) {
            self.add(&row(name, numbers.lines));
        }
        self.add("</table>");
    }
}

fn row(name: &str, portion: Portion) -> String {
    let percent = percent(portion).unwrap_or_else(|| "–".to_owned());
    format!(
        "<tr><td>{}</td><td><meter max=\"{}\" value=\"{}\"></meter></td><td class=\"n\">{percent} %</td><td class=\"n\">{} of {}</td></tr>",
        escaped(name),
        portion.total.max(1),
        portion.covered,
        portion.covered,
        portion.total
    )
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}

#[cfg(test)]
mod tests {
    use contract::test_report::SlowCase;

    use super::*;

    #[test]
    fn shows_everything_and_runs_nothing() {
        let mut report = crate::verdict::empty();
        let hostile = "<script>alert(1)</script>\"'";
        let case = FailedCase {
            suite: hostile.to_owned(),
            name: hostile.to_owned(),
            message: hostile.to_owned(),
            place: Some(hostile.to_owned()),
            details: hostile.to_owned(),
        };
        report.failures = vec![case.clone()];
        report.flaky = vec![case];
        report.slowest = vec![SlowCase {
            suite: hostile.to_owned(),
            name: hostile.to_owned(),
            duration_ms: 1_500,
        }];
        report.coverage = Some(Coverage {
            lines_covered: 1,
            lines_total: 2,
            ..Coverage::default()
        });
        let html = page(&report, None);
        assert!(!html.contains("<script"), "{html}");
        for part in [
            "<h2>Failures",
            "<h2>Flaky",
            "<h2>Slowest",
            "1.500 s",
            "50.0 %",
        ] {
            assert!(html.contains(part), "{part}");
        }
        assert!(!html.contains("src=") && !html.contains("href="));
    }
}
