//! A second file system with the files of the first, for the next layer to change: directories anew, everything else
//! by hard link. Unpacked files are never written to, only replaced, so both may share them.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use super::apply::Attributes;

/// Makes `target` like `source`; the answer is what its directories shall be once they are filled.
pub(super) fn link(source: &Path, target: &Path) -> io::Result<Vec<(PathBuf, Attributes)>> {
    let is_root = Uid::effective().is_root();
    let mut directories = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(source.join(&path))?;
        if is_root {
            lchown(
                target.join(&path),
                Some(metadata.uid()),
                Some(metadata.gid()),
            )?;
        }
        for entry in fs::read_dir(source.join(&path))? {
            let entry = entry?;
            let inside = path.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                fs::create_dir(target.join(&inside))?;
                waiting.push(inside);
            } else {
                share(&entry.path(), &target.join(&inside))?;
            }
        }
        directories.push((path, Attributes::of(&metadata)));
    }
    Ok(directories)
}

/// A file has only so many names (65,000 on ext4); then a copy.
fn share(source: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(source, target) {
        Err(error) if error.kind() == io::ErrorKind::TooManyLinks => {}
        other => return other,
    }
    let metadata = fs::symlink_metadata(source)?;
    if metadata.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(source)?, target)?;
        return lchown(target, Some(metadata.uid()), Some(metadata.gid()));
    }
    fs::copy(source, target)?;
    lchown(target, Some(metadata.uid()), Some(metadata.gid()))?;
    Attributes::of(&metadata).set(target)
}
