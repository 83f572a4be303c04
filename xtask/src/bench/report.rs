//! The test-reporter beside Python's junitparser: the same 500 MB of JUnit XML read and counted by both, which must
//! come to the same numbers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;
use toolkit::Console;

use super::measure::{Figures, Run, run};
use super::stand::Stand;
use super::table::{Comparison, Comparisons, Entry};

/// Bytes of all reports of a case together.
const SIZE: u64 = 500_000_000;
/// Tests of a suite: one of them fails, one is skipped.
const SUITE: u64 = 50;

/// Reads what junitparser makes of the files and counts every test once.
const SCRIPT: &str = "
import sys
from junitparser import Error, Failure, JUnitXml, Skipped, TestSuite
total = bad = skipped = 0
for path in sys.argv[1:]:
    for suite in JUnitXml.fromfile(path):
        for case in suite if isinstance(suite, TestSuite) else [suite]:
            total += 1
            bad += any(isinstance(result, (Error, Failure)) for result in case.result)
            skipped += any(isinstance(result, Skipped) for result in case.result)
print(total, bad, skipped)
";

/// A kind of reports.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    files: u64,
    /// Lines that every tenth test printed.
    output: usize,
}

const CASES: [Case; 3] = [
    Case {
        name: "one report of many tests",
        files: 1,
        output: 12,
    },
    Case {
        name: "one report of tests that print much",
        files: 1,
        output: 1_000,
    },
    Case {
        name: "eight reports",
        files: 8,
        output: 12,
    },
];

/// Tests, failures and skipped tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    total: u64,
    bad: u64,
    skipped: u64,
}

/// Runs both programs in every case.
pub(crate) fn run_all(
    console: &Console,
    stand: &Stand,
    runs: u32,
    only: Option<&str>,
) -> anyhow::Result<Comparisons> {
    let mut comparisons = Vec::new();
    for case in CASES
        .iter()
        .filter(|case| only.is_none_or(|only| case.name.contains(only)))
    {
        console.status(&format!("{}: writing {SIZE} bytes", case.name));
        let (files, counts) = reports(stand.path(), *case, SIZE)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 1..=runs {
            console.status(&format!("{} ({round} of {runs})", case.name));
            ours.push(reporter(stand, &files, counts)?);
            theirs.push(junitparser(stand, &files, counts)?);
        }
        for file in &files {
            std::fs::remove_file(file)
                .with_context(|| format!("cannot remove {}", file.display()))?;
        }
        comparisons.push(Comparison {
            case: case.name.to_owned(),
            entries: [("test-reporter", ours), ("junitparser", theirs)]
                .iter()
                .filter_map(|(name, runs)| entry(name, runs, counts))
                .collect(),
        });
    }
    Ok(Comparisons::of("report", comparisons))
}

fn entry(name: &str, runs: &[Run], counts: Counts) -> Option<Entry> {
    Some(Entry {
        name: name.to_owned(),
        figures: Figures::of(runs)?,
        calls: None,
        operations: BTreeMap::new(),
        lag_ms: None,
        said: format!("{} tests, {} failed", counts.total, counts.bad),
    })
}

fn reporter(stand: &Stand, files: &[PathBuf], expected: Counts) -> anyhow::Result<Run> {
    let output = stand.path().join("test-report.json");
    let mut command = stand.program("test-reporter");
    for file in files {
        command.arg("--report").arg(file);
    }
    let run = run(command.arg("--quiet").arg("--output").arg(&output))?;
    let text = std::fs::read_to_string(&output)
        .with_context(|| format!("test-reporter wrote no {}", output.display()))?;
    let document: Value = serde_json::from_str(&text).context("test-reporter wrote no JSON")?;
    let number = |name: &str| document["counts"][name].as_u64().unwrap_or_default();
    let counts = Counts {
        total: number("total"),
        bad: number("failed") + number("errors"),
        skipped: number("skipped"),
    };
    same(counts, expected, "test-reporter")?;
    Ok(run)
}

