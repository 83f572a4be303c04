//! The data plane: listening sockets, requests on their way, connections to targets.
//!
//! It knows no store and no API. The control plane hands it snapshots of routes and of eligible targets,
//! which requests read without waiting for each other.

mod answers;
mod backend;
mod bind;
mod body;
mod forward;
mod front;
mod group;
mod headers;
mod pool;
mod upgrade;

pub(super) use backend::Backend;
pub(super) use bind::bind;
pub(super) use front::{Front, Reaction, Routes, Weighted};
pub(super) use group::Group;
