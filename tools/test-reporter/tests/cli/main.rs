//! The program as its users call it.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

struct Run {
    directory: tempfile::TempDir,
    variables: Vec<(&'static str, &'static str)>,
}

impl Run {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            variables: Vec::new(),
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("it is made");
        std::fs::write(path, content).expect("the file is written");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("the file is there")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-reporter"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.variables.iter().copied());
        command
    }

    fn call(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .output()
            .expect("the program starts")
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the output is text")
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("stdout is one document")
}

const PASSING: &str = r#"<testsuite name="s"><testcase name="a" time="0.5"/></testsuite>"#;
const FAILING: &str = r#"<testsuite name="s"><testcase name="a"/><testcase name="b" file="b.js" line="3"><failure message="it's ##teamcity[buildStop]"/></testcase></testsuite>"#;

/// What a passing run of cargo test prints.
const LIBTEST: &str = "printf 'running 2 tests\\ntest a ... ok\\ntest b ... ok\\n\\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.25s\\n'";

#[test]
fn passes_what_the_commands_own_output_shows() {
    let output = Run::new().call(&["--", "sh", "-c", LIBTEST]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout),
        r#"{
  "kind": "test-report",
  "schema": 1,
  "passed": true,
  "problems": [],
  "counts": {
    "total": 2,
    "passed": 2,
    "flaky": 0,
    "failed": 0,
    "errors": 0,
    "skipped": 0
  },
  "duration_ms": 250,
  "failures": [],
  "sources": [
    "stdout"
  ],
  "command_exit_code": 0
}
"#
    );
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("running sh -c "), "{stderr}");
    assert!(
        stderr.ends_with("\ntest b ... ok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.25s\n2 tests: 2 passed (0.250 s)\n"),
        "{stderr}"
    );
}

#[test]
fn says_why_it_did_not_pass() {
    let run = Run::new();
    run.write("new.xml", FAILING);
    let output = run.call(&[
        "--report",
        "reports/*.xml",
        "--output",
        "out/test-report.json",
        "--quiet",
        "--minimum",
        "3",
        "--",
        "sh",
        "-c",
        "mkdir reports; cp new.xml reports; echo noise; exit 1",
    ]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        "    FAILED s > b
        b.js:3
        it's ##teamcity[buildStop]
error: 1 test failed
error: the test command ended with exit code 1
error: 2 tests ran, and at least 3 must
"
    );
    let report: Value = serde_json::from_str(&run.read("out/test-report.json")).unwrap();
    assert_eq!(report["passed"], json!(false));
    assert_eq!(report["sources"], json!(["reports/new.xml"]));
    assert_eq!(report["command_exit_code"], json!(1));
    assert_eq!(
        report["failures"],
        json!([{
            "suite": "s",
            "name": "b",
            "message": "it's ##teamcity[buildStop]",
            "place": "b.js:3",
            "details": "it's ##teamcity[buildStop]"
        }])
    );
}

#[test]
fn does_not_pass_a_command_that_fails_with_a_green_report() {
    let run = Run::new();
    run.write("new.xml", PASSING);
    let output = run.call(&[
        "--report",
        "junit.xml",
        "-q",
        "--",
        "sh",
        "-c",
        "cp new.xml junit.xml; exit 7",
    ]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        document(&output)["problems"],
        json!(["the test command ended with exit code 7"])
    );
}

#[test]
fn does_not_take_an_earlier_report_for_this_runs() {
    let run = Run::new();
    run.write("junit.xml", PASSING);
    let stale = run.call(&["--report", "*.xml", "-q", "--", "true"]);
    assert_eq!(stale.status.code(), Some(3));
    assert_eq!(
        document(&stale)["problems"],
        json!([
            "junit.xml is of an earlier run, and this one did not write it",
            "no test ran"
        ])
    );
    run.write("new.xml", PASSING);
    let fresh = run.call(&[
        "--report",
        "junit.xml",
        "-q",
        "--",
        "sh",
        "-c",
        "mv new.xml junit.xml",
    ]);
    assert_eq!(fresh.status.code(), Some(0), "{}", text(&fresh.stderr));
    let without_command = run.call(&["--report", "junit.xml", "-q"]);
    assert_eq!(without_command.status.code(), Some(0));
}

#[test]
fn does_not_pass_a_missing_or_truncated_report() {
    let run = Run::new();
    run.write("cut.xml", &PASSING[..PASSING.len() - 5]);
    let output = run.call(&["--report", "none/**/*.xml", "--report", "cut.xml", "-q"]);
    assert_eq!(output.status.code(), Some(3));
    let report = document(&output);
    assert_eq!(report["counts"]["passed"], json!(1));
    assert_eq!(
        report["problems"],
        json!([
            "cut.xml ends in the middle of the markup: the run was cut off, or the disk is full",
            "no report was written to none/**/*.xml"
        ])
    );
}

#[test]
fn stops_the_command_at_its_limit_and_keeps_what_it_said() {
    let script = format!("{LIBTEST}; sleep 600");
    let output = Run::new().call(&["--timeout", "2", "-q", "--", "sh", "-c", &script]);
    assert_eq!(output.status.code(), Some(3));
    let report = document(&output);
    assert_eq!(report["counts"]["passed"], json!(2));
    assert_eq!(
        report["problems"],
        json!(["the test command was stopped after 2 seconds"])
    );
    assert_eq!(report.get("command_exit_code"), None);
}

