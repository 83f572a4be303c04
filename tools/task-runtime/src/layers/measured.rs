//! An archive that is counted and hashed while it is read.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

pub(super) struct Measured<R> {
    inner: R,
    digest: Sha256,
    left: u64,
}

impl<R: Read> Measured<R> {
    /// An error comes after `limit` bytes.
    pub(super) fn new(inner: R, limit: u64) -> Measured<R> {
        Measured {
            inner,
            digest: Sha256::new(),
            left: limit,
        }
    }

    /// Reads what is left, and gives `sha256:` and the digest of everything.
    pub(super) fn digest(mut self) -> io::Result<String> {
        let mut buffer = vec![0; 64 * 1024];
        while self.read(&mut buffer)? > 0 {}
        Ok(format!("sha256:{}", hex::encode(self.digest.finalize())))
    }
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(length as u64).ok_or_else(|| {
            io::Error::other(
                "it expands to more than its compressed size allows: a decompression bomb",
            )
        })?;
        self.digest.update(&buffer[..length]);
        Ok(length)
    }
}
