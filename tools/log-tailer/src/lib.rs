//! Shows the lines of a log group: what was written since a time, and on request what is being written.
//!
//! Nothing is lost and nothing is shown twice: a follower asks again and again for the last minute, because
//! CloudWatch lets events appear late, and remembers which events of that minute it has shown. It must not
//! know how a release goes or what a service is; streams are chosen by name.

pub mod cli;
mod event;
mod fetch;
mod follow;
mod time;
mod window;

use contract::exit;

use event::{Printer, Style};
use fetch::Source;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Log group name.
    pub group: String,
    /// Which streams.
    pub streams: Streams,
    /// Events from this time on, in milliseconds since 1970.
    pub since: i64,
    /// Events up to this time, both included; none means now, or no end when following.
    pub until: Option<i64>,
    /// CloudWatch filter pattern.
    pub filter: Option<String>,
    /// Whether to go on with events as they are written.
    pub follow: bool,
    /// How the events are written.
    pub style: Style,
    /// What is said beside the events.
    pub verbosity: toolkit::console::Verbosity,
}

/// A choice of streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Streams {
    /// Every stream of the group.
    All,
    /// Those whose names begin so.
    Prefix(String),
    /// Those with these names; CloudWatch takes at most 100.
    Named(Vec<String>),
}

/// Shows the events and gives the exit code.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    aws::block_on(async {
        let console = toolkit::Console::new(request.verbosity);
        let source = Source::new(&aws::config().await?, request);
        let mut printer = Printer::new(request.style);
        if request.follow {
            return follow::follow(&console, &source, request.since, &mut printer).await;
        }
        let mut pages = source.pages(request.since, request.until);
        while let Some(events) = pages.next().await? {
            for event in &events {
                printer.print(event, false)?;
            }
        }
        Ok(exit::DONE)
    })
}
