//! The digests of files, made by several threads: what tells two contexts apart on any machine.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::image::digest::{Digest, Hashing};
use crate::rootfs::node::{Content, Source};

/// The digests of these files of the host, by path.
pub(super) fn digests<'a>(
    files: impl Iterator<Item = &'a Content>,
    threads: usize,
) -> anyhow::Result<BTreeMap<&'a Path, Digest>> {
    let unique: BTreeMap<&Path, &Content> = files
        .filter_map(|content| match &content.source {
            Source::Host(path, _) => Some((path.as_path(), content)),
            _ => None,
        })
        .collect();
    let files: Vec<(&Path, &Content)> = unique.into_iter().collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Ok(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, files.len().max(1)) {
            scope.spawn(|| {
                while let Some((path, content)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut hashing = Hashing::new(io::sink());
                    let digest = content.copy_to(&mut hashing).map(|()| hashing.finish().1);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    match (found.as_mut(), digest) {
                        (Ok(found), Ok(digest)) => {
                            found.insert(*path, digest);
                        }
                        (Ok(_), Err(error)) => *found = Err(error),
                        (Err(_), _) => return,
                    }
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}
