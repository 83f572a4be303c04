//! One gzip stream, made by several threads.
//!
//! The input is cut into pieces of a fixed size, each is deflated on its own and ends at a byte, and the results follow
//! each other in one member: every reader of gzip reads it, also those that stop after the first member. Where the
//! cuts are depends on the input alone, so that the number of threads changes nothing.

use std::io::{self, Write};
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::{Context as _, bail};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use crate::image::digest::{Digest, Hashing};

/// Large enough that cutting costs less than 0.1 % in size, small enough that two threads are busy with a few
/// megabytes.
const PIECE: usize = 1 << 20;
/// zlib's usual level.
const LEVEL: u32 = 6;
/// No name, no time, no operating system: nothing that differs between machines.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A piece on its way to a thread, and where the result goes.
struct Job {
    input: Vec<u8>,
    is_last: bool,
    result: SyncSender<anyhow::Result<Vec<u8>>>,
}

/// What the writer of the file waits for, in order.
type Results = SyncSender<Receiver<anyhow::Result<Vec<u8>>>>;

/// Compresses what `produce` writes into `output`; gives `output`, what `produce` gave, and digest and size of the
/// compressed bytes. At most `4 * threads + 4` pieces are in memory.
pub(crate) fn compress<W: Write + Send, T>(
    output: W,
    threads: usize,
    produce: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<(W, T, Digest, u64)> {
    let threads = threads.max(1);
    let (jobs, queue) = sync_channel::<Job>(threads);
    let (results, ordered) = sync_channel(2 * threads);
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| deflate_all(&queue));
        }
        let writer = scope.spawn(move || write_in_order(output, &ordered));
        let mut pieces = Pieces {
            buffer: Vec::with_capacity(PIECE),
            crc: Crc::new(),
            jobs,
            results,
        };
        let produced = produce(&mut pieces).and_then(|made| {
            let trailer = pieces.finish()?;
            Ok((made, trailer))
        });
        let written = writer
            .join()
            .map_err(|_panic| anyhow::anyhow!("the writing thread ended early"))?;
        let ((made, trailer), mut output) = match (produced, written) {
            (Ok(produced), Ok(output)) => (produced, output),
            // A full disk shows itself to the producer as a closed channel only.
            (_, Err(error)) | (Err(error), _) => return Err(error),
        };
        output.write_all(&trailer)?;
        let (output, digest, size) = output.finish();
        Ok((output, made, digest, size))
    })
}

/// How many threads this machine is good for.
pub(crate) fn threads() -> usize {
    thread::available_parallelism()
        .map_or(2, NonZero::get)
        .min(8)
}

fn deflate_all(queue: &Mutex<Receiver<Job>>) {
    let mut deflater = Compress::new(Compression::new(LEVEL), false);
    loop {
        let job = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_poisoned) => return,
        };
        let Ok(job) = job else { return };
        let result = deflate(&mut deflater, &job.input, job.is_last);
        // Nobody waits if writing has failed; going on empties the queue, so that the producer is not stuck.
        job.result.send(result).unwrap_or_default();
    }
}

fn deflate(deflater: &mut Compress, input: &[u8], is_last: bool) -> anyhow::Result<Vec<u8>> {
    deflater.reset();
    let flush = if is_last {
        FlushCompress::Finish
    } else {
        FlushCompress::Sync
    };
    let mut output = Vec::with_capacity(input.len() / 2 + 1024);
    loop {
        let done = usize::try_from(deflater.total_in())?;
        let status = deflater.compress_vec(&input[done..], &mut output, flush)?;
        let is_whole = usize::try_from(deflater.total_in())? == input.len();
        match status {
            Status::StreamEnd => return Ok(output),
            // Room left over means that the flush is complete.
            Status::Ok if !is_last && is_whole && output.len() < output.capacity() => {
                return Ok(output);
            }
            Status::Ok | Status::BufError if output.len() == output.capacity() => {
                output.reserve(64 * 1024)
            }
            Status::Ok => {}
            Status::BufError => bail!("the deflater makes no progress"),
        }
    }
}

