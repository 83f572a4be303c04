//! The lines of standard input, read beside everything else.

use std::io::{BufRead as _, Read as _};

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::sync::mpsc;

/// Lines that wait to be sent; whoever writes more waits too.
const WAITING: usize = 1_024;
/// A line without an end is cut here, so that it does not fill the memory; bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Lines as they come.
#[derive(Debug)]
pub(crate) struct Lines {
    lines: mpsc::Receiver<anyhow::Result<String>>,
}

impl Lines {
    /// Of standard input. A thread reads it, because a read of it cannot be given up.
    pub(crate) fn of_stdin() -> Self {
        let (sender, lines) = mpsc::channel(WAITING);
        std::thread::spawn(move || {
            let mut stdin = std::io::stdin().lock();
            loop {
                let mut bytes = Vec::new();
                let read = stdin
                    .by_ref()
                    .take(LONGEST)
                    .read_until(b'\n', &mut bytes)
                    .context("cannot read standard input");
                let line = match read {
                    Ok(0) => return,
                    Ok(_) => Ok(text(&bytes)),
                    Err(error) => Err(error),
                };
                // Nobody waits any more.
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines }
    }

    /// The next line without its end; none after the last.
    pub(crate) async fn next(&mut self) -> Option<anyhow::Result<String>> {
        self.lines.recv().await
    }
}

fn text(bytes: &[u8]) -> String {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

/// The time that a line begins with, in RFC 3339 or in milliseconds since 1970, and the rest of it.
pub(crate) fn time_of(line: &str) -> Option<(i64, &str)> {
    let (time, rest) = line.split_once(' ').unwrap_or((line, ""));
    // Thirteen digits are the milliseconds of 2001 to 2286; fewer are a number that a line begins with.
    if time.len() == 13 && time.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some((time.parse().ok()?, rest));
    }
    let time: Timestamp = time.parse().ok()?;
    Some((time.as_millisecond(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_any_bytes_as_text() {
        assert_eq!(text(b"a\r\n"), "a");
        assert_eq!(text(b"a"), "a");
        assert_eq!(text(b"\xff\n"), "\u{fffd}");
    }

    #[test]
    fn takes_the_time_off_a_line() {
        assert_eq!(
            time_of("1970-01-01T00:00:01.5Z hello world"),
            Some((1_500, "hello world"))
        );
        assert_eq!(time_of("1970-01-01T00:00:01Z"), Some((1_000, "")));
        assert_eq!(time_of("1795510800123 x"), Some((1_795_510_800_123, "x")));
        assert_eq!(time_of("200 x"), None);
        assert_eq!(time_of("hello 1970-01-01T00:00:01Z"), None);
    }
}
