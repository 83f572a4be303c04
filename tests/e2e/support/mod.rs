//! What the flows stand on: the built programs, a project of one's own, requests to what it serves.

mod load;
mod project;
mod web;

pub(crate) use e2e::programs::{ludlow, program};
pub(crate) use load::Load;
pub(crate) use project::{Outcome, Project};
pub(crate) use web::{call, create_bucket, get};
