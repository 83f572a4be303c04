//! Child processes: an argument vector, never a shell string.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, bail};

/// A program with its arguments, shown as a line that can be pasted into a shell.
#[derive(Debug, Clone)]
pub struct Invocation {
    program: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    removed: Vec<OsString>,
    directory: Option<std::path::PathBuf>,
}

impl Invocation {
    /// A call of `program` without arguments.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            removed: Vec::new(),
            directory: None,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(
            arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_owned()),
        );
        self
    }

    /// Sets a variable of the child's environment. It is not shown.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Leaves a variable of this process out of the child's environment.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.removed.push(name.as_ref().to_owned());
        self
    }

    /// Runs in `directory`.
    #[must_use]
    pub fn current_dir(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// The command for the standard library, with nothing on its standard input.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        for name in &self.removed {
            command.env_remove(name);
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// Runs it with this process's stdout and stderr, and says how it ended.
    pub fn status(&self) -> anyhow::Result<ExitStatus> {
        self.command()
            .status()
            .with_context(|| format!("cannot start `{self}`"))
    }

    /// Runs it; anything but success is an error.
    pub fn must_succeed(&self) -> anyhow::Result<()> {
        let status = self.status()?;
        if !status.success() {
            bail!("`{self}` ended with {status}");
        }
        Ok(())
    }

    /// Runs it and gives its stdout as text; anything but success is an error that quotes its stderr.
    pub fn read(&self) -> anyhow::Result<String> {
        let output = self
            .command()
            .output()
            .with_context(|| format!("cannot start `{self}`"))?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            bail!(
                "`{self}` ended with {}: {}",
                output.status,
                complaint.trim()
            );
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("`{self}` wrote something that is not UTF-8"))
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.program))?;
        for argument in &self.arguments {
            write!(f, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

/// A word as a POSIX shell needs it.
#[must_use]
pub fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_a_line_for_a_shell() {
        let call = Invocation::new("echo")
            .arg("a b")
            .arg("it's")
            .arg("")
            .arg("--x=1");
        assert_eq!(call.to_string(), r"echo 'a b' 'it'\''s' '' --x=1");
        assert_eq!(call.read().unwrap(), "a b it's  --x=1\n");
    }

    #[test]
    fn quotes_the_complaint_of_a_failed_child() {
        let call = Invocation::new("sh").args(["-c", "echo no >&2; exit 3"]);
        assert_eq!(
            call.read().unwrap_err().to_string(),
            "`sh -c 'echo no >&2; exit 3'` ended with exit status: 3: no"
        );
    }
}
