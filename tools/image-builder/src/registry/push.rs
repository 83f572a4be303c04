//! An image into a registry: blobs that it lacks, side by side, then the manifest. The tag moves last, so that it never
//! names something that is not whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
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

/// Repositories of the same registry that have some of the blobs.
pub(crate) type Lenders = BTreeMap<Digest, String>;

/// What is pushed, and what it is called there.
pub(crate) struct Parcel<'a> {
    pub(crate) image: &'a Stored,
    pub(crate) tag: &'a str,
    /// A second name, by which the next build finds the same content. Put first, and not worth a failure.
    pub(crate) key_tag: Option<&'a str>,
    pub(crate) lenders: &'a Lenders,
}

/// Pushes the image under a tag. `advance` is told of every byte that is sent or need not be.
pub(crate) fn push(
    registry: &Registry<'_>,
    parcel: &Parcel<'_>,
    layout: &Layout,
    advance: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<Sent> {
    let Parcel { image, tag, .. } = *parcel;
    let sent = blobs(registry, parcel, layout, advance)?;
    if let Some(key_tag) = parcel.key_tag {
        match registry
            .retries
            .run(|| put_manifest(registry, image, key_tag))
        {
            // Somebody else was first, with another image of the same content: either will do.
            Err(failure) if is_immutable(&failure) => {}
            other => other.map_err(|failure| explain_tag(failure, registry, key_tag))?,
        }
    }
    registry
        .retries
        .run(|| put_manifest(registry, image, tag))
        .map_err(|failure| explain_tag(failure, registry, tag))?;
    Ok(sent)
}

fn blobs(
    registry: &Registry<'_>,
    parcel: &Parcel<'_>,
    layout: &Layout,
    advance: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<Sent> {
    let image = parcel.image;
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
                    let lender = parcel.lenders.get(&blob.digest).map(String::as_str);
                    let path = layout.blob(&blob.digest);
                    let counter = match one(registry, blob, lender, &path, advance) {
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
    lender: Option<&str>,
    path: &Path,
    advance: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<bool> {
    let mut upload = Upload {
        registry,
        blob,
        path,
        reported: AtomicU64::new(0),
        advance,
        session: None,
    };
    let was_sent = registry
        .retries
        .run(|| {
            if has(registry, &blob.digest)? {
                return Ok(false);
            }
            upload.attempt(lender)
        })
        .map_err(|failure| explain_repository(failure, registry, &blob.digest))?;
    advance(blob.size.saturating_sub(upload.reported.into_inner()));
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

/// Whether a repository has a blob, or took it from another one of the same registry just now.
pub(crate) fn is_there(
    registry: &Registry<'_>,
    digest: &Digest,
    lender: &str,
) -> anyhow::Result<bool> {
    let url = registry.url(&format!("blobs/uploads/?mount={digest}&from={lender}"));
    registry
        .retries
        .run(|| {
            if has(registry, digest)? {
                return Ok(true);
            }
            let expected = [StatusCode::CREATED, StatusCode::ACCEPTED];
            let (head, _) =
                registry.document(&Method::POST, &url, &[], Payload::None, &expected)?;
            Ok(head.status == StatusCode::CREATED)
        })
        .map_err(|failure| explain_repository(failure, registry, digest))
}

/// One blob on its way.
struct Upload<'a> {
    registry: &'a Registry<'a>,
    blob: &'a Descriptor,
    path: &'a Path,
    reported: AtomicU64,
    advance: &'a (dyn Fn(u64) + Sync),
    /// Where an earlier attempt was sending to.
    session: Option<String>,
}

impl Upload<'_> {
    /// Goes on where an earlier attempt was cut, if the registry has what came; else one POST for the place, and one PUT
    /// with the whole content. False if the registry took the blob from another of its repositories.
    ///
    /// ECR drops all but the first of several parts, so that there it is always the whole.
    fn attempt(&mut self, lender: Option<&str>) -> Result<bool, Failure> {
        if let Some(session) = self.session.take()
            && !self.registry.takes_one_part_only()
            && let Some((url, offset)) = self.progress(&session)
        {
            self.go_on(&url, offset)?;
            return Ok(true);
        }
        let borrowing = lender.map_or(String::new(), |lender| {
            format!("?mount={}&from={lender}", self.blob.digest)
        });
        let (head, _) = self.registry.document(
            &Method::POST,
            &self.registry.url(&format!("blobs/uploads/{borrowing}")),
            &[],
            Payload::None,
            &[StatusCode::ACCEPTED, StatusCode::CREATED],
        )?;
        if head.status == StatusCode::CREATED {
            return Ok(false);
        }
        let location = self.registry.location(&head)?;
        self.session = Some(location.clone());
        self.put(&location, 0)?;
        Ok(true)
    }

    /// How many bytes an unfinished upload has, and where it goes on. Whatever goes wrong: it is begun anew.
    fn progress(&self, session: &str) -> Option<(String, u64)> {
        let expected = [StatusCode::NO_CONTENT];
        let (head, _) = self
            .registry
            .document(&Method::GET, session, &[], Payload::None, &expected)
            .ok()?;
        let (_, last) = head.header("range")?.rsplit_once('-')?;
        let offset = last.parse::<u64>().ok()?.checked_add(1)?;
        let url = self.registry.location(&head).ok()?;
        // `0-0` is what registries say of an upload without a byte, too.
        (offset > 1 && offset <= self.blob.size).then_some((url, offset))
    }

    /// Sends the rest, and ends the upload.
    fn go_on(&mut self, url: &str, offset: u64) -> Result<(), Failure> {
        self.session = Some(url.to_owned());
        let url = if offset < self.blob.size {
            let range = format!("{offset}-{}", self.blob.size - 1);
            let mut reader = self.reader(offset)?;
            let (head, _) = self.registry.document(
                &Method::PATCH,
                url,
                &[
                    ("content-type", "application/octet-stream"),
                    ("content-range", range.as_str()),
                ],
                Payload::Stream(&mut reader, self.blob.size - offset),
                &[
                    StatusCode::ACCEPTED,
                    StatusCode::CREATED,
                    StatusCode::NO_CONTENT,
                ],
            )?;
            self.registry.location(&head)?
        } else {
            url.to_owned()
        };
        self.session = Some(url.clone());
        self.put(&url, self.blob.size)
    }

    /// The last request of an upload: with what comes from `offset` on.
    fn put(&self, location: &str, offset: u64) -> Result<(), Failure> {
        let separator = if location.contains('?') { '&' } else { '?' };
        let url = format!("{location}{separator}digest={}", self.blob.digest);
        let mut reader = self.reader(offset)?;
        let left = self.blob.size - offset;
        self.registry.document(
            &Method::PUT,
            &url,
            &[("content-type", "application/octet-stream")],
            Payload::Stream(&mut reader, left),
            &[StatusCode::CREATED],
        )?;
        Ok(())
    }

    fn reader(&self, offset: u64) -> Result<Reported<'_, io::Take<File>>, Failure> {
        let what = || format!("cannot read {}", self.path.display());
        let mut file = File::open(self.path).with_context(what)?;
        file.seek(SeekFrom::Start(offset)).with_context(what)?;
        Ok(Reported {
            inner: file.take(self.blob.size - offset),
            position: offset,
            reported: &self.reported,
            advance: self.advance,
        })
    }
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
