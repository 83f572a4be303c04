//! Stages become layers, layers become an image.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use toolkit::Console;
use toolkit::progress::Progress;

use super::bases::Bases;
use super::gather::{Gathered, Stage};
use super::{ENGINE, Request};
use crate::image::config::{Config, History, RootFs, Run};
use crate::image::layout::{Layout, Stored, remove_others};
use crate::image::manifest::{Descriptor, Manifest, OCI_CONFIG, OCI_MANIFEST, layer_type};
use crate::layer::cache::{Cache, Key};
use crate::layer::{self, Written};
use crate::rootfs::account;
use crate::rootfs::archive::{self, Store};
use crate::rootfs::copy::{self, Item};
use crate::rootfs::overlay::Overlay;
use crate::rootfs::tree::Tree;
use crate::rootfs::view::View;
use crate::stage::{Action, Base, Copy, Graph, Origin, Step};

/// Makes the image of the target and writes it into the layout.
pub(super) fn assemble(
    request: &Request,
    graph: &Graph,
    gathered: Gathered,
    bases: &Bases<'_>,
    layout: &Layout,
    is_settled: bool,
    console: &Console,
) -> anyhow::Result<Stored> {
    let mut assembly = Assembly {
        request,
        bases,
        layout,
        console,
        created: created(request.epoch)?,
        archives: Store::create(layout.cache().join("archives"))?,
        cache: Cache::open(&layout.cache()),
        done: BTreeMap::new(),
    };
    for (number, stage) in gathered.stages {
        let base = &graph.stages[&number].base;
        let filled = assembly.stage(base, stage)?;
        assembly.done.insert(number, filled);
    }
    let target = assembly
        .done
        .remove(&graph.target)
        .context("the target was not built")?;
    assembly.finish(target, is_settled)
}

fn created(epoch: u64) -> anyhow::Result<String> {
    let time = i64::try_from(epoch)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .with_context(|| format!("SOURCE_DATE_EPOCH={epoch} is out of range"))?;
    Ok(time.to_string())
}

struct Assembly<'a> {
    request: &'a Request,
    bases: &'a Bases<'a>,
    layout: &'a Layout,
    console: &'a Console,
    created: String,
    archives: Store,
    cache: Cache,
    done: BTreeMap<usize, Filled>,
}

/// A stage with its file system.
#[derive(Clone, Default)]
struct Filled {
    run: Run,
    author: Option<String>,
    history: Vec<History>,
    layers: Vec<Written>,
    tree: Tree,
}

