//! The command line.

mod project;
mod show;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use jiff::ZonedDateTime;
use toolkit::Fault;
use toolkit::console::Verbosity;

use crate::insights::Form;
use crate::{Request, insights, put, time};

const EXAMPLES: &str = "\
EXAMPLES
  log-tailer ludlow/ludlow-prod-api --follow
  log-tailer ludlow/ludlow-prod-api --events --until-released --deadline 15m
  log-tailer --project . --env prod --service api --since 2h --match 'timeout|refused' --context 3
  log-tailer ludlow/0123456789abcdef0123456789abcdef --until-stopped
  log-tailer --group /ecs/ludlow/prod --since 10m
  log-tailer --group /ecs/ludlow/prod --filter '?ERROR ?panic' --since 2026-11-24T09:00:00Z --format json
  log-tailer --group /ecs/ludlow/prod --fields level,http.status --format csv --cursor prod.cursor
  make 2>&1 | log-tailer put --group /builds/ludlow --create-group --tee
  log-tailer query --group /ecs/ludlow/prod --since 1d 'stats count(*) by level'

ORDER
  By time, then by arrival. What came too late for its place is marked: (late), or \"late\":true.

EXIT CODES
  0 done, or the one end that was waited for has come   1 failed   2 wrong arguments
  3 the release failed, the task ended badly, or what was waited for is not in the range
  6 the deadline passed   130 interrupted
  where several ends were waited for: 10 the pattern was seen   11 so many lines were shown
  12 the task stopped   13 the release is complete";

/// Shows what services and tasks write to CloudWatch Logs, once or as it is written.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = EXAMPLES,
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    show: show::Show,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes the lines of standard input into a log stream
    #[command(after_help = PUT_EXAMPLES)]
    Put(Put),
    /// Asks Logs Insights
    #[command(after_help = QUERY_EXAMPLES)]
    Query(Query),
}

const PUT_EXAMPLES: &str = "\
EXAMPLES
  make 2>&1 | log-tailer put --group /builds/ludlow --create-group --tee
  log-tailer put --group /ecs/ludlow/prod --stream import/1 --timed < old.log

Requests keep to CloudWatch's limits: 1 MiB with 26 bytes for each event, 10,000 events, 24 hours, in order.
Exit code 3: some events were refused for their time.";

const QUERY_EXAMPLES: &str = "\
EXAMPLES
  log-tailer query --group /ecs/ludlow/prod --since 1d 'stats count(*) by level'
  log-tailer query --group /a --group /b --format csv 'fields @timestamp, @message | filter @message like /timeout/'";

#[derive(Debug, clap::Args)]
struct Put {
    /// Log group
    #[arg(long, value_name = "NAME")]
    group: String,
    /// Log stream, made if it is not there [default: one of this session's own]
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// Make the group too
    #[arg(long)]
    create_group: bool,
    /// Each line begins with its time: 2026-11-24T09:00:00Z, or milliseconds since 1970
    #[arg(long)]
    timed: bool,
    /// Show the lines on stdout as well
    #[arg(long)]
    tee: bool,
    /// A line waits no longer for others
    #[arg(long, value_name = "TIME", default_value = "1s")]
    wait: String,
    /// Where the summary goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    amount: Amount,
}

#[derive(Debug, clap::Args)]
struct Query {
    /// The query
    #[arg(value_name = "QUERY")]
    query: String,
    /// Log group; may be repeated
    #[arg(long, value_name = "NAME", required = true)]
    group: Vec<String>,
    /// From when on
    #[arg(long, value_name = "TIME", default_value = "1h")]
    since: String,
    /// Until when
    #[arg(long, value_name = "TIME", default_value = "now")]
    until: String,
    /// Rows at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10_000))]
    limit: Option<i32>,
    /// The form of the result
    #[arg(long, default_value = "table")]
    format: Form,
    /// The query is stopped after this
    #[arg(long, value_name = "TIME", default_value = "15m")]
    deadline: String,
    /// Where the result goes [default: stdout]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    amount: Amount,
}

/// How much is said.
#[derive(Debug, clap::Args)]
struct Amount {
    /// Only warnings and errors on stderr
    #[arg(long, short)]
    quiet: bool,
    /// Details too
    #[arg(long, short, conflicts_with = "quiet")]
    verbose: bool,
}

impl Amount {
    fn verbosity(&self) -> Verbosity {
        Verbosity::from_flags(self.quiet, self.verbose)
    }
}

impl Args {
    /// The validated request.
    pub fn into_request(self) -> anyhow::Result<Request> {
        match self.command {
            None => Ok(Request::Show(Box::new(self.show.into_request()?))),
            Some(Command::Put(put)) => Ok(Request::Put(put::Request {
                wait: duration(&put.wait, "--wait")?,
                verbosity: put.amount.verbosity(),
                group: put.group,
                stream: put.stream,
                create_group: put.create_group,
                timed: put.timed,
                tee: put.tee,
                output: put.output,
            })),
            Some(Command::Query(query)) => {
                let (since, until) = range(&query.since, Some(&query.until))?;
                Ok(Request::Query(insights::Request {
                    since,
                    until: until.unwrap_or(since),
                    deadline: duration(&query.deadline, "--deadline")?,
                    verbosity: query.amount.verbosity(),
                    query: query.query,
                    groups: query.group,
                    limit: query.limit,
                    form: query.format,
                    output: query.output,
                }))
            }
        }
    }
}

/// Two times, the second not before the first; milliseconds since 1970.
fn range(since: &str, until: Option<&str>) -> anyhow::Result<(i64, Option<i64>)> {
    let now = ZonedDateTime::now();
    let moment = |text: &str, flag: &str| {
        time::parse(text, &now).ok_or_else(|| {
            Fault::usage(format!("{flag} {text} is not a time")).with_hint(time::FORMS)
        })
    };
    let since = moment(since, "--since")?;
    let until = until.map(|until| moment(until, "--until")).transpose()?;
    if until.is_some_and(|until| until < since) {
        return Err(Fault::usage("--until lies before --since").into());
    }
    Ok((since, until))
}

fn duration(text: &str, flag: &str) -> anyhow::Result<Duration> {
    time::duration(text).ok_or_else(|| {
        Fault::usage(format!("{flag} {text} is not a length of time"))
            .with_hint("write 500ms, 30s, 10m, 2h or 1h30m")
            .into()
    })
}
