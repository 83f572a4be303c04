//! Reports and outputs that somebody wrote to deceive, or that something broke.

mod corpus;
mod readers;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn reporter(directory: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_test-reporter"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(variables.iter().copied())
        .output()
        .expect("the program starts")
}

/// What a CI system reads: both streams.
fn log(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Names, messages and output, each of which would be a command if it were written as it is.
const HOSTILE: [&str; 12] = [
    "##teamcity[buildStop comment='x' readdToQueue='false']",
    "x' details='' ]\n##teamcity[buildStatus status='SUCCESS']",
    "|'##TEAMCITY[setParameter name='a' value='b'|]",
    "##teamcity[enableServiceMessages]",
    "\n##teamcity[enableServiceMessages]\n##teamcity[buildStatus text='x']",
    "::error::injected",
    "\n::add-mask::a\r\n::stop-commands::x\n",
    "  ::set-env name=A::b",
    "##[add-path]/tmp",
    "%0A::warning::x,title=a::b",
    "\u{1b}[0Ksection_start:1:evil\r\u{1b}[0Kevil",
    "\u{85}::notice::x\u{2028}::debug::y|",
];

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
        .replace('\n', "&#10;")
        .replace('\r', "&#13;")
        .replace('\u{1b}', "&#27;")
}

/// A report in which everything is hostile: two passed, two failed and one flaky test for each text.
fn hostile_report() -> String {
    let mut xml = String::from("<testsuites>");
    for text in HOSTILE {
        let text = escaped(text);
        xml.push_str(&format!(
            "<testsuite name=\"{text}\"><testcase name=\"{text}\" classname=\"{text}\" time=\"0.1\"/>\
             <testcase name=\"fails {text}\" file=\"{text}\" line=\"7\"><failure message=\"{text}\">{text}</failure></testcase>\
             <testcase name=\"flaky {text}\"><flakyFailure message=\"{text}\">{text}</flakyFailure></testcase></testsuite>"
        ));
    }
    xml.push_str("</testsuites>");
    xml
}

/// The report is hostile, and so is the command that writes it.
fn hostile_run(variables: &[(&str, &str)], more: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    std::fs::write(root.join("new.xml"), hostile_report()).expect("it is written");
    std::fs::write(root.join("said"), HOSTILE.join("\n")).expect("it is written");
    let mut arguments = vec!["--report", "junit.xml"];
    arguments.extend_from_slice(more);
    arguments.extend_from_slice(&[
        "--",
        "sh",
        "-c",
        "cat said said >&2; cat said; cp new.xml junit.xml",
    ]);
    let output = reporter(root, variables, &arguments);
    assert_eq!(output.status.code(), Some(3), "{}", log(&output));
    output
}

#[test]
fn nothing_speaks_to_teamcity_but_the_reporter() {
    for (variables, more) in [
        (&[("TEAMCITY_VERSION", "2025.11")][..], &[][..]),
        (&[], &["--ci", "teamcity"][..]),
        (&[("GITHUB_ACTIONS", "true")], &["--ci", "teamcity"]),
    ] {
        let output = hostile_run(variables, more);
        let commands = readers::teamcity(&log(&output));
        let mut counts = std::collections::BTreeMap::new();
        for command in &commands {
            *counts.entry(command.name.as_str()).or_insert(0) += 1;
        }
        let tests = HOSTILE.len();
        // The suites of cases whose class says more than their suite are suites of their own.
        let suites = counts["testSuiteStarted"];
        assert_eq!(
            counts.into_iter().collect::<Vec<_>>(),
            [
                ("buildProblem", 1),
                ("testFailed", 2 * tests),
                ("testFinished", 4 * tests),
                ("testRetrySupport", 1),
                ("testStarted", 4 * tests),
                ("testSuiteFinished", suites),
                ("testSuiteStarted", suites),
            ]
        );
        let failed: Vec<&str> = commands
            .iter()
            .filter(|command| command.name == "testFailed")
            .map(|command| command.value("name").unwrap())
            .collect();
        assert_eq!(failed[0], format!("fails {}", HOSTILE[0]));
        balanced(&commands);
    }
}

/// Suites and tests begin and end in turn, each with the name that it began with.
fn balanced(commands: &[readers::Command]) {
    let mut open: Vec<(&str, &str)> = Vec::new();
    for command in commands {
        let name = command.value("name").unwrap_or_default();
        match command.name.as_str() {
            "testSuiteStarted" => {
                assert!(open.is_empty());
                open.push(("suite", name));
            }
            "testStarted" => {
                assert_eq!(open.len(), 1);
                open.push(("test", name));
            }
            "testFailed" => assert_eq!(open.last(), Some(&("test", name))),
            "testFinished" => assert_eq!(open.pop(), Some(("test", name))),
            "testSuiteFinished" => assert_eq!(open.pop(), Some(("suite", name))),
            _ => {}
        }
    }
    assert_eq!(open, []);
}

