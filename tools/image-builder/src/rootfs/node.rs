//! What can be at a path.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

/// A file, a directory or a link, with its owner and mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Permission bits with set-user-id, set-group-id and sticky: `0o7777` at most.
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// Extended attributes of base images, such as `security.capability`. Those of the context are its machine's
    /// affair.
    pub(crate) attributes: Attributes,
}

/// Names and values.
pub(crate) type Attributes = Vec<(String, Vec<u8>)>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File(Content),
    /// A symbolic link, with the path that it leads to.
    Link(String),
    /// A named pipe of an image; one of the context is of no use to anybody.
    Pipe,
    /// Something that cannot be copied, in words.
    Other(&'static str),
}

impl Node {
    /// A directory that an instruction makes on its way.
    pub(crate) fn directory(uid: u64, gid: u64) -> Self {
        Self {
            kind: Kind::Directory,
            mode: 0o755,
            uid,
            gid,
            attributes: Vec::new(),
        }
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}

/// The bytes of a file: how many, and where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) size: u64,
    pub(crate) source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file of this machine, as it was when it was looked at.
    Host(PathBuf, Stamp),
    /// A part of an archive, from that byte on. The identity says which content the archive has.
    Slice {
        archive: Arc<Path>,
        identity: Arc<str>,
        offset: u64,
        /// Which source of a COPY it came with: what comes with another is another file.
        part: usize,
    },
    /// A file that a command left. What has the same inode is the same file.
    Left(PathBuf, Stamp),
    /// A here-document.
    Text(Arc<str>),
}

/// The same for all names of one file. Files of the context are never the same: a checkout knows no hard links.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Identity {
    Slice(Arc<str>, u64, usize),
    Inode(u64, u64),
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Nanoseconds since 1970: of the content, and of content or attributes, which no program can set back.
    modified: i128,
    changed: i128,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// When the file changed last, in nanoseconds since 1970.
    pub(crate) fn changed(&self) -> i128 {
        self.changed
    }

    /// For a fingerprint.
    pub(crate) fn words(&self) -> String {
        format!(
            "{} {} {} {}",
            self.device, self.inode, self.modified, self.changed
        )
    }
}

impl Content {
    /// Which file it is, if it may have several names.
    pub(crate) fn identity(&self) -> Option<Identity> {
        match &self.source {
            Source::Slice {
                identity,
                offset,
                part,
                ..
            } => Some(Identity::Slice(identity.clone(), *offset, *part)),
            Source::Left(_, stamp) => Some(Identity::Inode(stamp.device, stamp.inode)),
            Source::Host(..) | Source::Text(_) => None,
        }
    }

    /// A reader of exactly `size` bytes. A file of the host must still be the one that was looked at: not a link
    /// that has taken its place, not one that is being written.
    pub(crate) fn open(&self) -> anyhow::Result<Box<dyn Read + '_>> {
        Ok(match &self.source {
            Source::Text(text) => Box::new(text.as_bytes()),
            Source::Slice {
                archive, offset, ..
            } => {
                let what = || format!("cannot read {}", archive.display());
                let mut file = File::open(archive).with_context(what)?;
                file.seek(SeekFrom::Start(*offset)).with_context(what)?;
                Box::new(file.take(self.size))
            }
            Source::Host(path, stamp) | Source::Left(path, stamp) => {
                let what = || format!("cannot read {}", path.display());
                let file = File::open(path).with_context(what)?;
                if Stamp::of(&file.metadata().with_context(what)?) != *stamp {
                    bail!("{} changed while the image was built", path.display());
                }
                Box::new(file.take(self.size))
            }
        })
    }

    /// At most that many bytes from the beginning.
    pub(crate) fn head(&self, most: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open()?
            .take(most as u64)
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot read {}", self.place()))?;
        Ok(bytes)
    }

    /// Where the bytes are, for messages.
    pub(crate) fn place(&self) -> String {
        match &self.source {
            Source::Host(path, _) | Source::Left(path, _) => path.display().to_string(),
            Source::Slice { archive, .. } => archive.display().to_string(),
            Source::Text(_) => "a here-document".to_owned(),
        }
    }

    /// Copies the bytes; fewer than expected are an error.
    pub(crate) fn copy_to(&self, writer: &mut impl io::Write) -> anyhow::Result<()> {
        let copied = copy_in_large_pieces(&mut self.open()?, writer)
            .with_context(|| format!("cannot copy {}", self.place()))?;
        if copied != self.size {
            bail!(
                "{} changed while the image was built: it has {copied} bytes, and had {}",
                self.place(),
                self.size
            );
        }
        Ok(())
    }
}

/// As `io::copy`, with a buffer that suits disks: its own has 8 KiB.
pub(crate) fn copy_in_large_pieces(
    reader: &mut dyn Read,
    writer: &mut impl io::Write,
) -> io::Result<u64> {
    let mut buffer = vec![0; 256 * 1024];
    let mut copied = 0;
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        writer.write_all(&buffer[..length])?;
        copied += length as u64;
    }
}
