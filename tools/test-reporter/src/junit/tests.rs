use contract::test_report::Counts;

use super::*;
use crate::case::{Case, Verdict, counts};

fn parsed(xml: &str) -> Source {
    read("junit.xml", xml.as_bytes(), false)
}

/// Suite, name and verdict of every case.
fn cases(source: &Source) -> Vec<(&str, &str, Verdict)> {
    source
        .cases
        .iter()
        .map(|case| (case.suite.as_str(), case.name.as_str(), case.verdict))
        .collect()
}

/// Total, passed, flaky, failed, errors, skipped, as the runner itself said on its console.
fn check(file: &str, expected: [u64; 6], warnings: &[&str]) {
    let path = format!("{}/tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
    let source = read(file, std::fs::File::open(path).unwrap(), false);
    let [total, passed, flaky, failed, errors, skipped] = expected;
    let counted = counts(source.cases.iter());
    let expected = Counts {
        total,
        passed,
        flaky,
        failed,
        errors,
        skipped,
    };
    assert_eq!(counted, expected, "{file}");
    assert_eq!(source.problems, [""; 0]);
    assert_eq!(source.warnings, warnings);
}

#[test]
fn counts_what_runners_really_write() {
    check("karma-junit.xml", [12, 5, 0, 5, 0, 2], &[]);
    check("pytest-xunit2.xml", [20, 6, 1, 9, 2, 2], &[]);
    check("nextest-junit.xml", [9, 3, 1, 5, 0, 0], &[]);
    // The file that failed to load is a case; the retry that passed cannot be seen.
    check("vitest-junit.xml", [14, 6, 0, 6, 0, 2], &[]);
    // Pending tests are stated and not listed.
    check(
        "mocha-junit.xml",
        [8, 4, 0, 4, 0, 0],
        &["mocha-junit.xml states 11 tests and lists 8; those that it lists count"],
    );
}

#[test]
fn names_suites_once() {
    let path = format!("{}/tests/fixtures/", env!("CARGO_MANIFEST_DIR"));
    let failed = |file: &str| {
        let source = read(
            file,
            std::fs::File::open(path.clone() + file).unwrap(),
            false,
        );
        let case = source.cases.into_iter().find(Case::is_bad).unwrap();
        (case.suite.clone(), case.as_failed())
    };
    let (suite, case) = failed("karma-junit.xml");
    assert_eq!(suite, "Chrome Headless 156.0.0.0 (Linux 0.0.0)");
    assert_eq!(case.name, "Cart fails with a wrong total");
    assert_eq!(case.message, "Expected 6 to be 7.");
    assert_eq!(case.place.as_deref(), Some("test-clean/cart.spec.js:4:89"));
    let (suite, case) = failed("pytest-xunit2.xml");
    assert_eq!(suite, "pytest > tests.test_shop");
    assert_eq!(
        case.message,
        "AssertionError: it's [wrong] | really <b>&amp;</b> ]]>"
    );
    assert_eq!(case.place.as_deref(), Some("tests/test_shop.py:13"));
    assert_eq!(failed("vitest-junit.xml").0, "broken.test.ts");
    assert_eq!(failed("mocha-junit.xml").0, "Cart");
    let source = parsed(
        r#"<testsuite name="Root Suite.Cart"><testcase name="a" classname="Cart"><failure type="timeout"/></testcase></testsuite>"#,
    );
    assert_eq!(cases(&source), [("Root Suite.Cart", "a", Verdict::Failed)]);
    assert_eq!(source.cases[0].failures[0].message, "timeout");
}

#[test]
fn keeps_every_failure_of_a_case() {
    let source = parsed(
        r#"<testsuite name="s"><testcase name="a"><failure message="one">first</failure>
        <failure message="two"><![CDATA[sec<on>d]]></failure><skipped/></testcase></testsuite>"#,
    );
    assert_eq!(cases(&source), [("s", "a", Verdict::Failed)]);
    let failed = source.cases[0].as_failed();
    assert_eq!(failed.message, "one");
    assert_eq!(failed.details, "first\n\nsec<on>d");
}

#[test]
fn knows_how_cases_end() {
    let source = parsed(
        r#"<testsuites><testsuite name="s">
        <testcase name="passed" classname="s"/>
        <testcase name="error"><failure/><error/></testcase>
        <testcase name="skipped"><skipped/></testcase>
        <testcase name="todo"><skipped type="todo"/><failure/></testcase>
        <testcase name="not run" status="notrun"/>
        <testcase name="flaky"><flakyFailure message="x"><stackTrace>y</stackTrace></flakyFailure></testcase>
        <testcase name="never"><failure/><rerunFailure/></testcase>
        </testsuite></testsuites>"#,
    );
    assert_eq!(
        cases(&source),
        [
            ("s", "passed", Verdict::Passed),
            ("s", "error", Verdict::Error),
            ("s", "skipped", Verdict::Skipped),
            ("s", "todo", Verdict::Skipped),
            ("s", "not run", Verdict::Skipped),
            ("s", "flaky", Verdict::Flaky),
            ("s", "never", Verdict::Failed),
        ]
    );
}

#[test]
fn finds_cases_and_errors_wherever_they_are() {
    let source = parsed(
        r#"<x:testsuites xmlns:x="u"><x:testsuite name="outer"><x:testsuite name="inner"><x:testcase name="a" classname="C"/></x:testsuite>
        <error message="no database"/></x:testsuite><testcase name="alone"/></x:testsuites>"#,
    );
    assert_eq!(
        cases(&source),
        [
            ("outer > inner > C", "a", Verdict::Passed),
            ("outer", "set-up", Verdict::Error),
            ("", "alone", Verdict::Passed),
        ]
    );
    assert_eq!(source.cases[1].failures[0].message, "no database");
}

#[test]
fn keeps_what_it_read_of_a_file_that_was_cut_off() {
    let whole = r#"<testsuites><testsuite name="s" tests="2"><testcase name="a" time="1.5"/><testcase name="b"><failure message="m">text</failure></testcase></testsuite></testsuites>"#;
    let passes_by = |length: usize| {
        let source = parsed(&whole[..length]);
        let is_trusted = source.problems.is_empty();
        assert!(!is_trusted || length == whole.len(), "{length}: {source:?}");
        source
    };
    for length in 0..whole.len() {
        let source = passes_by(length);
        // Whatever the cut, the second test never passes.
        let second = source.cases.iter().find(|case| case.name == "b");
        assert!(second.is_none_or(Case::is_bad), "{length}: {source:?}");
    }
    assert_eq!(passes_by(whole.len()).problems, [""; 0]);
    let cut = parsed(&whole[..whole.find("text").unwrap()]);
    assert_eq!(
        cases(&cut),
        [("s", "a", Verdict::Passed), ("s", "b", Verdict::Error)]
    );
    assert_eq!(
        cut.problems,
        ["junit.xml ends before its last element does: the run was cut off, or the disk is full"]
    );
    assert_eq!(
        parsed(&whole[..whole.find("e name=\"b\"").unwrap()]).problems,
        ["junit.xml ends in the middle of the markup: the run was cut off, or the disk is full"]
    );
}

#[test]
fn refuses_what_is_no_report() {
    for (xml, problem) in [
        ("", "junit.xml is not a JUnit report"),
        ("<html><body/></html>", "junit.xml is not a JUnit report"),
        (
            "<testsuite><testcase name='a'></testsuite>",
            "junit.xml is not well-formed at byte 30: ill-formed document: expected `</testcase>`, but `</testsuite>` was found",
        ),
    ] {
        assert_eq!(parsed(xml).problems, [problem]);
    }
}

#[test]
fn expands_no_entities_and_bounds_the_depth() {
    let bomb = r#"<!DOCTYPE t [<!ENTITY a "xxxx"><!ENTITY b "&a;&a;">]>
        <testsuite name="&b;"><testcase name="n"><failure message="&b;">&b;&#0;&#27;[31m!</failure></testcase></testsuite>"#;
    let source = parsed(bomb);
    assert_eq!(cases(&source), [("&b;", "n", Verdict::Failed)]);
    assert_eq!(source.cases[0].as_failed().details, "&b;!");
    let deep = "<testsuite>".repeat(1_000_000);
    assert_eq!(
        parsed(&deep).problems,
        ["junit.xml is nested deeper than 100 elements (at <testsuite>)"]
    );
}

#[test]
fn repairs_bytes_and_numbers() {
    let raw = b"<testsuite name='s' tests='many'><testcase name='\x1b[31mr\xff' time='1,000.5'/>&</testsuite>";
    let source = read("junit.xml", &raw[..], false);
    assert_eq!(source.problems, [""; 0]);
    assert_eq!(cases(&source), [("s", "[31mr\u{fffd}", Verdict::Passed)]);
    assert_eq!(source.duration_ms, 1_000_500);
}

#[test]
fn survives_damaged_reports() {
    // A linear congruential generator (Knuth's MMIX), so that a failure can be repeated.
    let mut state: u64 = 1;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let pieces: [&[u8]; 8] = [
        b"<testcase",
        b"</testsuite>",
        b"<![CDATA[",
        b"&#x110000;",
        b"\"",
        b"\xff\xfe",
        b"<!--",
        b"",
    ];
    for file in [
        "karma-junit.xml",
        "pytest-xunit2.xml",
        "nextest-junit.xml",
        "mocha-junit.xml",
    ] {
        let path = format!("{}/tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
        let whole = std::fs::read(path).unwrap();
        for _ in 0..100 {
            let mut bytes = whole.clone();
            for _ in 0..=random(3) {
                let from = random(bytes.len());
                let until = (from + random(20)).min(bytes.len());
                bytes.splice(from..until, pieces[random(pieces.len())].iter().copied());
            }
            let source = read(file, bytes.as_slice(), false);
            let listed = source.cases.len();
            // Damage can hide a few cases; it cannot make up a hundred.
            assert!(listed < 100, "{listed} cases");
        }
    }
}
