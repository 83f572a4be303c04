//! Base images: manifests and blobs, checked by their digests, kept in the layout.

use std::io::Read as _;

use anyhow::{Context as _, anyhow, bail};
use ureq::http::{Method, StatusCode};

use super::answer::{Failure, Head};
use super::client::{Payload, Registry};
use crate::image::config::Config;
use crate::image::digest::{Digest, Hashing};
use crate::image::layout::Layout;
use crate::image::manifest::{
    DOCKER_LIST, DOCKER_MANIFEST, Descriptor, Index, Manifest, OCI_INDEX, OCI_MANIFEST,
};
use crate::image::platform::Platform;
use crate::image::reference::Selector;
use crate::rootfs::node::copy_in_large_pieces;

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// A base image's description; its layers are fetched when they are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pulled {
    /// Of the manifest for the platform.
    pub(crate) digest: Digest,
    pub(crate) manifest: Manifest,
    pub(crate) config: Config,
    /// The index that named the manifest, if one did.
    pub(crate) index: Option<Digest>,
}

/// The digest that a tag stands for now. The failure passes if the registry cannot be reached.
pub(crate) fn current(registry: &Registry<'_>, selector: &Selector) -> Result<Digest, Failure> {
    let tag = match selector {
        Selector::Digest(digest) => return Ok(digest.clone()),
        Selector::Tag(tag) => tag,
    };
    let url = registry.url(&format!("manifests/{tag}"));
    let expected = [StatusCode::OK, StatusCode::NOT_FOUND];
    let (head, _) = registry.retries.run(|| {
        registry.document(
            &Method::HEAD,
            &url,
            &[("accept", ACCEPT)],
            Payload::None,
            &expected,
        )
    })?;
    if head.status == StatusCode::NOT_FOUND {
        return Err(anyhow!("there is no image {}:{tag}", registry.name()).into());
    }
    match head.header("docker-content-digest").and_then(Digest::parse) {
        Some(digest) => Ok(digest),
        // A registry need not say it; then the manifest itself does.
        None => Ok(document(registry, tag).map(|(_, bytes)| Digest::of(&bytes))?),
    }
}

/// The image behind a digest, from the layout if it was fetched before.
pub(crate) fn describe(
    registry: &Registry<'_>,
    digest: &Digest,
    platform: &Platform,
    layout: &Layout,
) -> anyhow::Result<Pulled> {
    let (media_type, bytes) = manifest(registry, digest, layout)?;
    let (digest, bytes, index) = match media_type.as_str() {
        OCI_INDEX | DOCKER_LIST => {
            let chosen = choose(&bytes, platform)
                .with_context(|| format!("cannot use {}", registry.name()))?;
            let (_, bytes) = manifest(registry, &chosen, layout)?;
            (chosen, bytes, Some(digest.clone()))
        }
        OCI_MANIFEST | DOCKER_MANIFEST => (digest.clone(), bytes, None),
        other => bail!(
            "{} has a manifest of the unknown type {other}",
            registry.name()
        ),
    };
    let manifest = Manifest::parse(&bytes)?;
    blob(registry, &manifest.config, layout, &|_| {})?;
    let config = Config::parse(&layout.get(&manifest.config.digest)?)?;
    if config.rootfs.diff_ids.len() != manifest.layers.len() {
        bail!(
            "{} has {} layers and the digests of {}",
            registry.name(),
            manifest.layers.len(),
            config.rootfs.diff_ids.len()
        );
    }
    if !platform.accepts(&config.platform) {
        bail!(
            "{} is for {}, and {platform} is needed",
            registry.name(),
            config.platform
        );
    }
    Ok(Pulled {
        digest,
        manifest,
        config,
        index,
    })
}

