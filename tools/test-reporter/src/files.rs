//! Which report files there are, and whether this run wrote them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::num::NonZero;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use globset::{GlobBuilder, GlobMatcher};
use walkdir::WalkDir;

use crate::case::{Source, one_line};
use crate::console_output::ConsoleOutput;
use crate::junit;
use crate::store::Store;

/// Files that are read at once; more would only add windows and no speed.
const MOST_WORKERS: usize = 8;
/// Bytes in which the form of a file shows itself.
const LOOKED_AT: u64 = 1 << 16;
/// Bytes of a line; what is longer comes in pieces.
const LONGEST_LINE: u64 = 1 << 20;

/// Files, by a pattern with `*`, `?`, `[…]`, `{…}` and `**`.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    /// The directory in front of the first wildcard.
    base: PathBuf,
    /// How deep below it a file may be.
    depth: usize,
    /// None if there is no wildcard.
    matcher: Option<GlobMatcher>,
}

/// Time of the last change, size and number of a file: what a rewritten file does not keep.
type Identity = (i64, i64, u64, u64);

/// The reports as they were before the command ran.
#[derive(Debug, Default)]
pub(crate) struct Before(BTreeMap<PathBuf, Identity>);

impl Pattern {
    /// Checks a pattern.
    pub fn new(text: &str) -> Result<Self, globset::Error> {
        let text = text.trim_start_matches("./");
        let glob = GlobBuilder::new(text).literal_separator(true).build()?;
        let is_wild = |part: &str| part.contains(['*', '?', '[', '{']);
        let parts: Vec<&str> = text.split('/').collect();
        let literal = parts.iter().take_while(|part| !is_wild(part)).count();
        let base = match parts[..literal].join("/") {
            base if base.is_empty() && text.starts_with('/') => PathBuf::from("/"),
            base if base.is_empty() => PathBuf::from("."),
            base => PathBuf::from(base),
        };
        Ok(Self {
            text: text.to_owned(),
            base,
            depth: if text.contains("**") {
                usize::MAX
            } else {
                parts.len() - literal
            },
            matcher: (literal < parts.len()).then(|| glob.compile_matcher()),
        })
    }

    /// Files of the pattern, sorted.
    fn files(&self) -> Vec<PathBuf> {
        let Some(matcher) = &self.matcher else {
            return self
                .base
                .is_file()
                .then(|| self.base.clone())
                .into_iter()
                .collect();
        };
        WalkDir::new(&self.base)
            .max_depth(self.depth)
            .sort_by_file_name()
            .into_iter()
            // A directory that cannot be read has no report that could be.
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| match entry.path().strip_prefix("./") {
                Ok(path) => path.to_owned(),
                Err(_no_dot) => entry.into_path(),
            })
            .filter(|path| matcher.is_match(path))
            .collect()
    }
}

impl Before {
    /// Remembers the files that are there now.
    pub(crate) fn now(patterns: &[Pattern]) -> Self {
        Self(
            patterns
                .iter()
                .flat_map(Pattern::files)
                .filter_map(|path| Some((path.clone(), identity(&path)?)))
                .collect(),
        )
    }

    /// Whether a file is still the one that was there before: the run that it reports is another one.
    fn holds(&self, path: &Path) -> bool {
        self.0
            .get(path)
            .is_some_and(|before| identity(path) == Some(*before))
    }
}

fn identity(path: &Path) -> Option<Identity> {
    let metadata = path.metadata().ok()?;
    Some((
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.size(),
        metadata.ino(),
    ))
}

/// Reads the reports of all patterns, several at once; those that cannot be relied on are problems of their
/// sources.
pub(crate) fn read(
    patterns: &[Pattern],
    before: &Before,
    accepted: bool,
    store: &Store,
) -> Vec<Source> {
    let mut paths = BTreeSet::new();
    let mut without_file = Vec::new();
    for pattern in patterns {
        let files = pattern.files();
        if files.is_empty() {
            without_file.push(broken(
                &pattern.text,
                format!("no report was written to {}", one_line(&pattern.text)),
            ));
        }
        paths.extend(files);
    }
    let paths: Vec<PathBuf> = paths.into_iter().collect();
    let mut sources = in_parallel(&paths, |path| source(path, before, accepted, store));
    sources.extend(without_file);
    sources
}

