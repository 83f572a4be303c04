//! Everything that decides what the image will be, without reading the content of files.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use contract::exit;
use sha2::{Digest as _, Sha256};
use toolkit::Fault;

use super::bases::Bases;
use super::{Request, content};
use crate::context::{Context, secret};
use crate::dockerfile::{self, Dockerfile};
use crate::engine::Engine;
use crate::image::config::Config;
use crate::image::digest::Digest;
use crate::image::platform::Platform;
use crate::image::reference::Reference;
use crate::problem::Problems;
use crate::rootfs::copy::{self, Item};
use crate::rootfs::node::{Kind, Source, Stamp};
use crate::rootfs::view::View;
use crate::stage::{self, Action, Base, Evaluated, Graph, Origin, Start};

/// The needed stages in order, with what they copy from the context.
pub(super) struct Gathered {
    pub(super) stages: BTreeMap<usize, Stage>,
    /// Digests of the images that are used, by name: the same tag may mean another image tomorrow.
    images: BTreeMap<String, Digest>,
}

/// One needed stage.
pub(super) struct Stage {
    pub(super) evaluated: Evaluated,
    /// By the COPY or ADD, or by the RUN and its mount.
    pub(super) items: BTreeMap<(usize, usize), Vec<Item>>,
}

/// A kernel counts file times in steps of up to 10 ms; five of them are surely over.
const SETTLING: u128 = 50_000_000;

impl Gathered {
    /// Whether no file changed just before the build began: then the same stamp means the same content. `began` is in
    /// nanoseconds since 1970.
    pub(super) fn is_settled(&self, began: u128) -> bool {
        let newest = self
            .stages
            .values()
            .flat_map(|stage| stage.items.values().flatten())
            .flat_map(Item::files)
            .filter_map(|(_, content)| match &content.source {
                Source::Host(_, stamp) => Some(stamp.changed()),
                _ => None,
            })
            .max()
            .unwrap_or(0);
        u128::try_from(newest).unwrap_or(0) + SETTLING < began
    }

    /// The same inputs have the same fingerprint on this machine, and other inputs another. No file is read.
    pub(super) fn fingerprint(&self, request: &Request) -> String {
        let mut hasher = Sha256::new();
        self.describe(
            request,
            &mut |text| line(&mut hasher, &text),
            &|path, stamp| format!("{} {}", path.display(), stamp.words()),
        );
        line(&mut hasher, &format!("{:?}", request.revision));
        hex::encode(hasher.finalize())
    }

    /// The same content has the same key on every machine and in every commit. All files are read.
    pub(super) fn key(&self, request: &Request) -> anyhow::Result<String> {
        let files = self.stages.values();
        let files = files.flat_map(|stage| stage.items.values().flatten());
        let files = files.flat_map(Item::files).map(|(_, content)| content);
        let digests = content::digests(files, request.threads)?;
        let mut hasher = Sha256::new();
        self.describe(request, &mut |text| line(&mut hasher, &text), &|path, _| {
            digests
                .get(path)
                .map(ToString::to_string)
                .unwrap_or_default()
        });
        Ok(hex::encode(hasher.finalize()))
    }

    /// All inputs, as texts. `file` tells one state of a file of the host from another.
    fn describe(
        &self,
        request: &Request,
        line: &mut dyn FnMut(String),
        file: &dyn Fn(&Path, &Stamp) -> String,
    ) {
        line(format!("{} {:?}", env!("CARGO_PKG_VERSION"), self.images));
        line(format!(
            "{} {} {:?} {:?} {}",
            request.settings.platform,
            request.epoch,
            request.codec,
            request.labels,
            Engine::Embedded
        ));
        for (number, stage) in &self.stages {
            line(format!("{number} {:?}", stage.evaluated));
            for (at, items) in &stage.items {
                line(format!("{at:?}"));
                for (name, node) in items.iter().flat_map(Item::nodes) {
                    let content = match &node.kind {
                        Kind::File(content) => match &content.source {
                            Source::Host(path, stamp) => file(path, stamp),
                            other => format!("{other:?}"),
                        },
                        Kind::Link(target) => target.clone(),
                        Kind::Directory | Kind::Pipe | Kind::Other(_) => String::new(),
                    };
                    line(format!("{name:?} {:o} {content:?}", node.mode));
                }
            }
        }
    }
}

/// With its length, so that no two texts look like one.
fn line(hasher: &mut Sha256, text: &str) {
    hasher.update(text.len().to_le_bytes());
    hasher.update(text);
}

/// Evaluates the needed stages and finds what they copy. Missing files and secrets are reported in one pass.
pub(super) fn gather(
    request: &Request,
    file: &Dockerfile,
    graph: &Graph,
    context: &Context,
    bases: &mut Bases<'_>,
) -> anyhow::Result<Gathered> {
    let mut search = Search {
        request,
        file,
        context,
        bases,
        images: BTreeMap::new(),
        missing: Problems::default(),
        secrets: Problems::default(),
    };
    let mut stages = BTreeMap::new();
    for (&number, needed) in &graph.stages {
        let start = search.start(number, &needed.base, &stages)?;
        let evaluated = stage::evaluate(file, number, needed, start, graph, &request.settings)?;
        let items = search.items(&evaluated)?;
        stages.insert(number, Stage { evaluated, items });
    }
    let images = search.finish()?;
    Ok(Gathered { stages, images })
}

