//! The arguments of what shows events.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use regex::Regex;
use toolkit::Fault;

use super::{Amount, duration, project, range};
use crate::Streams;
use crate::directory::Choice;
use crate::ecs::{Subject, Target};
use crate::ending::Ends;
use crate::lane::{MOST_STREAMS, Place};
use crate::matching::Pattern;
use crate::output::{self, Shape, Style};
use crate::show::Request;

#[derive(Debug, Args)]
pub(super) struct Show {
    /// CLUSTER/SERVICE or CLUSTER/TASK-ID; several are merged by time
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    range: Range,
    #[command(flatten)]
    choice: Lines,
    #[command(flatten)]
    ends: Ending,
    #[command(flatten)]
    look: Look,
    #[command(flatten)]
    amount: Amount,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What is read")]
struct Source {
    /// Log group; may be repeated
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// Only streams of the groups whose names begin so
    #[arg(long, value_name = "PREFIX", conflicts_with = "stream")]
    prefix: Option<String>,
    /// Only this stream of the group; may be repeated
    #[arg(long, value_name = "NAME")]
    stream: Vec<String>,
    /// Directory of a project with longshore.toml, whose services are shown
    #[arg(long, value_name = "DIR", requires = "env")]
    project: Option<PathBuf>,
    /// Environment of the project [default project: this directory]
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Service of the project; may be repeated [default: all]
    #[arg(long, value_name = "NAME", requires = "env")]
    service: Vec<String>,
    /// Only this container; may be repeated
    #[arg(long, value_name = "NAME")]
    container: Vec<String>,
    /// Only tasks whose ids begin so; may be repeated
    #[arg(long, value_name = "ID")]
    task: Vec<String>,
    /// Service events, deployments and stopped tasks with their reasons, too
    #[arg(long)]
    events: bool,
    /// With --events: so many lines of a stopped task are repeated
    #[arg(long, value_name = "N", default_value_t = 5)]
    last_lines: usize,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "When")]
struct Range {
    /// From when on: 30s, 10m, 2h, 1d, or a time such as 09:30 or 2026-11-24T09:00:00Z
    #[arg(long, value_name = "TIME", default_value = "10m")]
    since: String,
    /// Until when, in the same forms
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    until: Option<String>,
    /// Go on with events as they are written
    #[arg(long, short)]
    follow: bool,
    /// Go on by CloudWatch's live tail: sooner, but above 500 events a second a sample; billed by the minute
    #[arg(long, conflicts_with_all = ["follow", "until", "cursor"])]
    live: bool,
    /// Begin where the last run with this file ended
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
    /// How late an event may come and still be shown
    #[arg(long, value_name = "TIME", default_value = "60s")]
    lateness: String,
    /// Pause between two readings
    #[arg(long, value_name = "TIME", default_value = "1s")]
    poll: String,
    /// Calls a second at most; the account has 5 to 10 of them, for everybody
    #[arg(long, value_name = "CALLS", default_value_t = 5.0)]
    rate: f64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which lines")]
struct Lines {
    /// CloudWatch filter pattern
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,
    /// Only lines that match this regular expression; may be repeated for one or the other
    #[arg(long = "match", value_name = "REGEX")]
    matches: Vec<String>,
    /// Only lines that do not match
    #[arg(long, requires = "matches")]
    invert: bool,
    /// So many lines of the same stream before a match
    #[arg(long, value_name = "N", requires = "matches")]
    before: Option<usize>,
    /// And after it
    #[arg(long, value_name = "N", requires = "matches")]
    after: Option<usize>,
    /// Before and after
    #[arg(long, short = 'C', value_name = "N", requires = "matches", conflicts_with_all = ["before", "after"])]
    context: Option<usize>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "When it ends by itself")]
struct Ending {
    /// When a line matches
    #[arg(long, value_name = "REGEX")]
    until_pattern: Option<String>,
    /// When so many lines were shown
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    lines: Option<u64>,
    /// When the task has stopped, its last lines included
    #[arg(long)]
    until_stopped: bool,
    /// When the service's release is complete or has failed
    #[arg(long)]
    until_released: bool,
    /// After this time
    #[arg(long, value_name = "TIME")]
    deadline: Option<String>,
    /// So long is still read after the end of a task or a release
    #[arg(long, value_name = "TIME", default_value = "6s")]
    grace: String,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "How it looks")]
