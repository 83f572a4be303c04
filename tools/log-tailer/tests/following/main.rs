//! Following a log that misbehaves as CloudWatch does.

#![expect(clippy::unwrap_used, reason = "all of this is test code")]

mod feed;
mod late;
mod live;
mod query;
mod soak;
mod support;
