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
    /// Every case that did not pass.
    #[serde(default)]
    pub failures: Vec<FailedCase>,
    /// The files that were read, or `stdout` for the command's own output.
    pub sources: Vec<String>,
    /// The exit code of the test command, if one was run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command_exit_code: Option<i32>,
    /// Coverage of lines, if a report was found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coverage: Option<Coverage>,
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

/// Covered and total lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Lines that ran.
    pub lines_covered: u64,
    /// Lines that could run.
    pub lines_total: u64,
}

impl Document for TestReport {
    const KIND: &'static str = "test-report";
    const SCHEMA: u32 = 1;
}
