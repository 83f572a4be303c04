//! What this machine needs at least: hashing and compressing the files of a context, and nothing else. A build is
//! measured against it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use libdeflater::{CompressionLvl, Compressor};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Bytes that are compressed at a time, as in a layer.
const PIECE: usize = 1 << 20;
/// The level of layers.
const LEVEL: i32 = 4;

/// What was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Speed {
    /// Of all files.
    bytes: u64,
    compressed_bytes: u64,
    threads: usize,
    /// Milliseconds to hash the files and what they are compressed to, each once, on one thread.
    hash_ms: f64,
    /// Milliseconds to compress them on all threads.
    compress_ms: f64,
}

/// Reads all files below a directory, and then measures.
pub(crate) fn measure(directory: &Path, threads: usize) -> anyhow::Result<Speed> {
    let mut bytes = Vec::new();
    let mut waiting: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(path) = waiting.pop() {
        let what = || format!("cannot read {}", path.display());
        let kind = fs::symlink_metadata(&path).with_context(what)?.file_type();
        if kind.is_dir() {
            for entry in fs::read_dir(&path).with_context(what)? {
                waiting.push(entry.with_context(what)?.path());
            }
        } else if kind.is_file() {
            bytes.extend(fs::read(&path).with_context(what)?);
        }
    }
    let begun = Instant::now();
    let compressed_bytes = compress(&bytes, threads)?;
    let compress_ms = milliseconds(begun.elapsed());
    let begun = Instant::now();
    let mut hasher = Sha256::new();
    hasher.update(&bytes);
    hasher.update(&bytes[..bytes.len().min(compressed_bytes)]);
    std::hint::black_box(hasher.finalize());
    Ok(Speed {
        bytes: bytes.len() as u64,
        compressed_bytes: compressed_bytes as u64,
        threads,
        hash_ms: milliseconds(begun.elapsed()),
        compress_ms,
    })
}

fn compress(bytes: &[u8], threads: usize) -> anyhow::Result<usize> {
    let level =
        CompressionLvl::new(LEVEL).map_err(|error| anyhow::anyhow!("no such level: {error:?}"))?;
    let next = AtomicUsize::new(0);
    let total = AtomicUsize::new(0);
    let pieces: Vec<&[u8]> = bytes.chunks(PIECE).collect();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1))
            .map(|_| {
                scope.spawn(|| -> anyhow::Result<()> {
                    let mut compressor = Compressor::new(level);
                    let mut output = vec![0; compressor.gzip_compress_bound(PIECE)];
                    while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let length = compressor.gzip_compress(piece, &mut output);
                        let length =
                            length.map_err(|error| anyhow::anyhow!("cannot compress: {error}"))?;
                        total.fetch_add(length, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        for worker in workers {
            worker
                .join()
                .map_err(|_panic| anyhow::anyhow!("a compressing thread ended early"))??;
        }
        Ok(total.load(Ordering::Relaxed))
    })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
