//! Whole-pipeline tests: a project is released, changed, broken and brought back by the programs
//! themselves, against a local AWS of its own.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code, and a failed step must end its test"
)]

mod clients;
mod configuration;
mod definitions;
mod env_files;
mod failures;
mod recovery;
mod release;
mod secrets;
mod support;
mod tools_by_hand;
mod views;
