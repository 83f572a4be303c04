//! Content-addressed files. A blob's file is there whole or not at all: it is written beside its place, under
//! a hash that is checked, and then renamed. What a killed process leaves half written is removed at the start.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use super::digest::Digest;

/// The blobs of a registry.
#[derive(Debug)]
pub(crate) struct Blobs {
    /// Files named by the digits of their digest.
    blobs: PathBuf,
    /// Files that are being written.
    drafts: PathBuf,
}

/// A blob that is being written. Its file goes with the value unless it was kept.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    hash: Sha256,
    size: u64,
}

/// A draft whose bytes are safe on the disk and match a digest.
#[derive(Debug)]
pub(crate) struct Sealed {
    draft: Draft,
    digest: Digest,
}

/// Why a draft is not the blob that the client says it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The bytes have another digest.
    #[error("the content's digest is {actual}")]
    Mismatch {
        /// What the bytes really are.
        actual: Digest,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl Blobs {
    /// Opens the blobs below `directory` and removes drafts of an earlier process.
    pub(crate) fn open(directory: &Path) -> anyhow::Result<Self> {
        let blobs = directory.join("blobs/sha256");
        let drafts = directory.join("uploads");
        if drafts.exists() {
            std::fs::remove_dir_all(&drafts)
                .with_context(|| format!("cannot remove {}", drafts.display()))?;
        }
        for directory in [&blobs, &drafts] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .with_context(|| format!("cannot make the directory {}", directory.display()))?;
        }
        Ok(Self { blobs, drafts })
    }

    /// Where a blob lies, if it is there.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(digest.digits())
    }

    /// Begins a blob.
    pub(crate) fn draft(&self) -> io::Result<Draft> {
        let path = self.drafts.join(uuid::Uuid::new_v4().to_string());
        OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path)?;
        Ok(Draft {
            path,
            hash: Sha256::new(),
            size: 0,
        })
    }

    /// Puts a blob in its place.
    pub(crate) fn keep(&self, sealed: Sealed) -> io::Result<()> {
        // The draft's own removal finds nothing afterwards.
        std::fs::rename(&sealed.draft.path, self.path(&sealed.digest))
    }

    /// Writes a blob that is in memory.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<Digest> {
        let mut draft = self.draft()?;
        draft.file()?.append(bytes)?;
        let digest = draft.digest();
        match draft.seal(&digest) {
            Ok(sealed) => self.keep(sealed)?,
            Err(SealError::Disk(error)) => return Err(error),
            Err(SealError::Mismatch { .. }) => unreachable!("the digest is the draft's own"),
        }
        Ok(digest)
    }

    /// Reads a blob that is small, such as a manifest.
    pub(crate) fn read(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        std::fs::read(self.path(digest))
    }

    /// Removes a blob; an absent one is no error.
    pub(crate) fn remove(&self, digest: &Digest) -> io::Result<()> {
        match std::fs::remove_file(self.path(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes every blob that is not wanted: a process may have died between a blob and its record.
    pub(crate) fn sweep(&self, wanted: &BTreeSet<&Digest>) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.blobs)? {
            let name = entry?.file_name();
            let digest = name
                .to_str()
                .and_then(|digits| Digest::parse(&format!("sha256:{digits}")));
            if let Some(digest) = digest.filter(|digest| !wanted.contains(digest)) {
                self.remove(&digest)?;
            }
        }
        Ok(())
    }
}

/// A draft whose file is open for more bytes.
#[derive(Debug)]
pub(crate) struct OpenDraft<'d> {
    draft: &'d mut Draft,
    file: File,
}

impl OpenDraft<'_> {
    /// Adds bytes at the end. After an error the draft is good for nothing.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.draft.hash.update(bytes);
        self.draft.size += bytes.len() as u64;
        Ok(())
    }
}

impl Draft {
    /// Opens the file for more bytes. It is not kept open in between: uploads may lie idle for hours.
    pub(crate) fn file(&mut self) -> io::Result<OpenDraft<'_>> {
        let file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(OpenDraft { draft: self, file })
    }

    /// How many bytes there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The digest of what there is.
    pub(crate) fn digest(&self) -> Digest {
        Digest::finished(self.hash.clone())
    }

    /// Ends the draft: its bytes must match, and are forced to the disk. A blob whose name outlived a power
    /// failure while its bytes did not would never be pushed again.
    pub(crate) fn seal(self, expected: &Digest) -> Result<Sealed, SealError> {
        let actual = self.digest();
        if actual != *expected {
            return Err(SealError::Mismatch { actual });
        }
        File::open(&self.path)?.sync_data()?;
        Ok(Sealed {
            draft: self,
            digest: actual,
        })
    }
}

impl Sealed {
    /// What it is.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many bytes it has.
    pub(crate) fn size(&self) -> u64 {
        self.draft.size
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // A kept draft's file has moved away; one that cannot be removed goes at the next start.
        std::fs::remove_file(&self.path).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn keeps_what_matches_its_digest() {
        let place = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(place.path()).unwrap();
        let mut draft = blobs.draft().unwrap();
        draft.file().unwrap().append(b"ab").unwrap();
        draft.file().unwrap().append(b"c").unwrap();
        assert_eq!(draft.size(), 3);
        let digest = Digest::of(b"abc");
        let sealed = draft.seal(&digest).unwrap();
        assert!(!blobs.path(&digest).exists());
        blobs.keep(sealed).unwrap();
        assert_eq!(blobs.read(&digest).unwrap(), b"abc");
        assert_eq!(files(&place.path().join("uploads")), [""; 0]);
    }

    #[test]
    fn throws_away_what_does_not_match() {
        let place = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(place.path()).unwrap();
        let mut draft = blobs.draft().unwrap();
        draft.file().unwrap().append(b"abd").unwrap();
        let error = draft.seal(&Digest::of(b"abc")).unwrap_err();
        assert!(matches!(error, SealError::Mismatch { actual } if actual == Digest::of(b"abd")));
        assert_eq!(files(&place.path().join("uploads")), [""; 0]);
        assert_eq!(files(&place.path().join("blobs/sha256")), [""; 0]);
    }

    #[test]
    fn forgets_half_written_blobs_of_a_killed_process() {
        let place = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(place.path()).unwrap();
        let mut draft = blobs.draft().unwrap();
        draft.file().unwrap().append(b"half").unwrap();
        // What a killed process does not do.
        std::mem::forget(draft);
        let kept = blobs.write(b"wanted").unwrap();
        let orphan = blobs.write(b"orphan").unwrap();
        assert_eq!(files(&place.path().join("uploads")).len(), 1);
        let blobs = Blobs::open(place.path()).unwrap();
        blobs.sweep(&BTreeSet::from([&kept])).unwrap();
        assert_eq!(files(&place.path().join("uploads")), [""; 0]);
        assert_eq!(files(&place.path().join("blobs/sha256")), [kept.digits()]);
        blobs.remove(&orphan).unwrap();
    }
}