struct Look {
    /// How events are written [default: text on a terminal, json elsewhere]
    #[arg(long)]
    format: Option<Format>,
    /// Only these members of messages that are JSON: level,http.status
    #[arg(long, value_name = "PATHS", value_delimiter = ',')]
    fields: Vec<String>,
    /// Nested members of JSON messages as members with dotted names
    #[arg(long)]
    flatten: bool,
    /// JSON messages on several lines
    #[arg(long)]
    pretty: bool,
    /// What stands out on a terminal [default: what --match finds]
    #[arg(long, value_name = "REGEX")]
    highlight: Option<String>,
    /// Times in this machine's zone
    #[arg(long)]
    local_time: bool,
    /// Whether there are colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colour,
}

/// The form of an event on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Time, stream and message in a line
    Text,
    /// One JSON object in a line
    Json,
    /// Comma-separated values with a line of names
    Csv,
    /// The message alone
    Raw,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// On a terminal without NO_COLOR
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Show {
    /// The validated request.
    pub(super) fn into_request(self) -> anyhow::Result<Request> {
        let (since, until) = range(&self.range.since, self.range.until.as_deref())?;
        let ends = self.ends.ends()?;
        let mut targets = targets(&self.targets)?;
        if let Some(env) = &self.source.env {
            targets.extend(project::targets(
                self.source.project.as_deref(),
                env,
                &self.source.service,
            )?);
        }
        // What is waited for is still to come.
        let follow = self.range.follow || ends.stopped || ends.released;
        let places = self.source.places(follow)?;
        if targets.is_empty() && places.is_empty() {
            return Err(Fault::usage("nothing was named to read from")
                .with_hint("name CLUSTER/SERVICE, a log group with --group <NAME>, or a project's environment with --env <NAME>")
                .into());
        }
        self.check(&ends, &targets)?;
        let rate = self.range.rate;
        if !(0.1..=10_000.0).contains(&rate) {
            return Err(Fault::usage(format!("--rate {rate} is not between 0.1 and 10000")).into());
        }
        let lateness = duration(&self.range.lateness, "--lateness")?;
        let pattern = self.choice.pattern()?;
        Ok(Request {
            since,
            until,
            targets,
            places,
            choice: Choice {
                containers: self.source.container,
                tasks: self.source.task,
            },
            filter: self.choice.filter,
            follow,
            live: self.range.live,
            news: self.source.events,
            last_lines: self.source.last_lines,
            grace: duration(&self.ends.grace, "--grace")?,
            lateness: i64::try_from(lateness.as_millis()).unwrap_or(i64::MAX / 4),
            rate,
            poll: duration(&self.range.poll, "--poll")?,
            cursor: self.range.cursor,
            style: self.look.style(&pattern)?,
            pattern,
            ends,
            verbosity: self.amount.verbosity(),
        })
    }

    fn check(&self, ends: &Ends, targets: &[Target]) -> anyhow::Result<()> {
        let is_service = |target: &Target| matches!(target.subject, Subject::Service(_));
        if ends.released && !targets.iter().any(is_service) {
            return Err(Fault::usage("--until-released needs a service")
                .with_hint("name CLUSTER/SERVICE")
                .into());
        }
        if ends.stopped && self.source.task.is_empty() && targets.iter().all(is_service) {
            return Err(Fault::usage("--until-stopped needs a task")
                .with_hint("name CLUSTER/TASK-ID, or a service and --task ID")
                .into());
        }
        if self.source.events && targets.is_empty() {
            return Err(Fault::usage("--events needs a service or a task")
                .with_hint("name CLUSTER/SERVICE")
                .into());
        }
        Ok(())
    }
}