/// The manifest for a platform in an index.
fn choose(index: &[u8], platform: &Platform) -> anyhow::Result<Digest> {
    let index: Index = serde_json::from_slice(index).context("its index is malformed")?;
    let offered = index
        .manifests
        .iter()
        .filter_map(|manifest| manifest.platform.as_ref());
    let known: Vec<String> = offered.map(ToString::to_string).collect();
    index
        .manifests
        .iter()
        .find(|manifest| {
            manifest
                .platform
                .as_ref()
                .is_some_and(|offered| platform.accepts(offered))
        })
        .map(|manifest| manifest.digest.clone())
        .with_context(|| {
            format!(
                "it has no image for {platform}, only for {}",
                known.join(", ")
            )
        })
}

/// The bytes and the type of a manifest or an index.
fn manifest(
    registry: &Registry<'_>,
    digest: &Digest,
    layout: &Layout,
) -> anyhow::Result<(String, Vec<u8>)> {
    if let Ok(bytes) = layout.get(digest) {
        return Ok((type_of(None, &bytes)?, bytes));
    }
    let (head, bytes) = document(registry, digest.as_str())?;
    if Digest::of(&bytes) != *digest {
        bail!(
            "{} answered with another manifest than {digest}",
            registry.name()
        );
    }
    let media_type = type_of(Some(&head), &bytes)?;
    layout.put(&media_type, &bytes)?;
    Ok((media_type, bytes))
}

/// What the document says of itself, else what the registry says.
fn type_of(head: Option<&Head>, bytes: &[u8]) -> anyhow::Result<String> {
    let value: serde_json::Value =
        serde_json::from_slice(bytes).context("the manifest is not JSON")?;
    if let Some(media_type) = value.get("mediaType").and_then(serde_json::Value::as_str) {
        return Ok(media_type.to_owned());
    }
    let by_header = head
        .and_then(|head| head.header("content-type"))
        .map(str::to_owned);
    let by_shape = if value.get("manifests").is_some() {
        OCI_INDEX
    } else {
        OCI_MANIFEST
    };
    Ok(by_header.unwrap_or_else(|| by_shape.to_owned()))
}

fn document(registry: &Registry<'_>, selector: &str) -> anyhow::Result<(Head, Vec<u8>)> {
    let url = registry.url(&format!("manifests/{selector}"));
    registry
        .retries
        .run(|| {
            registry.document(
                &Method::GET,
                &url,
                &[("accept", ACCEPT)],
                Payload::None,
                &[StatusCode::OK],
            )
        })
        .map_err(|failure| {
            failure.explain(&format!(
                "fetch the manifest {selector} of {}",
                registry.name()
            ))
        })
}

/// Fetches a blob into the layout, unless it is there.
pub(crate) fn blob(
    registry: &Registry<'_>,
    descriptor: &Descriptor,
    layout: &Layout,
    advance: &dyn Fn(u64),
) -> anyhow::Result<()> {
    if layout.has(descriptor) {
        advance(descriptor.size);
        return Ok(());
    }
    let url = registry.url(&format!("blobs/{}", descriptor.digest));
    registry
        .retries
        .run(|| fetch(registry, &url, descriptor, layout))
        .map_err(|failure| {
            failure.explain(&format!(
                "fetch {} of {}",
                descriptor.digest,
                registry.name()
            ))
        })?;
    advance(descriptor.size);
    Ok(())
}

fn fetch(
    registry: &Registry<'_>,
    url: &str,
    descriptor: &Descriptor,
    layout: &Layout,
) -> Result<(), Failure> {
    let answer = registry.send(&Method::GET, url, &[], Payload::None, &[StatusCode::OK])?;
    let mut writer = Hashing::new(layout.begin()?);
    // One byte more than announced is enough to know that it is another one.
    let mut reader = answer.into_body().into_reader().take(descriptor.size + 1);
    copy_in_large_pieces(&mut reader, &mut writer)
        .map_err(|error| Failure::Passing(anyhow!("the connection was cut: {error}")))?;
    let (file, digest, size) = writer.finish();
    if size < descriptor.size {
        return Err(Failure::Passing(anyhow!(
            "the connection was cut after {size} of {} bytes",
            descriptor.size
        )));
    }
    if digest != descriptor.digest {
        return Err(Failure::Final(anyhow!("the registry sent other content")));
    }
    layout.keep(file, &digest)?;
    Ok(())
}
