//! `test-report.json`: how the tests went.

use serde::{Deserialize, Serialize};

use crate::Document;

/// The merged report of a test run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestReport {
    /// Whether the gates are open: the release may go on.
    pub passed: bool,
    /// Why not, one sentence each.
    #[serde(default)]
    pub problems: Vec<String>,
    /// Distinct test cases by verdict.
    pub counts: Counts,
    /// The sum over cases, in milliseconds.
    pub duration_ms: u64,
    /// Every case that did not pass, up to a limit.
    #[serde(default)]
    pub failures: Vec<FailedCase>,
    /// How many more did not pass than `failures` holds.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub failures_omitted: u64,
    /// Cases that failed first and passed in the end, up to the same limit.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub flaky: Vec<FailedCase>,
    /// The slowest cases, the slowest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub slowest: Vec<SlowCase>,
    /// The files that were read, or `stdout` for the command's own output.
    pub sources: Vec<String>,
    /// The exit code of the test command, if one was run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command_exit_code: Option<i32>,
    /// Coverage of lines, if a report was found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coverage: Option<Coverage>,
    /// What changed since the run before, if its report was given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comparison: Option<Comparison>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How many distinct cases ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub total: u64,
    /// Passed at the first try.
    pub passed: u64,
    /// Failed at least once and passed in the end.
    pub flaky: u64,
    /// An expectation was not met.
    pub failed: u64,
    /// Something else went wrong, such as set-up.
    pub errors: u64,
    /// Not run.
    pub skipped: u64,
}

/// A case that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedCase {
    /// Suite, outermost first, joined by ` > `.
    pub suite: String,
    /// Case name.
    pub name: String,
    /// First line of the message.
    pub message: String,
    /// Where it went wrong, for example `src/cart.rs:12:5`, if the report tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<String>,
    /// The rest: stack, difference, output.
    #[serde(default)]
    pub details: String,
}

/// A case and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowCase {
    /// Suite, outermost first, joined by ` > `.
    pub suite: String,
    /// Case name.
    pub name: String,
    /// Milliseconds.
    pub duration_ms: u64,
}

/// Covered and total lines, and what else the coverage report counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Lines that ran.
    pub lines_covered: u64,
    /// Lines that could run.
    pub lines_total: u64,
    /// Branches.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub branches: Option<Portion>,
    /// Functions or methods.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub functions: Option<Portion>,
    /// Statements.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub statements: Option<Portion>,
}

/// How many of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portion {
    /// Those that ran.
    pub covered: u64,
    /// All of them.
    pub total: u64,
}

/// This run beside the one before. Cases are named `SUITE > NAME`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Cases that fail now and did not before.
    pub new_failures: Vec<String>,
    /// Cases that failed before and do not fail now.
    pub fixed: Vec<String>,
    /// Tests that ran before.
    pub ran_before: u64,
    /// Coverage of lines before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coverage_before: Option<Coverage>,
}

impl Document for TestReport {
    const KIND: &'static str = "test-report";
    const SCHEMA: u32 = 1;
}