struct Search<'a, 'b> {
    request: &'a Request,
    file: &'a Dockerfile,
    context: &'a Context,
    bases: &'a mut Bases<'b>,
    images: BTreeMap<String, Digest>,
    missing: Problems,
    secrets: Problems,
}

impl Search<'_, '_> {
    /// What a stage begins with.
    fn start(
        &mut self,
        number: usize,
        base: &Base,
        stages: &BTreeMap<usize, Stage>,
    ) -> anyhow::Result<Start> {
        let mut start = match base {
            Base::Scratch => start(Config::scratch(&self.request.settings.platform)),
            Base::Stage(earlier) => Start {
                run: stages[earlier].evaluated.run.clone(),
                author: stages[earlier].evaluated.author.clone(),
                triggers: Vec::new(),
            },
            Base::Image(reference, platform) => {
                start(self.image(self.file.stages[number].line, reference, platform)?)
            }
        };
        if let Some(texts) = start.run.on_build.take() {
            let line = self.file.stages[number].line;
            start.triggers = dockerfile::triggers(line, &texts)
                .map_err(|message| Problems::one(&self.file.name, line, message))?;
        }
        Ok(start)
    }

    /// The configuration of an image that is used.
    fn image(
        &mut self,
        line: usize,
        reference: &Reference,
        platform: &Platform,
    ) -> anyhow::Result<Config> {
        let pulled = self
            .bases
            .describe(reference, platform)
            .with_context(|| format!("{}:{line}", self.file.name))?;
        let config = pulled.config.clone();
        self.images
            .insert(format!("{reference} {platform}"), pulled.digest.clone());
        Ok(config)
    }

    /// What a stage copies from the context, by the lines of its instructions.
    fn items(
        &mut self,
        evaluated: &Evaluated,
    ) -> anyhow::Result<BTreeMap<(usize, usize), Vec<Item>>> {
        let mut items = BTreeMap::new();
        for step in &evaluated.steps {
            for (place, origin, sources) in taken(&step.action) {
                match origin {
                    Origin::Stage(_) => {}
                    Origin::Image(reference, platform) => {
                        self.image(step.line, reference, platform)?;
                    }
                    Origin::Context => {
                        let found = copy::gather(View::Context(self.context), &sources);
                        // What is mounted is in no layer.
                        let is_copied = matches!(step.action, Action::Copy(_));
                        let Some(found) = self.noted(step.line, is_copied, found)? else {
                            continue;
                        };
                        items.insert((step.id, place), found);
                    }
                }
            }
        }
        Ok(items)
    }

    /// What was found, with what is wrong with it written down.
    fn noted(
        &mut self,
        line: usize,
        is_copied: bool,
        found: anyhow::Result<Vec<Item>>,
    ) -> anyhow::Result<Option<Vec<Item>>> {
        match found {
            Ok(found) => {
                if is_copied {
                    for message in secrets_among(&found)? {
                        self.secrets.add(&self.file.name, line, message);
                    }
                }
                Ok(Some(found))
            }
            Err(error) => {
                self.missing
                    .add(&self.file.name, line, format!("{error:#}"));
                Ok(None)
            }
        }
    }

    fn finish(self) -> anyhow::Result<BTreeMap<String, Digest>> {
        self.missing
            .or(())
            .map_err(|problems| Fault::new(exit::FAILED, problems.to_string()))?;
        if !self.request.allow_secrets {
            self.secrets.or(()).map_err(|problems| {
                Fault::usage(problems.to_string())
                    .with_hint("leave them out with .dockerignore, or pass --allow-secrets-in-context if they are none")
            })?;
        }
        Ok(self.images)
    }
}

/// From where a step takes files, and which; with a number for each.
fn taken(action: &Action) -> Vec<(usize, &Origin, Vec<String>)> {
    match action {
        Action::Copy(copy) => vec![(0, &copy.origin, copy.sources.clone())],
        Action::Run(command) => command
            .mounts
            .iter()
            .filter_map(|mount| {
                let origin = mount.origin.as_ref()?;
                Some((mount.number, origin, vec![mount.source.clone()]))
            })
            .collect(),
        Action::Configure | Action::MakeDirectory { .. } => Vec::new(),
    }
}

fn start(config: Config) -> Start {
    Start {
        run: config.config,
        author: config.author,
        triggers: Vec::new(),
    }
}

/// Reasons not to copy files that look like secrets; at most a screenful.
fn secrets_among(items: &[Item]) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (_, content) in items.iter().flat_map(Item::files) {
        let Source::Host(path, _) = &content.source else {
            continue;
        };
        let Some(text) = path.to_str() else { continue };
        let head = || content.head(secret::HEAD).map_err(std::io::Error::other);
        if let Some(reason) = secret::reason(text, head)? {
            found.push(format!(
                "{text} looks like {reason}, and would be in the image"
            ));
        }
        if found.len() == 10 {
            break;
        }
    }
    Ok(found)
}
