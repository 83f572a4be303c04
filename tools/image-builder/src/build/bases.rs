//! The images that a build begins with or copies from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::{Deserialize, Serialize};
use toolkit::Console;
use toolkit::file::{Secrecy, write_atomic};
use toolkit::progress::Progress;

use crate::image::digest::Digest;
use crate::image::layout::Layout;
use crate::image::manifest::{Index, Manifest, layer_type};
use crate::image::platform::Platform;
use crate::image::reference::{Reference, Selector};
use crate::registry::authorization::{Authorization, of_docker_config};
use crate::registry::pull::{self, Pulled};
use crate::registry::{Access, Failure, Registry, Retries};
use crate::rootfs::archive::Store;
use crate::rootfs::tree::Tree;

/// Looked up once each.
pub(crate) struct Bases<'a> {
    layout: &'a Layout,
    console: &'a Console,
    found: BTreeMap<String, Pulled>,
    remembered: Remembered,
}

/// Which digest a tag stood for the last time: it is used where the registry cannot be reached.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Remembered {
    tags: BTreeMap<String, Digest>,
}

const REMEMBERED: &str = "bases.json";

impl<'a> Bases<'a> {
    pub(crate) fn new(layout: &'a Layout, console: &'a Console) -> Self {
        // What cannot be read is as good as none: it is asked for again.
        let remembered = fs::read(layout.cache().join(REMEMBERED))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self {
            layout,
            console,
            found: BTreeMap::new(),
            remembered,
        }
    }

    /// The image's description, from the registry or from an earlier build.
    pub(crate) fn describe(
        &mut self,
        reference: &Reference,
        platform: &Platform,
    ) -> anyhow::Result<&Pulled> {
        let key = key(reference, platform);
        if !self.found.contains_key(&key) {
            let digest = self.digest(reference)?;
            let registry = registry(reference, Retries::usual());
            let pulled = pull::describe(&registry, &digest, platform, self.layout)?;
            self.found.insert(key.clone(), pulled);
        }
        Ok(&self.found[&key])
    }

    fn digest(&mut self, reference: &Reference) -> anyhow::Result<Digest> {
        let name = reference.to_string();
        let known = self.remembered.tags.get(&name).cloned();
        // With an answer at hand, it is not worth while to wait long for a better one.
        let retries = known
            .as_ref()
            .map_or_else(Retries::usual, |_known| Retries::few());
        let registry = registry(reference, retries);
        match (pull::current(&registry, &reference.selector), known) {
            (Ok(digest), known) => {
                if matches!(reference.selector, Selector::Tag(_)) && known.as_ref() != Some(&digest)
                {
                    self.remembered.tags.insert(name, digest.clone());
                    let bytes = serde_json::to_vec(&self.remembered)?;
                    write_atomic(
                        &self.layout.cache().join(REMEMBERED),
                        &bytes,
                        Secrecy::Public,
                    )?;
                }
                Ok(digest)
            }
            (Err(Failure::Passing(error)), Some(digest)) => {
                self.console.warning(&format!(
                    "cannot ask for {name} ({error:#}); the image that it was the last time ({digest}) is used"
                ));
                Ok(digest)
            }
            (Err(Failure::Final(error)), _) => Err(error),
            (Err(failure), _) => Err(failure.explain(&format!("find {name}"))),
        }
    }

    /// An image that was described.
    pub(crate) fn get(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> anyhow::Result<&Pulled> {
        self.found
            .get(&key(reference, platform))
            .ok_or_else(|| anyhow::anyhow!("{reference} was not looked up"))
    }

    /// Fetches the layers that are not there yet.
    pub(crate) fn fetch(&self, reference: &Reference, platform: &Platform) -> anyhow::Result<()> {
        let pulled = self.get(reference, platform)?;
        let layers = &pulled.manifest.layers;
        for layer in layers {
            layer_type(&layer.media_type)?;
        }
        if layers.iter().all(|layer| self.layout.has(layer)) {
            return Ok(());
        }
        let registry = registry(reference, Retries::usual());
        let progress = Progress::bytes(
            self.console,
            pulled.manifest.content_size(),
            &format!("pulling {reference}"),
        );
        for layer in layers {
            if let Err(error) = pull::blob(&registry, layer, self.layout, &|bytes| {
                progress.advance(bytes)
            }) {
                progress.clear();
                return Err(error);
            }
        }
        progress.done(&format!("pulled {reference}"));
        Ok(())
    }

    /// The image's file system.
    pub(crate) fn tree(
        &self,
        reference: &Reference,
        platform: &Platform,
        archives: &Store,
    ) -> anyhow::Result<Tree> {
        self.fetch(reference, platform)?;
        let pulled = self.get(reference, platform)?;
        let mut tree = Tree::default();
        for (layer, diff_id) in pulled
            .manifest
            .layers
            .iter()
            .zip(&pulled.config.rootfs.diff_ids)
        {
            let (compression, _) = layer_type(&layer.media_type)?;
            archives.apply_layer(
                &mut tree,
                &self.layout.blob(&layer.digest),
                compression,
                diff_id,
            )?;
        }
        Ok(tree)
    }

    /// The blobs that the next build needs again.
    pub(crate) fn digests(&self) -> BTreeSet<Digest> {
        self.found
            .values()
            .flat_map(|pulled| {
                let parts = [&pulled.digest, &pulled.manifest.config.digest];
                let layers = pulled.manifest.layers.iter().map(|layer| &layer.digest);
                parts
                    .into_iter()
                    .chain(&pulled.index)
                    .chain(layers)
                    .cloned()
            })
            .collect()
    }
}

/// The layers of the bases that were used in a layout, with the image that each is of.
pub(crate) fn borrowed(layout: &Layout) -> Vec<(Digest, Reference)> {
    let remembered: Remembered = fs::read(layout.cache().join(REMEMBERED))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let mut found = Vec::new();
    for (name, digest) in &remembered.tags {
        let Ok(reference) = name.parse::<Reference>() else {
            continue;
        };
        let mut waiting = vec![digest.clone()];
        while let Some(digest) = waiting.pop() {
            // What is no longer there was not used the last time.
            let Ok(bytes) = layout.get(&digest) else {
                continue;
            };
            if let Ok(manifest) = Manifest::parse(&bytes) {
                let layers = manifest.layers.into_iter();
                found.extend(layers.map(|layer| (layer.digest, reference.clone())));
            } else if let Ok(index) = serde_json::from_slice::<Index>(&bytes) {
                waiting.extend(index.manifests.into_iter().map(|manifest| manifest.digest));
            }
        }
    }
    found
}

fn key(reference: &Reference, platform: &Platform) -> String {
    format!("{reference} {platform}")
}

fn registry(reference: &Reference, retries: Retries) -> Registry<'static> {
    Registry::new(
        &reference.host,
        &reference.repository,
        Access::Pull,
        &credentials,
        retries,
    )
}

/// For a registry that wants user and password: what the docker command knows, else ECR's token where it belongs.
fn credentials(host: &str) -> anyhow::Result<Option<Authorization>> {
    let directory = std::env::var_os("DOCKER_CONFIG").map_or_else(
        || std::env::home_dir().map(|home| home.join(".docker")),
        |directory| Some(directory.into()),
    );
    let known = directory
        .and_then(|directory| fs::read_to_string(directory.join("config.json")).ok())
        .and_then(|config| of_docker_config(&config, host));
    if known.is_some() || !crate::ecr::may_be_ecr(host) {
        return Ok(known);
    }
    aws::block_on(crate::ecr::authorization(host))
}
