//! Shows what services and tasks write to CloudWatch Logs: what was written since a time, and on request what is
//! being written; writes lines into a log itself; asks Logs Insights.
//!
//! A follower loses nothing and shows nothing twice: it asks again and again for the last minute, because CloudWatch
//! lets events appear late, and remembers which events of that minute it has shown. It must not know how a release
//! is made: it looks at services, and changes nothing about them.

pub mod cli;
mod cursor;
mod directory;
mod ecs;
pub mod ending;
mod event;
mod insights;
mod interrupt;
mod lane;
mod live;
mod matching;
mod output;
mod pace;
mod page;
mod put;
mod show;
mod sweep;
mod tap;
mod time;
mod window;

/// What is asked for.
#[derive(Debug, Clone)]
pub enum Request {
    /// Events.
    Show(Box<show::Request>),
    /// Lines into a stream.
    Put(put::Request),
    /// A query of Logs Insights.
    Query(insights::Request),
}

/// A choice of streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Streams {
    /// Every stream of the group.
    All,
    /// Those whose names begin so.
    Prefix(String),
    /// Those with these names.
    Named(Vec<String>),
}

/// Does what is asked for and gives the exit code.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    aws::block_on(async {
        match request {
            Request::Show(request) if request.live => show::run_live(request).await,
            Request::Show(request) => show::run(request).await,
            Request::Put(request) => put::run(request).await,
            Request::Query(request) => insights::run(request).await,
        }
    })
}