#[test]
fn ends_with_the_command_when_it_is_interrupted() {
    let run = Run::new();
    let mut child = run
        .command(&[
            "--",
            "sh",
            "-c",
            "trap 'touch stopped; exit' TERM; echo begun; sleep 600 & wait",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stderr = child.stderr.take().expect("a pipe");
    let mut said = Vec::new();
    while !said.ends_with(b"begun\n") {
        let mut byte = [0];
        stderr.read_exact(&mut byte).expect("it goes on");
        said.push(byte[0]);
    }
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill starts");
    assert!(interrupted.success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("stderr is text");
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        rest,
        "error: interrupted: the test command was stopped, and there is no verdict\n"
    );
    assert!(run.path().join("stopped").exists());
}

#[test]
fn writes_one_junit_file_and_packs_the_coverage() {
    let run = Run::new();
    run.write("a.xml", PASSING);
    run.write("b.xml", FAILING);
    run.write("coverage/index.html", "<h1>coverage</h1>");
    run.write("coverage/lcov.info", "LF:8\nLH:6\n");
    let output = run.call(&[
        "--report",
        "?.xml",
        "--junit",
        "out/junit.xml",
        "--coverage",
        "coverage",
        "--coverage-zip",
        "out/coverage.zip",
    ]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        document(&output)["coverage"],
        json!({ "lines_covered": 6, "lines_total": 8 })
    );
    assert!(
        text(&output.stderr)
            .ends_with("3 tests: 2 passed, 1 failed (0.500 s), 75.0 % of lines covered\n"),
        "{}",
        text(&output.stderr)
    );
    let merged = run.call(&["--report", "out/junit.xml", "-q"]);
    assert_eq!(document(&merged)["counts"], document(&output)["counts"]);
    let zip = std::fs::File::open(run.path().join("out/coverage.zip")).unwrap();
    let mut archive = zip::ZipArchive::new(zip).unwrap();
    let mut index = String::new();
    archive
        .by_name("index.html")
        .unwrap()
        .read_to_string(&mut index)
        .unwrap();
    assert_eq!(index, "<h1>coverage</h1>");
}

#[test]
fn says_that_there_is_no_coverage_report() {
    let run = Run::new();
    run.write("a.xml", PASSING);
    let output = run.call(&["--report", "a.xml", "-q", "--coverage", "coverage"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stderr),
        "warning: no coverage report was written: coverage has neither numbers nor an index.html\n"
    );
}

#[test]
fn fences_the_output_for_teamcity_and_tells_it_the_results() {
    let mut run = Run::new();
    run.variables.push(("TEAMCITY_VERSION", "2025.11"));
    run.write("b.xml", FAILING);
    let output = run.call(&[
        "--report",
        "c.xml",
        "--",
        "sh",
        "-c",
        "echo \"##teamcity[buildStop]\"; cp b.xml c.xml",
    ]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        text(&output.stderr),
        "running sh -c 'echo \"# #teamcity[buildStop]\"; cp b.xml c.xml'
##teamcity[disableServiceMessages]
# #teamcity[buildStop]
##teamcity[enableServiceMessages]
##teamcity[testSuiteStarted name='s']
##teamcity[testStarted name='a']
##teamcity[testFinished name='a' duration='0']
##teamcity[testStarted name='b']
##teamcity[testFailed name='b' message='it|'s ##teamcity|[buildStop|]' details='it|'s ##teamcity|[buildStop|]']
##teamcity[testFinished name='b' duration='0']
##teamcity[testSuiteFinished name='s']
##teamcity[buildProblem description='1 test failed' identity='tests_test_failed']
##teamcity[disableServiceMessages]
    FAILED s > b
        b.js:3
        it's # #teamcity[buildStop]
##teamcity[enableServiceMessages]
2 tests: 1 passed, 1 failed (0.000 s)
"
    );
}

#[test]
fn marks_failures_for_github() {
    let mut run = Run::new();
    run.variables.push(("GITHUB_ACTIONS", "true"));
    run.write("b.xml", FAILING);
    let output = run.call(&["--report", "b.xml"]);
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains(
            "\n::error file=b.js,line=3,title=b::it's ##teamcity[buildStop]\n::stop-commands::"
        ) || stderr.starts_with(
            "::error file=b.js,line=3,title=b::it's ##teamcity[buildStop]\n::stop-commands::"
        ),
        "{stderr}"
    );
    assert!(stderr.contains("\n::error::1 test failed\n"), "{stderr}");
}

#[test]
fn explains_itself_with_examples() {
    let output = Run::new().call(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    assert!(
        help.contains("EXAMPLES\n  test-reporter -- cargo test\n"),
        "{help}"
    );
}

#[test]
fn refuses_wrong_arguments() {
    for (arguments, message) in [
        (
            &[][..],
            "error: there is neither a command to run nor a report to read\nhint: write the command after --, or name files with --report\n",
        ),
        (
            &["--report", "a[.xml"],
            "error: --report a[.xml is not a pattern: error parsing glob 'a[.xml': unclosed character class; missing ']'\n",
        ),
    ] {
        let output = Run::new().call(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stdout), "");
        assert_eq!(text(&output.stderr), message);
    }
    for arguments in [
        &["--timeout", "0", "--", "true"][..],
        &["--coverage-zip", "x.zip", "--", "true"],
        &["--wrong"],
    ] {
        assert_eq!(Run::new().call(arguments).status.code(), Some(2));
    }
}

#[test]
fn fails_when_the_command_cannot_be_started() {
    let output = Run::new().call(&["-q", "--", "no-such-program", "x y"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        "error: cannot start `no-such-program 'x y'`: No such file or directory (os error 2)\n"
    );
}
