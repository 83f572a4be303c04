use contract::test_report::{Counts, Coverage, Portion};

use super::*;
use crate::case::{Case, Understood, Verdict};

fn understood(text: &str, accepted: bool) -> Understood {
    let store = Store::new(true);
    let mut output = ConsoleOutput::default();
    text.lines().for_each(|line| output.line(line));
    Understood::new(output.finish("stdout", accepted, &store), &store)
}

fn cases(understood: &Understood) -> Vec<(&str, &str, Verdict)> {
    understood.verdicts()
}

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

const CARGO: &str = "\
   Compiling shop v0.1.0 (/app)
    Finished `test` profile [unoptimized + debuginfo] target(s) in 0.51s
     Running unittests src/lib.rs (target/debug/deps/shop-0d6c1f2a3b4c5d6e)

running 5 tests
test tests::adds ... ok
test tests::panics - should panic ... ok
test tests::slow ... ignored, takes a minute
test bench_it ... bench:       1,234.56 ns/iter (+/- 78.90)
test tests::wrong_total ... FAILED

failures:

---- tests::wrong_total stdout ----
a line of the test
test result: ok. 9 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9.00s

thread 'tests::wrong_total' (24879) panicked at src/lib.rs:6:131:
assertion `left == right` failed: it's [wrong]
  left: 6
 right: 7
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    tests::wrong_total

test result: FAILED. 2 passed; 1 failed; 1 ignored; 1 measured; 3 filtered out; finished in 0.25s

     Running tests/cli.rs (target/debug/deps/cli-0d6c1f2a3b4c5d6e)

running 1 test
test adds ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/cli.rs (target/debug/deps/cli-ffffffffffffffff)

running 1 test
test adds ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

   Doc-tests shop

