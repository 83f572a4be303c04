//! Deletes what a container left behind: directories without rights, and chains of them deeper than a path or a
//! process's descriptors reach.

use std::fs::{self, DirEntry, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Deletes a directory and everything in it, following no symbolic link. Nobody else may be writing there.
///
/// Every directory found is first moved to the top, so that none is deeper than two levels when its turn comes.
pub(crate) fn tree(root: &Path) -> io::Result<()> {
    match fs::symlink_metadata(root) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    open_up(root)?;
    let mut waiting = vec![root.to_owned()];
    let mut moved = 0_u64;
    let mut emptied = Vec::new();
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            open_up(&entry.path())?;
            waiting.push(if directory == root {
                entry.path()
            } else {
                move_up(root, &entry, &mut moved)?
            });
        }
        emptied.push(directory);
    }
    emptied.iter().rev().try_for_each(fs::remove_dir)
}

fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o700))
}

fn move_up(root: &Path, entry: &DirEntry, moved: &mut u64) -> io::Result<PathBuf> {
    loop {
        *moved += 1;
        let target = root.join(format!("removed-{moved}"));
        match fs::symlink_metadata(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::rename(entry.path(), &target)?;
                return Ok(target);
            }
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletes_closed_and_bottomless_directories_but_follows_no_link() {
        let temporary = tempfile::tempdir().unwrap();
        let outside = temporary.path().join("outside");
        fs::write(&outside, "kept").unwrap();
        let root = temporary.path().join("root");
        fs::create_dir_all(root.join("closed/inner")).unwrap();
        fs::create_dir(root.join("removed-1")).unwrap();
        std::os::unix::fs::symlink(temporary.path(), root.join("closed/link")).unwrap();
        fs::set_permissions(root.join("closed/inner"), Permissions::from_mode(0o000)).unwrap();
        fs::set_permissions(root.join("closed"), Permissions::from_mode(0o500)).unwrap();
        // 400 levels of 20 bytes: longer than PATH_MAX, built from the inside out.
        let mut chain = root.join("chain");
        fs::create_dir(&chain).unwrap();
        for level in 0..400 {
            let parent = root.join(format!("level-{level}"));
            fs::create_dir(&parent).unwrap();
            fs::rename(&chain, parent.join("a-long-enough-name--")).unwrap();
            chain = parent;
        }
        tree(&root).unwrap();
        assert!(!root.exists());
        assert_eq!(fs::read_to_string(outside).unwrap(), "kept");
        tree(&root).unwrap();
    }
}
