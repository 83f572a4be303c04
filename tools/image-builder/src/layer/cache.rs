//! Layers that were made before: what is unchanged is not compressed again.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use toolkit::file::{Secrecy, write_atomic};

use super::{Codec, Known, Piece, Written};
use crate::image::digest::Digest;
use crate::image::layout::Layout;
use crate::image::manifest::Descriptor;
use crate::rootfs::node::{Kind, Source};
use crate::rootfs::tree::Tree;

/// Raised when the same tree would give another layer.
const VERSION: u32 = 3;

/// The layers of the last build.
#[derive(Debug)]
pub(crate) struct Cache {
    path: PathBuf,
    known: Vec<Entry>,
    /// Those that this build used; the others are forgotten.
    used: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    key: Key,
    descriptor: Descriptor,
    diff_id: Digest,
    pieces: Vec<Piece>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    version: u32,
    layers: Vec<Entry>,
}

/// Tells layers apart without reading a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// Paths, kinds, modes, owners, sizes and targets: what can be seen of the content.
    shape: String,
    /// The shape, and the stamps of all files: the same means the same content.
    exact: String,
}

impl Key {
    pub(crate) fn of(tree: &Tree, epoch: u64, codec: Codec) -> Self {
        let mut shape = Sha256::new();
        let mut exact = Sha256::new();
        let mut line = String::new();
        for (file, node) in tree.iter() {
            line.clear();
            let what = match &node.kind {
                Kind::Directory => ("directory", ""),
                Kind::File(_) => ("file", ""),
                Kind::Link(target) => ("link", target.as_str()),
                Kind::Pipe => ("pipe", ""),
                Kind::Other(what) => ("other", *what),
            };
            // Debug quotes the texts, so that no text can look like two. A string takes any text.
            write!(
                line,
                "{file:?} {what:?} {:o} {}:{} {:?}",
                node.mode, node.uid, node.gid, node.attributes
            )
            .expect("a string takes any text");
            if let Kind::File(content) = &node.kind {
                write!(line, " {}", content.size).expect("a string takes any text");
                shape.update(&line);
                match &content.source {
                    Source::Host(path, stamp) | Source::Left(path, stamp) => {
                        write!(line, " {path:?} {}", stamp.words())
                    }
                    Source::Slice {
                        identity, offset, ..
                    } => write!(line, " {identity} {offset}"),
                    Source::Text(text) => write!(line, " {text:?}"),
                }
                .expect("a string takes any text");
            } else {
                shape.update(&line);
            }
            exact.update(&line);
        }
        for hasher in [&mut shape, &mut exact] {
            hasher.update(format!("{VERSION} {epoch} {codec:?}"));
        }
        Self {
            shape: hex::encode(shape.finalize()),
            exact: hex::encode(exact.finalize()),
        }
    }
}

impl Key {
    /// Of what a command makes: told apart by all that it is given, not by what comes of it.
    pub(crate) fn of_command(given: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(format!("{VERSION} command {given}"));
        Self {
            shape: hex::encode(hasher.finalize()),
            exact: String::new(),
        }
    }

    /// What tells the tree from all others.
    pub(crate) fn exact(&self) -> &str {
        &self.exact
    }
}

impl Cache {
    /// Reads what the last build left; a file that cannot be read is as good as none.
    pub(crate) fn open(directory: &Path) -> Self {
        let path = directory.join("layers.json");
        let known = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok())
            .filter(|stored| stored.version == VERSION)
            .map(|stored| stored.layers)
            .unwrap_or_default();
        Self {
            path,
            known,
            used: Vec::new(),
        }
    }

    /// The layer of that key, from this build or the last.
    pub(crate) fn find(&mut self, key: &Key, layout: &Layout) -> Option<Written> {
        let entry = self
            .used
            .iter()
            .chain(&self.known)
            .find(|entry| entry.key == *key && layout.has(&entry.descriptor))?
            .clone();
        Some(self.note(entry))
    }

    /// Whether a layer looks the same, so that it is worth while to compare the content.
    pub(crate) fn has_shape(&self, key: &Key) -> bool {
        self.known.iter().any(|entry| entry.key.shape == key.shape)
    }

    /// The layer with that content, under a new key.
    pub(crate) fn find_content(
        &mut self,
        key: &Key,
        diff_id: &Digest,
        layout: &Layout,
    ) -> Option<Written> {
        let mut entry = self
            .known
            .iter()
            .find(|entry| {
                entry.key.shape == key.shape
                    && entry.diff_id == *diff_id
                    && layout.has(&entry.descriptor)
            })?
            .clone();
        entry.key = key.clone();
        Some(self.note(entry))
    }

    /// Remembers a layer that was made now.
    pub(crate) fn add(&mut self, key: Key, written: &Written, pieces: Vec<Piece>) {
        self.note(Entry {
            key,
            descriptor: written.descriptor.clone(),
            diff_id: written.diff_id.clone(),
            pieces,
        });
    }

    /// The pieces of all layers that were compressed in the same way.
    pub(crate) fn pieces(&self, codec: Codec, layout: &Layout) -> Known {
        let mut known = Known::default();
        for entry in self.known.iter().chain(&self.used) {
            let is_usable =
                entry.descriptor.media_type == codec.media_type() && layout.has(&entry.descriptor);
            // A blob that cannot be read is no help.
            if is_usable && let Ok(file) = fs::File::open(layout.blob(&entry.descriptor.digest)) {
                known.add(file, &entry.pieces);
            }
        }
        known
    }

    fn note(&mut self, entry: Entry) -> Written {
        let written = Written {
            descriptor: entry.descriptor.clone(),
            diff_id: entry.diff_id.clone(),
        };
        if !self.used.contains(&entry) {
            self.used.push(entry);
        }
        written
    }

    /// The blobs that this build used.
    pub(crate) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.used.iter().map(|entry| &entry.descriptor.digest)
    }

    /// Leaves what is known so far to the next build, should this one not come to its end.
    pub(crate) fn keep_commands(&self) -> anyhow::Result<()> {
        let is_command = |entry: &&Entry| entry.key.exact.is_empty();
        let made = self.used.iter().filter(is_command).cloned();
        let mut layers = self.known.clone();
        layers.extend(made);
        let stored = Stored {
            version: VERSION,
            layers,
        };
        write_atomic(&self.path, &serde_json::to_vec(&stored)?, Secrecy::Public)
    }

    /// Leaves it to the next build. Unless the files are settled, that one compares their content, whatever the stamps
    /// say.
    pub(crate) fn save(mut self, is_settled: bool) -> anyhow::Result<()> {
        if !is_settled {
            for entry in &mut self.used {
                entry.key.exact.clear();
            }
        }
        let stored = Stored {
            version: VERSION,
            layers: self.used,
        };
        write_atomic(&self.path, &serde_json::to_vec(&stored)?, Secrecy::Public)
    }
}
