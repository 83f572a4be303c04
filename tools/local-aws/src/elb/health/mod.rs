//! The health of targets: what a probe finds, and what follows from several of them.

mod matcher;
mod probe;
mod state;

pub(super) use matcher::Matcher;
pub(super) use probe::Probe;
pub(super) use state::{Health, Outcome};
