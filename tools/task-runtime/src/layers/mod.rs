//! Unpacks image layers into file systems that tasks run from.
//!
//! The layers of an image are applied one after the other to a single directory, kept under the digest of all of
//! them: an image is unpacked once, whatever the number of its tasks, and what a layer deletes is simply not there.
//! As an ordinary user all files become that user's; owners in the archive count only where ids are shifted.

mod apply;
mod limit;
mod measured;

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::ids::Ids;
use crate::remove;

pub use limit::Limits;

use apply::Applier;
use measured::Measured;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
}

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

/// The root of the file system made of `layers` (lowest first), below `cache`, unpacked unless it is there already.
/// Safe with other processes at the same time.
pub fn unpack(
    cache: &Path,
    layers: &[Layer],
    ids: Ids,
    limits: &Limits,
) -> Result<PathBuf, UnpackError> {
    let target = cache.join(name(layers, ids));
    if target.is_dir() {
        return Ok(target);
    }
    let disk = |source| UnpackError::Disk {
        path: target.clone(),
        source,
    };
    fs::create_dir_all(cache).map_err(disk)?;
    let temporary = cache.join(temporary_name());
    DirBuilder::new()
        .mode(0o755)
        .create(&temporary)
        .map_err(disk)?;
    let unpacked = fill(&temporary, layers, ids, limits);
    if let Err(error) = unpacked {
        remove::tree(&temporary).map_err(disk)?;
        return Err(error);
    }
    match fs::rename(&temporary, &target) {
        Ok(()) => Ok(target),
        // Another process was faster; its result is the same.
        Err(_) if target.is_dir() => {
            remove::tree(&temporary).map_err(disk)?;
            Ok(target)
        }
        Err(error) => Err(disk(error)),
    }
}

fn fill(root: &Path, layers: &[Layer], ids: Ids, limits: &Limits) -> Result<(), UnpackError> {
    let disk = |source| UnpackError::Disk {
        path: root.to_owned(),
        source,
    };
    let mut applier = Applier::new(root, ids, *limits).map_err(disk)?;
    for layer in layers {
        let refused = |error: io::Error| UnpackError::Refused {
            diff_id: layer.diff_id.clone(),
            reason: error.to_string(),
        };
        let file = File::open(&layer.blob).map_err(|source| UnpackError::Disk {
            path: layer.blob.clone(),
            source,
        })?;
        let compressed = file.metadata().map_err(refused)?.len();
        let reader = BufReader::new(file);
        let found = match layer.compression {
            Compression::None => apply_layer(
                &mut applier,
                Measured::new(reader, limits.of_layer(compressed)),
            ),
            Compression::Gzip => apply_layer(
                &mut applier,
                Measured::new(MultiGzDecoder::new(reader), limits.of_layer(compressed)),
            ),
        };
        let found = found.map_err(refused)?;
        if found != layer.diff_id {
            let reason = format!("its content is {found}");
            return Err(UnpackError::Refused {
                diff_id: layer.diff_id.clone(),
                reason,
            });
        }
    }
    applier.finish().map_err(disk)
}

/// Applies an archive and gives its digest.
fn apply_layer(applier: &mut Applier, mut archive: Measured<impl io::Read>) -> io::Result<String> {
    applier.layer(&mut archive)?;
    archive.digest()
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

fn temporary_name() -> String {
    static UNPACKED: AtomicU64 = AtomicU64::new(0);
    format!(
        "unpacking-{}-{}",
        std::process::id(),
        UNPACKED.fetch_add(1, Ordering::Relaxed)
    )
}

#[cfg(test)]
mod tests;
