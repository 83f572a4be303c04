//! The local AWS: what Longshore's tools call, on one machine, without an account.
//!
//! It speaks AWS's wire protocols and really does what they ask: images are stored, tasks run, traffic
//! flows, health is checked, alarms fire. It must not know the tools, nor share a type with them beyond
//! `contract` and `toolkit`: a mistake shared by both sides would be seen by neither.

pub mod account;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod cloudwatch;
pub mod directory;
pub mod ecr;
pub mod ecs;
pub mod elb;
pub mod logs;
mod page;
pub mod protocol;
mod sealed;
pub mod secrets;
pub mod serve;
pub mod server;
pub mod ssm;
pub mod state;
pub mod sts;

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// Serve a state directory.
    Serve(serve::Request),
}

/// Does it.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    match request {
        Request::Serve(request) => serve::run(request),
    }
}