impl Assembly<'_> {
    fn stage(&mut self, base: &Base, stage: Stage) -> anyhow::Result<Filled> {
        let mut filled = match base {
            Base::Scratch => Filled::default(),
            Base::Stage(number) => self.done[number].clone(),
            Base::Image(reference, platform) => {
                let tree = self.bases.tree(reference, platform, &self.archives)?;
                let pulled = self.bases.get(reference, platform)?;
                let layers = pulled
                    .manifest
                    .layers
                    .iter()
                    .zip(&pulled.config.rootfs.diff_ids)
                    .map(|(layer, diff_id)| {
                        let (_, media_type) = layer_type(&layer.media_type)?;
                        Ok(Written {
                            descriptor: Descriptor::new(
                                media_type,
                                layer.digest.clone(),
                                layer.size,
                            ),
                            diff_id: diff_id.clone(),
                        })
                    })
                    .collect::<anyhow::Result<_>>()?;
                Filled {
                    history: pulled.config.history.clone().unwrap_or_default(),
                    layers,
                    tree,
                    ..Filled::default()
                }
            }
        };
        filled.run = stage.evaluated.run;
        filled.author = stage.evaluated.author;
        let mut items = stage.items;
        for step in &stage.evaluated.steps {
            let items = items.remove(&step.line);
            let added = self
                .added(step, items, &filled.tree)
                .with_context(|| format!("{}:{}", self.request.dockerfile.display(), step.line))?;
            let layer = match added {
                Some(added) if !added.is_empty() => {
                    filled.tree.apply(&added);
                    Some(self.layer(step, &added)?)
                }
                _ => None,
            };
            filled.history.push(History {
                created: Some(self.created.clone()),
                created_by: Some(step.source.clone()),
                empty_layer: layer.is_none(),
                ..History::default()
            });
            filled.layers.extend(layer);
        }
        Ok(filled)
    }

    /// What a step adds to the file system.
    fn added(
        &self,
        step: &Step,
        items: Option<Vec<Item>>,
        tree: &Tree,
    ) -> anyhow::Result<Option<Tree>> {
        match &step.action {
            Action::Configure => Ok(None),
            Action::Copy(copy) => self.copied(copy, items, tree).map(Some),
            Action::MakeDirectory { path, user } => {
                let mut overlay = Overlay::new(tree);
                let directory = overlay.resolve(path)?;
                if overlay.is_directory(&directory) {
                    return Ok(None);
                }
                let (uid, gid) = match user {
                    Some(user) => account::owner(user, tree)?,
                    None => (0, 0),
                };
                overlay.make_directories(&directory, uid, gid)?;
                Ok(Some(overlay.into_layer()))
            }
        }
    }

    fn copied(&self, copy: &Copy, items: Option<Vec<Item>>, tree: &Tree) -> anyhow::Result<Tree> {
        let items = match (&copy.origin, items) {
            (Origin::Context, Some(items)) => items,
            (Origin::Context, None) => bail!("its files were not looked for"),
            (Origin::Stage(number), _) => {
                copy::gather(View::Tree(&self.done[number].tree), &copy.sources)?
            }
            (Origin::Image(reference, platform), _) => {
                let source = self.bases.tree(reference, platform, &self.archives)?;
                copy::gather(View::Tree(&source), &copy.sources)?
            }
        };
        let request = copy::Request {
            texts: copy.texts.clone(),
            destination: copy.destination.clone(),
            owner: copy
                .chown
                .as_deref()
                .map(|owner| account::owner(owner, tree))
                .transpose()?,
            mode: copy.chmod,
            unpacks: copy.unpacks,
        };
        let empty = Tree::default();
        let base = if copy.link { &empty } else { tree };
        copy::copy(&request, items, base, &self.archives)
    }

    /// The layer in the layout: known by its stamps, known by its content, or made now.
    fn layer(&mut self, step: &Step, tree: &Tree) -> anyhow::Result<Written> {
        let epoch = self.request.epoch;
        let key = Key::of(tree, epoch);
        if let Some(known) = self.cache.find(&key, self.layout) {
            self.console.detail(&format!("unchanged: {}", step.source));
            return Ok(known);
        }
        if self.cache.has_shape(&key) {
            let diff_id = layer::diff_id(tree, epoch)?;
            if let Some(known) = self.cache.find_content(&key, &diff_id, self.layout) {
                self.console
                    .detail(&format!("unchanged in content: {}", step.source));
                return Ok(known);
            }
        }
        let progress = Progress::bytes(self.console, layer::archive_size(tree), &step.source);
        let written = layer::write(tree, epoch, layer::threads(), self.layout, &|bytes| {
            progress.advance(bytes)
        });
        progress.clear();
        let written = written?;
        self.cache.add(key, &written);
        Ok(written)
    }

    fn finish(self, target: Filled, is_settled: bool) -> anyhow::Result<Stored> {
        let mut run = target.run;
        if !self.request.labels.is_empty() {
            let labels = self.request.labels.iter().cloned();
            run.labels.get_or_insert_default().extend(labels);
        }
        let config = Config {
            created: Some(self.created),
            author: target.author,
            platform: self.request.settings.platform.clone(),
            config: run,
            rootfs: RootFs {
                kind: "layers".to_owned(),
                diff_ids: target
                    .layers
                    .iter()
                    .map(|layer| layer.diff_id.clone())
                    .collect(),
            },
            history: Some(target.history),
        };
        let layers = target
            .layers
            .into_iter()
            .map(|layer| layer.descriptor)
            .collect();
        let manifest = Manifest::new(self.layout.put(OCI_CONFIG, &config.to_bytes()?)?, layers);
        let bytes = manifest.to_bytes()?;
        let descriptor = self.layout.put(OCI_MANIFEST, &bytes)?;
        self.layout
            .point_to(&descriptor, &self.request.tag, ENGINE, &config)?;
        let mut needed: BTreeSet<_> = self.bases.digests();
        needed.extend([descriptor.digest, manifest.config.digest]);
        needed.extend(manifest.layers.into_iter().map(|layer| layer.digest));
        needed.extend(self.cache.digests().cloned());
        self.cache.save(is_settled)?;
        self.layout.retain(&needed)?;
        remove_others(
            self.archives.directory(),
            &self.archives.used(),
            archive::SUFFIX,
        )?;
        self.layout.image()
    }
}
