//! The server as its clients meet it: the real program, real sockets.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that finds what it did not expect ends its test"
)]

mod access;
mod api;
mod commands;
mod crash;
mod discovery;
mod management;
#[path = "../program/mod.rs"]
mod program;
mod pull;
mod push;
mod support;
