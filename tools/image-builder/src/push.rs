//! A push: from a layout into a repository of ECR, if it is not there already.

use std::path::PathBuf;

use aws_sdk_ecr::Client;
use contract::image::ImageOutcome;
use toolkit::Console;
use toolkit::progress::Progress;

use crate::ecr::{self, Repository};
use crate::image::layout::{Layout, Stored};
use crate::image::platform::Platform;
use crate::registry::pull::{self, Pulled};
use crate::registry::push::{Lenders, Parcel, immutable, push as send};
use crate::registry::{Access, Authorization, Registry, Retries};
use crate::report::bytes;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The directory that holds the image.
    pub layout: PathBuf,
    /// ECR's name for the repository.
    pub repository: String,
    /// The tag to push it under.
    pub tag: String,
    /// A repository of the same registry that may have some of the layers.
    pub mount_from: Option<String>,
    /// Whether to send nothing.
    pub dry_run: bool,
}

/// Where the image is after a push.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) image: Stored,
    /// Host and repository.
    pub(crate) uri: String,
    /// Whether the repository had it under the tag before.
    pub(crate) outcome: ImageOutcome,
    /// False after a dry run that would have sent something.
    pub(crate) is_there: bool,
}

/// Pushes the image.
pub(crate) fn push(request: &Request, console: &Console) -> anyhow::Result<Pushed> {
    let layout = Layout::open(&request.layout)?;
    let _lock = layout.lock()?;
    let image = layout.described()?;
    let (repository, authorization) = look(request, &image)?;
    let name = format!("{}:{}", repository.uri, request.tag);
    let pushed = |outcome, is_there, image| Pushed {
        image,
        uri: repository.uri.clone(),
        outcome,
        is_there,
    };
    if repository.tagged.as_ref() == Some(&image.digest) {
        console.status(&format!("{name} is up to date ({})", image.digest));
        return Ok(pushed(ImageOutcome::Reused, true, image));
    }
    if repository.is_immutable && repository.tagged.is_some() {
        return Err(immutable(
            &repository.uri,
            &request.tag,
            repository.tagged.as_ref(),
        ));
    }
    if request.dry_run {
        console.status(&format!(
            "{name} would become {}: at most {} to send",
            image.digest,
            bytes(image.manifest.content_size())
        ));
        return Ok(pushed(ImageOutcome::Built, false, image));
    }
    let (host, path) = repository.parts()?;
    let credentials = |host: &str| aws::block_on(ecr::authorization(host));
    let registry = Registry::new(host, path, Access::Push, &credentials, Retries::usual())
        .authorized(authorization);
    let progress = Progress::bytes(
        console,
        image.manifest.content_size(),
        &format!("pushing {name}"),
    );
    let key_tag = image.key.as_deref().map(key_tag);
    let parcel = Parcel {
        image: &image,
        tag: &request.tag,
        key_tag: key_tag.as_deref(),
        lenders: &lenders(request, host, &image, &layout),
    };
    match send(&registry, &parcel, &layout, &|bytes| {
        progress.advance(bytes)
    }) {
        Ok(sent) => progress.done(&format!(
            "pushed {name}: {} sent, {} there already",
            bytes(sent.uploaded),
            bytes(sent.skipped)
        )),
        Err(error) => {
            progress.clear();
            return Err(error);
        }
    }
    Ok(pushed(ImageOutcome::Built, true, image))
}

/// The tag by which the content of an image is found again.
pub(crate) fn key_tag(key: &str) -> String {
    format!("content-{}", &key[..key.len().min(40)])
}

/// Who may have which layer already: the repositories of the bases, and the one that the caller named.
fn lenders(request: &Request, host: &str, image: &Stored, layout: &Layout) -> Lenders {
    let mut lenders: Lenders = crate::build::borrowed(layout)
        .into_iter()
        .filter(|(_, reference)| {
            reference.host == host && reference.repository != request.repository
        })
        .map(|(digest, reference)| (digest, reference.repository))
        .collect();
    if let Some(repository) = &request.mount_from {
        for layer in &image.manifest.layers {
            lenders
                .entry(layer.digest.clone())
                .or_insert_with(|| repository.clone());
        }
    }
    lenders
}

/// Finds an image by the key of its content in the repository, and fetches its description.
pub(crate) fn find(
    request: &Request,
    key: &str,
    platform: &Platform,
    layout: &Layout,
) -> anyhow::Result<Option<Pulled>> {
    let (repository, authorization) = aws::block_on(async {
        let client = Client::new(&aws::config().await?);
        let repository = ecr::repository(&client, &request.repository, &key_tag(key)).await?;
        let authorization = match &repository.tagged {
            Some(_) => ecr::authorization(repository.parts()?.0).await?,
            None => None,
        };
        Ok::<_, anyhow::Error>((repository, authorization))
    })?;
    let Some(digest) = &repository.tagged else {
        return Ok(None);
    };
    let (host, path) = repository.parts()?;
    let credentials = |host: &str| aws::block_on(ecr::authorization(host));
    let registry = Registry::new(host, path, Access::Pull, &credentials, Retries::usual())
        .authorized(authorization);
    pull::describe(&registry, digest, platform, layout).map(Some)
}

/// Asks ECR for the repository; and for the password, unless there is nothing to send.
fn look(request: &Request, image: &Stored) -> anyhow::Result<(Repository, Option<Authorization>)> {
    aws::block_on(async {
        let client = Client::new(&aws::config().await?);
        let repository = ecr::repository(&client, &request.repository, &request.tag).await?;
        let is_done = repository.tagged.as_ref() == Some(&image.digest) || request.dry_run;
        let authorization = if is_done {
            None
        } else {
            ecr::authorization(repository.parts()?.0).await?
        };
        Ok((repository, authorization))
    })
}

/// Fails early where a push would fail late: there is no such repository.
pub(crate) fn check(request: &Request) -> anyhow::Result<()> {
    aws::block_on(async {
        let client = Client::new(&aws::config().await?);
        ecr::repository(&client, &request.repository, &request.tag).await
    })?;
    Ok(())
}
