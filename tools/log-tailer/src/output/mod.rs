//! Lines on stdout: as text, as JSON Lines, as CSV, or as the messages alone.

pub(crate) mod csv;
pub(crate) mod fields;
mod json;
pub(crate) mod table;
mod text;

use jiff::tz::TimeZone;
use regex::Regex;
use toolkit::ci::Dialect;
use toolkit::output::Batch;

use crate::directory::Label;
use crate::ecs::news::News;
use crate::event::Event;
use crate::time::Clock;
pub(crate) use fields::Shape;

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `TIME LABEL MESSAGE`.
    Text,
    /// An object with `timestamp`, `group`, `stream`, `message`, and `late` where it is true.
    Json,
    /// With a line of column names.
    Csv,
    /// The message alone.
    Raw,
}

/// How lines look.
#[derive(Debug, Clone)]
pub struct Style {
    /// The form of a line.
    pub format: Format,
    /// Whether a terminal understands colours.
    pub colour: bool,
    /// The zone that times are shown in.
    pub zone: TimeZone,
    /// What becomes of messages that are JSON objects.
    pub shape: Shape,
    /// What is made to stand out in messages.
    pub highlight: Option<Regex>,
}

/// One event with all that is shown of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) event: &'a Event,
    pub(crate) label: &'a Label,
    /// Whether a newer one was written before it.
    pub(crate) is_late: bool,
}

/// Writes lines to stdout.
#[derive(Debug)]
pub(crate) struct Printer {
    style: Style,
    dialect: Dialect,
    clock: Clock,
    batch: Batch,
    /// The line that ends what somebody else wrote.
    close: Option<String>,
    has_begun: bool,
}

impl Printer {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            dialect: Dialect::detect(),
            clock: Clock::new(style.zone.clone()),
            style,
            batch: Batch::default(),
            close: None,
            has_begun: false,
        }
    }

    /// Fences what containers wrote, so that it cannot speak to the CI system; or names the columns.
    fn begin(&mut self) -> std::io::Result<()> {
        if self.has_begun {
            return Ok(());
        }
        self.has_begun = true;
        match self.style.format {
            Format::Json => {}
            Format::Csv => {
                let names = csv::columns(&self.style.shape.fields);
                self.batch.line(|out| csv::row(&names, out))?;
            }
            Format::Text | Format::Raw => {
                let (open, close) = self.dialect.fence();
                if let Some(open) = open {
                    self.batch
                        .line(|out| out.extend_from_slice(open.as_bytes()))?;
                }
                self.close = close;
            }
        }
        Ok(())
    }

    /// Writes one event.
    pub(crate) fn event(&mut self, line: Line<'_>) -> std::io::Result<()> {
        self.begin()?;
        let (style, clock, dialect) = (&self.style, &mut self.clock, self.dialect);
        match style.format {
            Format::Text => text::event(line, style, clock, dialect, &mut self.batch),
            Format::Raw => text::raw(line, style, dialect, &mut self.batch),
            Format::Json => self
                .batch
                .line(|out| json::event(line, style, clock, dialect, out)),
            Format::Csv => self
                .batch
                .line(|out| csv::event(line, style, clock, dialect, out)),
        }
    }

    /// Writes what happened to a service or a task, with the last lines of a task that stopped.
    pub(crate) fn news(
        &mut self,
        subject: &str,
        news: &News,
        last_lines: &[String],
    ) -> std::io::Result<()> {
        self.begin()?;
        let (style, clock, dialect) = (&self.style, &mut self.clock, self.dialect);
        match style.format {
            Format::Text | Format::Raw => {
                text::news(subject, news, style, clock, dialect, &mut self.batch)?;
                for line in last_lines {
                    self.batch.line(|out| {
                        out.extend_from_slice(b"    | ");
                        text::clean(line, dialect, out);
                    })?;
                }
                Ok(())
            }
            Format::Json => self
                .batch
                .line(|out| json::news(subject, news, last_lines, clock, dialect, out)),
            Format::Csv => self
                .batch
                .line(|out| csv::news(subject, news, style, clock, dialect, out)),
        }
    }

    /// Lets out what is there: before every wait.
    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        self.batch.flush()
    }

    /// Ends the fence, and lets everything out.
    pub(crate) fn finish(&mut self) -> std::io::Result<()> {
        if let Some(close) = self.close.take() {
            self.batch
                .line(|out| out.extend_from_slice(close.as_bytes()))?;
        }
        self.batch.flush()
    }
}
