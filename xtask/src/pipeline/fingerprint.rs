//! Whether a project's sources are what they were.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use walkdir::{DirEntry, WalkDir};

/// What tools write and nobody edits: not part of the sources.
const PRODUCTS: [&str; 7] = [
    ".git",
    ".longshore",
    "target",
    "node_modules",
    "dist",
    "coverage",
    ".angular",
];

/// A digest over the name, kind, size, mode and time of every source file, and over `extra`.
///
/// Times instead of contents, because it is taken before every step: a file that was saved again without a
/// change costs one needless run, never a missed one.
pub(crate) fn of(directory: &Path, outputs: &[PathBuf], extra: &[&str]) -> anyhow::Result<String> {
    let outputs: BTreeSet<PathBuf> = outputs
        .iter()
        .map(|output| directory.join(output))
        .collect();
    let mut hash = Sha256::new();
    for text in extra {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    let is_source = |entry: &DirEntry| {
        let is_product = entry.depth() > 0
            && entry
                .file_name()
                .to_str()
                .is_some_and(|name| PRODUCTS.contains(&name));
        !is_product && !outputs.contains(entry.path())
    };
    for entry in WalkDir::new(directory)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_source)
    {
        let entry = entry.context("cannot look at the project's files")?;
        let metadata = entry
            .metadata()
            .with_context(|| format!("cannot look at {}", entry.path().display()))?;
        if metadata.is_dir() {
            // Its time changes with every file that a tool writes into it; its files speak for themselves.
            continue;
        }
        hash.update(entry.path().as_os_str().as_encoded_bytes());
        let facts = [
            metadata.mtime(),
            metadata.mtime_nsec(),
            i64::from(metadata.mode()),
        ];
        facts
            .iter()
            .for_each(|fact| hash.update(fact.to_le_bytes()));
        hash.update(metadata.size().to_le_bytes());
    }
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn changes_with_the_sources_and_with_nothing_else() {
        let project = tempfile::tempdir().unwrap();
        let at = |name: &str| project.path().join(name);
        fs::create_dir(at("src")).unwrap();
        fs::write(at("src/main.rs"), "fn main() {}").unwrap();
        let outputs = [PathBuf::from("report.xml")];
        let fingerprint = || of(project.path(), &outputs, &["cargo test"]).unwrap();
        let first = fingerprint();
        fs::create_dir(at("target")).unwrap();
        fs::write(at("target/x"), "x").unwrap();
        fs::write(at("report.xml"), "<testsuites/>").unwrap();
        assert_eq!(fingerprint(), first);
        assert_ne!(
            of(project.path(), &outputs, &["cargo nextest run"]).unwrap(),
            first
        );
        fs::write(at("src/lib.rs"), "").unwrap();
        let second = fingerprint();
        assert_ne!(second, first);
        fs::write(at("src/main.rs"), "fn main() { }").unwrap();
        assert_ne!(fingerprint(), second);
    }
}
