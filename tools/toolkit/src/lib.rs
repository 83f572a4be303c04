//! How every tool behaves at its edges: exit codes, what goes to stdout and what to stderr, progress,
//! CI dialects, child processes, files that are written whole or not at all.
//!
//! It must not know what the tools do: no word of images, tasks or AWS belongs here.

pub mod ci;
pub mod console;
pub mod fault;
pub mod file;
pub mod output;
pub mod process;
pub mod progress;

pub use console::Console;
pub use fault::{Fault, run_main};
