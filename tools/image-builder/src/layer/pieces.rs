//! A compressed stream, made by several threads out of pieces that stand alone.
//!
//! The input is cut where its content says so, each piece becomes a member (gzip) or a frame (zstd) of its own, and the
//! results follow each other: what the number of threads is changes nothing. A piece that an earlier layer has is
//! taken from there as it is, so that a changed file costs the compression of its neighbourhood, not of the layer.
//! Streams of several members are what eStargz layers are, too: every container runtime reads them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::num::NonZero;
use std::os::unix::fs::FileExt as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context as _, bail};
use libdeflater::{CompressionLvl, Compressor};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::image::digest::{Digest, Hashing};
use crate::image::manifest::{OCI_LAYER, OCI_LAYER_ZSTD};

/// No piece is longer: a piece for each thread and a few more are in memory.
const LONGEST: usize = 2 << 20;
/// No piece that ends by its content is shorter, so that cutting costs less than 0.1 % in size.
pub(super) const SHORTEST: usize = 512 << 10;
/// Bytes of a SHA-256.
const HASH: usize = 32;

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Codec {
    /// Every registry and runtime takes it.
    Gzip,
    /// Faster on both sides; containerd 1.5 and Docker 23 on read it.
    Zstd,
}

impl Codec {
    /// The level at which time and size are in proportion: libdeflate's 4 is about as small as zlib's 6 at three times
    /// its speed, and 3 is what zstd itself takes.
    fn level(self) -> i32 {
        match self {
            Self::Gzip => 4,
            Self::Zstd => 3,
        }
    }

    /// The media type of its layers.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Gzip => OCI_LAYER,
            Self::Zstd => OCI_LAYER_ZSTD,
        }
    }
}

/// One piece in a compressed stream, in order: the digest of its content, and how many bytes it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// Hexadecimal.
    content: String,
    length: u32,
}

/// Pieces of earlier layers, where they are.
#[derive(Debug, Default)]
pub(crate) struct Known {
    files: Vec<File>,
    places: HashMap<[u8; HASH], Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    file: usize,
    offset: u64,
    length: usize,
}

impl Known {
    /// Adds the pieces of a layer that is in this file.
    pub(crate) fn add(&mut self, file: File, pieces: &[Piece]) {
        let mut offset = 0;
        for piece in pieces {
            let mut content = [0; HASH];
            let Ok(length) = usize::try_from(piece.length) else {
                return;
            };
            if hex::decode_to_slice(&piece.content, &mut content).is_err() {
                // Whoever wrote that, it is no list of ours: it is made anew.
                return;
            }
            let place = Place {
                file: self.files.len(),
                offset,
                length,
            };
            self.places.insert(content, place);
            offset += u64::from(piece.length);
        }
        self.files.push(file);
    }

    fn read(&self, content: &[u8; HASH]) -> Option<Vec<u8>> {
        let place = self.places.get(content)?;
        let mut bytes = vec![0; place.length];
        // What cannot be read is compressed again.
        self.files[place.file]
            .read_exact_at(&mut bytes, place.offset)
            .ok()
            .map(|()| bytes)
    }
}

/// What came out of a compression.
pub(crate) struct Compressed<W, T> {
    pub(crate) output: W,
    pub(crate) made: T,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) pieces: Vec<Piece>,
}

/// A piece on its way to a thread, and where the result goes.
struct Job {
    input: Vec<u8>,
    result: SyncSender<anyhow::Result<Packed>>,
}

struct Packed {
    content: [u8; HASH],
    bytes: Vec<u8>,
}

/// What the writer of the file waits for, in order.
type Ordered = Receiver<Receiver<anyhow::Result<Packed>>>;

