//! Applies the entries of one archive to a root, and lets none of them lead out of it.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Gid, LinkatFlags, Uid, UnlinkatFlags, fchownat, linkat, symlinkat, unlinkat};
use tar::{Archive, Entry, EntryType};

use super::Limits;
use super::measured::Measured;
use crate::ids::Ids;
use crate::root::{Located, Missing, Root, create_file};

/// `.wh.NAME` deletes NAME of the layers below (OCI image specification, layers, whiteouts).
const WHITEOUT: &[u8] = b".wh.";
/// Deletes everything that the layers below have in its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Bytes that may come between the contents of two files: headers, long names, attributes. The archive's reader holds
/// them in memory.
const BETWEEN_FILES: u64 = 1024 * 1024;

/// Mode and time of last change of a file or directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    mode: u32,
    /// Seconds since the Unix epoch. Programs rely on it: Python, to know a stale byte code file.
    changed: u64,
}

impl Attributes {
    pub(super) fn of(metadata: &Metadata) -> Attributes {
        let changed = u64::try_from(metadata.mtime()).unwrap_or_default();
        Attributes {
            mode: metadata.mode() & 0o7777,
            changed,
        }
    }

    /// Without shifted ids a file is the user's own: no set-user-id bits, which would lend that user's rights to
    /// others, and no directory closed to its owner, since root inside could enter it.
    fn of_entry(entry: &Entry<'_, impl Read>, ids: Ids) -> io::Result<Attributes> {
        let mut mode = entry.header().mode()? & 0o7777;
        if ids == Ids::Single {
            let is_directory = entry.header().entry_type() == EntryType::Directory;
            mode = mode & 0o1777 | if is_directory { 0o700 } else { 0o400 };
        }
        Ok(Attributes {
            mode,
            changed: entry.header().mtime()?,
        })
    }

    pub(super) fn set(self, path: &Path) -> io::Result<()> {
        fs::set_permissions(path, Permissions::from_mode(self.mode))?;
        self.set_time(&File::open(path)?)
    }

    fn set_time(self, file: &File) -> io::Result<()> {
        match SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.changed)) {
            Some(time) => file.set_times(FileTimes::new().set_modified(time)),
            None => Ok(()),
        }
    }
}

/// One layer on its way into a root.
pub(super) struct Applier {
    root: Root,
    ids: Ids,
    entries: u64,
    /// As many entries as there may be.
    limit: u64,
    /// What the layer has put there, which its own whiteouts do not concern.
    fresh: HashSet<PathBuf>,
    /// Set at the end: a closed directory could not be filled, and filling changes its time.
    directories: BTreeMap<PathBuf, Attributes>,
}

impl Applier {
    /// `directories` are those that the root has from the layers below.
    pub(super) fn new(
        path: &Path,
        ids: Ids,
        limits: &Limits,
        directories: Vec<(PathBuf, Attributes)>,
    ) -> io::Result<Applier> {
        Ok(Applier {
            root: Root::open(path)?.owned_by(ids.on_host(0)),
            ids,
            entries: 0,
            limit: limits.entries,
            fresh: HashSet::new(),
            directories: directories.into_iter().collect(),
        })
    }

    /// Applies every entry of an archive.
    pub(super) fn layer(&mut self, archive: &mut Measured<impl Read>) -> io::Result<()> {
        let allowance = archive.allowance();
        let mut archive = Archive::new(archive);
        let mut entries = archive.entries()?;
        loop {
            allowance.set(BETWEEN_FILES);
            let next = entries.next();
            allowance.set(u64::MAX);
            let Some(entry) = next else { return Ok(()) };
            let mut entry = entry?;
            self.entries += 1;
            if self.entries > self.limit {
                return Err(io::Error::other(format!(
                    "it has more than {} entries",
                    self.limit
                )));
            }
            let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            self.entry(&mut entry)
                // Whatever was of no use is not read together with the next header.
                .and_then(|()| io::copy(&mut entry, &mut io::sink()))
                .map_err(|error| io::Error::new(error.kind(), format!("{shown}: {error}")))?;
        }
    }

