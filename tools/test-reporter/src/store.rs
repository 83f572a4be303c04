//! Where cases wait until all reports are read: a little memory, then a file without a name.
//!
//! Reports of gigabytes have millions of cases, and what is written about them (merged JUnit, service messages)
//! can only be written when all verdicts are known.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Mutex;

use crate::case::Case;
use crate::record;

/// Bytes that wait in memory.
const MEMORY: usize = 4 << 20;

/// Cases of all sources; several readers fill it at once.
#[derive(Debug)]
pub(crate) struct Store {
    inner: Mutex<Inner>,
    keeps_all: bool,
}

#[derive(Debug, Default)]
struct Inner {
    file: Option<File>,
    /// Bytes in the file.
    written: u64,
    memory: Vec<u8>,
}

/// Where records are in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    at: u64,
    length: usize,
}

impl Store {
    /// A store of every case, or only of those that did not simply pass, where nobody asks for others.
    pub(crate) fn new(keeps_all: bool) -> Self {
        Self {
            inner: Mutex::default(),
            keeps_all,
        }
    }

    /// Whether cases that passed are kept.
    pub(crate) fn keeps_all(&self) -> bool {
        self.keeps_all
    }

    /// Keeps whole records together.
    pub(crate) fn append(&self, records: &[u8]) -> io::Result<Extent> {
        let mut inner = self.inner.lock().map_err(|_poisoned| gone())?;
        let at = inner.written + inner.memory.len() as u64;
        inner.memory.extend_from_slice(records);
        if inner.memory.len() > MEMORY {
            inner.spill()?;
        }
        Ok(Extent {
            at,
            length: records.len(),
        })
    }

    fn read(&self, extent: Extent) -> io::Result<Vec<u8>> {
        let inner = self.inner.lock().map_err(|_poisoned| gone())?;
        let mut bytes = vec![0; extent.length];
        match (&inner.file, extent.at.checked_sub(inner.written)) {
            (_, Some(at)) => {
                let at = usize::try_from(at).map_err(io::Error::other)?;
                bytes.copy_from_slice(&inner.memory[at..at + extent.length]);
            }
            (Some(file), None) => file.read_exact_at(&mut bytes, extent.at)?,
            (None, None) => return Err(gone()),
        }
        Ok(bytes)
    }

    /// Hands the cases of these extents on, in their order.
    pub(crate) fn each<E: From<io::Error>>(
        &self,
        extents: &[Extent],
        mut then: impl FnMut(Case) -> Result<(), E>,
    ) -> Result<(), E> {
        for extent in extents {
            let bytes = self.read(*extent)?;
            for case in record::Records::new(&bytes) {
                then(case?)?;
            }
        }
        Ok(())
    }
}

impl Inner {
    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(&self.memory)?;
        self.written += self.memory.len() as u64;
        self.memory.clear();
        Ok(())
    }
}

fn gone() -> io::Error {
    io::Error::other("the cases that were read are gone")
}