/// Compresses what `produce` writes into `output`. `produce` flushes where a piece may end. At most `4 * threads + 4`
/// pieces are in memory.
pub(crate) fn compress<W: Write + Send, T>(
    output: W,
    codec: Codec,
    threads: usize,
    known: &Known,
    produce: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<Compressed<W, T>> {
    let threads = threads.max(1);
    let (jobs, queue) = sync_channel::<Job>(threads);
    let (results, ordered) = sync_channel(2 * threads);
    // The threads share it, and the last one that ends takes it away: a producer is never stuck.
    let queue = Arc::new(Mutex::new(queue));
    thread::scope(|scope| {
        for _ in 0..threads {
            let queue = queue.clone();
            scope.spawn(move || pack_all(codec, &queue, known));
        }
        drop(queue);
        let writer = scope.spawn(move || write_in_order(output, &ordered));
        let mut cutter = Cutter {
            buffer: Vec::with_capacity(LONGEST),
            jobs,
            results,
        };
        let produced = produce(&mut cutter).and_then(|made| {
            cutter.send()?;
            Ok(made)
        });
        drop(cutter);
        let written = writer
            .join()
            .map_err(|_panic| anyhow::anyhow!("the writing thread ended early"))?;
        match (produced, written) {
            (Ok(made), Ok((output, pieces))) => {
                let (output, digest, size) = output.finish();
                Ok(Compressed {
                    output,
                    made,
                    digest,
                    size,
                    pieces,
                })
            }
            // A full disk shows itself to the producer as a closed channel only.
            (_, Err(error)) | (Err(error), _) => Err(error),
        }
    })
}

/// How many threads this machine is good for.
pub(crate) fn threads() -> usize {
    thread::available_parallelism()
        .map_or(2, NonZero::get)
        .min(8)
}

fn pack_all(codec: Codec, queue: &Mutex<Receiver<Job>>, known: &Known) {
    let mut packer = Packer::new(codec);
    loop {
        let job = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_poisoned) => return,
        };
        let Ok(job) = job else { return };
        let content: [u8; HASH] = Sha256::digest(&job.input).into();
        let result = match (known.read(&content), &mut packer) {
            (Some(bytes), _) => Ok(Packed { content, bytes }),
            (None, Ok(packer)) => packer
                .pack(&job.input)
                .map(|bytes| Packed { content, bytes }),
            (None, Err(error)) => Err(anyhow::anyhow!("{error:#}")),
        };
        // Nobody waits if writing has failed; going on empties the queue, so that the producer is not stuck.
        job.result.send(result).unwrap_or_default();
    }
}

/// One thread's compressor.
enum Packer {
    Gzip(Compressor),
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl Packer {
    fn new(codec: Codec) -> anyhow::Result<Self> {
        Ok(match codec {
            Codec::Gzip => {
                let level = CompressionLvl::new(codec.level());
                let level = level.map_err(|error| anyhow::anyhow!("no such level: {error:?}"))?;
                Self::Gzip(Compressor::new(level))
            }
            Codec::Zstd => Self::Zstd(Box::new(zstd::bulk::Compressor::new(codec.level())?)),
        })
    }

    fn pack(&mut self, input: &[u8]) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Gzip(compressor) => {
                let mut output = vec![0; compressor.gzip_compress_bound(input.len())];
                let length = compressor
                    .gzip_compress(input, &mut output)
                    .map_err(|error| anyhow::anyhow!("cannot compress: {error}"))?;
                output.truncate(length);
                Ok(output)
            }
            Self::Zstd(compressor) => compressor.compress(input).context("cannot compress"),
        }
    }
}

fn write_in_order<W: Write>(
    output: W,
    ordered: &Ordered,
) -> anyhow::Result<(Hashing<W>, Vec<Piece>)> {
    let mut output = Hashing::new(output);
    let mut pieces = Vec::new();
    for result in ordered {
        let packed = result
            .recv()
            .context("a compressing thread ended early")??;
        output.write_all(&packed.bytes)?;
        let Ok(length) = u32::try_from(packed.bytes.len()) else {
            bail!("a compressed piece has {} bytes", packed.bytes.len());
        };
        pieces.push(Piece {
            content: hex::encode(packed.content),
            length,
        });
    }
    Ok((output, pieces))
}

/// Cuts what is written into pieces.
struct Cutter {
    buffer: Vec<u8>,
    jobs: SyncSender<Job>,
    results: SyncSender<Receiver<anyhow::Result<Packed>>>,
}

