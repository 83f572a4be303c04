use contract::test_report::Counts;

use super::*;
use crate::case::{Case, Understood, Verdict};

fn parsed(xml: impl AsRef<[u8]>) -> Understood {
    accepted_as(xml, false)
}

fn accepted_as(xml: impl AsRef<[u8]>, accepted: bool) -> Understood {
    let store = Store::new(true);
    let source = read("junit.xml", xml.as_ref(), accepted, &store);
    Understood::new(source, &store)
}

fn fixture(file: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn cases(source: &Understood) -> Vec<(&str, &str, Verdict)> {
    source.verdicts()
}

/// Total, passed, flaky, failed, errors, skipped, as the runner itself said on its console.
fn check(file: &str, expected: [u64; 6], warnings: &[&str]) {
    let source = parsed(fixture(file));
    let [total, passed, flaky, failed, errors, skipped] = expected;
    let expected = Counts {
        total,
        passed,
        flaky,
        failed,
        errors,
        skipped,
    };
    assert_eq!(source.counts, expected, "{file}");
    assert_eq!(source.problems, [""; 0]);
    assert_eq!(source.warnings, warnings);
}

#[test]
fn counts_what_runners_really_write() {
    check("karma-junit.xml", [12, 5, 0, 5, 0, 2], &[]);
    check("pytest-xunit2.xml", [20, 6, 1, 9, 2, 2], &[]);
    check("pytest-xunit1-ansi.xml", [20, 6, 1, 9, 2, 2], &[]);
    check("nextest-junit.xml", [9, 3, 1, 5, 0, 0], &[]);
    // The file that failed to load is a case; the retry that passed cannot be seen.
    check("vitest-junit.xml", [14, 6, 0, 6, 0, 2], &[]);
    // Pending tests are stated and not listed.
    check(
        "mocha-junit.xml",
        [8, 4, 0, 4, 0, 0],
        &["junit.xml states 11 tests and lists 8; those that it lists count"],
    );
    check(
        "mocha-junit-jenkins.xml",
        [8, 4, 0, 4, 0, 0],
        &["junit.xml states 11 tests and lists 8; those that it lists count"],
    );
}

#[test]
fn names_suites_once() {
    let failed = |file: &str| {
        let source = parsed(fixture(file));
        let case = source.cases.iter().find(|case| case.is_bad()).unwrap();
        (case.suite.as_ref().to_owned(), case.as_failed())
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
    for xml in [
        "",
        "<html><body/></html>",
        "plain text",
        "<?xml version='1.0'?>",
        "<",
        "{}",
    ] {
        assert_eq!(
            parsed(xml).problems,
            ["junit.xml is not a JUnit report"],
            "{xml}"
        );
    }
}

/// A failing case whose report is damaged: whatever is lost, it must not pass.
#[test]
fn says_where_the_damage_is() {
    for (xml, problem) in [
        (
            "<testsuite><testcase name='a'></testsuite>",
            "an element has no end",
        ),
        (
            "<testsuite><testcase name='a'><testcase name='b'/></testsuite>",
            "a test begins within another",
        ),
        (
            "<testsuite><testcase name='a'></failure></testcase></testsuite>",
            "an end tag has no beginning",
        ),
        (
            "<testsuite><testcase name='a'>failure/></testcase></testsuite>",
            "there is markup without a beginning",
        ),
        (
            "<testsuite><testcase name='a'><failuse/></testcase></testsuite>",
            "a test has an element that was a failure or an error",
        ),
        (
            "<testsuite><testcase name='a'><!--<failure/>--></testcase></testsuite>",
            "a comment or a CDATA section holds tests",
        ),
        (
            "<testsuite><testcase name='a><failure message='x'/></testcase></testsuite>",
            "an attribute without an end swallowed other tags",
        ),
        (
            "<testsuite><testcase name='a'><testcase <failure/></testcase></testsuite>",
            "a tag begins within another",
        ),
    ] {
        let source = parsed(xml);
        let end = source.problems[0].rsplit_once(": ").unwrap().1;
        assert_eq!(end, problem, "{xml}");
    }
    assert_eq!(
        parsed("<testsuite failures='1' errors='1'><testcase name='a'/></testsuite>").problems,
        ["junit.xml states 2 failures and errors, and lists 0"]
    );
}

#[test]
fn repairs_what_has_only_one_meaning() {
    for (body, message, details) in [
        // Text that was never escaped.
        (
            "<failure message=\"a < b && c\">if (a<b) { <br> & &nbsp; }</failure>",
            "a < b && c",
            "if (a<b) { <br> & &nbsp; }",
        ),
        (
            "<failure message=\"say \"hi\" now\" type='x'>x</failure>",
            "say \"hi\" now",
            "x",
        ),
        ("<failure message=bare>x</failure>", "bare", "x"),
        (
            "<failure message='m'><![CDATA[a]]></failure><![CDATA[ ]]>",
            "m",
            "a",
        ),
        ("<failure message='one&#10;two'/>", "one", "one\ntwo"),
        (
            "<failure message='x'\n  type = \"y\" >z</failure >",
            "x",
            "z",
        ),
    ] {
        let xml = format!(
            "junk\n\u{feff}<?xml version='1.0'?><testsuite name='s'><testcase name='a'>{body}</testcase>\
             <testcase name='b'><system-out><b>bold<i></b> <testcase name='not one'/></system-out></testcase></testsuite>\n\0"
        );
        let source = parsed(&xml);
        assert_eq!(source.problems, [""; 0], "{body}");
        assert_eq!(
            cases(&source),
            [("s", "a", Verdict::Failed), ("s", "b", Verdict::Passed)],
            "{body}"
        );
        let failed = source.cases[0].as_failed();
        assert_eq!(
            (failed.message.as_str(), failed.details.as_str()),
            (message, details)
        );
    }
}

#[test]
fn reads_utf_16() {
    let xml = "<?xml version=\"1.0\" encoding=\"utf-16\"?><testsuite name=\"ü🚀\"><testcase name=\"a\"><error/></testcase></testsuite>";
    for (bom, little) in [(true, true), (true, false), (false, true), (false, false)] {
        let text = if bom {
            format!("\u{feff}{xml}")
        } else {
            xml.to_owned()
        };
        let bytes: Vec<u8> = text
            .encode_utf16()
            .flat_map(|unit| {
                if little {
                    unit.to_le_bytes()
                } else {
                    unit.to_be_bytes()
                }
            })
            .collect();
        let source = parsed(&bytes);
        assert_eq!(source.problems, [""; 0]);
        assert_eq!(cases(&source), [("ü🚀", "a", Verdict::Error)]);
        assert_eq!(parsed(&bytes[..bytes.len() - 5]).problems.len(), 1);
    }
}

#[test]
fn reads_several_reports_in_one_file() {
    let one =
        "<?xml version='1.0'?><testsuite name='s' tests='1'><testcase name='a'/></testsuite>\n";
    let source = parsed(one.repeat(3));
    assert_eq!(source.counts.total, 3);
    assert_eq!(source.problems, [""; 0]);
    assert_eq!(source.warnings, [""; 0]);
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
    let raw = b"<testsuite name='s' tests='many'><test\x00case name='\x1b[31mr\xff' time='1,000.5'/>&</testsuite>";
    let source = parsed(&raw[..]);
    assert_eq!(source.problems, [""; 0]);
    assert_eq!(cases(&source), [("s", "r\u{fffd}", Verdict::Passed)]);
    assert_eq!(source.duration_ms, 1_000_500);
}

#[test]
fn keeps_a_window_whatever_the_size_of_its_parts() {
    let long = "x".repeat(3 << 20);
    let source = parsed(format!(
        "<testsuite name='s'><testcase name='a' classname='{long}'><failure message='{long}'>{long}</failure>\
         <system-out><![CDATA[{long}]]></system-out></testcase><!--{long}--><testcase name='b'/></testsuite>"
    ));
    assert_eq!(source.problems, [""; 0]);
    assert_eq!(source.counts.failed, 1);
    assert_eq!(source.counts.passed, 1);
    assert!(source.cases[0].suite.len() < 10_000);
    assert!(source.cases[0].failures[0].details.len() < 20_000);
    assert_eq!(
        parsed(format!("<testsuite><testcase name='a' {long}"))
            .problems
            .len(),
        1
    );
}

#[test]
fn knows_a_retry_by_what_the_runner_says() {
    let twice = |tests: &str| {
        format!(
            "<testsuite name='s' {tests}><testcase name='a'><failure/></testcase><testcase name='a'/></testsuite>"
        )
    };
    let flaky = [("s", "a", Verdict::Flaky)];
    assert_eq!(cases(&parsed(twice("tests='1'"))), flaky);
    assert_eq!(cases(&accepted_as(twice(""), true)), flaky);
    let different = [("s", "a", Verdict::Failed), ("s", "a", Verdict::Passed)];
    assert_eq!(cases(&parsed(twice("tests='2'"))), different);
}
