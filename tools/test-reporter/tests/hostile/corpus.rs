//! Broken and deceitful reports: real ones that were damaged, and ones that nobody should trust.

/// A report and what it must not do.
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) verdict: Verdict,
    /// Total, passed, flaky, failed, errors, skipped, where they are certain.
    pub(crate) counts: Option<[u64; 6]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Whatever is wrong has one sensible meaning.
    Passes,
    MustNotPass,
}

/// All of them.
pub(crate) fn all() -> Vec<Report> {
    let mut reports = Vec::new();
    handmade(&mut reports);
    cut(&mut reports);
    flipped(&mut reports);
    overwritten(&mut reports);
    reports
}

/// A failing test in the middle of a report, whose loss nobody may miss.
const ONE_FAILS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1">
  <testsuite name="cart" tests="3" failures="1" errors="0" skipped="0" time="0.3">
    <testcase name="adds" classname="cart" time="0.1"/>
    <testcase name="totals" classname="cart" time="0.1">
      <failure message="expected 6 to be 7" type="AssertionError">at cart.js:4:89</failure>
    </testcase>
    <testcase name="empties" classname="cart" time="0.1"><system-out>emptied</system-out></testcase>
  </testsuite>
</testsuites>
"#;

const ALL_PASS: &str = r#"<testsuites tests="2" failures="0"><testsuite name="s" tests="2"><testcase name="a" time="0.1"/><testcase name="b"><system-out>said</system-out></testcase></testsuite></testsuites>"#;

fn random(state: &mut u64, below: usize) -> usize {
    // A linear congruential generator (Knuth's MMIX), so that a failure can be repeated.
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).expect("31 bits fit") % below
}

/// Cut at every place that differs: neither what fails nor what passes may pass.
fn cut(reports: &mut Vec<Report>) {
    for (kind, text) in [("failing", ONE_FAILS), ("passing", ALL_PASS)] {
        let end = text.trim_end().len();
        for length in (0..end).step_by(if kind == "failing" { 13 } else { 5 }) {
            reports.push(Report {
                name: format!("{kind} report cut at {length}"),
                bytes: text.as_bytes()[..length].to_vec(),
                verdict: Verdict::MustNotPass,
                counts: None,
            });
        }
    }
}

/// One byte of a failing report is another one.
fn flipped(reports: &mut Vec<Report>) {
    let mut state = 7;
    let begin = ONE_FAILS.find("<failure").expect("it is there");
    let end = ONE_FAILS.find("</failure>").expect("it is there") + 10;
    for at in begin..end {
        for _ in 0..3 {
            let mut bytes = ONE_FAILS.as_bytes().to_vec();
            bytes[at] = [
                b'x', b'<', b'>', b'"', b'\'', b'/', b' ', b'&', 0, 0xff, b'!', b'?', b'-',
            ][random(&mut state, 13)];
            reports.push(Report {
                name: format!("failing report with byte {at} as {}", bytes[at]),
                bytes,
                verdict: Verdict::MustNotPass,
                counts: None,
            });
        }
    }
}

