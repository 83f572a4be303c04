//! Deployments of ECS as their clients see them: the real program, real tasks, real load balancers.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that finds what it did not expect ends its test"
)]

mod alarms;
mod application;
mod blue_green;
mod breaker;
mod daemon;
mod failures;
mod image;
mod pauses;
#[path = "../program/mod.rs"]
mod program;
mod refusals;
mod rolling;
mod server;
mod steps;
mod stopping;
mod support;
