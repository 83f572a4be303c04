//! What people read: stderr, one line at a time.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;

use crate::ci::Dialect;

/// Writes lines for people to stderr. Data never goes here, and nothing for people goes to stdout.
#[derive(Debug)]
pub struct Console {
    verbosity: Verbosity,
    colour: bool,
    dialect: Dialect,
    // Keeps a line of one thread from being cut by another's.
    turn: Mutex<()>,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Warnings and errors only.
    Quiet,
    /// What happens, too.
    #[default]
    Normal,
    /// Details, too.
    Verbose,
}

impl Verbosity {
    /// From the two flags that every tool has.
    #[must_use]
    pub fn from_flags(quiet: bool, verbose: bool) -> Self {
        match (quiet, verbose) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Verbose,
            (false, false) => Self::Normal,
        }
    }
}

impl Console {
    /// A console for this process: colour only on a terminal without `NO_COLOR`, the CI dialect by the environment.
    #[must_use]
    pub fn new(verbosity: Verbosity) -> Self {
        Self::for_ci(verbosity, None)
    }

    /// The same for a CI system that the caller names, as by `--ci`.
    #[must_use]
    pub fn for_ci(verbosity: Verbosity, dialect: Option<Dialect>) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            verbosity,
            colour: !plain && std::io::stderr().is_terminal(),
            dialect: dialect.unwrap_or_else(Dialect::detect),
            turn: Mutex::new(()),
        }
    }

    /// How much is said: for what others write, which only the caller can hold back.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// A console that says the normal amount.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::new(Verbosity::Normal)
    }

    /// The CI system that reads this output.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether a person watches (and bars may be drawn).
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.verbosity > Verbosity::Quiet
            && self.dialect == Dialect::None
            && std::io::stderr().is_terminal()
    }

    /// Something happened.
    pub fn status(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.line(&self.dialect.inert(text));
        }
    }

    /// Something went well: the same, in green on a terminal.
    pub fn success(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.line(&self.painted("32", &self.dialect.inert(text)));
        }
    }

    /// Something that only a closer look needs.
    pub fn detail(&self, text: &str) {
        if self.verbosity >= Verbosity::Verbose {
            self.line(&self.painted("2", &self.dialect.inert(text)));
        }
    }

    /// Something that deserves attention though the work goes on.
    pub fn warning(&self, text: &str) {
        match self.dialect.warning(text) {
            Some(message) => self.line(&message),
            None => {
                let text = self.dialect.inert(text);
                self.line(&format!("{} {text}", self.painted("33", "warning:")));
            }
        }
    }

    /// Why the work ends.
    pub fn error(&self, text: &str) {
        match self.dialect.error(text) {
            Some(message) => self.line(&message),
            None => {
                let text = self.dialect.inert(text);
                self.line(&format!("{} {text}", self.painted("31", "error:")));
            }
        }
    }

    /// What to do next.
    pub fn hint(&self, text: &str) {
        let text = self.dialect.inert(text);
        self.line(&format!("{} {text}", self.painted("36", "hint:")));
    }

    /// Lines that somebody else wrote (container logs, a server's answer): shown indented, without control
    /// characters, and fenced so that they cannot speak to the CI system.
    pub fn untrusted(&self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let fence = self.fenced();
        for line in lines {
            fence.line(&format!("    {line}"));
        }
    }

    /// The same for lines that are still to come: nothing but they may be said while the fence stands.
    #[must_use]
    pub fn fenced(&self) -> Fenced<'_> {
        let (open, close) = self.dialect.fence();
        if let Some(open) = open {
            self.line(&open);
        }
        Fenced {
            console: self,
            close,
        }
    }

    /// A line in the CI system's own language, whatever the verbosity. The caller has escaped what others wrote.
    pub fn command(&self, line: &str) {
        self.line(line);
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn line(&self, text: &str) {
        let _turn = self.turn.lock();
        // A closed stderr leaves nobody to tell.
        writeln!(std::io::stderr().lock(), "{text}").unwrap_or_default();
    }
}

/// Somebody else's lines on the console; the fence around them falls when this is dropped.
#[derive(Debug)]
pub struct Fenced<'c> {
    console: &'c Console,
    close: Option<String>,
}

impl Fenced<'_> {
    /// Shows one line, without control characters.
    pub fn line(&self, text: &str) {
        // A fence of TeamCity's falls by one line that anybody can write.
        let text = printable(text);
        self.console.line(&self.console.dialect.inert(&text));
    }
}

impl Drop for Fenced<'_> {
    fn drop(&mut self) {
        if let Some(close) = &self.close {
            self.console.line(close);
        }
    }
}

/// The text without control characters other than the tab, so that it cannot move the cursor or ring.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .filter(|&c| c == '\t' || !c.is_control())
        .collect()
}

/// A number with its noun: `1 variable`, `2 variables`. For nouns whose plural ends in s.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_english() {
        assert_eq!(counted(0, "variable"), "0 variables");
        assert_eq!(counted(1, "variable"), "1 variable");
        assert_eq!(counted(2, "variable"), "2 variables");
    }

    #[test]
    fn drops_control_characters_of_untrusted_text() {
        assert_eq!(printable("a\u{1b}[31mb\u{7}\r\tc\u{9b}"), "a[31mb\tc");
    }
}
