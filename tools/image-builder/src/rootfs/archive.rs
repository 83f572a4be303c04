//! Tar archives: the layers of base images, and what ADD unpacks. Either may be hostile.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, bail};
use tar::{Archive, Entry, EntryType};
use tempfile::NamedTempFile;

use super::node::{Attributes, Content, Kind, Node, Source, copy_in_large_pieces};
use super::tree::Tree;
use super::view::{Beyond, resolve};
use crate::context::path;
use crate::image::digest::{Digest, Hashing};
use crate::image::manifest::Compression;

/// More than this is no layer of a service: 32 GiB.
const MOST_BYTES: u64 = 32 << 30;
/// Below this an archive may be compressed as well as it likes: 1 GiB.
const FREE_BYTES: u64 = 1 << 30;
/// Beyond it, real files are never that much smaller when compressed; a bomb is about 1000 times.
const MOST_RATIO: u64 = 200;
/// More files than this are an attack, or a mistake.
const MOST_ENTRIES: usize = 2_000_000;

/// Unpacked archives, each in a file by the digest of its content, so that a part of it can be read at any time.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    used: Mutex<BTreeSet<Digest>>,
}

/// How files in the store end.
pub(crate) const SUFFIX: &str = ".tar";

impl Store {
    pub(crate) fn create(directory: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot make the directory {}", directory.display()))?;
        Ok(Self {
            directory,
            used: Mutex::default(),
        })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The archives that were asked for.
    pub(crate) fn used(&self) -> BTreeSet<Digest> {
        self.used
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.directory.join(format!("{}{SUFFIX}", digest.hex()))
    }

    /// Unpacks a layer, unless it is there already, and lays it over a file system.
    pub(crate) fn apply_layer(
        &self,
        tree: &mut Tree,
        blob: &Path,
        compression: Compression,
        diff_id: &Digest,
    ) -> anyhow::Result<()> {
        let what = || format!("cannot read the layer {}", blob.display());
        if !self.path(diff_id).is_file() {
            let file = File::open(blob).with_context(what)?;
            let found = self.unpack(file, compression).with_context(what)?;
            if found != *diff_id {
                bail!(
                    "the layer {} has the content {found}; its image says {diff_id}",
                    blob.display()
                );
            }
        }
        self.note(diff_id);
        let members = self.members(diff_id).with_context(what)?;
        lay_over(tree, members).with_context(what)
    }

    /// What is in a file, if it is an archive.
    pub(crate) fn open(&self, content: &Content) -> anyhow::Result<Option<Tree>> {
        let what = || format!("cannot read {}", content.place());
        let head = content.head(HEAD)?;
        let compression = Compression::of(&head);
        // A stream that is cut in the middle is fine: one header is all that is looked for.
        let is_tar = compression.open(head.as_slice()).is_ok_and(begins_as_tar);
        if !is_tar {
            return Ok(None);
        }
        let digest = self
            .unpack_content(content, compression)
            .with_context(what)?;
        self.note(&digest);
        let members = self.members(&digest).with_context(what)?;
        plain(members).with_context(what).map(Some)
    }

    fn note(&self, digest: &Digest) {
        self.used
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(digest.clone());
    }

    fn unpack_content(
        &self,
        content: &Content,
        compression: Compression,
    ) -> anyhow::Result<Digest> {
        let reader = content.open()?;
        self.store(reader, content.size, compression)
    }

    fn unpack(&self, file: File, compression: Compression) -> anyhow::Result<Digest> {
        let size = file.metadata()?.len();
        self.store(file, size, compression)
    }

    fn store(
        &self,
        reader: impl Read,
        size: u64,
        compression: Compression,
    ) -> anyhow::Result<Digest> {
        let mut writer = Hashing::new(NamedTempFile::with_prefix_in(
            ".unpacked-",
            &self.directory,
        )?);
        limited_copy(compression.open(reader)?, most_bytes(size), &mut writer)?;
        let (file, digest, _) = writer.finish();
        file.persist(self.path(&digest))?;
        Ok(digest)
    }

    /// The members of an unpacked archive, in its order.
    fn members(&self, digest: &Digest) -> anyhow::Result<Vec<Member>> {
        let archive: Arc<Path> = self.path(digest).into();
        let identity: Arc<str> = digest.as_str().into();
        let file = BufReader::with_capacity(256 * 1024, File::open(&archive)?);
        let mut members = Vec::new();
        let mut archive_reader = Archive::new(file);
        for entry in archive_reader.entries_with_seek()? {
            let mut entry = entry.context("the archive is damaged")?;
            members.extend(member(&mut entry, &archive, &identity)?);
            within(members.len(), MOST_ENTRIES)?;
        }
        Ok(members)
    }
}

fn within(count: usize, most: usize) -> anyhow::Result<()> {
    if count > most {
        bail!("the archive has more than {most} files");
    }
    Ok(())
}

/// Enough for the first header of an archive, even a compressed one.
const HEAD: usize = 64 * 1024;

fn begins_as_tar(reader: impl Read) -> bool {
    Archive::new(reader)
        .entries()
        .is_ok_and(|mut entries| matches!(entries.next(), Some(Ok(_))))
}

/// How many bytes an archive of a size may unpack to.
pub(crate) fn most_bytes(compressed: u64) -> u64 {
    MOST_BYTES.min(FREE_BYTES.max(compressed.saturating_mul(MOST_RATIO)))
}

pub(crate) fn limited_copy(
    reader: impl Read,
    most: u64,
    writer: &mut impl Write,
) -> anyhow::Result<()> {
    let copied = copy_in_large_pieces(&mut reader.take(most + 1), writer)?;
    if copied > most {
        bail!("it unpacks to more than {most} bytes, which looks like an attack");
    }
    Ok(())
}

/// One entry of an archive.
struct Member {
    path: String,
    what: What,
}

enum What {
    Node(Node),
    /// The same file under another name.
    HardLink(String),
}

fn member<R: Read>(
    entry: &mut Entry<'_, R>,
    archive: &Arc<Path>,
    identity: &Arc<str>,
) -> anyhow::Result<Option<Member>> {
    let attributes = attributes(entry).context("the archive is damaged")?;
    let raw = entry.path_bytes();
    let name = String::from_utf8_lossy(&raw).into_owned();
    if name.split('/').any(|part| part == "..") {
        bail!("the archive has the name {name:?}, which leads out of it");
    }
    let file = path::clean(&name);
    let header = entry.header();
    let malformed = || format!("the archive's entry {name:?} is malformed");
    let kind = match header.entry_type() {
        _ if file.is_empty() => return Ok(None),
        _ if std::str::from_utf8(&raw).is_err() => Kind::Other("a file whose name is not UTF-8"),
        _ if attributes.is_none() => Kind::Other("a file with attributes that cannot be read"),
        EntryType::Regular | EntryType::Continuous => Kind::File(Content {
            size: entry.size(),
            source: Source::Slice {
                archive: archive.clone(),
                identity: identity.clone(),
                offset: entry.raw_file_position(),
                part: 0,
            },
        }),
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => {
            let target = entry.link_name_bytes().with_context(malformed)?;
            Kind::Link(String::from_utf8(target.into_owned()).with_context(malformed)?)
        }
        EntryType::Link => {
            let target = entry.link_name_bytes().with_context(malformed)?;
            let target = path::clean(&String::from_utf8_lossy(&target));
            return Ok(Some(Member {
                path: file,
                what: What::HardLink(target),
            }));
        }
        EntryType::Char | EntryType::Block => Kind::Other("a device"),
        EntryType::Fifo => Kind::Pipe,
        EntryType::XGlobalHeader => return Ok(None),
        _ => Kind::Other("a file of an unknown kind"),
    };
    let node = Node {
        kind,
        mode: header.mode().with_context(malformed)? & 0o7777,
        uid: header.uid().with_context(malformed)?,
        gid: header.gid().with_context(malformed)?,
        attributes: attributes.unwrap_or_default(),
    };
    Ok(Some(Member {
        path: file,
        what: What::Node(node),
    }))
}

/// How archives name extended attributes.
pub(crate) const ATTRIBUTE: &str = "SCHILY.xattr.";

/// `None` where they cannot be read: the crate stops at a value with a line break.
fn attributes<R: Read>(entry: &mut Entry<'_, R>) -> io::Result<Option<Attributes>> {
    let mut found = Vec::new();
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let Ok(record) = record else { return Ok(None) };
        if let Some(name) = record
            .key()
            .ok()
            .and_then(|key| key.strip_prefix(ATTRIBUTE))
        {
            found.push((name.to_owned(), record.value_bytes().to_vec()));
        }
    }
    found.sort();
    Ok(Some(found))
}

