//! A file that is written piece by piece and appears whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

/// Writes what `content` writes; what stands at `target` stays if that fails.
pub(crate) fn write(
    target: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let what = || format!("cannot write {}", target.display());
    let parent = match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).with_context(what)?;
    let (file, path) = tempfile::NamedTempFile::new_in(parent)
        .with_context(what)?
        .into_parts();
    let mut writer = BufWriter::new(file);
    content(&mut writer).with_context(what)?;
    writer.flush().with_context(what)?;
    // A temporary file is private; this one is for whoever reads the build's results.
    writer
        .get_ref()
        .set_permissions(std::fs::Permissions::from_mode(0o644))
        .with_context(what)?;
    path.persist(target).with_context(what)?;
    Ok(())
}