running 1 test
test src/lib.rs - total (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s


running 1 test
test src/lib.rs - total (line 9) - compile fail ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s

all doctests ran in 0.32s; merged doctests compilation took 0.11s
";

#[test]
fn reads_what_cargo_test_prints() {
    let source = understood(CARGO, false);
    assert_eq!(
        cases(&source),
        [
            (
                "unittests src/lib.rs (shop)",
                "tests::adds",
                Verdict::Passed
            ),
            (
                "unittests src/lib.rs (shop)",
                "tests::panics",
                Verdict::Passed
            ),
            (
                "unittests src/lib.rs (shop)",
                "tests::slow",
                Verdict::Skipped
            ),
            ("unittests src/lib.rs (shop)", "bench_it", Verdict::Passed),
            (
                "unittests src/lib.rs (shop)",
                "tests::wrong_total",
                Verdict::Failed
            ),
            ("tests/cli.rs (cli)", "adds", Verdict::Passed),
            ("tests/cli.rs (cli) #2", "adds", Verdict::Passed),
            (
                "Doc-tests shop",
                "src/lib.rs - total (line 3)",
                Verdict::Passed
            ),
            (
                "Doc-tests shop",
                "src/lib.rs - total (line 9)",
                Verdict::Passed
            ),
        ]
    );
    assert_eq!(source.duration_ms, 470);
    assert_eq!(source.problems, [""; 0]);
    let failed = source.cases[4].as_failed();
    assert_eq!(
        failed.message,
        "assertion `left == right` failed: it's [wrong]"
    );
    assert_eq!(failed.place.as_deref(), Some("src/lib.rs:6:131"));
    assert!(
        failed
            .details
            .starts_with("a line of the test\ntest result: ok. 9 passed")
    );
}

#[test]
fn reads_the_terse_form() {
    let source = understood(
        "\nrunning 4 tests\n..F.\nfailures:\n\n---- tests::a stdout ----\nError: \"no\"\n\n\nfailures:\n    tests::a\n\n\
         test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        false,
    );
    assert_eq!(
        cases(&source),
        [
            ("tests", "tests::a", Verdict::Failed),
            ("tests", "unnamed 1", Verdict::Skipped),
            ("tests", "unnamed 2", Verdict::Passed),
            ("tests", "unnamed 3", Verdict::Passed),
        ]
    );
    assert_eq!(source.cases[0].failures[0].message, "Error: \"no\"");
}

#[test]
fn finds_the_results_that_output_has_torn_from_their_tests() {
    let source = understood(
        "running 3 tests\ntest a ... hello\nok\ntest b ... no line end ok\ntest c ... ##teamcity[testStarted name='x']\nFAILED\n\n\
         failures:\n\nfailures:\n    c\n\n\
         test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        false,
    );
    assert_eq!(
        cases(&source),
        [
            ("tests", "a", Verdict::Passed),
            ("tests", "c", Verdict::Failed),
            ("tests", "unnamed 1", Verdict::Passed),
        ]
    );
}

#[test]
fn does_not_trust_a_binary_that_died() {
    let text = "     Running unittests src/lib.rs (target/debug/deps/shop-0d6c)\n\nrunning 3 tests\ntest a ... ok\ntest b ... \
                \nerror: test failed, to rerun pass `--lib`\n     Running tests/cli.rs (target/debug/deps/cli-0d6c)\n\n\
                running 1 test\ntest c ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    let source = understood(text, false);
    assert_eq!(
        cases(&source),
        [
            ("unittests src/lib.rs (shop)", "a", Verdict::Passed),
            ("unittests src/lib.rs (shop)", "b", Verdict::Error),
            ("tests/cli.rs (cli)", "c", Verdict::Passed),
        ]
    );
    assert_eq!(
        source.problems,
        ["unittests src/lib.rs (shop) ended without a result: 1 of its 3 tests had one"]
    );
}

#[test]
fn reads_karmas_messages() {
    let source = understood(&fixture("karma-teamcity-raw.log"), false);
    assert_eq!(
        source.counts,
        Counts {
            total: 12,
            passed: 5,
            failed: 5,
            skipped: 2,
            ..Counts::default()
        }
    );
    assert_eq!(
        source.coverage,
        Some(Coverage {
            lines_covered: 11,
            lines_total: 13,
            branches: Some(Portion {
                covered: 5,
                total: 6
            }),
            functions: Some(Portion {
                covered: 4,
                total: 6
            }),
            statements: Some(Portion {
                covered: 14,
                total: 18
            }),
        })
    );
    assert_eq!(source.problems, [""; 0]);
    let failed: Vec<&Case> = source.cases.iter().filter(|case| case.is_bad()).collect();
    assert_eq!(
        failed[1].suite.as_ref(),
        "Cart.Chrome Headless 156.0.0.0 (Linux 0.0.0)"
    );
    assert_eq!(failed[1].name, "has 'quotes', [brackets] and | bars");
    assert_eq!(
        failed[1].failures[0].message,
        "Expected 'it's [x] | y' to be 'it's [z] | y'."
    );
    assert_eq!(
        failed[1].failed_at().as_deref(),
        Some("test-clean/cart.spec.js:5:82")
    );
}

#[test]
fn reads_mochas_messages() {
    let source = understood(&fixture("mocha-teamcity-raw.log"), false);
    // Eleven specs, of which two never ran, and a hook.
    assert_eq!(
        source.counts,
        Counts {
            total: 10,
            passed: 3,
            flaky: 1,
            failed: 4,
            skipped: 2,
            ..Counts::default()
        }
    );
    assert_eq!(source.problems, [""; 0]);
    let hook = source.cases.last().unwrap();
    assert_eq!(hook.suite.as_ref(), "Cart > hook fails");
}

#[test]
fn does_not_trust_a_stream_that_was_cut_off() {
    for (text, problem) in [
        (
            "##teamcity[testSuiteStarted name='s']\n##teamcity[testStarted name='a']\n",
            "the output ends within the suite s",
        ),
        (
            "##teamcity[testStarted name='|0x00fc|'']\n##teamcity[testFinished name='x']\n",
            "the output ends within the test ü'",
        ),
    ] {
        let source = understood(text, true);
        assert_eq!(source.problems, [problem]);
        assert_eq!(source.cases[0].verdict, Verdict::Error);
    }
    let overtaken = understood(
        "##teamcity[testStarted name='a']\n##teamcity[testStarted name='b']\n##teamcity[testFinished name='b' duration='3']\n",
        true,
    );
    assert_eq!(
        cases(&overtaken),
        [("", "a", Verdict::Error), ("", "b", Verdict::Passed)]
    );
}

#[test]
fn passes_over_broken_messages() {
    for line in [
        "##teamcity[",
        "##teamcity[]",
        "##teamcity[testFinished",
        "##teamcity[testFinished name='a",
        "##teamcity[testFinished name='a|']",
        "##teamcity[testFailed name='a|0x12' x]",
        "##teamcity[testFinished name='a']",
    ] {
        assert_eq!(understood(line, true).cases, []);
    }
}

#[test]
fn says_that_it_understood_nothing() {
    let source = understood("all good\n", true);
    assert_eq!(
        source.warnings,
        [
            "no test results were found in the command's output; name the runner's JUnit files with --report"
        ]
    );
}
