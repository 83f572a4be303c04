//! Layers on their way in. An upload lives in memory: after a restart the client begins anew.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Ecr;
use super::blobs::{Draft, SealError};
use super::digest::Digest;
use super::model::Layer;
use super::refusal::Refusal;

/// An upload that nobody touched for so long was given up by its client.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Uploads by their ids.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    open: Mutex<HashMap<String, Upload>>,
}

#[derive(Debug, Clone)]
struct Upload {
    repository: String,
    /// Locked by the request that writes; none after a failed write.
    draft: Arc<Mutex<Option<Draft>>>,
    touched: Instant,
}

impl Uploads {
    fn open(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ecr {
    /// Begins an upload and gives its id.
    pub(crate) fn begin_upload(&self, repository: &str) -> Result<String, Refusal> {
        self.look(repository, |_| Ok(()))?;
        let id = uuid::Uuid::new_v4().to_string();
        let upload = Upload {
            repository: repository.to_owned(),
            draft: Arc::new(Mutex::new(Some(self.blobs.draft()?))),
            touched: Instant::now(),
        };
        let mut open = self.uploads.open();
        open.retain(|_, upload| upload.touched.elapsed() < ABANDONED);
        open.insert(id.clone(), upload);
        Ok(id)
    }

    /// How many bytes an upload has.
    pub(crate) fn upload_size(&self, repository: &str, id: &str) -> Result<u64, Refusal> {
        let upload = self.upload(repository, id)?;
        self.with_draft(repository, id, &upload, |draft| Ok(draft.size()))
    }

    /// Adds bytes as `next` gives them, until it gives none. `start` is where the client believes to be. Gives
    /// the size of it all. What came before an interruption stays, and may be continued.
    pub(crate) fn append(
        &self,
        repository: &str,
        id: &str,
        start: Option<u64>,
        mut next: impl FnMut() -> Option<Bytes>,
    ) -> Result<u64, Refusal> {
        let upload = self.upload(repository, id)?;
        let appended = self.with_draft(repository, id, &upload, |draft| {
            if start.is_some_and(|start| start != draft.size()) {
                return Err(Refusal::UploadOrder { next: draft.size() });
            }
            let mut file = draft.file()?;
            while let Some(bytes) = next() {
                file.append(&bytes)?;
            }
            drop(file);
            Ok(draft.size())
        });
        if let Err(Refusal::Fault(_)) = appended {
            // The file and the hash may disagree.
            self.cancel_upload(repository, id)?;
        }
        appended
    }

    /// Ends an upload: its bytes must match the digest. The repository then has the layer.
    pub(crate) fn complete_upload(
        &self,
        repository: &str,
        id: &str,
        expected: &Digest,
    ) -> Result<(), Refusal> {
        let upload = self.upload(repository, id)?;
        let draft = self
            .locked(id, &upload)?
            .take()
            .ok_or_else(|| self.no_upload(repository, id))?;
        self.uploads.open().remove(id);
        let sealed = draft.seal(expected).map_err(|error| match error {
            SealError::Mismatch { actual } => Refusal::LayerDigest {
                expected: expected.clone(),
                actual,
            },
            SealError::Disk(error) => error.into(),
        })?;
        let layer = Layer {
            repository: repository.to_owned(),
            digest: sealed.digest().clone(),
            size: sealed.size(),
        };
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.get_mut(repository) else {
            return Err(self.no_repository(repository));
        };
        self.blobs.keep(sealed)?;
        self.store.put(&layer)?;
        shelf.layers.insert(layer.digest.clone(), layer);
        Ok(())
    }

    /// Gives an upload up.
    pub(crate) fn cancel_upload(&self, repository: &str, id: &str) -> Result<(), Refusal> {
        self.upload(repository, id)?;
        self.uploads.open().remove(id);
        Ok(())
    }

    /// Lends a layer from one repository to another. False if the other does not have it.
    pub(crate) fn mount(
        &self,
        repository: &str,
        digest: &Digest,
        from: &str,
    ) -> Result<bool, Refusal> {
        let mut shelves = self.shelves();
        let lent = shelves
            .get(from)
            .and_then(|shelf| shelf.layers.get(digest))
            .map(|layer| layer.size);
        let Some(shelf) = shelves.get_mut(repository) else {
            return Err(self.no_repository(repository));
        };
        let Some(size) = lent else { return Ok(false) };
        let layer = Layer {
            repository: repository.to_owned(),
            digest: digest.clone(),
            size,
        };
        self.store.put(&layer)?;
        shelf.layers.insert(digest.clone(), layer);
        Ok(true)
    }

    /// A layer's file and size.
    pub(crate) fn layer(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<(PathBuf, u64), Refusal> {
        self.look(repository, |shelf| match shelf.layers.get(digest) {
            Some(layer) => Ok((self.blobs.path(digest), layer.size)),
            None => Err(Refusal::LayerNotFound(digest.clone())),
        })
    }

    fn upload(&self, repository: &str, id: &str) -> Result<Upload, Refusal> {
        self.look(repository, |_| Ok(()))?;
        match self.uploads.open().get_mut(id) {
            Some(upload) if upload.repository == repository => {
                upload.touched = Instant::now();
                Ok(upload.clone())
            }
            _ => Err(self.no_upload(repository, id)),
        }
    }

    fn no_upload(&self, repository: &str, id: &str) -> Refusal {
        Refusal::UploadNotFound {
            id: id.to_owned(),
            name: repository.to_owned(),
            registry: self.account.id.clone(),
        }
    }

    fn with_draft<T>(
        &self,
        repository: &str,
        id: &str,
        upload: &Upload,
        work: impl FnOnce(&mut Draft) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        match self.locked(id, upload)?.as_mut() {
            Some(draft) => work(draft),
            None => Err(self.no_upload(repository, id)),
        }
    }

    /// One request at a time writes to an upload; another one does not wait, its bytes would be misplaced.
    fn locked<'u>(
        &self,
        id: &str,
        upload: &'u Upload,
    ) -> Result<MutexGuard<'u, Option<Draft>>, Refusal> {
        match upload.draft.try_lock() {
            Ok(draft) => Ok(draft),
            Err(TryLockError::WouldBlock) => Err(Refusal::UploadBusy { id: id.to_owned() }),
            Err(TryLockError::Poisoned(_)) => Err(Refusal::Fault(format!(
                "a write to the upload {id} broke off"
            ))),
        }
    }
}