fn targets(names: &[String]) -> anyhow::Result<Vec<Target>> {
    names
        .iter()
        .map(|name| {
            Target::parse(name).ok_or_else(|| {
                Fault::usage(format!(
                    "{name} is neither CLUSTER/SERVICE nor CLUSTER/TASK-ID"
                ))
                .with_hint("a log group is named with --group")
                .into()
            })
        })
        .collect()
}

impl Source {
    fn places(&self, follow: bool) -> anyhow::Result<Vec<Place>> {
        let is_choosy = self.prefix.is_some() || !self.stream.is_empty();
        if is_choosy && self.group.is_empty() {
            return Err(Fault::usage("--prefix and --stream belong to --group").into());
        }
        if self.stream.len() > MOST_STREAMS {
            return Err(Fault::usage(format!(
                "{} streams were named; CloudWatch takes {MOST_STREAMS} at once",
                self.stream.len()
            ))
            .with_hint("choose them by --prefix")
            .into());
        }
        let streams = match (&self.prefix, self.stream.is_empty()) {
            (Some(prefix), _) => Streams::Prefix(prefix.clone()),
            (None, true) => Streams::All,
            (None, false) => Streams::Named(self.stream.clone()),
        };
        Ok(self
            .group
            .iter()
            .map(|group| Place {
                region: None,
                group: group.clone(),
                streams: streams.clone(),
                may_be_absent: follow,
            })
            .collect())
    }
}

impl Lines {
    fn pattern(&self) -> anyhow::Result<Pattern> {
        let any = self
            .matches
            .iter()
            .map(|text| regex(text, "--match"))
            .collect::<anyhow::Result<_>>()?;
        let around = self.context.unwrap_or_default();
        Ok(Pattern {
            any,
            invert: self.invert,
            before: self.before.unwrap_or(around),
            after: self.after.unwrap_or(around),
        })
    }
}

impl Ending {
    fn ends(&self) -> anyhow::Result<Ends> {
        let length = |text: &String| duration(text, "--deadline");
        let deadline: Option<Duration> = self.deadline.as_ref().map(length).transpose()?;
        Ok(Ends {
            pattern: self
                .until_pattern
                .as_deref()
                .map(|text| regex(text, "--until-pattern"))
                .transpose()?,
            lines: self.lines,
            stopped: self.until_stopped,
            released: self.until_released,
            deadline,
        })
    }
}

impl Look {
    fn style(self, pattern: &Pattern) -> anyhow::Result<Style> {
        let is_terminal = std::io::stdout().is_terminal();
        let format = match self.format {
            Some(Format::Text) => output::Format::Text,
            Some(Format::Json) => output::Format::Json,
            Some(Format::Csv) => output::Format::Csv,
            Some(Format::Raw) => output::Format::Raw,
            None if is_terminal => output::Format::Text,
            None => output::Format::Json,
        };
        let is_for_people = matches!(format, output::Format::Text | output::Format::Raw);
        if self.pretty && !is_for_people {
            return Err(Fault::usage("--pretty belongs to --format text and raw").into());
        }
        if self.flatten && self.fields.is_empty() && format == output::Format::Csv {
            return Err(
                Fault::usage("CSV needs columns: --flatten alone names none")
                    .with_hint("pick members with --fields")
                    .into(),
            );
        }
        let highlight = match (&self.highlight, pattern.any.as_slice()) {
            (Some(text), _) => Some(regex(text, "--highlight")?),
            (None, [only]) if !pattern.invert => Some(only.clone()),
            (None, _) => None,
        };
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Ok(Style {
            format,
            colour: match self.color {
                Colour::Auto => is_terminal && !is_plain,
                Colour::Always => true,
                Colour::Never => false,
            },
            zone: if self.local_time {
                TimeZone::system()
            } else {
                TimeZone::UTC
            },
            shape: Shape {
                fields: self.fields,
                flatten: self.flatten,
                pretty: self.pretty,
            },
            highlight,
        })
    }
}

fn regex(text: &str, flag: &str) -> anyhow::Result<Regex> {
    Regex::new(text).map_err(|error| {
        Fault::usage(format!(
            "{flag} {text} is not a regular expression: {error}"
        ))
        .into()
    })
}
