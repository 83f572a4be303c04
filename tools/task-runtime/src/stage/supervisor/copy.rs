//! Copies an image where it cannot be shared. Owners are kept where this process may give files away.

use std::fs::{self, DirEntry, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::{Uid, mkfifo};

/// Copies what is in `from` into `to`, over what is there. Devices and sockets are left out.
pub(super) fn tree(from: &Path, to: &Path) -> io::Result<()> {
    let mut waiting = vec![(from.to_owned(), to.to_owned())];
    // Once everything is in them, because a directory's rights may forbid that.
    let mut directories = Vec::new();
    while let Some((from, to)) = waiting.pop() {
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                directory(&target)?;
                waiting.push((entry.path(), target.clone()));
                directories.push((target, metadata));
            } else {
                file(&entry, &metadata, &target).map_err(|error| named(&error, &entry.path()))?;
            }
        }
    }
    directories
        .iter()
        .try_for_each(|(target, metadata)| keep_rights(target, metadata))
}

fn named(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("copy {}: {error}", path.display()))
}

fn directory(target: &PathBuf) -> io::Result<()> {
    match fs::symlink_metadata(target) {
        Ok(present) if present.is_dir() => return Ok(()),
        Ok(_) => fs::remove_file(target)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::create_dir(target)
}

fn file(entry: &DirEntry, metadata: &Metadata, target: &Path) -> io::Result<()> {
    match fs::symlink_metadata(target) {
        Ok(present) if present.is_dir() => fs::remove_dir_all(target)?,
        Ok(_) => fs::remove_file(target)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if metadata.is_symlink() {
        symlink(fs::read_link(entry.path())?, target)?;
        return keep_owner(target, metadata);
    }
    if metadata.is_file() {
        fs::copy(entry.path(), target)?;
    } else if metadata.file_type().is_fifo() {
        mkfifo(target, Mode::S_IRUSR | Mode::S_IWUSR)?;
    } else {
        return Ok(());
    }
    keep_rights(target, metadata)
}

/// The owner first: a change of owner takes set-user-id bits away.
fn keep_rights(target: &Path, metadata: &Metadata) -> io::Result<()> {
    keep_owner(target, metadata)?;
    fs::set_permissions(target, Permissions::from_mode(metadata.mode() & 0o7777))
}

fn keep_owner(target: &Path, metadata: &Metadata) -> io::Result<()> {
    let present = fs::symlink_metadata(target)?;
    if !Uid::effective().is_root()
        || (present.uid(), present.gid()) == (metadata.uid(), metadata.gid())
    {
        return Ok(());
    }
    lchown(target, Some(metadata.uid()), Some(metadata.gid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_every_kind_of_file_over_what_is_there() {
        let temporary = tempfile::tempdir().unwrap();
        let (from, to) = (temporary.path().join("from"), temporary.path().join("to"));
        fs::create_dir_all(from.join("closed")).unwrap();
        fs::write(from.join("closed/file"), "new").unwrap();
        fs::set_permissions(from.join("closed/file"), Permissions::from_mode(0o440)).unwrap();
        fs::set_permissions(from.join("closed"), Permissions::from_mode(0o555)).unwrap();
        symlink("/etc/passwd", from.join("link")).unwrap();
        mkfifo(&from.join("fifo"), Mode::S_IRUSR).unwrap();
        fs::create_dir_all(to.join("link/under")).unwrap();
        fs::write(to.join("closed"), "old").unwrap();
        tree(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("closed/file")).unwrap(), "new");
        assert_eq!(
            fs::metadata(to.join("closed/file")).unwrap().mode() & 0o7777,
            0o440
        );
        assert_eq!(
            fs::metadata(to.join("closed")).unwrap().mode() & 0o7777,
            0o555
        );
        assert_eq!(
            fs::read_link(to.join("link")).unwrap(),
            Path::new("/etc/passwd")
        );
        assert!(fs::metadata(to.join("fifo")).unwrap().file_type().is_fifo());
    }
}
