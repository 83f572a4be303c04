//! Paths inside an image's file system, which may hold anything: a symbolic link in it means a place inside it, as it
//! would for a program that has it as its root, and no path leads out. Nobody else may be writing there meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, unlinkat};

/// As many symbolic links as Linux follows in one path.
const LINK_LIMIT: usize = 40;
/// Directories held open at once; deeper paths are refused.
const DEPTH_LIMIT: usize = 200;

/// The directory that is `/` inside.
#[derive(Debug)]
pub(crate) struct Root {
    top: OwnedFd,
    /// Owner of directories that are created on the way.
    owner: Option<u32>,
}

/// A directory inside a root.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) directory: OwnedFd,
    /// From the root, without symbolic links.
    pub(crate) path: PathBuf,
}

/// What to do about a directory on the way that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Refuse,
    Create,
}

impl Root {
    pub(crate) fn open(path: &Path) -> io::Result<Root> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Root {
            top: nix::fcntl::open(path, flags, Mode::empty())?,
            owner: None,
        })
    }

    /// Gives the directories that it creates to this user and group.
    pub(crate) fn owned_by(self, owner: Option<u32>) -> Root {
        Root { owner, ..self }
    }

    /// The directory at `path`, following links inside the root.
    pub(crate) fn directory(&self, path: &Path, missing: Missing) -> io::Result<Located> {
        let mut opened: Vec<(OwnedFd, OsString)> = Vec::new();
        let mut ahead = reversed(path);
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            if name == ".." {
                opened.pop();
                continue;
            }
            let here = opened
                .last()
                .map_or(self.top.as_fd(), |(directory, _)| directory.as_fd());
            match readlinkat(here, name.as_os_str()) {
                Ok(target) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return Err(Errno::ELOOP.into());
                    }
                    if target.as_bytes().starts_with(b"/") {
                        opened.clear();
                    }
                    ahead.extend(reversed(Path::new(&target)));
                    continue;
                }
                Err(Errno::ENOENT) if missing == Missing::Create => self.create(here, &name)?,
                Err(Errno::EINVAL) => {}
                Err(error) => return Err(error.into()),
            }
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let directory = openat(here, name.as_os_str(), flags, Mode::empty())?;
            if opened.len() == DEPTH_LIMIT {
                return Err(Errno::ENAMETOOLONG.into());
            }
            opened.push((directory, name));
        }
        let path = opened.iter().map(|(_, name)| name).collect();
        match opened.pop() {
            Some((directory, _)) => Ok(Located { directory, path }),
            None => Ok(Located {
                directory: self.top.try_clone()?,
                path,
            }),
        }
    }

    fn create(&self, parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
        mkdirat(parent, name, Mode::from_bits_truncate(0o755))?;
        if let Some(owner) = self.owner {
            let (user, group) = (Uid::from_raw(owner), Gid::from_raw(owner));
            fchownat(
                parent,
                name,
                Some(user),
                Some(group),
                AtFlags::AT_SYMLINK_NOFOLLOW,
            )?;
        }
        Ok(())
    }

    /// Where the file at `path` is or would be: its directory, and its name there, which is no symbolic link.
    pub(crate) fn file(&self, path: &Path, missing: Missing) -> io::Result<(Located, OsString)> {
        let mut path = path.to_owned();
        for _ in 0..LINK_LIMIT {
            let Some(name) = path.file_name().map(OsStr::to_owned) else {
                return Err(Errno::EISDIR.into());
            };
            let parent = self.directory(path.parent().unwrap_or(Path::new("")), missing)?;
            match readlinkat(&parent.directory, name.as_os_str()) {
                // An absolute target replaces the whole path.
                Ok(target) => path = parent.path.join(target),
                Err(Errno::EINVAL | Errno::ENOENT) => return Ok((parent, name)),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::ELOOP.into())
    }

    /// Puts a new file in place of whatever is there, a symbolic link included.
    pub(crate) fn write(&self, path: &Path, contents: &str) -> io::Result<()> {
        let name = path.file_name().ok_or(Errno::EISDIR)?;
        let parent = self
            .directory(path.parent().unwrap_or(Path::new("")), Missing::Create)?
            .directory;
        match unlinkat(&parent, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
        File::from(create_file(&parent, name, 0o644)?).write_all(contents.as_bytes())
    }

    /// A descriptor of the directory at `path` to mount on.
    pub(crate) fn mount_directory(&self, path: &Path) -> io::Result<OwnedFd> {
        self.directory(path, Missing::Create)
            .map(|located| located.directory)
    }

    /// A descriptor of the file at `path` to mount on.
    pub(crate) fn mount_file(&self, path: &Path) -> io::Result<OwnedFd> {
        let (parent, name) = self.file(path, Missing::Create)?;
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        match openat(&parent.directory, name.as_os_str(), flags, Mode::empty()) {
            Err(Errno::ENOENT) => {
                create_file(&parent.directory, &name, 0o644)?;
                Ok(openat(
                    &parent.directory,
                    name.as_os_str(),
                    flags,
                    Mode::empty(),
                )?)
            }
            other => Ok(other?),
        }
    }
}

/// Creates a file that was not there.
pub(crate) fn create_file(directory: impl AsFd, name: &OsStr, mode: u32) -> io::Result<OwnedFd> {
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(
        directory,
        name,
        flags,
        Mode::from_bits_truncate(mode),
    )?)
}

