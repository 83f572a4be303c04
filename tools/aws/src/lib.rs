//! How the tools reach AWS: configuration, waiting, and errors in words that help.
//!
//! It must not know any service: a tool brings the client of the services that it needs, and nobody pays
//! for compiling the others.

mod config;
mod explain;
pub mod objects;
mod poll;
pub mod query;

pub use aws_config::SdkConfig;
pub use config::{block_on, config, config_for, config_in, without_retries};
pub use explain::{code, explain, is_passing};
pub use poll::{Pace, poll};