/// Pieces of real failing reports are overwritten.
fn overwritten(reports: &mut Vec<Report>) {
    let mut state = 11;
    let pieces: [&[u8]; 14] = [
        b"<testcase",
        b"</testsuite>",
        b"<![CDATA[",
        b"]]>",
        b"&#x110000;",
        b"\"",
        b"\xff\xfe",
        b"<!--",
        b"-->",
        b"<?",
        b"",
        b"\x00\x1b[31m",
        b"<skipped/>",
        b"</testcase>",
    ];
    for file in [
        "karma-junit.xml",
        "pytest-xunit2.xml",
        "nextest-junit.xml",
        "vitest-junit.xml",
        "mocha-junit.xml",
    ] {
        let path = format!("{}/tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
        let whole = std::fs::read(path).expect("the fixture is there");
        for number in 0..30 {
            let mut bytes = whole.clone();
            for _ in 0..=random(&mut state, 4) {
                let from = random(&mut state, bytes.len());
                let until = (from + random(&mut state, 40)).min(bytes.len());
                let piece = pieces[random(&mut state, pieces.len())];
                bytes.splice(from..until, piece.iter().copied());
            }
            reports.push(Report {
                name: format!("{file}, damaged for the time {number}"),
                bytes,
                verdict: Verdict::MustNotPass,
                counts: None,
            });
        }
    }
}

fn handmade(reports: &mut Vec<Report>) {
    reports.extend(not_passed());
    reports.extend(damaged());
    reports.extend(odd());
    reports.extend(large());
}

fn report(
    name: &str,
    bytes: impl Into<Vec<u8>>,
    verdict: Verdict,
    counts: Option<[u64; 6]>,
) -> Report {
    Report {
        name: name.to_owned(),
        bytes: bytes.into(),
        verdict,
        counts,
    }
}

fn must_not_pass(name: &str, bytes: impl Into<Vec<u8>>, counts: Option<[u64; 6]>) -> Report {
    report(name, bytes, Verdict::MustNotPass, counts)
}

fn passes(name: &str, bytes: impl Into<Vec<u8>>, counts: Option<[u64; 6]>) -> Report {
    report(name, bytes, Verdict::Passes, counts)
}

fn suite(body: &str) -> String {
    format!("<testsuite name='s'>{body}</testsuite>")
}

/// Well-formed, and yet nothing passed.
fn not_passed() -> Vec<Report> {
    vec![
        must_not_pass("nothing", "", None),
        must_not_pass("zeros", vec![0; 10_000], None),
        must_not_pass("a page", b"<html><body>ok</body></html>", None),
        must_not_pass("JSON", b"{\"numFailedTests\": 0}", None),
        must_not_pass("no cases", b"<testsuites/>", Some([0; 6])),
        must_not_pass("no cases, says a thousand", b"<testsuite tests='1000'/>", None),
        must_not_pass("all skipped", suite("<testcase name='a'><skipped/></testcase>"), Some([1, 0, 0, 0, 0, 1])),
        must_not_pass("states failures and lists none", b"<testsuite failures='1'><testcase name='a'/></testsuite>", Some([1, 1, 0, 0, 0, 0])),
        must_not_pass("states errors without a case", b"<testsuites><testsuite errors='1' tests='0'/><testsuite><testcase name='a'/></testsuite></testsuites>", None),
        must_not_pass("an error beside the cases", suite("<testcase name='a'/><error message='set-up'/>"), Some([2, 1, 0, 0, 1, 0])),
        must_not_pass("a status without a failure", suite("<testcase name='a' status='failed'/>"), Some([1, 0, 0, 1, 0, 0])),
        must_not_pass("a failure that is empty", suite("<testcase name='a'><failure/></testcase>"), Some([1, 0, 0, 1, 0, 0])),
        must_not_pass("failed and skipped", suite("<testcase name='a'><skipped/><failure/></testcase>"), Some([1, 0, 0, 1, 0, 0])),
        must_not_pass("failed, then a test of the same name", suite("<testcase name='a'><failure/></testcase><testcase name='a'/>"), Some([2, 1, 0, 1, 0, 0])),
        must_not_pass("an outer entity", b"<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><testsuite><testcase name='&f;'><failure>&f;</failure></testcase></testsuite>", Some([1, 0, 0, 1, 0, 0])),
    ]
}

/// Something is lost, and nobody can know what.
fn damaged() -> Vec<Report> {
    vec![
        must_not_pass("a failure in a comment", suite("<testcase name='a'><!-- <failure/> --></testcase>"), None),
        must_not_pass("a failure in a section", suite("<testcase name='a'><![CDATA[<failure/>]]></testcase>"), None),
        must_not_pass("a failure that lost its beginning", suite("<testcase name='a'>ailure message='x'></failure></testcase>"), None),
        must_not_pass("a failure that lost a letter", suite("<testcase name='a'><failur message='x'/></testcase>"), None),
        must_not_pass("a failure in capitals", suite("<testcase name='a'><Failure message='x'/></testcase>"), None),
        must_not_pass("a declaration that was a failure", suite("<testcase name='a'><!failure message='x'></testcase>"), None),
        must_not_pass("an instruction that was a failure", suite("<testcase name='a'><?failure message='x'></failure></testcase>"), None),
        must_not_pass("an end tag alone", suite("<testcase name='a'></error></testcase>"), None),
        must_not_pass("tests in a comment without an end", suite("<testcase name='a'/><!-- <testcase name='b'><failure/></testcase>"), None),
        must_not_pass("output without an end", suite("<testcase name='a'><system-out>x</testcase><testcase name='b'/>"), None),
        must_not_pass("a name that never ends", suite("<testcase name='a/><testcase name='b'><failure/></testcase>"), None),
        must_not_pass("tests in tests", suite("<testcase name='a'><testcase name='b'/></testcase>"), None),
        must_not_pass("messages that break off", b"##teamcity[testSuiteStarted name='s']\n##teamcity[testStarted name='a']\n", Some([1, 0, 0, 0, 1, 0])),
        must_not_pass("a message of a failure that is damaged", "##teamcity[testStarted name='a']\n##teamcity[testFailed name='a' message='x|']\n##teamcity[testFinished name='a']\n", None),
        must_not_pass("three messages in a line", "##teamcity[testStarted name='a']##teamcity[testFailed name='a' message='x'] and ##teamcity[testFinished name='a']\n", Some([1, 0, 0, 1, 0, 0])),
        must_not_pass("messages of a failure", b"##teamcity[testStarted name='a']\n##teamcity[testFailed name='a' message='x']\n##teamcity[testFinished name='a']\n", Some([1, 0, 0, 1, 0, 0])),
    ]
}

/// Strange, and yet clear.
fn odd() -> Vec<Report> {
    vec![
        passes("as it should be", ALL_PASS, Some([2, 2, 0, 0, 0, 0])),
        passes(
            "npm's words before it",
            format!("\n> app@1.0.0 test\n> vitest run\n\n{ALL_PASS}"),
            Some([2, 2, 0, 0, 0, 0]),
        ),
        passes(
            "control characters",
            suite("<testcase name='\u{1}\u{b}a\0'/>"),
            Some([1, 1, 0, 0, 0, 0]),
        ),
        passes(
            "an ampersand alone",
            suite("<testcase name='a & b'><system-out>a && b &c</system-out></testcase>"),
            Some([1, 1, 0, 0, 0, 0]),
        ),
        passes(
            "output that looks like tests",
            suite(
                "<testcase name='a'><system-out><testcase name='b'><failure/></system-out></testcase>",
            ),
            Some([1, 1, 0, 0, 0, 0]),
        ),
        passes(
            "output in a section that looks like tests",
            suite(
                "<testcase name='a'><system-out><![CDATA[</system-out></testcase><failure/>]]></system-out></testcase>",
            ),
            Some([1, 1, 0, 0, 0, 0]),
        ),
        passes(
            "quotation marks in a name",
            suite("<testcase name=\"says \"hi\" twice\" time=\"1\"/>"),
            Some([1, 1, 0, 0, 0, 0]),
        ),
        passes(
            "a todo that fails",
            suite(
                "<testcase name='b'/><testcase name='a'><skipped type='todo'/><failure/></testcase>",
            ),
            Some([2, 1, 0, 0, 0, 1]),
        ),
        passes(
            "flaky in Surefire's words",
            suite(
                "<testcase name='a'><flakyFailure message='x'><stackTrace>y</stackTrace></flakyFailure></testcase>",
            ),
            Some([1, 0, 1, 0, 0, 0]),
        ),
        passes(
            "messages of TeamCity",
            b"##teamcity[testStarted name='a']\n##teamcity[testFinished name='a' duration='1']\n",
            Some([1, 1, 0, 0, 0, 0]),
        ),
    ]
}

/// More than a reader may take at once.
fn large() -> Vec<Report> {
    let deep = "<testsuite name='d'>".repeat(100_000);
    let wide = format!(
        "<testsuite name='s' {}><testcase name='a'/></testsuite>",
        "a='x' ".repeat(20_000)
    );
    let many = suite(&"<testcase name='same'/>".repeat(5_000));
    let entities: Vec<String> = (1..10)
        .map(|n| format!("<!ENTITY e{n} '{}'>", format!("&e{};", n - 1).repeat(10)))
        .collect();
    let bomb = format!(
        "<!DOCTYPE x [{}]><testsuite name='&e9;'><testcase name='a'><failure>&e9;</failure></testcase></testsuite>",
        entities.join("")
    );
    let utf16: Vec<u8> = format!("\u{feff}{ALL_PASS}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut latin = ALL_PASS.as_bytes().to_vec();
    latin.splice(60..60, [0xe4, 0xf6]);
    vec![
        must_not_pass("nested without end", deep, None),
        must_not_pass("a bomb of entities", bomb, Some([1, 0, 0, 1, 0, 0])),
        passes("twenty thousand attributes", wide, Some([1, 1, 0, 0, 0, 0])),
        passes(
            "five thousand tests of one name",
            many,
            Some([5_000, 5_000, 0, 0, 0, 0]),
        ),
        passes("UTF-16", utf16, Some([2, 2, 0, 0, 0, 0])),
        passes("bytes that are no UTF-8", latin, Some([2, 2, 0, 0, 0, 0])),
    ]
}
