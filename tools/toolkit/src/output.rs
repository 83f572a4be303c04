//! What machines read: stdout, or the file that the caller named.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::ci::Dialect;
use crate::file::{Secrecy, write_atomic};

/// Whoever read this program's stdout has left. It is no failure: there is nobody to write for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderLeft;

impl std::fmt::Display for ReaderLeft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the reader of stdout has left")
    }
}

impl std::error::Error for ReaderLeft {}

/// Tells a closed stdout from every other pipe or socket that may break.
fn of_stdout(error: std::io::Error) -> std::io::Error {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::io::Error::new(error.kind(), ReaderLeft)
    } else {
        error
    }
}

/// Writes a document as indented JSON with a closing newline: to `output` if given, else to stdout.
pub fn document(
    document: &impl Serialize,
    output: Option<&Path>,
    secrecy: Secrecy,
) -> anyhow::Result<()> {
    document_for(Dialect::detect(), document, output, secrecy)
}

/// The same where the caller named the CI system, as by `--ci`.
pub fn document_for(
    dialect: Dialect,
    document: &impl Serialize,
    output: Option<&Path>,
    secrecy: Secrecy,
) -> anyhow::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(document)?;
    bytes.push(b'\n');
    if output.is_none() && dialect != Dialect::None {
        bytes = inert(&bytes);
    }
    artifact(&bytes, output, secrecy)
}

/// The same document in a log that a CI system reads: `##teamcity[` and `##[` would be commands wherever they
/// stand. In JSON a `#` stands in texts only, where it can be written by its number.
fn inert(json: &[u8]) -> Vec<u8> {
    let mut inert = Vec::with_capacity(json.len());
    for byte in json {
        match byte {
            b'#' if inert.last() == Some(&b'#') => inert.extend_from_slice(br"\u0023"),
            byte => inert.push(*byte),
        }
    }
    inert
}

/// Writes bytes as they are: to `output` if given, else to stdout.
pub fn artifact(bytes: &[u8], output: Option<&Path>, secrecy: Secrecy) -> anyhow::Result<()> {
    match output {
        Some(path) => write_atomic(path, bytes, secrecy),
        None => {
            let mut stdout = std::io::stdout().lock();
            let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
            Ok(written.map_err(of_stdout)?)
        }
    }
}

/// A stream of lines on stdout, each flushed as soon as it is written, so that a log in CI never lags.
#[derive(Debug)]
pub struct Lines {
    stdout: BufWriter<std::io::Stdout>,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            stdout: BufWriter::new(std::io::stdout()),
        }
    }
}

impl Lines {
    /// Writes one line.
    pub fn line(&mut self, text: &str) -> std::io::Result<()> {
        self.whole(text.as_bytes()).map_err(of_stdout)
    }

    /// Writes one JSON value in one line.
    pub fn json(&mut self, value: &impl Serialize) -> std::io::Result<()> {
        let line = serde_json::to_vec(value)?;
        self.whole(&line).map_err(of_stdout)
    }

    fn whole(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.stdout.write_all(line)?;
        self.stdout.write_all(b"\n")?;
        self.stdout.flush()
    }
}

/// Lines on stdout that are written together: many at a time where many are there, and none kept while the
/// program waits, if it flushes before it waits. Only whole lines are ever written.
#[derive(Debug, Default)]
pub struct Batch {
    lines: Vec<u8>,
}

impl Batch {
    /// More than this is not kept; bytes.
    const FULL: usize = 64 * 1024;

    /// Adds a line, which `write` appends without its end.
    pub fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> std::io::Result<()> {
        write(&mut self.lines);
        self.lines.push(b'\n');
        if self.lines.len() >= Self::FULL {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is there.
    pub fn flush(&mut self) -> std::io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(&self.lines).and_then(|()| stdout.flush());
        self.lines.clear();
        written.map_err(of_stdout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_commands_in_a_document_without_changing_it() {
        let text = serde_json::json!({ "name": "###teamcity[x] ##[group]" });
        let json = serde_json::to_vec(&text).unwrap();
        let hidden = inert(&json);
        assert_eq!(
            std::str::from_utf8(&hidden).unwrap(),
            r##"{"name":"#\u0023#teamcity[x] #\u0023[group]"}"##
        );
        let read: serde_json::Value = serde_json::from_slice(&hidden).unwrap();
        assert_eq!(read, text);
    }
}