#[test]
fn nothing_speaks_to_github_but_the_reporter() {
    let directory = tempfile::tempdir().unwrap();
    let summary = directory.path().join("summary.md");
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
    ];
    let output = hostile_run(&variables, &[]);
    let commands = readers::github(&log(&output));
    let named = |name: &str| {
        commands
            .iter()
            .filter(|command| command.name == name)
            .collect::<Vec<_>>()
    };
    // As many as GitHub shows, and the last says how many are missing.
    assert_eq!(named("error").len(), 10);
    assert_eq!(named("warning").len(), 4);
    assert_eq!(named("notice").len(), 1);
    assert_eq!(commands.len(), 15);
    let first = named("error")[0];
    assert_eq!(
        first.value("title"),
        Some(format!("fails {}", HOSTILE[0]).as_str())
    );
    assert_eq!(first.value("line"), Some("7"));
    assert_eq!(first.value(""), Some(HOSTILE[0]));
    assert_eq!(
        named("notice")[0].value(""),
        Some("3 more are in the step's summary and in the report")
    );
    let text = std::fs::read_to_string(&summary).unwrap();
    assert!(
        text.starts_with("## ❌ 36 tests: 12 passed, 12 failed, 0 in error, 12 flaky, 0 skipped\n")
    );
}

#[test]
fn nothing_opens_a_section_of_gitlab() {
    for (variables, more) in [
        (&[("GITLAB_CI", "true")][..], &[][..]),
        (&[], &["--ci", "gitlab"][..]),
    ] {
        let output = hostile_run(variables, more);
        assert_eq!(readers::gitlab(&log(&output)), [""; 0]);
    }
}

#[test]
fn the_readers_would_notice() {
    assert_eq!(
        readers::teamcity("x ##teamcity[a b='c|'|0x00fc|n']y").len(),
        1
    );
    assert_eq!(
        readers::teamcity("##teamcity[disableServiceMessages]\n##teamcity[a]\n##teamcity[enableServiceMessages]\n##teamcity[b 'c']")
            .iter()
            .map(|command| (command.name.as_str(), command.value("")))
            .collect::<Vec<_>>(),
        [("b", Some("c"))]
    );
    assert_eq!(
        readers::github("  ::error file=a%2Cb::x%0Ay\na ##[group]b").len(),
        2
    );
    assert_eq!(
        readers::github("::stop-commands::w\n::error::x\n::w::\n").len(),
        0
    );
    assert_eq!(
        readers::gitlab("\u{1b}[0Ksection_start:1:a\r\u{1b}[0Kb").len(),
        1
    );
}

/// The document, whatever it is written beside.
#[test]
fn the_document_on_stdout_is_the_same_in_every_ci_system() {
    let plain = hostile_run(&[], &["--ci", "none", "-q"]);
    let document: Value = serde_json::from_slice(&plain.stdout).unwrap();
    assert_eq!(document["counts"]["failed"], 12);
    for ci in ["teamcity", "github", "gitlab"] {
        let output = hostile_run(&[], &["--ci", ci, "-q"]);
        let other: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(other, document, "{ci}");
    }
}

/// Every broken report through the program itself, and what each may not do: pass, or die.
#[test]
fn no_broken_report_passes() {
    let directory = tempfile::tempdir().unwrap();
    let cases = corpus::all();
    assert!(cases.len() >= 200, "{}", cases.len());
    for case in &cases {
        std::fs::write(directory.path().join("junit.xml"), &case.bytes).unwrap();
        let output = reporter(
            directory.path(),
            &[],
            &[
                "--report",
                "junit.xml",
                "-q",
                "--junit",
                "merged.xml",
                "--html",
                "page.html",
                "--markdown",
                "page.md",
            ],
        );
        let code = output.status.code();
        let said = log(&output);
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}: {said}", case.name));
        let expected = match case.verdict {
            corpus::Verdict::Passes => Some(0),
            corpus::Verdict::MustNotPass => Some(3),
        };
        assert_eq!(code, expected, "{}: {said}", case.name);
        assert_eq!(document["passed"], code == Some(0), "{}", case.name);
        if let Some(counts) = case.counts {
            let found = ["total", "passed", "flaky", "failed", "errors", "skipped"]
                .map(|name| document["counts"][name].as_u64().unwrap());
            assert_eq!(found, counts, "{}: {said}", case.name);
        }
        // What was made of it can be read again, and says the same.
        let merged = reporter(
            directory.path(),
            &[],
            &["--report", "merged.xml", "-q", "--minimum", "0"],
        );
        let again: Value = serde_json::from_slice(&merged.stdout).unwrap();
        assert_eq!(again["counts"], document["counts"], "{}", case.name);
    }
}
