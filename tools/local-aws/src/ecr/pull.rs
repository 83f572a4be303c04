//! From an image reference to layers on the disk, as ECS pulls.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Ecr;
use super::digest::Digest;
use super::image::{ImageConfig, LocalImage, LocalLayer, PullError};
use super::manifest::{Content, Descriptor, MANIFEST_LIMIT, Manifest};
use super::shelf::Reference;

/// An index may list an index; nobody nests deeper.
const DEEPEST_INDEX: usize = 3;
/// ECS gives a missing platform seven tries before it says so, and anything else one.
const PLATFORM_TRIES: u32 = 7;

/// A reference's parts.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    repository: String,
    reference: Reference,
}

/// An image's configuration, as far as a runtime needs it.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    architecture: String,
    config: Option<Process>,
    rootfs: RootFs,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Process {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    working_dir: Option<String>,
    user: Option<String>,
    stop_signal: Option<String>,
    exposed_ports: Option<BTreeMap<String, serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<Digest>,
}

impl Ecr {
    /// The image that a container definition names, by tag or digest, in this registry.
    pub fn resolve(&self, image: &str) -> Result<LocalImage, PullError> {
        let place = self.place(image)?;
        let not_found = || unresolved(image, &format!("{image}: not found"));
        let digest = self
            .look(&place.repository, |shelf| {
                Ok(shelf
                    .image(&place.reference)
                    .map(|found| found.digest.clone()))
            })
            .unwrap_or_default()
            .ok_or_else(not_found)?;
        self.local(image, digest, DEEPEST_INDEX)
    }

    fn local(&self, image: &str, digest: Digest, depth: usize) -> Result<LocalImage, PullError> {
        let broken = |error: String| failed(format!("{image}: {digest}: {error}"));
        let bytes = self
            .blobs
            .read(&digest)
            .map_err(|error| broken(error.to_string()))?;
        let manifest = Manifest::parse(&bytes, None).map_err(broken)?;
        match manifest.content {
            Content::Index(_) if depth == 0 => {
                Err(broken("the index is nested too deeply".to_owned()))
            }
            Content::Index(children) => self.local(image, own_platform(&children)?, depth - 1),
            Content::Image { config, layers } => {
                let config = self.config(&config).map_err(broken)?;
                let layers = self
                    .layers(layers, config.rootfs.diff_ids)
                    .map_err(broken)?;
                let process = config.config.unwrap_or_default();
                Ok(LocalImage {
                    digest: digest.into(),
                    config: process.with_architecture(config.architecture),
                    layers,
                })
            }
        }
    }

    fn config(&self, descriptor: &Descriptor) -> Result<Config, String> {
        if descriptor.size > MANIFEST_LIMIT as u64 {
            return Err(format!(
                "the configuration has more than {MANIFEST_LIMIT} bytes"
            ));
        }
        let bytes = self
            .blobs
            .read(&descriptor.digest)
            .map_err(|error| format!("cannot read the configuration: {error}"))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| format!("the configuration is not that of an image: {error}"))
    }

    fn layers(
        &self,
        layers: Vec<Descriptor>,
        diff_ids: Vec<Digest>,
    ) -> Result<Vec<LocalLayer>, String> {
        if layers.len() != diff_ids.len() {
            return Err(format!(
                "the manifest has {} layers, the configuration {}",
                layers.len(),
                diff_ids.len()
            ));
        }
        if let Some(foreign) = layers.iter().find(|layer| layer.is_foreign()) {
            return Err(format!("the layer {} is kept elsewhere", foreign.digest));
        }
        Ok(layers
            .into_iter()
            .zip(diff_ids)
            .map(|(layer, diff_id)| LocalLayer {
                path: self.blobs.path(&layer.digest),
                media_type: layer.media_type,
                digest: layer.digest.into(),
                diff_id: diff_id.into(),
            })
            .collect())
    }

    /// Takes a reference apart: `HOST/REPOSITORY[:TAG][@DIGEST]`.
    fn place(&self, image: &str) -> Result<Place, PullError> {
        let (host, path) = match image.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path),
            _ => ("docker.io", image),
        };
        if !self.is_own(host) {
            let reason = format!(
                "local-aws pulls from its own registry only, {}; push the image there",
                self.endpoint_host
            );
            return Err(unresolved(image, &reason));
        }
        let (name, digest) = match path.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (path, None),
        };
        let (repository, tag) = match name.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        let reference = match digest {
            // With a digest the tag is only a remark.
            Some(digest) => Digest::parse(digest)
                .map(Reference::Digest)
                .ok_or_else(|| unresolved(image, "invalid reference format"))?,
            None => Reference::Tag(tag.unwrap_or("latest").to_owned()),
        };
        Ok(Place {
            repository: repository.to_owned(),
            reference,
        })
    }

    /// This registry under its own names, or as ECR: a rehearsal may use the references of the real thing.
    fn is_own(&self, host: &str) -> bool {
        let port = self.endpoint_host.rsplit_once(':').map(|(_, port)| port);
        let is_local = host
            .strip_prefix("localhost:")
            .is_some_and(|other| Some(other) == port);
        let is_ecr = host
            .strip_suffix(".amazonaws.com")
            .is_some_and(|name| name.contains(".dkr.ecr."));
        host == self.endpoint_host || is_local || is_ecr
    }
}

impl Process {
    fn with_architecture(self, architecture: String) -> ImageConfig {
        ImageConfig {
            entrypoint: self.entrypoint.unwrap_or_default(),
            cmd: self.cmd.unwrap_or_default(),
            env: self.env.unwrap_or_default(),
            working_dir: self.working_dir.unwrap_or_default(),
            user: self.user.unwrap_or_default(),
            stop_signal: self.stop_signal.unwrap_or_default(),
            exposed_ports: self.exposed_ports.unwrap_or_default().into_keys().collect(),
            architecture,
        }
    }
}

fn own_platform(children: &[Descriptor]) -> Result<Digest, PullError> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    children
        .iter()
        .find(|child| {
            child.platform.as_ref().is_some_and(|platform| {
                platform.os == "linux" && platform.architecture == architecture
            })
        })
        .map(|child| child.digest.clone())
        .ok_or_else(|| PullError {
            attempts: PLATFORM_TRIES,
            reason: format!(
                "image Manifest does not contain descriptor matching platform 'linux/{architecture}'"
            ),
        })
}

fn unresolved(image: &str, reason: &str) -> PullError {
    failed(format!("failed to resolve ref {image}: {reason}"))
}

fn failed(reason: String) -> PullError {
    PullError {
        attempts: 1,
        reason,
    }
}
