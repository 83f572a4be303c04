//! From one environment to the next: the same image under another tag, perhaps in another repository. Nothing is built,
//! and what the registry has is not sent.

use anyhow::Context as _;
use aws_sdk_ecr::Client;
use toolkit::{Console, Fault};

use crate::ecr::{self, Repository};
use crate::image::digest::Digest;
use crate::image::layout::{Layout, Stored};
use crate::image::platform::Platform;
use crate::registry::pull::{self, blob};
use crate::registry::push::{Lenders, Parcel, immutable, is_there, push};
use crate::registry::{Access, Registry, Retries};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The repository that has it.
    pub(crate) repository: String,
    /// A tag, or a digest.
    pub(crate) image: Selector,
    /// The repository that gets it.
    pub(crate) to_repository: String,
    /// Its new tag.
    pub(crate) to_tag: String,
    pub(crate) platform: Platform,
    /// Whether to send nothing.
    pub(crate) dry_run: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Selector {
    Tag(String),
    Digest(Digest),
}

/// An image at its new place.
pub(crate) struct Promoted {
    pub(crate) image: Stored,
    /// Host and repository.
    pub(crate) uri: String,
    pub(crate) is_there: bool,
}

/// Copies by digest.
pub(crate) fn promote(request: &Request, console: &Console) -> anyhow::Result<Promoted> {
    let (source, target) = aws::block_on(look(request))?;
    let digest = match &request.image {
        Selector::Digest(digest) => digest.clone(),
        Selector::Tag(tag) => source
            .tagged
            .clone()
            .ok_or_else(|| Fault::new(1, format!("there is no image {}:{tag}", source.uri)))?,
    };
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let layout = Layout::create(directory.path())?;
    let credentials = |host: &str| aws::block_on(ecr::authorization(host));
    let open = |repository: &Repository, access| -> anyhow::Result<Registry<'_>> {
        let (host, path) = repository.parts()?;
        Ok(Registry::new(
            host,
            path,
            access,
            &credentials,
            Retries::usual(),
        ))
    };
    let from = open(&source, Access::Pull)?;
    let found = pull::describe(&from, &digest, &request.platform, &layout)?;
    // What was tested is what runs: the digest of the image itself, also where an index led to it.
    let descriptor = layout.put(found.manifest.media_type(), &layout.get(&found.digest)?)?;
    layout.point_to(&descriptor, &request.to_tag, "unknown", None, &found.config)?;
    let image = layout.described()?;
    let name = format!("{}:{}", target.uri, request.to_tag);
    let done = |image, is_there| Promoted {
        image,
        uri: target.uri.clone(),
        is_there,
    };
    if target.tagged.as_ref() == Some(&image.digest) {
        console.status(&format!("{name} is up to date ({})", image.digest));
        return Ok(done(image, true));
    }
    if target.is_immutable && target.tagged.is_some() {
        return Err(immutable(
            &target.uri,
            &request.to_tag,
            target.tagged.as_ref(),
        ));
    }
    if request.dry_run {
        console.status(&format!("{name} would become {}", image.digest));
        return Ok(done(image, false));
    }
    copy(
        request,
        &image,
        &from,
        &open(&target, Access::Push)?,
        &layout,
    )?;
    console.status(&format!("{name} is {} of {}", image.digest, source.uri));
    Ok(done(image, true))
}

/// What the target lacks, from repository to repository where the registry does that; then the manifest.
fn copy(
    request: &Request,
    image: &Stored,
    from: &Registry<'_>,
    to: &Registry<'_>,
    layout: &Layout,
) -> anyhow::Result<()> {
    let parts = image.manifest.layers.iter().chain([&image.manifest.config]);
    for part in parts {
        if !is_there(to, &part.digest, &request.repository)? {
            blob(from, part, layout, &|_| {})?;
        }
    }
    let parcel = Parcel {
        image,
        tag: &request.to_tag,
        key_tag: None,
        lenders: &Lenders::new(),
    };
    push(to, &parcel, layout, &|_| {}).map(drop)
}

async fn look(request: &Request) -> anyhow::Result<(Repository, Repository)> {
    let client = Client::new(&aws::config().await?);
    // A digest needs no tag to be looked up; one that no image has is as good as any.
    let tag = match &request.image {
        Selector::Tag(tag) => tag.as_str(),
        Selector::Digest(_) => request.to_tag.as_str(),
    };
    let source = ecr::repository(&client, &request.repository, tag).await?;
    let target = ecr::repository(&client, &request.to_repository, &request.to_tag).await?;
    Ok((source, target))
}