fn write_in_order<W: Write>(
    output: W,
    ordered: &Receiver<Receiver<anyhow::Result<Vec<u8>>>>,
) -> anyhow::Result<Hashing<W>> {
    let mut output = Hashing::new(output);
    output.write_all(&HEADER)?;
    for result in ordered {
        let bytes = result
            .recv()
            .context("a compressing thread ended early")??;
        output.write_all(&bytes)?;
    }
    Ok(output)
}

/// Cuts what is written into pieces.
struct Pieces {
    buffer: Vec<u8>,
    crc: Crc,
    jobs: SyncSender<Job>,
    results: Results,
}

impl Pieces {
    fn send(&mut self, is_last: bool) -> io::Result<()> {
        let input = std::mem::replace(
            &mut self.buffer,
            Vec::with_capacity(if is_last { 0 } else { PIECE }),
        );
        self.crc.update(&input);
        let (result, receiver) = sync_channel(1);
        let closed = || io::Error::other("the compressed bytes cannot be written");
        self.results.send(receiver).map_err(|_closed| closed())?;
        self.jobs
            .send(Job {
                input,
                is_last,
                result,
            })
            .map_err(|_closed| closed())
    }

    /// Sends the last piece, which may be empty; gives the end of the stream.
    fn finish(mut self) -> io::Result<[u8; 8]> {
        self.send(true)?;
        let mut trailer = [0; 8];
        trailer[..4].copy_from_slice(&self.crc.sum().to_le_bytes());
        trailer[4..].copy_from_slice(&self.crc.amount().to_le_bytes());
        Ok(trailer)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == PIECE {
            self.send(false)?;
        }
        let length = bytes.len().min(PIECE - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::bufread::GzDecoder;

    use super::*;

    fn bytes(length: usize) -> Vec<u8> {
        // Compressible, and different everywhere.
        (0..length)
            .map(|i| (i / 7 % 251) as u8 ^ (i / 9973) as u8)
            .collect()
    }

    #[test]
    fn is_one_member_that_every_reader_reads() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 17] {
            let input = bytes(length);
            let (output, (), digest, size) =
                compress(Vec::new(), 2, |writer| Ok(writer.write_all(&input)?)).unwrap();
            assert_eq!((Digest::of(&output), output.len() as u64), (digest, size));
            let mut decoder = GzDecoder::new(output.as_slice());
            let mut decoded = Vec::new();
            decoder.read_to_end(&mut decoded).unwrap();
            assert!(decoded == input, "{length}");
            assert_eq!(
                decoder.into_inner(),
                b"",
                "{length}: bytes after the first member"
            );
        }
    }

    #[test]
    fn does_not_depend_on_the_number_of_threads_or_the_size_of_writes() {
        let input = bytes(5 * PIECE + 12_345);
        let digest = |threads, piece| {
            let (_, (), digest, _) = compress(io::sink(), threads, |writer| {
                input
                    .chunks(piece)
                    .try_for_each(|part| Ok(writer.write_all(part)?))
            })
            .unwrap();
            digest
        };
        let expected = digest(1, PIECE);
        assert_eq!(digest(2, 1000), expected);
        assert_eq!(digest(7, 3 * PIECE), expected);
    }

    #[test]
    fn reports_a_producer_that_fails() {
        let error = compress(io::sink(), 2, |writer| -> anyhow::Result<()> {
            writer.write_all(&bytes(3 * PIECE))?;
            bail!("the file changed")
        })
        .unwrap_err();
        assert_eq!(error.to_string(), "the file changed");
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
        let error =
            compress(Full, 2, |writer| Ok(writer.write_all(&bytes(20 * PIECE))?)).unwrap_err();
        assert_eq!(error.to_string(), "disk full");
    }
}
