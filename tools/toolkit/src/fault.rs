//! How a tool ends.

use std::fmt;
use std::process::ExitCode;

use crate::Console;
use crate::output::ReaderLeft;

/// An error that carries its own exit code and, if there is one, what to do next.
///
/// Put it at the root of an error or wrap it in `anyhow` context; [`run_main`] finds it anywhere in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    code: u8,
    message: String,
    hint: Option<String>,
}

impl Fault {
    /// An error that ends the tool with `code`.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// Wrong arguments or configuration: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(2, message)
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code that this error asks for.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }

    /// What to do next, if known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// Runs a tool's body and turns its end into an exit code: `Ok(code)` as it is, an error as 1 or as its
/// [`Fault`] says, printed once with its causes. A closed stdout ends quietly with 0.
pub fn run_main(body: impl FnOnce() -> anyhow::Result<u8>) -> ExitCode {
    match body() {
        Ok(code) => ExitCode::from(code),
        Err(error) if has_no_reader(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&Console::from_environment(), &error);
            ExitCode::from(exit_code(&error))
        }
    }
}

/// Prints an error with its causes and hints to stderr.
pub fn report(console: &Console, error: &anyhow::Error) {
    console.error(&sentence(error));
    for hint in error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<Fault>()?.hint())
    {
        console.hint(hint);
    }
}

/// The exit code that an error stands for: its innermost [`Fault`]'s, otherwise 1.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<Fault>())
        .last()
        .map_or(1, Fault::code)
}

/// The chain in one line, outermost first, without repeating a cause that its parent already quotes.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.ends_with(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

/// Only stdout counts: a broken pipe to a server or to a child is a failure like any other.
fn has_no_reader(error: &anyhow::Error) -> bool {
    let is_left = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .is_some_and(|inner| inner.is::<ReaderLeft>())
    };
    error.chain().any(is_left)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn takes_the_exit_code_from_anywhere_in_the_chain() {
        let error = Err::<(), _>(Fault::usage("no such file"))
            .context("cannot read x")
            .unwrap_err();
        assert_eq!(exit_code(&error), 2);
        assert_eq!(sentence(&error), "cannot read x: no such file");
    }

    #[test]
    fn is_a_plain_failure_without_a_fault() {
        assert_eq!(exit_code(&anyhow::anyhow!("boom")), 1);
    }

    #[test]
    fn ends_quietly_only_when_the_reader_of_stdout_has_left() {
        let broken = |inner: bool| {
            let kind = std::io::ErrorKind::BrokenPipe;
            let error = if inner {
                std::io::Error::new(kind, ReaderLeft)
            } else {
                kind.into()
            };
            anyhow::Error::from(error).context("cannot go on")
        };
        assert!(has_no_reader(&broken(true)));
        assert!(!has_no_reader(&broken(false)));
    }

    #[test]
    fn says_a_quoted_cause_only_once() {
        let error = anyhow::anyhow!("disk full").context("cannot write: disk full");
        assert_eq!(sentence(&error), "cannot write: disk full");
    }
}
