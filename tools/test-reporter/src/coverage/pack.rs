//! The pages of a coverage report in one file.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use walkdir::WalkDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::artifact;

/// What makes a directory a report that people can open.
const INDEX: &str = "index.html";
/// How deep it may be: istanbul writes to `lcov-report`, karma to a directory for each browser.
const DEPTH: usize = 4;

/// The directory of the report: the one with an index that is nearest to the top.
pub(crate) fn root(directory: &Path) -> Option<PathBuf> {
    WalkDir::new(directory)
        .max_depth(DEPTH)
        .sort_by_file_name()
        .into_iter()
        // A directory that cannot be read has no report that could be.
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file() && entry.file_name() == INDEX)
        .min_by_key(walkdir::DirEntry::depth)
        .and_then(|entry| entry.path().parent().map(Path::to_owned))
}

/// Writes a zip archive, whole or not at all, with the index at its top, where TeamCity looks for it: the files
/// of a directory, or one page. Equal reports are equal bytes. Symbolic links are left out: they could lead
/// anywhere.
pub(crate) fn pack(pages: Pages<'_>, target: &Path) -> anyhow::Result<()> {
    artifact::write(target, |file| match pages {
        Pages::Of(directory) => write(directory, file),
        Pages::One(page) => {
            let mut archive = ZipWriter::new(file);
            archive.start_file(INDEX, options())?;
            archive.write_all(page.as_bytes())?;
            archive.finish()?;
            Ok(())
        }
    })
}

/// What is packed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pages<'p> {
    /// A directory with an index.
    Of(&'p Path),
    /// A page that becomes the index.
    One(&'p str),
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
}

fn write(directory: &Path, target: impl Write + Seek) -> anyhow::Result<()> {
    let mut archive = ZipWriter::new(target);
    for entry in WalkDir::new(directory).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot read {}", directory.display()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path();
        let inside = path.strip_prefix(directory).unwrap_or(path);
        let what = || format!("cannot read {}", path.display());
        let mut content = File::open(path).with_context(what)?;
        archive.start_file(inside.to_string_lossy(), options())?;
        std::io::copy(&mut content, &mut archive).with_context(what)?;
    }
    archive.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;

    fn names(zip: &[u8]) -> Vec<String> {
        let archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        archive
            .file_names()
            .map(|name| name.unwrap().into_owned())
            .collect()
    }

    #[test]
    fn packs_a_report_with_its_index_at_the_top() {
        let directory = tempfile::tempdir().unwrap();
        let report = directory.path().join("coverage/lcov-report");
        assert_eq!(root(directory.path()), None);
        std::fs::create_dir_all(report.join("src")).unwrap();
        std::fs::write(report.join("src/lib.rs.html"), "lib").unwrap();
        std::fs::write(report.join("src/index.html"), "no").unwrap();
        std::fs::write(report.join(INDEX), "index").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", report.join("link")).unwrap();
        assert_eq!(root(directory.path()), Some(report.clone()));
        let target = directory.path().join("out/coverage.zip");
        let packed = || {
            pack(Pages::Of(&report), &target).unwrap();
            std::fs::read(&target).unwrap()
        };
        let bytes = packed();
        assert_eq!(bytes, packed());
        assert_eq!(
            names(&bytes),
            ["index.html", "src/index.html", "src/lib.rs.html"]
        );
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut text = String::new();
        archive
            .by_name(INDEX)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "index");
    }

    #[test]
    fn packs_one_page_as_the_index() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("coverage.zip");
        pack(Pages::One("page"), &target).unwrap();
        assert_eq!(names(&std::fs::read(&target).unwrap()), ["index.html"]);
    }
}
