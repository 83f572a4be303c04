//! Stages become layers, layers become an image.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use toolkit::Console;
use toolkit::progress::Progress;

use super::bases::Bases;
use super::gather::{Gathered, Stage};
use super::run::{self, Runner};
use super::{Request, store};
use crate::engine::Engine;
use crate::image::config::{Config, History, RootFs, Run};
use crate::image::layout::{Layout, Stored, remove_others};
use crate::image::manifest::{Descriptor, layer_type};
use crate::layer::cache::{Cache, Key};
use crate::layer::{self, Known, Making, Piece, Written};
use crate::rootfs::account;
use crate::rootfs::archive::{self, Store};
use crate::rootfs::copy::{self, Item};
use crate::rootfs::overlay::Overlay;
use crate::rootfs::tree::Tree;
use crate::rootfs::view::View;
use crate::stage::{Action, Base, Command, Copy, Graph, Origin, Step};

/// What is made, and what is known of it.
pub(super) struct Target<'a> {
    pub(super) graph: &'a Graph,
    /// Whether stamps can be trusted the next time.
    pub(super) is_settled: bool,
    /// Of the content.
    pub(super) key: &'a str,
}

/// Makes the image of the target and writes it into the layout.
pub(super) fn assemble(
    request: &Request,
    target: &Target<'_>,
    gathered: Gathered,
    bases: &Bases<'_>,
    layout: &Layout,
    console: &Console,
) -> anyhow::Result<Stored> {
    let graph = target.graph;
    let mut assembly = Assembly {
        request,
        bases,
        layout,
        console,
        created: created(request.epoch)?,
        archives: Store::create(layout.cache().join("archives"))?,
        cache: Cache::open(&layout.cache()),
        runner: Runner::new(layout, console, &request.secrets)?,
        done: BTreeMap::new(),
    };
    for (number, stage) in gathered.stages {
        let base = &graph.stages[&number].base;
        let filled = assembly.stage(base, stage)?;
        assembly.done.insert(number, filled);
    }
    let filled = assembly
        .done
        .remove(&graph.target)
        .context("the target was not built")?;
    assembly.finish(filled, target)
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
    runner: Runner<'a>,
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
    /// What a stage begins with.
    fn begun(&self, base: &Base) -> anyhow::Result<Filled> {
        Ok(match base {
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
        })
    }

    fn stage(&mut self, base: &Base, stage: Stage) -> anyhow::Result<Filled> {
        let mut filled = self.begun(base)?;
        filled.run = stage.evaluated.run;
        filled.author = stage.evaluated.author;
        let mut items = stage.items;
        for step in &stage.evaluated.steps {
            let place = || format!("{}:{}", self.request.dockerfile.display(), step.line);
            let layer = match &step.action {
                Action::Run(command) => {
                    let place = place();
                    self.ran(step, command, &mut items, &mut filled)
                        .with_context(|| format!("{place}: {}", step.source))?
                }
                _ => {
                    let added = self
                        .added(step, items.remove(&(step.id, 0)), &filled.tree)
                        .with_context(place)?;
                    match added {
                        Some(added) if !added.is_empty() => {
                            filled.tree.apply(&added);
                            Some(self.layer(step, &added)?)
                        }
                        _ => None,
                    }
                }
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
            Action::Configure | Action::Run(_) => Ok(None),
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

    /// What a command leaves: known from an earlier build, or made by running it. Its layer is then part of the file
    /// system as the layers of a base image are.
    fn ran(
        &mut self,
        step: &Step,
        command: &Command,
        items: &mut BTreeMap<(usize, usize), Vec<Item>>,
        filled: &mut Filled,
    ) -> anyhow::Result<Option<Written>> {
        let sources = self.mounted(step, command, items)?;
        let mut given = format!(
            "{} {} {:?} {command:?}",
            self.request.epoch, self.request.settings.platform, self.request.codec
        );
        for layer in &filled.layers {
            given.push_str(layer.diff_id.as_str());
        }
        for (number, tree) in &sources {
            given.push_str(&format!(
                " {number} {}",
                Key::of(tree, 0, self.request.codec).exact()
            ));
        }
        let key = Key::of_command(&given);
        let written = match self.cache.find(&key, self.layout) {
            Some(known) => {
                self.console.detail(&format!("unchanged: {}", step.source));
                known
            }
            None => {
                self.console.status(&step.source);
                let platform = &self.request.settings.platform;
                let done =
                    self.runner
                        .run(command, platform, &filled.layers, &filled.tree, &sources)?;
                let (written, pieces) =
                    self.making(&Known::default()).write(&done.tree, &|_| {})?;
                self.cache.add(key, &written, pieces);
                self.cache.keep_commands()?;
                written
            }
        };
        self.archives.apply_layer(
            &mut filled.tree,
            &self.layout.blob(&written.descriptor.digest),
            layer_type(&written.descriptor.media_type)?.0,
            &written.diff_id,
        )?;
        Ok(Some(written).filter(|written| written.diff_id != layer::nothing()))
    }

    /// What the mounts of a command show.
    fn mounted(
        &self,
        step: &Step,
        command: &Command,
        items: &mut BTreeMap<(usize, usize), Vec<Item>>,
    ) -> anyhow::Result<Vec<(usize, Tree)>> {
        let mut found = Vec::new();
        for mount in &command.mounts {
            let Some(origin) = &mount.origin else {
                continue;
            };
            let sources = [mount.source.clone()];
            let items = self.taken(origin, &sources, items.remove(&(step.id, mount.number)))?;
            let request = copy::Request {
                texts: Vec::new(),
                destination: format!("/{}", run::PART),
                owner: None,
                mode: None,
                unpacks: false,
            };
            let tree = copy::copy(&request, items, &Tree::default(), &self.archives)?;
            found.push((mount.number, tree));
        }
        Ok(found)
    }

    /// The files that an instruction takes from somewhere.
    fn taken(
        &self,
        origin: &Origin,
        sources: &[String],
        items: Option<Vec<Item>>,
    ) -> anyhow::Result<Vec<Item>> {
        match (origin, items) {
            (Origin::Context, Some(items)) => Ok(items),
            (Origin::Context, None) => bail!("its files were not looked for"),
            (Origin::Stage(number), _) => {
                copy::gather(View::Tree(&self.done[number].tree), sources)
            }
            (Origin::Image(reference, platform), _) => {
                let source = self.bases.tree(reference, platform, &self.archives)?;
                copy::gather(View::Tree(&source), sources)
            }
        }
    }

    fn copied(&self, copy: &Copy, items: Option<Vec<Item>>, tree: &Tree) -> anyhow::Result<Tree> {
        let items = self.taken(&copy.origin, &copy.sources, items)?;
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
        if copy.link {
            // Links and files do not matter, and directories keep their owners.
            return copy::copy(&request, items, &tree.directories(), &self.archives);
        }
        copy::copy(&request, items, tree, &self.archives)
    }

    /// The layer in the layout: known by its stamps, known by its content, or made now.
    fn layer(&mut self, step: &Step, tree: &Tree) -> anyhow::Result<Written> {
        let epoch = self.request.epoch;
        let key = Key::of(tree, epoch, self.request.codec);
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
        let (written, pieces) = self.write(step, tree)?;
        self.cache.add(key, &written, pieces);
        Ok(written)
    }

    fn making<'m>(&'m self, known: &'m Known) -> Making<'m> {
        Making {
            layout: self.layout,
            codec: self.request.codec,
            epoch: self.request.epoch,
            threads: self.request.threads,
            known,
        }
    }

    fn write(&self, step: &Step, tree: &Tree) -> anyhow::Result<(Written, Vec<Piece>)> {
        let known = self.cache.pieces(self.request.codec, self.layout);
        let progress = Progress::bytes(self.console, layer::archive_size(tree), &step.source);
        let written = self
            .making(&known)
            .write(tree, &|bytes| progress.advance(bytes));
        progress.clear();
        written
    }

    fn finish(self, filled: Filled, target: &Target<'_>) -> anyhow::Result<Stored> {
        let mut run = filled.run;
        let labels = self.request.all_labels();
        if !labels.is_empty() {
            run.labels.get_or_insert_default().extend(labels);
        }
        let config = Config {
            created: Some(self.created),
            author: filled.author,
            platform: self.request.settings.platform.clone(),
            config: run,
            rootfs: RootFs {
                kind: "layers".to_owned(),
                diff_ids: filled
                    .layers
                    .iter()
                    .map(|layer| layer.diff_id.clone())
                    .collect(),
            },
            history: Some(filled.history),
        };
        let engine = Engine::Embedded.to_string();
        let tag = &self.request.tag;
        let stored = store(
            self.layout,
            tag,
            &engine,
            Some(target.key),
            &config,
            filled.layers,
        )?;
        let mut needed = self.bases.digests();
        needed.extend(stored.digests());
        needed.extend(self.cache.digests().cloned());
        self.cache.save(target.is_settled)?;
        self.runner.finish()?;
        self.layout.retain(&needed)?;
        remove_others(
            self.archives.directory(),
            &self.archives.used(),
            archive::SUFFIX,
        )?;
        Ok(stored)
    }
}
