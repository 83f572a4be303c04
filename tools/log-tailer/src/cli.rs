//! The command line.

use std::io::IsTerminal as _;

use clap::{Parser, ValueEnum};
use jiff::Timestamp;
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::event::Style;
use crate::{Request, Streams, time};

const EXAMPLES: &str = "\
EXAMPLES
  log-tailer --group /ecs/ludlow/prod --since 10m
  log-tailer --group /ecs/ludlow/prod --prefix api/ --follow
  log-tailer --group /ecs/ludlow/prod --filter '?ERROR ?panic' --since 2026-11-24T09:00:00Z --format json

EXIT CODES
  0 done   1 failed   2 wrong arguments   130 interrupted";

/// Shows CloudWatch log lines, once or as they are written.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Args {
    /// Log group
    #[arg(long, value_name = "NAME")]
    group: String,
    /// Only streams whose names begin so
    #[arg(long, value_name = "PREFIX", conflicts_with = "stream")]
    prefix: Option<String>,
    /// Only this stream; may be repeated
    #[arg(long, value_name = "NAME")]
    stream: Vec<String>,
    /// From when on: 30s, 10m, 2h, 1d, or a time such as 2026-11-24T09:00:00Z
    #[arg(long, value_name = "TIME", default_value = "10m")]
    since: String,
    /// Until when, in the same forms
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    until: Option<String>,
    /// CloudWatch filter pattern
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,
    /// Go on with events as they are written
    #[arg(long, short)]
    follow: bool,
    /// How events are written [default: text on a terminal, json elsewhere]
    #[arg(long)]
    format: Option<Format>,
    /// Only warnings and errors on stderr
    #[arg(long, short)]
    quiet: bool,
    /// Details too
    #[arg(long, short, conflicts_with = "quiet")]
    verbose: bool,
}

/// The form of an event on stdout.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Time, stream and message in a line
    Text,
    /// One JSON object in a line
    Json,
}

/// The most streams that FilterLogEvents takes by name.
const MOST_STREAMS: usize = 100;

impl Args {
    /// The validated request.
    pub fn into_request(self) -> anyhow::Result<Request> {
        let now = Timestamp::now().as_millisecond();
        let moment = |text: &str, flag: &str| {
            time::parse(text, now).ok_or_else(|| {
                Fault::usage(format!("{flag} {text} is not a time"))
                    .with_hint("write 30s, 10m, 2h, 1d, or a time such as 2026-11-24T09:00:00Z")
            })
        };
        let since = moment(&self.since, "--since")?;
        let until = self
            .until
            .as_deref()
            .map(|until| moment(until, "--until"))
            .transpose()?;
        if until.is_some_and(|until| until < since) {
            return Err(Fault::usage("--until lies before --since").into());
        }
        if self.stream.len() > MOST_STREAMS {
            return Err(Fault::usage(format!(
                "{} streams were named; CloudWatch takes {MOST_STREAMS} at once",
                self.stream.len()
            ))
            .with_hint("choose them by --prefix")
            .into());
        }
        let streams = match (self.prefix, self.stream) {
            (Some(prefix), _) => Streams::Prefix(prefix),
            (None, names) if names.is_empty() => Streams::All,
            (None, names) => Streams::Named(names),
        };
        Ok(Request {
            group: self.group,
            streams,
            since,
            until,
            filter: self.filter,
            follow: self.follow,
            style: style(self.format),
            verbosity: Verbosity::from_flags(self.quiet, self.verbose),
        })
    }
}

fn style(format: Option<Format>) -> Style {
    let is_terminal = std::io::stdout().is_terminal();
    let colour = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match format {
        Some(Format::Json) => Style::Json,
        None if !is_terminal => Style::Json,
        Some(Format::Text) | None => Style::Text { colour },
    }
}
