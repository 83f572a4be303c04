//! What the tools agree on: the documents that they hand to each other, the project file `longshore.toml`,
//! the names of the resources that belong to a project, and the exit codes.
//!
//! It must not read or write anything, call anybody, or know how a tool does its work.

pub mod alarms;
pub mod config;
pub mod deployment;
pub mod document;
pub mod environment;
pub mod exit;
pub mod image;
pub mod names;
pub mod test_report;

pub use document::{Document, DocumentError};
