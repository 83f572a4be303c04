//! What a container changed in its file system, read from the overlay's upper layer after it has ended.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::ids::Ids;
use crate::task::Task;

/// One path that differs from the image below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Relative to the container's root.
    pub path: PathBuf,
    pub what: ChangeKind,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// Deleted.
    Removed,
    /// Made, or changed, or only on the way to something that was.
    Kept(Kept),
}

/// A file, a directory or a link as the container left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Where it is on the host. Not to be changed, and gone with the task.
    pub host: PathBuf,
    /// Ids as the container saw them.
    pub uid: u32,
    pub gid: u32,
    /// `0o7777` at most.
    pub mode: u32,
    /// A directory in place of what the image had there, of which nothing is left.
    pub is_opaque: bool,
    /// `security.capability` in the form that is valid outside of a user namespace.
    pub capability: Option<Vec<u8>>,
}

/// Attributes of the overlay: the first where root mounted it, the second in a user's own namespace.
const OPAQUE: [&str; 2] = ["trusted.overlay.opaque", "user.overlay.opaque"];
const CAPABILITY: &str = "security.capability";
/// Longest value of the attributes above, in bytes: `struct vfs_ns_cap_data` has 24.
const MOST_VALUE: usize = 64;

/// The changes of a container that ran with an overlay, a directory before what is in it, names by their bytes. The
/// task must have ended. What cannot be read for lack of rights although it is the user's own is made readable.
pub fn changes(task: &Task, container: &str, ids: Ids) -> io::Result<Vec<Change>> {
    let upper = task
        .directory()
        .join("containers")
        .join(container)
        .join("upper");
    let mut found = Vec::new();
    walk(&upper, Path::new(""), ids, &mut found)?;
    Ok(found)
}

fn walk(top: &Path, below: &Path, ids: Ids, found: &mut Vec<Change>) -> io::Result<()> {
    let directory = top.join(below);
    let mut names: Vec<OsString> = fs::read_dir(&directory)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<_>>()?;
    names.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
    for name in names {
        let path = below.join(&name);
        let host = top.join(&path);
        let metadata = fs::symlink_metadata(&host)?;
        let what = if is_whiteout(&metadata) {
            ChangeKind::Removed
        } else {
            make_readable(&host, &metadata)?;
            ChangeKind::Kept(kept(host, &metadata, ids)?)
        };
        found.push(Change {
            path: path.clone(),
            what,
        });
        if metadata.is_dir() {
            walk(top, &path, ids, found)?;
        }
    }
    Ok(())
}

/// A character device with the number 0:0 (kernel documentation, overlayfs, whiteouts and opaque directories).
fn is_whiteout(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == 0
}

/// A user's own file may be closed to that user; root reads everything.
fn make_readable(host: &Path, metadata: &Metadata) -> io::Result<()> {
    let needed = match metadata.file_type() {
        kind if kind.is_dir() => 0o500,
        kind if kind.is_file() => 0o400,
        _ => return Ok(()),
    };
    let mode = metadata.mode() & 0o7777;
    if mode & needed == needed || rustix::process::geteuid().is_root() {
        return Ok(());
    }
    fs::set_permissions(host, Permissions::from_mode(mode | needed))
}

fn kept(host: PathBuf, metadata: &Metadata, ids: Ids) -> io::Result<Kept> {
    let mut is_opaque = false;
    if metadata.is_dir() {
        for name in OPAQUE {
            is_opaque |= attribute(&host, name)?.as_deref() == Some(b"y");
        }
    }
    let capability = if metadata.is_file() {
        attribute(&host, CAPABILITY)?.and_then(outside_of_namespace)
    } else {
        None
    };
    Ok(Kept {
        uid: ids.in_container(metadata.uid()),
        gid: ids.in_container(metadata.gid()),
        mode: metadata.mode() & 0o7777,
        is_opaque,
        capability,
        host,
    })
}

fn attribute(path: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut value = [0_u8; MOST_VALUE];
    match rustix::fs::lgetxattr(path, OsStr::new(name), &mut value[..]) {
        Ok(length) => Ok(Some(value[..length].to_vec())),
        // Longer than any value of these attributes is none of them.
        Err(Errno::NODATA | Errno::NOTSUP | Errno::PERM | Errno::RANGE) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Revision 3 names the user namespace's root at its end and is revision 2 otherwise (`linux/capability.h`).
fn outside_of_namespace(mut value: Vec<u8>) -> Option<Vec<u8>> {
    match (value.get(3)?, value.len()) {
        (2, 20) => Some(value),
        (3, 24) => {
            value[3] = 2;
            value.truncate(20);
            Some(value)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_capabilities_as_they_are_outside() {
        let second = [&[1, 0, 0, 2], &[7; 16][..]].concat();
        let third = [&[1, 0, 0, 3], &[7; 16][..], &[9; 4][..]].concat();
        assert_eq!(outside_of_namespace(second.clone()), Some(second.clone()));
        assert_eq!(outside_of_namespace(third), Some(second));
        assert_eq!(outside_of_namespace(vec![1, 0, 0, 1]), None);
        assert_eq!(outside_of_namespace(Vec::new()), None);
    }
}