/// A tree of nothing but the archive.
fn plain(members: Vec<Member>) -> anyhow::Result<Tree> {
    let mut tree = Tree::default();
    for member in members {
        place(&mut tree, member)?;
    }
    Ok(tree)
}

/// Marks that a lower layer's file is gone, and that all of a lower layer's directory is.
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// A layer over what is below it: whiteouts first, because they concern the lower layers only.
fn lay_over(tree: &mut Tree, members: Vec<Member>) -> anyhow::Result<()> {
    let mut added = Vec::new();
    for member in members {
        let directory = path::parent(&member.path);
        match path::name(&member.path) {
            OPAQUE => tree.remove_below(directory),
            name if name.starts_with(WHITEOUT) => {
                tree.remove(&path::join(directory, &name[WHITEOUT.len()..]));
            }
            _ => added.push(member),
        }
    }
    for member in added {
        place(tree, member)?;
    }
    Ok(())
}

fn place(tree: &mut Tree, member: Member) -> anyhow::Result<()> {
    let follow = |tree: &Tree, file: &str| {
        let parent = resolve(path::parent(file), Beyond::TheRoot, |file| {
            Ok(tree.get(file).cloned())
        })?;
        Ok::<_, anyhow::Error>(path::join(&parent, path::name(file)))
    };
    let file = follow(tree, &member.path)?;
    let node = match member.what {
        What::Node(node) => node,
        What::HardLink(target) => {
            let target = follow(tree, &target)?;
            match tree.get(&target) {
                Some(node) if !node.is_directory() => node.clone(),
                _ => bail!("the archive's hard link {file} leads to {target}, which is no file"),
            }
        }
    };
    let above: Vec<String> = path::ancestors(&file).map(str::to_owned).collect();
    for directory in above {
        if !tree.get(&directory).is_some_and(Node::is_directory) {
            tree.put(&directory, Node::directory(0, 0));
        }
    }
    tree.put(&file, node);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_a_bomb() {
        let error = limited_copy(io::repeat(0), 1_000_000, &mut io::sink()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it unpacks to more than 1000000 bytes, which looks like an attack"
        );
        limited_copy(io::repeat(0).take(1_000_000), 1_000_000, &mut io::sink()).unwrap();
        assert_eq!(most_bytes(1_000), FREE_BYTES);
        assert_eq!(most_bytes(10_000_000), 2_000_000_000);
        assert_eq!(most_bytes(u64::MAX), MOST_BYTES);
        within(MOST_ENTRIES, MOST_ENTRIES).unwrap();
        assert_eq!(
            within(MOST_ENTRIES + 1, MOST_ENTRIES)
                .unwrap_err()
                .to_string(),
            "the archive has more than 2000000 files"
        );
    }
}
