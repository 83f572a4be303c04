//! Real tasks from a real image: a statically linked program, unpacked from a layer. Every case runs with every
//! runtime that this machine offers, and, where the tests run as root, once more as an ordinary user.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "these are tests, their helpers included"
)]

mod bench;
mod conformance;
mod isolation;
mod ordinary_user;
mod supervision;
