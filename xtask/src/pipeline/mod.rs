//! The pipeline: which steps there are, what each runs, in which order, and what is skipped.
//!
//! Planning is pure: a [`plan::Plan`] holds every call of a release before the first one is made.

pub(crate) mod child;
mod fingerprint;
mod memory;
mod plan;
mod run;
mod step;

pub(crate) use run::{Request, run};
pub(crate) use step::{Span, Step};
