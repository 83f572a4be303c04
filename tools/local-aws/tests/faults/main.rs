//! Faults on request and the record of calls: the real program, real sockets.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that finds what it did not expect ends its test"
)]

mod calls;
mod commands;
mod effects;
#[path = "../program/mod.rs"]
mod program;
mod support;
