//! The decisions of the scheduler. Nothing here starts, stops or asks anything.

pub mod backoff;
pub mod breaker;
pub mod health;
pub mod plan;
