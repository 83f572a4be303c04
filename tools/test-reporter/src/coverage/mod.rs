//! Coverage: its numbers, from whatever report there is, and its pages in one file.

mod istanbul;
mod lcov;
mod measured;
mod pack;
mod xml;

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use walkdir::WalkDir;

pub(crate) use measured::{Measured, Numbers};
pub(crate) use pack::{Pages, pack, root};

/// Names that tools give their reports, the best first: where two tell of one run, the first counts.
const NAMES: [&str; 9] = [
    "lcov.info",
    "cobertura-coverage.xml",
    "cobertura.xml",
    "coverage.cobertura.xml",
    "coverage.xml",
    "clover.xml",
    "jacoco.xml",
    "coverage-final.json",
    "coverage-summary.json",
];
/// How deep in a directory a report may be: karma has one directory for each browser.
const DEPTH: usize = 4;

/// The numbers of a report, or of the one in a directory. None if the directory has none.
pub(crate) fn measure(path: &Path) -> anyhow::Result<Option<Measured>> {
    if path.is_file() {
        return read(path).map(Some);
    }
    let mut measured: Option<Measured> = None;
    for name in NAMES {
        for file in named(path, name) {
            let more = read(&file)?;
            match &mut measured {
                None => measured = Some(more),
                Some(known) if known.name == name => known.join(more),
                // Only istanbul's own format counts statements.
                Some(known) => known.add_statements(&more),
            }
            if let Some(known) = &mut measured {
                known.name = name.to_owned();
            }
        }
        if measured.as_ref().is_some_and(Measured::has_statements) {
            break;
        }
    }
    Ok(measured)
}

/// Files of this name, those nearest to the top only.
fn named(directory: &Path, name: &str) -> Vec<PathBuf> {
    let found: Vec<(usize, PathBuf)> = WalkDir::new(directory)
        .max_depth(DEPTH)
        .sort_by_file_name()
        .into_iter()
        // A directory that cannot be read has no report that could be.
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file() && entry.file_name() == name)
        .map(|entry| (entry.depth(), entry.into_path()))
        .collect();
    let top = found.iter().map(|(depth, _)| *depth).min();
    found
        .into_iter()
        .filter(|(depth, _)| Some(*depth) == top)
        .map(|(_, path)| path)
        .collect()
}

fn read(path: &Path) -> anyhow::Result<Measured> {
    let what = || format!("cannot read the coverage report {}", path.display());
    let mut input = BufReader::with_capacity(1 << 16, File::open(path).with_context(what)?);
    let mut first = Vec::new();
    (&mut input)
        .take(512)
        .read_to_end(&mut first)
        .with_context(what)?;
    let begin = first
        .iter()
        .find(|byte| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(byte));
    let whole = first.chain(input);
    match begin {
        Some(b'{') => istanbul::read(whole).with_context(what),
        Some(b'<') => xml::read(whole).with_context(what),
        Some(b'S' | b'T' | b'D' | b'L' | b'F' | b'B' | b'#' | b'V') => {
            lcov::read(whole).with_context(what)
        }
        _ => bail!(
            "{} is no coverage report that is known (lcov, cobertura, clover, JaCoCo, istanbul)",
            path.display()
        ),
    }
}

#[cfg(test)]
mod tests;
