//! Putting an image into a repository.

use std::collections::BTreeSet;

use super::Ecr;
use super::digest::Digest;
use super::manifest::{Content, Descriptor, Manifest};
use super::model::{Image, Mutability};
use super::name::is_tag;
use super::refusal::Refusal;
use super::shelf::Shelf;

/// A manifest that a client sends.
#[derive(Debug)]
pub(crate) struct Push<'a> {
    pub(crate) repository: &'a str,
    pub(crate) manifest: &'a [u8],
    /// What the client calls it, if it does.
    pub(crate) media_type: Option<&'a str>,
    pub(crate) tag: Option<&'a str>,
    /// What its digest must be, if the client says so.
    pub(crate) digest: Option<&'a Digest>,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    /// The image that it speaks of.
    pub(crate) subject: Option<Digest>,
    /// False if the same manifest was there under the same tag.
    pub(crate) is_new: bool,
}

impl Ecr {
    /// Takes a manifest whose layers (or, for an index, images) the repository already has, and moves the tag
    /// to it. The image that had the tag stays, without it.
    pub(crate) fn put_image(&self, push: &Push<'_>) -> Result<Pushed, Refusal> {
        let manifest =
            Manifest::parse(push.manifest, push.media_type).map_err(Refusal::Manifest)?;
        let digest = Digest::of(push.manifest);
        if let Some(expected) = push.digest.filter(|expected| **expected != digest) {
            return Err(Refusal::ManifestDigest {
                expected: expected.clone(),
                actual: digest,
            });
        }
        if push.tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(Refusal::TagName);
        }
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.get_mut(push.repository) else {
            return Err(self.no_repository(push.repository));
        };
        self.check_contents(shelf, &manifest)?;
        check_tag(shelf, push.tag, &digest)?;
        let before = shelf.images.get(&digest);
        let mut image = match before {
            Some(known) => known.clone(),
            None => self.image(push, &manifest, digest.clone()),
        };
        image.tags.extend(push.tag.map(str::to_owned));
        let pushed = Pushed {
            is_new: before != Some(&image),
            digest: digest.clone(),
            media_type: image.media_type.clone(),
            subject: manifest.subject,
        };
        let loser = loser(shelf, push.tag, &digest);
        // Before its record: a record without a blob would be worse than a blob without a record.
        self.blobs.write(push.manifest)?;
        let changed: Vec<Image> = loser.into_iter().chain([image]).collect();
        self.store.put_all(&changed)?;
        for image in changed {
            shelf.place(image);
        }
        Ok(pushed)
    }

    fn check_contents(&self, shelf: &Shelf, manifest: &Manifest) -> Result<(), Refusal> {
        let name = || shelf.repository.name.clone();
        let registry = || self.account.id.clone();
        let digests = shelf.missing_layers(manifest);
        if !digests.is_empty() {
            return Err(Refusal::LayersNotFound {
                digests,
                name: name(),
                registry: registry(),
            });
        }
        let digests = shelf.missing_images(manifest);
        if !digests.is_empty() {
            return Err(Refusal::ReferencedImagesNotFound {
                digests,
                name: name(),
                registry: registry(),
            });
        }
        Ok(())
    }

    fn image(&self, push: &Push<'_>, manifest: &Manifest, digest: Digest) -> Image {
        let (blobs, children) = match &manifest.content {
            Content::Image { config, layers } => {
                let held = layers.iter().filter(|layer| !layer.is_foreign());
                (held.chain([config]).collect(), Vec::new())
            }
            Content::Index(children) => (Vec::new(), children.iter().collect()),
        };
        let digests = |of: &[&Descriptor]| -> BTreeSet<Digest> {
            of.iter().map(|one| one.digest.clone()).collect()
        };
        Image {
            repository: push.repository.to_owned(),
            digest,
            media_type: manifest.media_type.clone(),
            artifact_type: manifest.artifact_type.clone(),
            manifest_size: push.manifest.len() as u64,
            size: blobs
                .iter()
                .fold(0, |size: u64, blob| size.saturating_add(blob.size)),
            pushed_ms: self.clock.now_ms(),
            tags: BTreeSet::new(),
            blobs: digests(&blobs),
            children: digests(&children),
            subject: manifest.subject.clone(),
            annotations: manifest.annotations.clone(),
        }
    }
}

/// An immutable tag stays where it is; pushing the same image once more is no change.
fn check_tag(shelf: &Shelf, tag: Option<&str>, digest: &Digest) -> Result<(), Refusal> {
    let Some(tag) = tag else { return Ok(()) };
    let moves = shelf.tags.get(tag).is_some_and(|owner| owner != digest);
    if moves && shelf.repository.is_immutable(tag) {
        let is_whole = shelf.repository.mutability == Mutability::Immutable;
        return Err(Refusal::TagImmutable {
            tag: tag.to_owned(),
            name: shelf.repository.name.clone(),
            what: if is_whole { "repository" } else { "tag" },
        });
    }
    Ok(())
}

/// The image that loses the tag, as it will be.
fn loser(shelf: &Shelf, tag: Option<&str>, digest: &Digest) -> Option<Image> {
    let tag = tag?;
    let owner = shelf.tags.get(tag).filter(|owner| *owner != digest)?;
    let mut image = shelf.images.get(owner)?.clone();
    image.tags.remove(tag);
    Some(image)
}
