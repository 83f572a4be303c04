//! What the whole-pipeline tests stand on: the programs under test, and a local AWS for each of their scenarios.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code, and a failed step must end its test"
)]

pub mod local_aws;
pub mod programs;
