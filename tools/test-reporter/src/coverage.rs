//! The coverage report: its numbers, and its pages in one file.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Cursor, Write as _};
use std::path::Path;

use anyhow::Context as _;
use contract::test_report::Coverage;
use walkdir::WalkDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// What makes a directory a report that people can open.
const INDEX: &str = "index.html";

/// Whether the directory has a report.
pub(crate) fn is_report(directory: &Path) -> bool {
    directory.join(INDEX).is_file()
}

/// Covered and total lines, from the directory's lcov.info: the `LH` and `LF` of its files.
pub(crate) fn lines(directory: &Path) -> anyhow::Result<Option<Coverage>> {
    let path = directory.join("lcov.info");
    if !path.is_file() {
        return Ok(None);
    }
    let what = || format!("cannot read {}", path.display());
    let mut coverage = Coverage {
        lines_covered: 0,
        lines_total: 0,
    };
    for line in BufReader::new(File::open(&path).with_context(what)?).lines() {
        let line = line.with_context(what)?;
        let (sum, count) = match line.split_once(':') {
            Some(("LH", count)) => (&mut coverage.lines_covered, count),
            Some(("LF", count)) => (&mut coverage.lines_total, count),
            _ => continue,
        };
        let count: u64 = count
            .trim()
            .parse()
            .with_context(|| format!("{} has no number in `{line}`", path.display()))?;
        *sum = sum.saturating_add(count);
    }
    Ok(Some(coverage))
}

/// The directory as a zip archive with its index at the top, where TeamCity looks for it. Equal reports are
/// equal bytes. Symbolic links are left out: they could lead anywhere.
pub(crate) fn packed(directory: &Path) -> anyhow::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for entry in WalkDir::new(directory).sort_by_file_name() {
        let entry = entry.with_context(|| format!("cannot read {}", directory.display()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path();
        let inside = path.strip_prefix(directory).unwrap_or(path);
        let content =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        archive.start_file(inside.to_string_lossy(), options)?;
        archive.write_all(&content)?;
    }
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn packs_a_report_with_its_index_at_the_top() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        assert!(!is_report(root));
        std::fs::create_dir(root.join("src")).unwrap();
        std::fs::write(root.join("src/lib.rs.html"), "lib").unwrap();
        std::fs::write(root.join(INDEX), "index").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("link")).unwrap();
        assert!(is_report(root));
        let bytes = packed(root).unwrap();
        assert_eq!(bytes, packed(root).unwrap());
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let names: Vec<String> = archive
            .file_names()
            .map(|name| name.unwrap().into_owned())
            .collect();
        assert_eq!(names, ["index.html", "src/lib.rs.html"]);
        let mut text = String::new();
        archive
            .by_name(INDEX)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "index");
    }

    #[test]
    fn adds_the_lines_of_all_files() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(lines(directory.path()).unwrap(), None);
        let file = directory.path().join("lcov.info");
        std::fs::write(
            &file,
            "SF:a\nDA:1,1\nLF:10\nLH:7\nend_of_record\nSF:b\nLF:3\nLH:3\n",
        )
        .unwrap();
        assert_eq!(
            lines(directory.path()).unwrap(),
            Some(Coverage {
                lines_covered: 10,
                lines_total: 13
            })
        );
        std::fs::write(&file, "LF:x\n").unwrap();
        assert_eq!(
            lines(directory.path()).unwrap_err().to_string(),
            format!("{} has no number in `LF:x`", file.display())
        );
    }
}