/// What `each` makes of every path, in the order of the paths.
fn in_parallel(paths: &[PathBuf], each: impl Fn(&Path) -> Source + Sync) -> Vec<Source> {
    let workers = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(MOST_WORKERS)
        .min(paths.len());
    if workers <= 1 {
        return paths.iter().map(|path| each(path)).collect();
    }
    let next = AtomicUsize::new(0);
    let mut sources: Vec<(usize, Source)> = thread::scope(|scope| {
        let running: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    let mut read = Vec::new();
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(path) = paths.get(at) else {
                            return read;
                        };
                        read.push((at, each(path)));
                    }
                })
            })
            .collect();
        running
            .into_iter()
            .flat_map(|worker| match worker.join() {
                Ok(read) => read,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    });
    sources.sort_unstable_by_key(|(at, _)| *at);
    sources.into_iter().map(|(_, source)| source).collect()
}

fn source(path: &Path, before: &Before, accepted: bool, store: &Store) -> Source {
    let name = one_line(&path.display().to_string());
    if before.holds(path) {
        let problem = format!("{name} is of an earlier run, and this one did not write it");
        return broken(&name, problem);
    }
    let unreadable = |error: io::Error| broken(&name, format!("{name} cannot be read: {error}"));
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return unreadable(error),
    };
    let mut first = Vec::new();
    if let Err(error) = (&mut file).take(LOOKED_AT).read_to_end(&mut first) {
        return unreadable(error);
    }
    let is_stream = is_stream(&first);
    let whole = io::Cursor::new(first).chain(file);
    if is_stream {
        stream(&name, whole, accepted, store)
    } else {
        junit::read(&name, whole, accepted, store)
    }
}

/// Whether a file is a runner's output and not XML: service messages, or libtest's lines.
fn is_stream(first: &[u8]) -> bool {
    let find = |what: &[u8]| memchr::memmem::find(first, what);
    let message = [
        find(b"##teamcity[test"),
        find(b"##teamcity[flow"),
        find(b"\nrunning "),
    ]
    .into_iter()
    .flatten()
    .min();
    match (message, find(b"<testsuite").or_else(|| find(b"<?xml"))) {
        (Some(message), Some(tag)) => message < tag,
        (message, None) => message.is_some(),
        (None, Some(_)) => false,
    }
}

fn stream(name: &str, input: impl Read, accepted: bool, store: &Store) -> Source {
    let mut output = ConsoleOutput::default();
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    let mut problem = None;
    loop {
        line.clear();
        match (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => output.line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r'])),
            Err(error) => {
                problem = Some(format!("{name} cannot be read: {error}"));
                break;
            }
        }
    }
    if output.is_empty() {
        problem.get_or_insert_with(|| format!("{name} has no test results"));
    }
    let mut source = output.finish(name, accepted, store);
    for problem in &mut source.problems {
        *problem = format!("{name}: {problem}");
    }
    source.problems.extend(problem);
    source
}

fn broken(name: &str, problem: String) -> Source {
    Source {
        name: name.to_owned(),
        problems: vec![problem],
        ..Source::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_files_by_pattern() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for file in ["a.xml", "x/b.xml", "x/y/c.xml", "x/y/d.txt"] {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = |pattern: &str| {
            let text = format!("{}/{pattern}", root.display());
            let files = Pattern::new(&text).unwrap().files();
            files
                .iter()
                .map(|file| file.strip_prefix(root).unwrap().display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(found("*.xml"), ["a.xml"]);
        assert_eq!(found("**/*.xml"), ["a.xml", "x/b.xml", "x/y/c.xml"]);
        assert_eq!(found("x/*/[cd].{xml,txt}"), ["x/y/c.xml", "x/y/d.txt"]);
        assert_eq!(found("x/b.xml"), ["x/b.xml"]);
        assert_eq!(found("x"), [""; 0]);
        assert_eq!(found("none/**/*.xml"), [""; 0]);
    }

    #[test]
    fn knows_a_file_that_was_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("junit.xml");
        std::fs::write(&path, "<testsuite/>").unwrap();
        let patterns = [Pattern::new(path.to_str().unwrap()).unwrap()];
        let before = Before::now(&patterns);
        assert!(before.holds(&path));
        std::fs::write(&path, "<testsuites/>").unwrap();
        assert!(!before.holds(&path));
    }
}