fn junitparser(stand: &Stand, files: &[PathBuf], expected: Counts) -> anyhow::Result<Run> {
    let output = stand.path().join("junitparser.txt");
    let mut command: Command = stand.client("python");
    let stdout =
        File::create(&output).with_context(|| format!("cannot write {}", output.display()))?;
    let run = run(command.args(["-c", SCRIPT]).args(files).stdout(stdout))?;
    let text = std::fs::read_to_string(&output)
        .with_context(|| format!("cannot read {}", output.display()))?;
    let numbers: Vec<u64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [total, bad, skipped] = numbers[..] else {
        bail!(
            "junitparser said `{}` instead of three numbers",
            text.trim()
        );
    };
    let counts = Counts {
        total,
        bad,
        skipped,
    };
    same(counts, expected, "junitparser")?;
    Ok(run)
}

fn same(counts: Counts, expected: Counts, name: &str) -> anyhow::Result<()> {
    if counts != expected {
        bail!("{name} counted {counts:?} where {expected:?} were written");
    }
    Ok(())
}

/// Writes the reports of a case and gives what is in them.
fn reports(directory: &Path, case: Case, size: u64) -> anyhow::Result<(Vec<PathBuf>, Counts)> {
    let mut files = Vec::new();
    let mut counts = Counts::default();
    for number in 0..case.files {
        let path = directory.join(format!("junit-{number}.xml"));
        let what = || format!("cannot write {}", path.display());
        let mut file = BufWriter::new(File::create(&path).with_context(what)?);
        let mut written = 0;
        file.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n")
            .with_context(what)?;
        while written < size / case.files {
            let text = suite(counts.total, case.output);
            file.write_all(text.as_bytes()).with_context(what)?;
            written += text.len() as u64;
            counts.total += SUITE;
            counts.bad += 1;
            counts.skipped += 1;
        }
        file.write_all(b"</testsuites>\n")
            .and_then(|()| file.flush())
            .with_context(what)?;
        files.push(path);
    }
    Ok((files, counts))
}

/// A suite as pytest writes it, whose first test has the number `first`.
fn suite(first: u64, output: usize) -> String {
    let module = first / SUITE;
    let mut xml = format!(
        "<testsuite name=\"tests.module_{module}\" tests=\"{SUITE}\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"1.234\">\n"
    );
    for number in first..first + SUITE {
        let place = number % SUITE;
        let content = match place {
            7 => format!(
                "<failure message=\"assert {number} == 0\" type=\"AssertionError\">Traceback (most recent call last):\n  \
                 File \"tests/module_{module}.py\", line {place}, in test\n    assert a == b &amp;&amp; c &lt; d\n\
                 AssertionError: assert {number} == 0\n</failure>"
            ),
            9 => "<skipped message=\"not on this machine\"/>".to_owned(),
            _ if place % 10 == 3 => format!(
                "<system-out>{}</system-out>",
                "a line of output that a test wrote, &lt;escaped&gt; where it must be\n"
                    .repeat(output)
            ),
            _ => String::new(),
        };
        writeln!(
            xml,
            "<testcase classname=\"tests.module_{module}.TestCart\" name=\"test_total[{number}]\" \
             time=\"0.0{place}\" file=\"tests/module_{module}.py\" line=\"{place}\">{content}</testcase>"
        )
        .expect("a string takes any text");
    }
    xml.push_str("</testsuite>\n");
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_reports_that_it_counts() {
        let directory = tempfile::tempdir().unwrap();
        let case = Case {
            name: "",
            files: 2,
            output: 1,
        };
        let (files, counts) = reports(directory.path(), case, 30_000).unwrap();
        let text: String = files
            .iter()
            .map(|file| std::fs::read_to_string(file).unwrap())
            .collect();
        let count = |what: &str| text.matches(what).count() as u64;
        assert_eq!(
            counts,
            Counts {
                total: count("<testcase "),
                bad: count("<failure "),
                skipped: count("<skipped "),
            }
        );
        assert!(text.len() >= 30_000);
        assert_eq!(count("</testsuites>"), 2);
    }
}
