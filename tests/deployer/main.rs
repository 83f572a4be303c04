//! Scenarios of releases: the deployer's program against a local AWS of its own. Each asserts the exit code, the
//! document and what the service is in the end.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code, and a failed step must end its test"
)]
#![expect(
    clippy::print_stderr,
    reason = "a comparison that a machine cannot make says so"
)]

mod defects;
mod first;
mod group;
mod identity;
mod limits;
mod lock;
mod looking;
mod scaling;
mod shifting;
mod stage;
mod trouble;
mod update;
mod verdicts;
mod verify;
