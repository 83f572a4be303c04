//! Progress: bars where a person watches, a line per stage elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Console;

/// One piece of work that takes a while.
#[derive(Debug)]
pub struct Progress<'a> {
    console: &'a Console,
    bar: ProgressBar,
}

impl<'a> Progress<'a> {
    /// Work of unknown length.
    #[must_use]
    pub fn spinner(console: &'a Console, text: &str) -> Self {
        let bar = Self::drawn(console, ProgressBar::new_spinner());
        bar.set_style(style("{spinner} {msg} {elapsed}"));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self::begun(console, bar, text)
    }

    /// Work of a known number of bytes.
    #[must_use]
    pub fn bytes(console: &'a Console, total: u64, text: &str) -> Self {
        let bar = Self::drawn(console, ProgressBar::new(total));
        bar.set_style(style(
            "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}",
        ));
        Self::begun(console, bar, text)
    }

    fn drawn(console: &Console, bar: ProgressBar) -> ProgressBar {
        if !console.is_interactive() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar
    }

    fn begun(console: &'a Console, bar: ProgressBar, text: &str) -> Self {
        bar.set_message(text.to_owned());
        if bar.is_hidden() {
            console.status(text);
        }
        Self { console, bar }
    }

    /// That much more is done.
    pub fn advance(&self, amount: u64) {
        self.bar.inc(amount);
    }

    /// What is being done now; on a terminal it replaces the text, elsewhere it is a line.
    pub fn message(&self, text: &str) {
        self.bar.set_message(text.to_owned());
        if self.bar.is_hidden() {
            self.console.status(text);
        }
    }

    /// A line that stays, above the bar.
    pub fn line(&self, text: &str) {
        self.bar.suspend(|| self.console.status(text));
    }

    /// The work is over: the bar goes, and a line stays.
    pub fn done(self, text: &str) {
        self.bar.finish_and_clear();
        self.console.status(text);
    }

    /// Takes the bar away so that an error can be read.
    pub fn clear(self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_invalid| ProgressStyle::default_bar())
}