    /// Gives directories their modes and times.
    pub(super) fn finish(self) -> io::Result<()> {
        // The deepest first: a closed parent would be in the way.
        for (path, attributes) in self.directories.iter().rev() {
            match self.root.directory(path, Missing::Refuse) {
                // Not where a link leads that has replaced it.
                Ok(located) if located.path == *path => {
                    attributes.set(&descriptor(&located.directory))?
                }
                Ok(_) => {}
                Err(error)
                    if [
                        Some(Errno::ENOENT),
                        Some(Errno::ENOTDIR),
                        Some(Errno::ELOOP),
                    ]
                    .contains(&error.raw_os_error().map(Errno::from_raw)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &mut Entry<'_, impl Read>) -> io::Result<()> {
        let path = inside(&entry.path_bytes())?;
        let kind = entry.header().entry_type();
        if kind == EntryType::GNUSparse {
            // It may claim any size for nothing, and no builder writes one.
            return Err(io::Error::other("a sparse file"));
        }
        let Some(name) = path.file_name().map(OsStr::to_owned) else {
            if kind == EntryType::Directory {
                self.give(entry, None)?;
                self.directories
                    .insert(PathBuf::new(), Attributes::of_entry(entry, self.ids)?);
            }
            return Ok(());
        };
        let parent = self
            .root
            .directory(path.parent().unwrap_or(Path::new("")), Missing::Create)?;
        if name.as_bytes() == OPAQUE {
            return self.clear(&parent);
        }
        if let Some(deleted) = name.as_bytes().strip_prefix(WHITEOUT) {
            return self.whiteout(&parent, OsStr::from_bytes(deleted));
        }
        match kind {
            EntryType::Directory => self.directory(entry, &parent, &name)?,
            EntryType::Regular | EntryType::Continuous => self.file(entry, &parent, &name)?,
            EntryType::Symlink => self.symlink(entry, &parent, &name)?,
            EntryType::Link => self.link(entry, &parent, &name)?,
            // A container gets its own /dev; nothing else may bring devices, and a pipe without its other end is of
            // no use to an image.
            EntryType::Char | EntryType::Block | EntryType::Fifo => return Ok(()),
            EntryType::XGlobalHeader => return Ok(()),
            other => return Err(io::Error::other(format!("an entry of the kind {other:?}"))),
        }
        self.fresh.insert(parent.path.join(&name));
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
        self.give(entry, Some((parent, name)))?;
        self.directories.insert(
            parent.path.join(name),
            Attributes::of_entry(entry, self.ids)?,
        );
        Ok(())
    }

    fn file(
        &self,
        entry: &mut Entry<'_, impl Read>,
        parent: &Located,
        name: &OsStr,
    ) -> io::Result<()> {
        delete(&parent.directory, name)?;
        let mut file = File::from(create_file(&parent.directory, name, 0o600)?);
        io::copy(entry, &mut file)?;
        let attributes = Attributes::of_entry(entry, self.ids)?;
        // First the owner: a change of it takes set-user-id away.
        self.give(entry, Some((parent, name)))?;
        file.set_permissions(Permissions::from_mode(attributes.mode))?;
        attributes.set_time(&file)
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
        self.give(entry, Some((parent, name)))
    }

    /// Only to a file that is there, inside: whatever else a link of the host could reach stays out of reach.
    fn link(&self, entry: &Entry<'_, impl Read>, parent: &Located, name: &OsStr) -> io::Result<()> {
        let target = entry
            .link_name_bytes()
            .ok_or_else(|| io::Error::other("a link without a target"))?;
        let target = inside(&target)?;
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
        let (from, to) = (&target_parent.directory, &parent.directory);
        Ok(linkat(
            from,
            target_name.as_os_str(),
            to,
            name,
            LinkatFlags::empty(),
        )?)
    }

    /// Gives a file, or the root itself, to its owner.
    fn give(
        &self,
        entry: &Entry<'_, impl Read>,
        place: Option<(&Located, &OsStr)>,
    ) -> io::Result<()> {
        if self.ids == Ids::Single {
            return Ok(());
        }
        let (user, group) = (entry.header().uid()?, entry.header().gid()?);
        let (Some(user), Some(group)) = (self.ids.on_host(user), self.ids.on_host(group)) else {
            return Ok(());
        };
        let (user, group) = (Some(Uid::from_raw(user)), Some(Gid::from_raw(group)));
        match place {
            Some((parent, name)) => fchownat(
                &parent.directory,
                name,
                user,
                group,
                AtFlags::AT_SYMLINK_NOFOLLOW,
            )?,
            None => {
                let top = self
                    .root
                    .directory(Path::new(""), Missing::Refuse)?
                    .directory;
                fchownat(&top, "", user, group, AtFlags::AT_EMPTY_PATH)?;
            }
        }
        Ok(())
    }

    fn whiteout(&self, parent: &Located, deleted: &OsStr) -> io::Result<()> {
        if deleted.is_empty() || deleted == "." || deleted == ".." {
            return Err(io::Error::other("a whiteout of nothing"));
        }
        if self.fresh.contains(&parent.path.join(deleted)) {
            return Ok(());
        }
        delete(&parent.directory, deleted)
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
    match unlinkat(directory, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(Errno::EISDIR) => fs::remove_dir_all(descriptor(directory).join(name)),
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
