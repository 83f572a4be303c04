//! Following a log that misbehaves as CloudWatch does.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of this is test code"
)]

mod feed;
mod late;
mod soak;
mod support;
