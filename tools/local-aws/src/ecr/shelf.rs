//! A repository with all that is in it, in memory.

use std::collections::BTreeMap;

use super::digest::Digest;
use super::manifest::{Content, Manifest};
use super::model::{Image, Layer, Repository};

/// A repository and its contents.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    pub(crate) repository: Repository,
    pub(crate) images: BTreeMap<Digest, Image>,
    /// Which image a tag stands for. An image's own `tags` say the same.
    pub(crate) tags: BTreeMap<String, Digest>,
    pub(crate) layers: BTreeMap<Digest, Layer>,
}

/// By which name an image is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    Tag(String),
    Digest(Digest),
}

impl Reference {
    /// What a registry's path or an image reference ends in: a digest has a colon, a tag never.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.contains(':') {
            Digest::parse(text).map(Self::Digest)
        } else {
            Some(Self::Tag(text.to_owned()))
        }
    }
}

impl Shelf {
    /// An empty repository.
    pub(crate) fn new(repository: Repository) -> Self {
        Self {
            repository,
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
            layers: BTreeMap::new(),
        }
    }

    /// Puts an image, with its tags, where it is found.
    pub(crate) fn place(&mut self, image: Image) {
        self.tags.retain(|_, digest| *digest != image.digest);
        for tag in &image.tags {
            self.tags.insert(tag.clone(), image.digest.clone());
        }
        self.images.insert(image.digest.clone(), image);
    }

    /// Takes an image and its tags away.
    pub(crate) fn take(&mut self, digest: &Digest) {
        self.tags.retain(|_, tagged| tagged != digest);
        self.images.remove(digest);
    }

    /// The image that is meant.
    pub(crate) fn image(&self, reference: &Reference) -> Option<&Image> {
        match reference {
            Reference::Tag(tag) => self.images.get(self.tags.get(tag)?),
            Reference::Digest(digest) => self.images.get(digest),
        }
    }

    /// Blobs that a manifest needs and this repository lacks.
    pub(crate) fn missing_layers(&self, manifest: &Manifest) -> Vec<Digest> {
        match &manifest.content {
            Content::Index(_) => Vec::new(),
            Content::Image { config, layers } => layers
                .iter()
                .filter(|layer| !layer.is_foreign())
                .chain([config])
                .map(|needed| &needed.digest)
                .filter(|digest| !self.layers.contains_key(*digest))
                .cloned()
                .collect(),
        }
    }

    /// Manifests that an index needs and this repository lacks.
    pub(crate) fn missing_images(&self, manifest: &Manifest) -> Vec<Digest> {
        match &manifest.content {
            Content::Image { .. } => Vec::new(),
            Content::Index(children) => children
                .iter()
                .map(|child| &child.digest)
                .filter(|digest| !self.images.contains_key(*digest))
                .cloned()
                .collect(),
        }
    }

    /// Indexes that list this image.
    pub(crate) fn parents(&self, digest: &Digest) -> Vec<Digest> {
        self.images
            .values()
            .filter(|image| image.children.contains(digest))
            .map(|image| image.digest.clone())
            .collect()
    }

    /// Whether an image other than `except` needs this blob.
    pub(crate) fn is_needed(&self, blob: &Digest, except: &Digest) -> bool {
        self.images
            .values()
            .any(|image| image.digest != *except && image.blobs.contains(blob))
    }

    /// Images that need this blob.
    pub(crate) fn images_with(&self, blob: &Digest) -> Vec<Digest> {
        self.images
            .values()
            .filter(|image| image.blobs.contains(blob))
            .map(|image| image.digest.clone())
            .collect()
    }

    /// Whether this blob's file belongs to something here.
    pub(crate) fn holds(&self, blob: &Digest) -> bool {
        self.layers.contains_key(blob) || self.images.contains_key(blob)
    }
}
