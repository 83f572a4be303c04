//! Which report files there are, and whether this run wrote them.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use walkdir::WalkDir;

use crate::case::Source;
use crate::junit;

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

/// Reads the reports of all patterns; those that cannot be relied on are problems of their sources.
pub(crate) fn read(patterns: &[Pattern], before: &Before, accepted: bool) -> Vec<Source> {
    let mut sources: BTreeMap<PathBuf, Source> = BTreeMap::new();
    let mut without_file = Vec::new();
    for pattern in patterns {
        let files = pattern.files();
        if files.is_empty() {
            without_file.push(broken(
                &pattern.text,
                format!("no report was written to {}", pattern.text),
            ));
        }
        for path in files {
            sources
                .entry(path)
                .or_insert_with_key(|path| source(path, before, accepted));
        }
    }
    sources.into_values().chain(without_file).collect()
}

fn source(path: &Path, before: &Before, accepted: bool) -> Source {
    let name = path.display().to_string();
    if before.holds(path) {
        let problem = format!("{name} is of an earlier run, and this one did not write it");
        return broken(&name, problem);
    }
    match File::open(path) {
        Ok(file) => junit::read(&name, file, accepted),
        Err(error) => broken(&name, format!("{name} cannot be read: {error}")),
    }
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
