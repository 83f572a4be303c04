//! Copies an unpacked file system, for where no overlay can be mounted over it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;

use nix::unistd::Uid;

/// Copies what is in `source` into the directory `target`, replacing what is there, following no link.
pub(super) fn tree(source: &Path, target: &Path) -> io::Result<()> {
    let mut waiting = vec![(source.to_owned(), target.to_owned())];
    while let Some((source, target)) = waiting.pop() {
        for entry in fs::read_dir(&source)? {
            let entry = entry?;
            let (from, to) = (entry.path(), target.join(entry.file_name()));
            let metadata = entry.metadata()?;
            let kind = metadata.file_type();
            if kind.is_dir() {
                if !fs::symlink_metadata(&to).is_ok_and(|present| present.is_dir()) {
                    clear(&to)?;
                    fs::create_dir(&to)?;
                }
                waiting.push((from, to.clone()));
            } else if kind.is_symlink() {
                clear(&to)?;
                symlink(fs::read_link(&from)?, &to)?;
            } else if kind.is_file() {
                clear(&to)?;
                fs::copy(&from, &to)?;
            } else {
                // Unpacking refuses devices and sockets.
                continue;
            }
            if Uid::effective().is_root() {
                lchown(&to, Some(metadata.uid()), Some(metadata.gid()))?;
            }
            if !kind.is_symlink() {
                fs::set_permissions(
                    &to,
                    fs::Permissions::from_mode(
                        metadata.mode() & 0o7777 | u32::from(kind.is_dir()) * 0o700,
                    ),
                )?;
            }
        }
    }
    Ok(())
}

fn clear(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(present) if present.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lays_one_tree_over_another() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["low/bin", "high/bin", "target"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        fs::write(at("low/bin/a"), "low").unwrap();
        fs::write(at("low/bin/b"), "low").unwrap();
        symlink("a", at("low/link")).unwrap();
        fs::write(at("high/bin/a"), "high").unwrap();
        fs::set_permissions(at("high/bin/a"), fs::Permissions::from_mode(0o755)).unwrap();
        tree(&at("low"), &at("target")).unwrap();
        tree(&at("high"), &at("target")).unwrap();
        assert_eq!(fs::read_to_string(at("target/bin/a")).unwrap(), "high");
        assert_eq!(fs::read_to_string(at("target/bin/b")).unwrap(), "low");
        assert_eq!(fs::read_link(at("target/link")).unwrap(), Path::new("a"));
        assert_eq!(
            fs::metadata(at("target/bin/a"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o755
        );
    }
}
