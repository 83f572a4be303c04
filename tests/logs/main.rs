//! Scenarios of logs: the log-tailer's program beside a service whose tasks come, go and crash, on a local AWS of its
//! own. Each asserts the exit code and the lines.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code, and a failed step must end its test"
)]

#[path = "../deployer/stage.rs"]
#[expect(dead_code, reason = "the stage is the deployer's scenarios' too")]
mod stage;

mod groups;
mod services;
mod tail;
