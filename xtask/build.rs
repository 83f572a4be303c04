//! Puts the templates into the program, so that `new` works wherever that is installed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What tools leave beside sources.
const LEFT_BEHIND: [&str; 7] = [
    "target",
    "node_modules",
    "dist",
    "coverage",
    "reports",
    ".longshore",
    ".git",
];

fn main() -> std::io::Result<()> {
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let templates = package.join("../templates").canonicalize()?;
    let mut files = Vec::new();
    walk(&templates, &mut files)?;
    files.sort();
    let mut source = String::from("pub(super) const FILES: &[(&str, &[u8])] = &[\n");
    for file in files {
        let name = file
            .strip_prefix(&templates)
            .map_err(std::io::Error::other)?
            .to_string_lossy()
            .into_owned();
        let path = file.to_string_lossy().into_owned();
        writeln!(source, "    ({name:?}, include_bytes!({path:?})),")
            .map_err(std::io::Error::other)?;
    }
    source.push_str("];\n");
    let target = Path::new(&variable("OUT_DIR")).join("templates.rs");
    std::fs::write(target, source)
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Every source file; cargo looks again when a directory of sources changes.
fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    println!("cargo:rerun-if-changed={}", directory.display());
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if LEFT_BEHIND.iter().any(|left| name == *left) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
