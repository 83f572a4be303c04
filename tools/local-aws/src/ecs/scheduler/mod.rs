//! The decisions of the scheduler. Nothing here starts, stops or asks anything.

pub(crate) mod backoff;
pub(crate) mod breaker;
pub(crate) mod health;
pub(crate) mod hooks;
pub(crate) mod plan;
pub(crate) mod stages;
