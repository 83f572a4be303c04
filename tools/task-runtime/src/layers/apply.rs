//! Applies the entries of one archive to a root, and lets none of them lead out of it.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Gid, LinkatFlags, Uid, UnlinkatFlags, fchownat, linkat, symlinkat, unlinkat};
use tar::{Archive, Entry, EntryType};

use super::Limits;
use crate::ids::Ids;
use crate::root::{Located, Missing, Root, create_file};

/// `.wh.NAME` deletes NAME of the layers below (OCI image specification, layers, whiteouts).
const WHITEOUT: &[u8] = b".wh.";
/// Deletes everything that the layers below have in its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";

pub(super) struct Applier {
    path: PathBuf,
    root: Root,
    ids: Ids,
    limits: Limits,
    entries: u64,
    /// What the present layer has put there, which its own whiteouts do not concern.
    fresh: HashSet<PathBuf>,
    /// Set at the end: a directory that may not be written to could not be filled.
    modes: BTreeMap<PathBuf, u32>,
}

impl Applier {
    pub(super) fn new(path: &Path, ids: Ids, limits: Limits) -> io::Result<Applier> {
        let owner = ids.on_host(0);
        if owner.is_some() {
            std::os::unix::fs::chown(path, owner, owner)?;
        }
        fs::set_permissions(path, Permissions::from_mode(0o755))?;
        Ok(Applier {
            path: path.to_owned(),
            root: Root::open(path)?.owned_by(owner),
            ids,
            limits,
            entries: 0,
            fresh: HashSet::new(),
            modes: BTreeMap::new(),
        })
    }

    /// Applies every entry of an archive.
    pub(super) fn layer(&mut self, archive: &mut impl Read) -> io::Result<()> {
        self.fresh.clear();
        for entry in Archive::new(archive).entries()? {
            let mut entry = entry?;
            self.entries += 1;
            if self.entries > self.limits.entries {
                return Err(io::Error::other(format!(
                    "it has more than {} entries",
                    self.limits.entries
                )));
            }
            let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            self.entry(&mut entry)
                .map_err(|error| io::Error::new(error.kind(), format!("{shown}: {error}")))?;
        }
        Ok(())
    }

