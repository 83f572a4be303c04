//! Registries, by the OCI distribution protocol.

mod answer;
pub(crate) mod authorization;
mod client;
pub(crate) mod pull;
pub(crate) mod push;
mod retry;

pub(crate) use answer::Failure;
pub(crate) use authorization::Authorization;
pub(crate) use client::{Access, Registry, is_loopback};
pub(crate) use retry::Retries;

#[cfg(test)]
mod tests;
