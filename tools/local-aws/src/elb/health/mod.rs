//! The health of targets: what a probe finds, and what follows from several of them.

pub mod state;

pub use state::{Health, Outcome};
