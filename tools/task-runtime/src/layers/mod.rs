//! Unpacks image layers into file systems that tasks run from.
//!
//! The layers of an image are applied one after the other, and what each leaves is kept under the digest of all up to
//! it: an image is unpacked once, whatever the number of its tasks, and the next image that starts with the same
//! layers unpacks only what differs. What a layer deletes is simply not there, so a task needs nothing but the last.
//!
//! As an ordinary user all files become that user's: owners in the archive count only where ids are shifted, and
//! set-user-id bits are dropped. Extended attributes (file capabilities) are not kept. Devices and pipes are left out.

mod apply;
mod limit;
mod measured;
mod tree;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::ids::Ids;
use crate::lock::Lock;
use crate::remove;

pub use limit::Limits;

use apply::Applier;
use measured::Measured;

/// Held by whoever changes a cache.
const LOCK_FILE: &str = "lock";
/// Where a layer is applied; under the lock, anything of that name is what a killed process left.
const UNFINISHED: &str = "unfinished";

/// One layer, as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The archive.
    pub blob: PathBuf,
    /// How it is compressed.
    pub compression: Compression,
    /// `sha256:` and 64 hexadecimal digits, of the archive before compression.
    pub diff_id: String,
}

/// How a layer is compressed.
#[derive(Debug, Clone, Copy)]
pub enum Compression {
    None,
    Gzip,
    /// By an algorithm that the caller brings along (zstd).
    Other(fn(File) -> io::Result<Box<dyn Read>>),
}

impl PartialEq for Compression {
    fn eq(&self, other: &Compression) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Eq for Compression {}

/// Why a layer cannot be unpacked. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error("layer {diff_id}: {reason}")]
    Refused {
        diff_id: String,
        /// What is wrong with it, with the path inside where it is about one.
        reason: String,
    },
    #[error("{}: {source}", path.display())]
    Disk { path: PathBuf, source: io::Error },
}

/// The root of the file system made of `layers` (lowest first), below the directory `cache`, unpacked unless it is
/// there already. Processes that do so at the same time wait for each other. What is given out must not be written to.
pub fn unpack(
    cache: &Path,
    layers: &[Layer],
    ids: Ids,
    limits: &Limits,
) -> Result<PathBuf, UnpackError> {
    let kept = |count: usize| cache.join(name(&layers[..count], ids));
    let target = kept(layers.len());
    if target.is_dir() {
        return Ok(target);
    }
    let _lock = prepare(cache).map_err(disk(cache))?;
    let mut done = (0..=layers.len()).rev().find(|count| kept(*count).is_dir());
    while done != Some(layers.len()) {
        let next = done.map_or(0, |count| count + 1);
        let unfinished = cache.join(UNFINISHED);
        let below = done.map(kept);
        add(
            &unfinished,
            below.as_deref(),
            next.checked_sub(1).map(|index| &layers[index]),
            ids,
            limits,
        )
        .and_then(|()| fs::rename(&unfinished, kept(next)).map_err(disk(&kept(next))))
        .or_else(|error| {
            remove::tree(&unfinished)
                .map_err(disk(&unfinished))
                .and(Err(error))
        })?;
        done = Some(next);
    }
    Ok(target)
}

/// Removes the file systems that are neither those of one of these lists of layers nor on the way to one.
pub fn retain(cache: &Path, kept: &[Vec<Layer>], ids: Ids) -> Result<(), UnpackError> {
    let _lock = prepare(cache).map_err(disk(cache))?;
    let names: BTreeSet<OsString> = kept
        .iter()
        .flat_map(|layers| (0..=layers.len()).map(|count| name(&layers[..count], ids).into()))
        .collect();
    for entry in fs::read_dir(cache).map_err(disk(cache))? {
        let entry = entry.map_err(disk(cache))?;
        let is_root = entry.file_type().map_err(disk(&entry.path()))?.is_dir();
        if is_root && !names.contains(&entry.file_name()) {
            remove::tree(&entry.path()).map_err(disk(&entry.path()))?;
        }
    }
    Ok(())
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> UnpackError {
    let path = path.to_owned();
    move |source| UnpackError::Disk { path, source }
}

/// A cache that nobody else enters (an image may hold programs that lend their owner's rights) or changes meanwhile.
fn prepare(cache: &Path) -> io::Result<Lock> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(cache)?;
    let lock = Lock::hold(&cache.join(LOCK_FILE))?;
    remove::tree(&cache.join(UNFINISHED))?;
    Ok(lock)
}

/// Makes the file system `root` of the one `below` and a layer; of nothing, where there is neither.
fn add(
    root: &Path,
    below: Option<&Path>,
    layer: Option<&Layer>,
    ids: Ids,
    limits: &Limits,
) -> Result<(), UnpackError> {
    let created = DirBuilder::new().mode(0o700).create(root).and_then(|()| {
        let owner = ids.on_host(0);
        owner.map_or(Ok(()), |_| chown(root, owner, owner))?;
        fs::set_permissions(root, Permissions::from_mode(0o755))?;
        below.map_or(Ok(Vec::new()), |below| tree::link(below, root))
    });
    let directories = created.map_err(disk(root))?;
    let mut applier = Applier::new(root, ids, limits, directories).map_err(disk(root))?;
    if let Some(layer) = layer {
        let found = apply(&mut applier, layer, limits)?;
        if found != layer.diff_id {
            let reason = format!("its content is {found}");
            return Err(UnpackError::Refused {
                diff_id: layer.diff_id.clone(),
                reason,
            });
        }
    }
    applier.finish().map_err(disk(root))
}

/// Applies a layer and gives the digest of its archive.
fn apply(applier: &mut Applier, layer: &Layer, limits: &Limits) -> Result<String, UnpackError> {
    let file = File::open(&layer.blob).map_err(disk(&layer.blob))?;
    let limit = limits.of_layer(file.metadata().map_err(disk(&layer.blob))?.len());
    let mut read = |archive: Box<dyn Read>| -> io::Result<String> {
        let mut archive = Measured::new(archive, limit);
        applier.layer(&mut archive)?;
        archive.digest()
    };
    let found = match layer.compression {
        Compression::None => read(Box::new(BufReader::new(file))),
        Compression::Gzip => read(Box::new(MultiGzDecoder::new(BufReader::new(file)))),
        Compression::Other(open) => open(file).and_then(read),
    };
    found.map_err(|error| UnpackError::Refused {
        diff_id: layer.diff_id.clone(),
        reason: error.to_string(),
    })
}

/// The digest of all layers and of whose their files are.
fn name(layers: &[Layer], ids: Ids) -> String {
    let mut digest = Sha256::new();
    for layer in layers {
        digest.update(layer.diff_id.as_bytes());
        digest.update(b"\n");
    }
    if let Ids::Shifted { base, count } = ids {
        digest.update(format!("{base}+{count}").as_bytes());
    }
    format!("sha256-{}", hex::encode(digest.finalize()))
}

#[cfg(test)]
mod tests;
