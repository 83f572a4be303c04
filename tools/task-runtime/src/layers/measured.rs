//! An archive that is counted and hashed while it is read.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use sha2::{Digest, Sha256};

pub(super) struct Measured<R> {
    inner: R,
    digest: Sha256,
    left: u64,
    allowance: Allowance,
}

/// How much may be read just now; shared with whoever knows what is being read.
#[derive(Clone)]
pub(super) struct Allowance(Rc<Cell<u64>>);

impl Allowance {
    pub(super) fn set(&self, bytes: u64) {
        self.0.set(bytes);
    }
}

impl<R: Read> Measured<R> {
    /// An error comes after `limit` bytes.
    pub(super) fn new(inner: R, limit: u64) -> Measured<R> {
        Measured {
            inner,
            digest: Sha256::new(),
            left: limit,
            allowance: Allowance(Rc::new(Cell::new(u64::MAX))),
        }
    }

    pub(super) fn allowance(&self) -> Allowance {
        self.allowance.clone()
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
        let taken = |from: u64, reason: &str| {
            let left = from.checked_sub(length as u64);
            left.ok_or_else(|| io::Error::other(reason.to_owned()))
        };
        self.left = taken(
            self.left,
            "it expands to more than its compressed size allows: a decompression bomb",
        )?;
        let allowed = taken(
            self.allowance.0.get(),
            "a file name or attribute of absurd size",
        )?;
        self.allowance.set(allowed);
        self.digest.update(&buffer[..length]);
        Ok(length)
    }
}
