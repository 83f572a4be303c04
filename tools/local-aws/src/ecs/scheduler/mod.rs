//! The decisions of the scheduler. Nothing here starts, stops or asks anything.

pub(crate) mod backoff;
pub(crate) mod breaker;
pub(crate) mod health;
pub(crate) mod plan;