    /// Gives directories their modes.
    pub(super) fn finish(self) -> io::Result<()> {
        // The deepest first: a closed parent would be in the way.
        for (path, mode) in self.modes.iter().rev() {
            let directory = self.path.join(path);
            match fs::symlink_metadata(&directory) {
                Ok(present) if present.is_dir() => {
                    fs::set_permissions(&directory, Permissions::from_mode(*mode))?
                }
                // A later layer has replaced it.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &mut Entry<'_, impl Read>) -> io::Result<()> {
        let path = inside(&entry.path_bytes())?;
        let Some(name) = path.file_name().map(OsStr::to_owned) else {
            return self.top(entry);
        };
        let parent = self
            .root
            .directory(path.parent().unwrap_or(Path::new("")), Missing::Create)?;
        if name.as_bytes() == OPAQUE {
            return self.clear(&parent);
        }
        if let Some(deleted) = name.as_bytes().strip_prefix(WHITEOUT) {
            let deleted = OsStr::from_bytes(deleted);
            if deleted.is_empty() || deleted == "." || deleted == ".." {
                return Err(io::Error::other("a whiteout of nothing"));
            }
            return if self.fresh.contains(&parent.path.join(deleted)) {
                Ok(())
            } else {
                delete(&parent.directory, deleted)
            };
        }
        let kind = entry.header().entry_type();
        match kind {
            EntryType::Directory => self.directory(entry, &parent, &name)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.file(entry, &parent, &name)?
            }
            EntryType::Symlink => self.symlink(entry, &parent, &name)?,
            EntryType::Link => self.link(entry, &parent, &name)?,
            // A container gets its own /dev; nothing else may bring devices, and a pipe without its other end is of
            // no use to an image.
            EntryType::Char | EntryType::Block | EntryType::Fifo => return Ok(()),
            // Read by the archive itself, or a comment.
            EntryType::XGlobalHeader => return Ok(()),
            other => {
                return Err(io::Error::other(format!(
                    "an entry of the unknown kind {other:?}"
                )));
            }
        }
        self.fresh.insert(parent.path.join(&name));
        Ok(())
    }

    /// The entry of the root itself.
    fn top(&mut self, entry: &Entry<'_, impl Read>) -> io::Result<()> {
        if entry.header().entry_type() == EntryType::Directory {
            self.modes
                .insert(PathBuf::new(), entry.header().mode()? & 0o7777);
        }
        Ok(())
    }

    fn directory(
        &mut self,
        entry: &Entry<'_, impl Read>,
        parent: &Located,
        name: &OsStr,
    ) -> io::Result<()> {
        let present = fs::symlink_metadata(descriptor(&parent.directory).join(name));
        if !present.is_ok_and(|present| present.is_dir()) {
            delete(&parent.directory, name)?;
            mkdirat(&parent.directory, name, Mode::from_bits_truncate(0o755))?;
        }
        self.give(entry, parent, name)?;
        self.modes
            .insert(parent.path.join(name), entry.header().mode()? & 0o7777);
        Ok(())
    }

    fn file(
        &self,
        entry: &mut Entry<'_, impl Read>,
        parent: &Located,
        name: &OsStr,
    ) -> io::Result<()> {
        delete(&parent.directory, name)?;
        let mode = entry.header().mode()? & 0o7777;
        let mut file = File::from(create_file(&parent.directory, name, 0o600)?);
        io::copy(entry, &mut file)?;
        // First the owner: a change of it takes set-user-id away.
        self.give(entry, parent, name)?;
        file.set_permissions(Permissions::from_mode(mode))
    }

    fn symlink(
        &self,
        entry: &Entry<'_, impl Read>,
        parent: &Located,
        name: &OsStr,
    ) -> io::Result<()> {
        let target = entry
            .link_name_bytes()
            .ok_or_else(|| io::Error::other("a symbolic link without a target"))?;
        delete(&parent.directory, name)?;
        symlinkat(OsStr::from_bytes(&target), &parent.directory, name)?;
        self.give(entry, parent, name)
    }

    /// Only to a file that is there, inside: whatever else a link of the host could reach stays out of reach.
    fn link(&self, entry: &Entry<'_, impl Read>, parent: &Located, name: &OsStr) -> io::Result<()> {
        let target = inside(
            &entry
                .link_name_bytes()
                .ok_or_else(|| io::Error::other("a link without a target"))?,
        )?;
        let target_name = target.file_name().ok_or(Errno::EISDIR)?.to_owned();
        let target_parent = self
            .root
            .directory(target.parent().unwrap_or(Path::new("")), Missing::Refuse)?;
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let present = openat(
            &target_parent.directory,
            target_name.as_os_str(),
            flags,
            Mode::empty(),
        )?;
        if File::from(present).metadata()?.is_dir() {
            return Err(Errno::EISDIR.into());
        }
        if target_parent.path.join(&target_name) == parent.path.join(name) {
            return Ok(());
        }
        delete(&parent.directory, name)?;
        linkat(
            &target_parent.directory,
            target_name.as_os_str(),
            &parent.directory,
            name,
            LinkatFlags::empty(),
        )?;
        Ok(())
    }

    fn give(&self, entry: &Entry<'_, impl Read>, parent: &Located, name: &OsStr) -> io::Result<()> {
        let (user, group) = (entry.header().uid()?, entry.header().gid()?);
        if let (Some(user), Some(group)) = (self.ids.on_host(user), self.ids.on_host(group)) {
            let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
            fchownat(
                &parent.directory,
                name,
                Some(user),
                Some(group),
                AtFlags::AT_SYMLINK_NOFOLLOW,
            )?;
        }
        Ok(())
    }

    /// Deletes what the layers below have in a directory.
    fn clear(&self, directory: &Located) -> io::Result<()> {
        for entry in fs::read_dir(descriptor(&directory.directory))? {
            let name = entry?.file_name();
            if !self.fresh.contains(&directory.path.join(&name)) {
                delete(&directory.directory, &name)?;
            }
        }
        Ok(())
    }
}

/// Deletes a name in a directory with all below it, following no link; an absent one is no error.
fn delete(directory: &OwnedFd, name: &OsStr) -> io::Result<()> {
    match unlinkat(directory.as_fd(), name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(Errno::EISDIR | Errno::EPERM) => fs::remove_dir_all(descriptor(directory).join(name)),
        Err(error) => Err(error.into()),
    }
}

fn descriptor(directory: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()))
}

/// The path of an entry without what leads nowhere; one that leads upwards is refused, since no builder writes it.
fn inside(bytes: &[u8]) -> io::Result<PathBuf> {
    if bytes.contains(&0) {
        return Err(io::Error::other("a NUL byte in its path"));
    }
    let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => inside.push(name),
            Component::ParentDir => return Err(io::Error::other("its path leads upwards")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(inside)
}
