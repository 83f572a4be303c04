//! An image into a registry: blobs that it lacks, side by side, then the manifest. The tag moves last, so that it never
//! names something that is not whole.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, anyhow};
use toolkit::Fault;
use ureq::http::{Method, StatusCode};

use super::answer::Failure;
use super::client::{Payload, Registry};
use crate::image::digest::Digest;
use crate::image::layout::{Layout, Stored};
use crate::image::manifest::Descriptor;

/// Uploads at the same time: more gain nothing on one connection to the internet.
const STREAMS: usize = 4;

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Bytes that were uploaded.
    pub(crate) uploaded: u64,
    /// Bytes that the registry had already.
    pub(crate) skipped: u64,
}

/// Pushes the image under a tag. `advance` is told of every byte that is sent or need not be.
pub(crate) fn push(
    registry: &Registry<'_>,
    image: &Stored,
    tag: &str,
    layout: &Layout,
    advance: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<Sent> {
    let sent = blobs(registry, image, layout, advance)?;
    registry
        .retries
        .run(|| put_manifest(registry, image, tag))
        .map_err(|failure| explain_tag(failure, registry, tag))?;
    Ok(sent)
}

fn blobs(
    registry: &Registry<'_>,
    image: &Stored,
    layout: &Layout,
    advance: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<Sent> {
    let mut seen = BTreeSet::new();
    // The large ones first: the last thread then has the least to do alone.
    let mut blobs: Vec<&Descriptor> = image
        .manifest
        .layers
        .iter()
        .chain([&image.manifest.config])
        .filter(|blob| seen.insert(&blob.digest))
        .collect();
    blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
    let (uploaded, skipped) = (AtomicU64::new(0), AtomicU64::new(0));
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..STREAMS.min(blobs.len()) {
            scope.spawn(|| {
                while let Some(blob) = blobs.get(next.fetch_add(1, Ordering::Relaxed))
                    && !registry.retries.is_over()
                {
                    let counter = match one(registry, blob, &layout.blob(&blob.digest), advance) {
                        Ok(true) => &uploaded,
                        Ok(false) => &skipped,
                        Err(error) => {
                            registry.retries.give_up();
                            failed
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .get_or_insert(error);
                            return;
                        }
                    };
                    counter.fetch_add(blob.size, Ordering::Relaxed);
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(Sent {
            uploaded: uploaded.into_inner(),
            skipped: skipped.into_inner(),
        }),
    }
}

/// Sees to it that the registry has a blob; says whether it had to be uploaded.
fn one(
    registry: &Registry<'_>,
    blob: &Descriptor,
    path: &Path,
    advance: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<bool> {
    let reported = AtomicU64::new(0);
    let was_sent = registry
        .retries
        .run(|| {
            if has(registry, &blob.digest)? {
                return Ok(false);
            }
            upload(registry, blob, path, &reported, advance)?;
            Ok(true)
        })
        .map_err(|failure| explain_repository(failure, registry, &blob.digest))?;
    advance(blob.size.saturating_sub(reported.into_inner()));
    Ok(was_sent)
}

fn has(registry: &Registry<'_>, digest: &Digest) -> Result<bool, Failure> {
    let url = registry.url(&format!("blobs/{digest}"));
    let expected = [StatusCode::OK, StatusCode::NOT_FOUND];
    // A registry that sends the bytes elsewhere has them.
    let moved = [StatusCode::TEMPORARY_REDIRECT, StatusCode::FOUND];
    let (head, _) = registry.document(
        &Method::HEAD,
        &url,
        &[],
        Payload::None,
        &[&expected[..], &moved[..]].concat(),
    )?;
    Ok(head.status != StatusCode::NOT_FOUND)
}

/// One POST for the place, one PUT with the whole content: ECR drops all but the first of several parts, so that
/// there is one.
fn upload(
    registry: &Registry<'_>,
    blob: &Descriptor,
    path: &Path,
    reported: &AtomicU64,
    advance: &(dyn Fn(u64) + Sync),
) -> Result<(), Failure> {
    let (head, _) = registry.document(
        &Method::POST,
        &registry.url("blobs/uploads/"),
        &[],
        Payload::None,
        &[StatusCode::ACCEPTED],
    )?;
    let location = registry.location(&head)?;
    let separator = if location.contains('?') { '&' } else { '?' };
    let url = format!("{location}{separator}digest={}", blob.digest);
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = Reported {
        inner: file.take(blob.size),
        position: 0,
        reported,
        advance,
    };
    registry.document(
        &Method::PUT,
        &url,
        &[("content-type", "application/octet-stream")],
        Payload::Stream(&mut reader, blob.size),
        &[StatusCode::CREATED],
    )?;
    Ok(())
}

/// Tells the progress bar, once for each byte however often it is sent.
struct Reported<'a, R> {
    inner: R,
    position: u64,
    reported: &'a AtomicU64,
    advance: &'a (dyn Fn(u64) + Sync),
}

impl<R: Read> Read for Reported<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.position += length as u64;
        let before = self.reported.fetch_max(self.position, Ordering::Relaxed);
        (self.advance)(self.position.saturating_sub(before));
        Ok(length)
    }
}

fn put_manifest(registry: &Registry<'_>, image: &Stored, tag: &str) -> Result<(), Failure> {
    let sent = registry.document(
        &Method::PUT,
        &registry.url(&format!("manifests/{tag}")),
        &[("content-type", image.media_type.as_str())],
        Payload::Bytes(&image.bytes),
        &[StatusCode::CREATED],
    );
    match sent {
        Ok((head, _)) => match head.header("docker-content-digest") {
            Some(digest) if digest != image.digest.as_str() => Err(anyhow!(
                "the registry stored the manifest as {digest}, not {}",
                image.digest
            )
            .into()),
            _ => Ok(()),
        },
        // The answer to an earlier attempt may have been lost, and the tag may be what it should be.
        Err(refused @ Failure::Refused { .. })
            if is_immutable(&refused) && tag_is(registry, tag, &image.digest)? =>
        {
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

fn tag_is(registry: &Registry<'_>, tag: &str, digest: &Digest) -> Result<bool, Failure> {
    let url = registry.url(&format!("manifests/{tag}"));
    let accept = crate::image::manifest::OCI_MANIFEST;
    let expected = [StatusCode::OK, StatusCode::NOT_FOUND];
    let (head, _) = registry.document(
        &Method::HEAD,
        &url,
        &[("accept", accept)],
        Payload::None,
        &expected,
    )?;
    Ok(head.header("docker-content-digest") == Some(digest.as_str()))
}

fn is_immutable(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused { code, message } if code == "TAG_INVALID" || message.contains("immutable"))
}

/// The hint of an immutable tag, which a build with the same tag and other content runs into.
pub(crate) fn immutable(repository: &str, tag: &str, digest: Option<&Digest>) -> anyhow::Error {
    let content = digest.map_or(String::new(), |digest| format!(" ({digest})"));
    Fault::new(
        1,
        format!("the tag {tag} of {repository} names another image{content}, and the repository's tags are immutable"),
    )
    .with_hint("choose a tag that is not taken: a build number or a commit in it makes it unique")
    .into()
}

fn explain_tag(failure: Failure, registry: &Registry<'_>, tag: &str) -> anyhow::Error {
    if is_immutable(&failure) {
        immutable(&registry.name(), tag, None)
    } else {
        failure.explain(&format!("tag the image {}:{tag}", registry.name()))
    }
}

fn explain_repository(failure: Failure, registry: &Registry<'_>, digest: &Digest) -> anyhow::Error {
    failure.explain(&format!("upload {digest} to {}", registry.name()))
}
