//! The repositories: opened from the store, found by name, created and deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use super::Ecr;
use super::blobs::Blobs;
use super::digest::Digest;
use super::model::{Image, Layer, Repository, key};
use super::name::is_repository;
use super::refusal::Refusal;
use super::shelf::{Reference, Shelf};
use crate::state::{Store, delete_in, put_in};

/// All repositories, by name.
pub(crate) type Shelves = BTreeMap<String, Shelf>;

/// Reads all repositories, and removes blobs that none of them knows.
pub(super) fn load(store: &Store, blobs: &Blobs) -> anyhow::Result<Shelves> {
    let mut shelves: Shelves = store
        .all::<Repository>()?
        .into_iter()
        .map(|repository| (repository.name.clone(), Shelf::new(repository)))
        .collect();
    for layer in store.all::<Layer>()? {
        if let Some(shelf) = shelves.get_mut(&layer.repository) {
            shelf.layers.insert(layer.digest.clone(), layer);
        }
    }
    for image in store.all::<Image>()? {
        if let Some(shelf) = shelves.get_mut(&image.repository) {
            shelf.place(image);
        }
    }
    let wanted: BTreeSet<&Digest> = shelves
        .values()
        .flat_map(|shelf| shelf.layers.keys().chain(shelf.images.keys()))
        .collect();
    blobs.sweep(&wanted)?;
    Ok(shelves)
}

impl Ecr {
    /// All repositories. Held while something changes, so that what is checked still holds when it is written.
    pub(crate) fn shelves(&self) -> MutexGuard<'_, Shelves> {
        // Memory is only changed after the store, in steps that cannot fail.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at one repository.
    pub(crate) fn look<T>(
        &self,
        repository: &str,
        look: impl FnOnce(&Shelf) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        match self.shelves().get(repository) {
            Some(shelf) => look(shelf),
            None => Err(self.no_repository(repository)),
        }
    }

    /// The error for a repository that is not there.
    pub(crate) fn no_repository(&self, name: &str) -> Refusal {
        if is_repository(name) {
            Refusal::RepositoryNotFound {
                name: name.to_owned(),
                registry: self.account.id.clone(),
            }
        } else {
            Refusal::RepositoryName
        }
    }

    /// Adds a repository.
    pub(crate) fn create(&self, repository: Repository) -> Result<Repository, Refusal> {
        if !is_repository(&repository.name) {
            return Err(Refusal::RepositoryName);
        }
        let mut shelves = self.shelves();
        if shelves.contains_key(&repository.name) {
            return Err(Refusal::RepositoryExists {
                name: repository.name,
                registry: self.account.id.clone(),
            });
        }
        self.store.put(&repository)?;
        shelves.insert(repository.name.clone(), Shelf::new(repository.clone()));
        Ok(repository)
    }

    /// Changes what a repository says of itself, not its contents.
    pub(crate) fn change<T, E: From<Refusal>>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Repository) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.get_mut(name) else {
            return Err(self.no_repository(name).into());
        };
        let mut changed = shelf.repository.clone();
        let result = change(&mut changed)?;
        self.store.put(&changed).map_err(Refusal::from)?;
        shelf.repository = changed;
        Ok(result)
    }

    /// Removes a repository; with images in it only by `force`.
    pub(crate) fn delete(&self, name: &str, force: bool) -> Result<Repository, Refusal> {
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.get(name) else {
            return Err(self.no_repository(name));
        };
        if !force && !shelf.images.is_empty() {
            return Err(Refusal::RepositoryNotEmpty {
                name: name.to_owned(),
                registry: self.account.id.clone(),
            });
        }
        self.store.transaction(|transaction| {
            for digest in shelf.images.keys() {
                delete_in::<Image>(transaction, &key(name, digest))?;
            }
            for digest in shelf.layers.keys() {
                delete_in::<Layer>(transaction, &key(name, digest))?;
            }
            delete_in::<Repository>(transaction, name)
        })?;
        let removed = shelves
            .remove(name)
            .ok_or_else(|| self.no_repository(name))?;
        let candidates = removed.layers.keys().chain(removed.images.keys());
        self.drop_unwanted(&shelves, candidates)?;
        Ok(removed.repository)
    }

    /// Removes an image with all its tags.
    pub(crate) fn delete_image(&self, name: &str, digest: &Digest) -> Result<(), Refusal> {
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.get_mut(name) else {
            return Err(self.no_repository(name));
        };
        let image = shelf.images.get(digest).ok_or(Refusal::ImageNotFound)?;
        let parents = shelf.parents(digest);
        if !parents.is_empty() {
            return Err(Refusal::ImageReferenced { parents });
        }
        let orphans: Vec<Digest> = image
            .blobs
            .iter()
            .filter(|blob| !shelf.is_needed(blob, digest))
            .cloned()
            .collect();
        self.store.transaction(|transaction| {
            delete_in::<Image>(transaction, &key(name, digest))?;
            orphans
                .iter()
                .try_for_each(|orphan| delete_in::<Layer>(transaction, &key(name, orphan)))
        })?;
        shelf.take(digest);
        for orphan in &orphans {
            shelf.layers.remove(orphan);
        }
        self.drop_unwanted(&shelves, orphans.iter().chain([digest]))
    }

    /// Removes a layer that no image needs.
    pub(crate) fn delete_layer(&self, name: &str, digest: &Digest) -> Result<(), Refusal> {
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.get_mut(name) else {
            return Err(self.no_repository(name));
        };
        if !shelf.layers.contains_key(digest) {
            return Err(Refusal::LayerNotFound(digest.clone()));
        }
        let images = shelf.images_with(digest);
        if !images.is_empty() {
            return Err(Refusal::LayerNeeded { images });
        }
        self.store.delete::<Layer>(&key(name, digest))?;
        shelf.layers.remove(digest);
        self.drop_unwanted(&shelves, [digest].into_iter())
    }

    /// The manifest that is meant, with its bytes.
    pub(crate) fn manifest(
        &self,
        name: &str,
        reference: &Reference,
    ) -> Result<(Image, Vec<u8>), Refusal> {
        let image = self.look(name, |shelf| {
            shelf
                .image(reference)
                .cloned()
                .ok_or(Refusal::ImageNotFound)
        })?;
        let bytes = self.blobs.read(&image.digest)?;
        Ok((image, bytes))
    }

    /// Takes a tag from its image; the image stays.
    pub(crate) fn untag(&self, name: &str, tag: &str) -> Result<(), Refusal> {
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.get_mut(name) else {
            return Err(self.no_repository(name));
        };
        let image = shelf
            .tags
            .get(tag)
            .and_then(|digest| shelf.images.get(digest))
            .ok_or(Refusal::ImageNotFound)?;
        let mut image = image.clone();
        image.tags.remove(tag);
        self.store
            .transaction(|transaction| put_in(transaction, &image))?;
        shelf.place(image);
        Ok(())
    }

    /// Removes the files of blobs that no repository knows any more.
    pub(crate) fn drop_unwanted<'d>(
        &self,
        shelves: &Shelves,
        candidates: impl Iterator<Item = &'d Digest>,
    ) -> Result<(), Refusal> {
        for digest in candidates {
            if !shelves.values().any(|shelf| shelf.holds(digest)) {
                self.blobs.remove(digest)?;
            }
        }
        Ok(())
    }
}