impl Cutter {
    fn send(&mut self) -> io::Result<()> {
        let input = std::mem::replace(&mut self.buffer, Vec::with_capacity(LONGEST));
        let (result, receiver) = sync_channel(1);
        let closed = || io::Error::other("the compressed bytes cannot be written");
        self.results.send(receiver).map_err(|_closed| closed())?;
        self.jobs
            .send(Job { input, result })
            .map_err(|_closed| closed())
    }
}

impl Write for Cutter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == LONGEST {
            self.send()?;
        }
        let length = bytes.len().min(LONGEST - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    /// Here a piece may end.
    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.len() >= SHORTEST {
            self.send()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::bufread::MultiGzDecoder;

    use super::*;

    fn bytes(length: usize) -> Vec<u8> {
        // Compressible, and different everywhere.
        (0..length)
            .map(|i| (i / 7 % 251) as u8 ^ (i / 9973) as u8)
            .collect()
    }

    fn packed(
        codec: Codec,
        threads: usize,
        known: &Known,
        input: &[u8],
        part: usize,
    ) -> Compressed<Vec<u8>, ()> {
        compress(Vec::new(), codec, threads, known, |writer| {
            input
                .chunks(part)
                .try_for_each(|part| Ok(writer.write_all(part)?))
        })
        .unwrap()
    }

    #[test]
    fn can_be_read_again() {
        for length in [0, 1, LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST + 17] {
            let input = bytes(length);
            for codec in [Codec::Gzip, Codec::Zstd] {
                let found = packed(codec, 2, &Known::default(), &input, 4096);
                assert_eq!(found.size, found.output.len() as u64);
                assert_eq!(found.digest, Digest::of(&found.output));
                let mut decoded = Vec::new();
                match codec {
                    Codec::Gzip => MultiGzDecoder::new(found.output.as_slice())
                        .read_to_end(&mut decoded)
                        .unwrap(),
                    Codec::Zstd => zstd::Decoder::new(found.output.as_slice())
                        .unwrap()
                        .read_to_end(&mut decoded)
                        .unwrap(),
                };
                assert!(decoded == input, "{length} {codec:?}");
            }
        }
    }

    #[test]
    fn does_not_depend_on_the_number_of_threads_or_the_size_of_writes() {
        let input = bytes(5 * LONGEST + 12_345);
        let digest =
            |threads, part| packed(Codec::Gzip, threads, &Known::default(), &input, part).digest;
        let expected = digest(1, LONGEST);
        assert_eq!(digest(2, 1000), expected);
        assert_eq!(digest(7, 3 * LONGEST), expected);
    }

    #[test]
    fn takes_known_pieces_from_where_they_are() {
        let input = bytes(3 * LONGEST);
        let first = packed(Codec::Gzip, 2, &Known::default(), &input, LONGEST);
        // Marked, so that what was taken can be told from what was made.
        let mut marked = first.output.clone();
        marked[9] = 0x77;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&marked).unwrap();
        let mut known = Known::default();
        known.add(file, &first.pieces);
        let again = packed(Codec::Gzip, 2, &known, &input, LONGEST);
        assert!(again.output == marked);
        assert_eq!(again.pieces, first.pieces);
        let mut changed = input;
        changed[0] ^= 1;
        let third = packed(Codec::Gzip, 2, &known, &changed, LONGEST);
        assert!(third.output[9] != 0x77);
        assert_eq!(third.pieces[1..], first.pieces[1..]);
    }

    #[test]
    fn reports_a_producer_that_fails() {
        let produce = |writer: &mut dyn Write| -> anyhow::Result<()> {
            writer.write_all(&bytes(3 * LONGEST))?;
            bail!("the file changed")
        };
        let result = compress(io::sink(), Codec::Gzip, 2, &Known::default(), produce);
        assert_eq!(result.err().unwrap().to_string(), "the file changed");
    }

    #[test]
    fn reports_a_disk_that_is_full() {
        #[derive(Debug)]
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("disk full"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let produce = |writer: &mut dyn Write| Ok(writer.write_all(&bytes(20 * LONGEST))?);
        let result = compress(Full, Codec::Gzip, 2, &Known::default(), produce);
        assert_eq!(result.err().unwrap().to_string(), "disk full");
    }
}
