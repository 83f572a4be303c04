//! What machines read: stdout, or the file that the caller named.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::file::{Secrecy, write_atomic};

/// Writes a document as indented JSON with a closing newline: to `output` if given, else to stdout.
pub fn document(
    document: &impl Serialize,
    output: Option<&Path>,
    secrecy: Secrecy,
) -> anyhow::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(document)?;
    bytes.push(b'\n');
    artifact(&bytes, output, secrecy)
}

/// Writes bytes as they are: to `output` if given, else to stdout.
pub fn artifact(bytes: &[u8], output: Option<&Path>, secrecy: Secrecy) -> anyhow::Result<()> {
    match output {
        Some(path) => write_atomic(path, bytes, secrecy),
        None => {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(bytes)?;
            stdout.flush()?;
            Ok(())
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
        self.stdout.write_all(text.as_bytes())?;
        self.stdout.write_all(b"\n")?;
        self.stdout.flush()
    }

    /// Writes one JSON value in one line.
    pub fn json(&mut self, value: &impl Serialize) -> std::io::Result<()> {
        serde_json::to_writer(&mut self.stdout, value)?;
        self.stdout.write_all(b"\n")?;
        self.stdout.flush()
    }
}
