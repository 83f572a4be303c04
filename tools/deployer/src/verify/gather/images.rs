//! What ECR is asked of images.

use aws::SdkConfig;
use aws::query::fetch;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{ImageIdentifier, ImageTagMutability};
use aws_sdk_ecs::types::ContainerDefinition;

use super::{each, in_region};
use crate::verify::definition::Platform;
use crate::verify::found::{Found, Hidden, asked, found};
use crate::verify::images::{Image, Manifest, Used, configured, manifest};
use crate::verify::reference::Reference;

/// A configuration has some KiB.
const LONGEST_CONFIGURATION: u64 = 4 << 20;

const ACCEPTED: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

pub(super) async fn of(config: &SdkConfig, containers: &[ContainerDefinition]) -> Vec<Used> {
    let named: Vec<_> = containers
        .iter()
        .map(|it| {
            (
                it.name().unwrap_or_default().to_owned(),
                it.image().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    each(named, |(container, image)| {
        let config = config.clone();
        async move {
            let found = match Reference::parse(&image) {
                Ok(reference) => resolve(&config, &reference).await,
                Err(_flaw) => Found::Missing,
            };
            Used {
                container,
                image,
                found,
            }
        }
    })
    .await
}

async fn resolve(config: &SdkConfig, reference: &Reference) -> Found<Image> {
    let (config, account) = match (reference.ecr(), &reference.registry) {
        (Some(ecr), _) => (in_region(config, Some(&ecr.region)), Some(ecr.account)),
        // An endpoint of one's own is its own registry.
        (None, Some(host)) if is_endpoint(config, host) => (config.clone(), None),
        (None, registry) => {
            let host = registry.as_deref().unwrap_or("Docker Hub");
            return Found::Hidden(Hidden::new(format!(
                "the registry {host} is not ECR, and was not asked"
            )));
        }
    };
    let client = Client::new(&config);
    let id = ImageIdentifier::builder();
    let id = match (&reference.digest, &reference.tag) {
        // What is pulled by digest is that, whatever its tag points to.
        (Some(digest), _) => id.image_digest(digest),
        (None, Some(tag)) => id.image_tag(tag),
        (None, None) => id.image_tag("latest"),
    };
    let question = client
        .batch_get_image()
        .set_registry_id(account.clone())
        .repository_name(&reference.name)
        .image_ids(id.build())
        .set_accepted_media_types(Some(ACCEPTED.map(str::to_owned).to_vec()))
        .send();
    let repositories = client
        .describe_repositories()
        .set_registry_id(account.clone())
        .repository_names(&reference.name)
        .send();
    let (answer, repositories) = tokio::join!(question, repositories);
    let answer = match found(
        "ecr:BatchGetImage",
        &["RepositoryNotFoundException"],
        answer,
    ) {
        Found::Known(answer) => answer,
        Found::Missing => return Found::Missing,
        Found::Hidden(hidden) => return Found::Hidden(hidden),
    };
    let Some(image) = answer.images().first() else {
        return Found::Missing;
    };
    // Who may not look at the repository is told to pin.
    let is_mutable = repositories.ok().is_none_or(|answer| {
        let repository = answer.repositories().first();
        repository.and_then(|it| it.image_tag_mutability()) != Some(&ImageTagMutability::Immutable)
    });
    let text = image.image_manifest().unwrap_or_default();
    Found::Known(Image {
        digest: image
            .image_id()
            .and_then(|it| it.image_digest())
            .unwrap_or_default()
            .to_owned(),
        platforms: platforms(&config, &client, account, &reference.name, text).await,
        is_mutable,
    })
}

fn is_endpoint(config: &SdkConfig, host: &str) -> bool {
    let endpoint = config.endpoint_url().unwrap_or_default();
    endpoint
        .split_once("://")
        .is_some_and(|(_, rest)| rest.trim_end_matches('/') == host)
}

async fn platforms(
    config: &SdkConfig,
    client: &Client,
    account: Option<String>,
    repository: &str,
    text: &str,
) -> Found<Vec<Platform>> {
    let digest = match manifest(text) {
        Ok(Manifest::Index(platforms)) => return Found::Known(platforms),
        Ok(Manifest::Single { config, size }) if size <= LONGEST_CONFIGURATION => config,
        Ok(Manifest::Single { size, .. }) => {
            return Found::Hidden(Hidden::new(format!(
                "the image's configuration has {size} bytes"
            )));
        }
        Err(flaw) => {
            return Found::Hidden(Hidden::new(format!("the manifest cannot be read: {flaw}")));
        }
    };
    let answer = client
        .get_download_url_for_layer()
        .set_registry_id(account)
        .repository_name(repository)
        .layer_digest(&digest)
        .send()
        .await;
    let url = match found("ecr:GetDownloadUrlForLayer", &[], answer) {
        Found::Known(answer) => answer.download_url.unwrap_or_default(),
        Found::Missing => return Found::Missing,
        Found::Hidden(hidden) => return Found::Hidden(hidden),
    };
    let longest = usize::try_from(LONGEST_CONFIGURATION).unwrap_or(usize::MAX);
    match asked(
        "the image's configuration",
        &[],
        fetch(config, &url, longest).await,
    ) {
        Found::Known(bytes) => match configured(&bytes) {
            Some(platform) => Found::Known(vec![platform]),
            None => Found::Hidden(Hidden::new("the image's configuration names no platform")),
        },
        Found::Missing => Found::Missing,
        Found::Hidden(hidden) => Found::Hidden(hidden),
    }
}