/// The names of a path, last one first.
fn reversed(path: &Path) -> Vec<OsString> {
    path.components()
        .rev()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("inside");
        fs::create_dir_all(inside.join("usr/bin")).unwrap();
        fs::create_dir_all(directory.path().join("outside")).unwrap();
        symlink("usr/bin", inside.join("bin")).unwrap();
        symlink("/usr", inside.join("absolute")).unwrap();
        symlink("../../../../outside", inside.join("climbs")).unwrap();
        symlink("loop", inside.join("loop")).unwrap();
        symlink("../../../missing/file", inside.join("usr/dangles")).unwrap();
        directory
    }

    fn check(path: &str, missing: Missing, expected: Result<&str, Errno>) {
        let directory = tree();
        let root = Root::open(&directory.path().join("inside")).unwrap();
        let actual = root
            .directory(Path::new(path), missing)
            .map(|located| located.path);
        let expected = expected.map(PathBuf::from);
        assert_eq!(
            actual.map_err(|error| error.raw_os_error()),
            expected.map_err(|errno| Some(errno as i32)),
            "{path}"
        );
        assert_eq!(
            fs::read_dir(directory.path().join("outside"))
                .unwrap()
                .count(),
            0
        );
    }

    #[test]
    fn follows_links_only_inside() {
        check("/bin/../bin", Missing::Refuse, Ok("usr/bin"));
        check("absolute/bin", Missing::Refuse, Ok("usr/bin"));
        check("../../usr", Missing::Refuse, Ok("usr"));
        check("climbs/new", Missing::Create, Ok("outside/new"));
        check("climbs", Missing::Refuse, Err(Errno::ENOENT));
        check("loop/x", Missing::Create, Err(Errno::ELOOP));
        check("", Missing::Refuse, Ok(""));
        check(
            &"a/".repeat(DEPTH_LIMIT),
            Missing::Create,
            Ok(&"a/".repeat(DEPTH_LIMIT)),
        );
        check(
            &"a/".repeat(DEPTH_LIMIT + 1),
            Missing::Create,
            Err(Errno::ENAMETOOLONG),
        );
    }

    #[test]
    fn finds_the_file_behind_a_link_and_replaces_the_link_itself() {
        let directory = tree();
        let inside = directory.path().join("inside");
        let root = Root::open(&inside).unwrap();
        let (parent, name) = root
            .file(Path::new("/usr/dangles"), Missing::Create)
            .unwrap();
        assert_eq!(
            (parent.path, name),
            (PathBuf::from("missing"), OsString::from("file"))
        );
        root.write(Path::new("/usr/dangles"), "new").unwrap();
        assert!(
            !fs::symlink_metadata(inside.join("usr/dangles"))
                .unwrap()
                .is_symlink()
        );
        assert_eq!(
            fs::read_to_string(inside.join("usr/dangles")).unwrap(),
            "new"
        );
    }
}
