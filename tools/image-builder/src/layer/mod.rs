//! Layers: a part of a file system as a compressed tar archive, whose bytes depend on nothing but its content.

mod archive;
pub(crate) mod cache;
pub(crate) mod pieces;

pub(crate) use pieces::{Codec, Known, Piece, threads};

use std::io::{self, Write};

use anyhow::Context as _;

use crate::image::digest::{Digest, Hashing};
use crate::image::layout::Layout;
use crate::image::manifest::Descriptor;
use crate::rootfs::tree::Tree;

/// A layer that is in the layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) descriptor: Descriptor,
    /// Of the archive before compression.
    pub(crate) diff_id: Digest,
}

/// Bytes of the archive before compression, for the progress bar.
pub(crate) fn archive_size(tree: &Tree) -> u64 {
    archive::size(tree)
}

/// How layers are made.
pub(crate) struct Making<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) codec: Codec,
    /// The time of every entry, in seconds since 1970.
    pub(crate) epoch: u64,
    pub(crate) threads: usize,
    /// What need not be compressed again.
    pub(crate) known: &'a Known,
}

impl Making<'_> {
    /// Writes a layer into the layout, and says how it can be cut. Memory does not grow with its size.
    pub(crate) fn write(
        &self,
        tree: &Tree,
        advance: &dyn Fn(u64),
    ) -> anyhow::Result<(Written, Vec<Piece>)> {
        let file = self.layout.begin()?;
        let done = pieces::compress(file, self.codec, self.threads, self.known, |writer| {
            let mut counted = Counted {
                inner: Hashing::new(writer),
                advance,
            };
            archive::write(tree, self.epoch, &mut counted)?;
            let (_, diff_id, _) = counted.inner.finish();
            Ok(diff_id)
        })
        .context("cannot write a layer")?;
        self.layout.keep(done.output, &done.digest)?;
        let written = Written {
            descriptor: Descriptor::new(self.codec.media_type(), done.digest, done.size),
            diff_id: done.made,
        };
        Ok((written, done.pieces))
    }
}

/// The digest that the archive would have, without compressing and keeping it.
pub(crate) fn diff_id(tree: &Tree, epoch: u64) -> anyhow::Result<Digest> {
    let mut writer = io::BufWriter::with_capacity(256 * 1024, Hashing::new(io::sink()));
    archive::write(tree, epoch, &mut writer)?;
    let writer = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    Ok(writer.finish().1)
}

/// The digest of an archive without entries: a layer that changes nothing.
pub(crate) fn nothing() -> Digest {
    Digest::of(&[0; 1024])
}

/// Writes the archive alone, uncompressed, with all times at 0.
pub(crate) fn write_plain(tree: &Tree, file: std::fs::File) -> anyhow::Result<Digest> {
    let mut writer = io::BufWriter::with_capacity(256 * 1024, Hashing::new(file));
    archive::write(tree, 0, &mut writer)?;
    let writer = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    Ok(writer.finish().1)
}

/// Tells the progress bar.
struct Counted<'a, W> {
    inner: Hashing<W>,
    advance: &'a dyn Fn(u64),
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        (self.advance)(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
