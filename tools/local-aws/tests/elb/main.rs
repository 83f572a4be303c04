//! The load balancer as its clients meet it: API calls in, real sockets out.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that finds what it did not expect ends its test"
)]

mod api;
mod draining;
mod failures;
mod health;
mod listeners;
mod proxy;
mod release;
mod restart;
mod routing;
mod support;
