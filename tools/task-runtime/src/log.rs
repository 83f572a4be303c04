//! A container's log file: one record a line, `MILLISECONDS STREAM TEXT`, appended by the supervisor.
//!
//! STREAM is `o` or `e` (standard output, standard error); `O` or `E` where the line was longer than [`LINE_LIMIT`]
//! and goes on in the stream's next record. TEXT is the line's bytes as they came, without the line end.
//! Records are only ever appended, so an offset between two of them stays valid for the life of the task.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// The longest text of one record, in bytes: what CloudWatch Logs takes in one event, which counts 26 bytes of its own.
pub const LINE_LIMIT: usize = 256 * 1024 - 26;

/// How much of the file one page reads, in bytes; more than the longest record.
const PAGE: u64 = 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Milliseconds since the Unix epoch at which the line was read from the container.
    pub at_ms: u64,
    pub stream: Stream,
    pub text: Vec<u8>,
    /// The line goes on in the next record of this stream.
    pub continues: bool,
}

/// Records from an offset on, and the offset to ask for next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    pub records: Vec<LogRecord>,
    pub next: u64,
}

/// Reads at most a page of complete records; an empty page means that there is nothing new.
pub(crate) fn read(file: &mut File, offset: u64) -> io::Result<LogPage> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(PAGE).read_to_end(&mut bytes)?;
    let mut page = LogPage {
        records: Vec::new(),
        next: offset,
    };
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(record) = line.strip_suffix(b"\n") else {
            break;
        };
        page.records.push(parse(record).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("no log record at byte {}", page.next),
            )
        })?);
        page.next += line.len() as u64;
    }
    Ok(page)
}

fn parse(record: &[u8]) -> Option<LogRecord> {
    let space = record.iter().position(|byte| *byte == b' ')?;
    let at_ms = std::str::from_utf8(&record[..space]).ok()?.parse().ok()?;
    let [mark, b' ', text @ ..] = &record[space + 1..] else {
        return None;
    };
    let (stream, continues) = match mark {
        b'o' => (Stream::Stdout, false),
        b'O' => (Stream::Stdout, true),
        b'e' => (Stream::Stderr, false),
        b'E' => (Stream::Stderr, true),
        _ => return None,
    };
    Some(LogRecord {
        at_ms,
        stream,
        text: text.to_vec(),
        continues,
    })
}

/// Cuts what a stream brings into records.
pub(crate) struct LineCutter {
    stream: Stream,
    pending: Vec<u8>,
}

impl LineCutter {
    pub(crate) fn new(stream: Stream) -> LineCutter {
        LineCutter {
            stream,
            pending: Vec::new(),
        }
    }

    /// Appends to `records` every record that `bytes` completes.
    pub(crate) fn push(&mut self, bytes: &[u8], at_ms: u64, records: &mut Vec<u8>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            self.pending.extend_from_slice(text);
            while self.pending.len() > LINE_LIMIT {
                let rest = self
                    .pending
                    .split_off(character_boundary(&self.pending, LINE_LIMIT));
                self.write(at_ms, true, records);
                self.pending = rest;
            }
            if ends {
                self.write(at_ms, false, records);
                self.pending.clear();
            }
        }
    }

    /// The last line, if it lacks a line end.
    pub(crate) fn finish(&mut self, at_ms: u64, records: &mut Vec<u8>) {
        if !self.pending.is_empty() {
            self.write(at_ms, false, records);
            self.pending.clear();
        }
    }

    fn write(&self, at_ms: u64, continues: bool, records: &mut Vec<u8>) {
        let mark = match (self.stream, continues) {
            (Stream::Stdout, false) => 'o',
            (Stream::Stdout, true) => 'O',
            (Stream::Stderr, false) => 'e',
            (Stream::Stderr, true) => 'E',
        };
        records.extend_from_slice(format!("{at_ms} {mark} ").as_bytes());
        records.extend_from_slice(&self.pending);
        records.push(b'\n');
    }
}

/// The last place at or before `at` that does not cut a UTF-8 character; `at` itself where the text is not UTF-8.
fn character_boundary(bytes: &[u8], at: usize) -> usize {
    let continuation = |index: usize| bytes[index] & 0b1100_0000 == 0b1000_0000;
    (at.saturating_sub(3)..=at)
        .rev()
        .find(|index| !continuation(*index))
        .unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn record(at_ms: u64, stream: Stream, text: &[u8], continues: bool) -> LogRecord {
        LogRecord {
            at_ms,
            stream,
            text: text.to_vec(),
            continues,
        }
    }

    #[test]
    fn cuts_lines_and_reads_them_back() {
        let mut records = Vec::new();
        let mut out = LineCutter::new(Stream::Stdout);
        let mut err = LineCutter::new(Stream::Stderr);
        out.push(b"one\ntw", 1, &mut records);
        err.push(b"\xff 7 o x\n\n", 2, &mut records);
        out.push(b"o\nrest", 3, &mut records);
        out.finish(4, &mut records);
        err.finish(4, &mut records);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&records).unwrap();
        file.write_all(b"5 o not complete").unwrap();
        let page = read(&mut file, 0).unwrap();
        assert_eq!(
            page.records,
            [
                record(1, Stream::Stdout, b"one", false),
                record(2, Stream::Stderr, b"\xff 7 o x", false),
                record(2, Stream::Stderr, b"", false),
                record(3, Stream::Stdout, b"two", false),
                record(4, Stream::Stdout, b"rest", false),
            ]
        );
        assert_eq!(page.next, records.len() as u64);
        assert_eq!(
            read(&mut file, page.next).unwrap(),
            LogPage {
                records: Vec::new(),
                next: page.next
            }
        );
    }

    #[test]
    fn splits_long_lines_between_characters() {
        let mut records = Vec::new();
        let mut out = LineCutter::new(Stream::Stdout);
        let long = format!("{}é{}", "a".repeat(LINE_LIMIT - 1), "b".repeat(10));
        out.push(long.as_bytes(), 1, &mut records);
        out.push(b"\n", 2, &mut records);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&records).unwrap();
        let page = read(&mut file, 0).unwrap();
        assert_eq!(
            page.records,
            [
                record(
                    1,
                    Stream::Stdout,
                    "a".repeat(LINE_LIMIT - 1).as_bytes(),
                    true
                ),
                record(
                    2,
                    Stream::Stdout,
                    format!("é{}", "b".repeat(10)).as_bytes(),
                    false
                ),
            ]
        );
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_whole() {
        let mut records = Vec::new();
        let mut out = LineCutter::new(Stream::Stdout);
        out.push(
            &[vec![b'x'; LINE_LIMIT], vec![b'\n']].concat(),
            1,
            &mut records,
        );
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&records).unwrap();
        assert_eq!(
            read(&mut file, 0).unwrap().records,
            [record(1, Stream::Stdout, &[b'x'; LINE_LIMIT], false)]
        );
    }
}
