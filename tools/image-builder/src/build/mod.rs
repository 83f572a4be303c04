//! A build: from a Dockerfile and a context to an image in a layout.
//!
//! First everything is looked at (the Dockerfile, the base images' descriptions, the files that are copied, by their
//! stamps). If that is what the last build saw, its image is the result, and no file is read. Otherwise the layers
//! are made, except those that are known.

mod assemble;
mod bases;
mod content;
mod foreign;
mod gather;
mod guard;
mod record;
mod run;
pub(crate) mod secret;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use contract::image::ImageOutcome;
use toolkit::{Console, Fault};

use crate::bill::Bill;
use crate::context::Context;
use crate::dockerfile::{self, Action};
use crate::engine::container::Cache as Caches;
use crate::engine::{Choice, Engine, container};
use crate::image::config::Config;
use crate::image::layout::{Layout, Stored};
use crate::image::manifest::{Manifest, OCI_CONFIG, OCI_MANIFEST};
use crate::layer::{Codec, Written};
use crate::registry::pull::Pulled;
use crate::stage::{self, Graph, Settings};
use crate::{budget, inventory};

use bases::Bases;
pub(crate) use bases::borrowed;
use record::Record;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The directory that files are copied from.
    pub context: PathBuf,
    /// The Dockerfile; by default the context's.
    pub dockerfile: PathBuf,
    /// Arguments, target and platform.
    pub(crate) settings: Settings,
    /// Who builds; nothing: who can.
    pub(crate) engine: Choice,
    /// Labels beside those of the Dockerfile.
    pub labels: Vec<(String, String)>,
    /// Labels of the commit. The same content has the same key with others.
    pub revision: Vec<(String, String)>,
    /// Agents for RUN --mount=type=ssh, as BuildKit writes them.
    pub ssh: Vec<String>,
    /// BuildKit's caches beside its own.
    pub(crate) cache: Caches,
    /// Where the image will be pushed to; it is in the document only.
    pub repository: String,
    /// The tag it will be pushed under.
    pub tag: String,
    /// The directory for the image.
    pub layout: PathBuf,
    /// The time of every file and of the image itself, in seconds since 1970.
    pub epoch: u64,
    /// How layers are compressed.
    pub(crate) codec: Codec,
    /// How many threads compress; the image is the same for any number.
    pub threads: usize,
    /// Whether files that look like secrets may be copied.
    pub allow_secrets: bool,
    /// Whether arguments that look like secrets may be given.
    pub allow_secret_arguments: bool,
    /// Compressed bytes that the image may have.
    pub max_size: Option<u64>,
    /// Lists of packages that are to be written.
    pub bills: Vec<Bill>,
    /// What commands may see and no layer has.
    pub secrets: Vec<secret::Secret>,
    /// Whether to leave the layout as it is.
    pub dry_run: bool,
}

/// Finds an image in the repository by the key of its content, and fetches its description into the layout.
pub(crate) type Find<'a> = &'a dyn Fn(&str, &Request, &Layout) -> anyhow::Result<Option<Pulled>>;

impl Request {
    /// Those of the commit, and those that were asked for, which win.
    pub(crate) fn all_labels(&self) -> Vec<(String, String)> {
        self.revision.iter().chain(&self.labels).cloned().collect()
    }
}

/// Builds the image, and says whether it is another one than before. With `find`, an image of the same content that the
/// repository has is the result.
pub(crate) fn build(
    request: &Request,
    find: Option<Find<'_>>,
    console: &Console,
) -> anyhow::Result<(Stored, ImageOutcome)> {
    guard::arguments(request)?;
    if request.dry_run {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        let (image, _) = build_by(request, directory.path(), find, console)?;
        judge(request, &image, directory.path(), console)?;
        return Ok((image, ImageOutcome::Built));
    }
    let (image, outcome) = build_by(request, &request.layout, find, console)?;
    judge(request, &image, &request.layout, console)?;
    Ok((image, outcome))
}

/// The size that is allowed, and the lists of packages that are asked for.
fn judge(
    request: &Request,
    image: &Stored,
    directory: &Path,
    console: &Console,
) -> anyhow::Result<()> {
    let most = request
        .max_size
        .filter(|most| image.manifest.content_size() > *most);
    if most.is_none() && request.bills.is_empty() {
        return Ok(());
    }
    let inventory = inventory::read(image, &Layout::create(directory)?)?;
    if let Some(most) = most {
        budget::check(most, image, inventory.as_ref())?;
    }
    for bill in &request.bills {
        let inventory = inventory.as_ref().context(
            "the image was found in the repository, and its layers are not here: its packages cannot be listed",
        )?;
        let packages = inventory.packages();
        bill.write(image, &request.repository, &packages)?;
        let counted = toolkit::console::counted(packages.len() as u64, "package");
        console.status(&format!("wrote {}: {counted}", bill.file().display()));
    }
    Ok(())
}

/// By the engine that was asked for; else by our own, and by another where ours cannot.
fn build_by(
    request: &Request,
    directory: &Path,
    find: Option<Find<'_>>,
    console: &Console,
) -> anyhow::Result<(Stored, ImageOutcome)> {
    let reason = match request.engine {
        Some(Engine::Embedded) => None,
        Some(engine) => {
            let (engine, builder) = container::reachable(Some(engine), "")?;
            return foreign::build(request, engine, builder, directory, console);
        }
        None => obstacle(request, directory)?,
    };
    if let Some(reason) = reason {
        // Where nobody else is there, our own engine says best what is wrong.
        if let Ok((engine, builder)) = container::reachable(None, &reason) {
            console.status(&format!("{reason}: {engine} builds instead"));
            return foreign::build(request, engine, builder, directory, console);
        }
    }
    build_in(request, directory, find, console)
}

/// Why the embedded engine cannot build this here.
fn obstacle(request: &Request, directory: &Path) -> anyhow::Result<Option<String>> {
    let name = request.dockerfile.display().to_string();
    let Ok(source) = std::fs::read_to_string(&request.dockerfile) else {
        return Ok(None);
    };
    let parsed = dockerfile::parse(&name, &source)
        .and_then(|file| stage::graph(&file, &request.settings).map(|graph| (file, graph)));
    let (file, graph) = match parsed {
        Ok(parsed) => parsed,
        Err(problems) => {
            let text = problems.to_string();
            // With another mistake beside it no engine builds it.
            let is_other = |line: &str| !line.contains(dockerfile::UNSUPPORTED);
            return Ok((!text.lines().any(is_other)).then_some(text));
        }
    };
    let runs = graph.stages.keys().any(|number| {
        let instructions = &file.stages[*number].instructions;
        instructions
            .iter()
            .any(|one| matches!(one.action, Action::Run(_)))
    });
    if !runs {
        return Ok(None);
    }
    Layout::create(directory)?;
    run::obstacle(directory, &request.settings.platform)
}

fn build_in(
    request: &Request,
    directory: &Path,
    find: Option<Find<'_>>,
    console: &Console,
) -> anyhow::Result<(Stored, ImageOutcome)> {
    let began = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("this machine's clock is before 1970")?
        .as_nanos();
    let layout = Layout::create(directory)?;
    let _lock = layout.lock()?;
    let (file, graph) = read(request, console)?;
    let context = Context::open(&request.context, &request.dockerfile)?;
    let mut bases = Bases::new(&layout, console);
    let gathered = gather::gather(request, &file, &graph, &context, &mut bases)?;
    let fingerprint = gathered.fingerprint(request);
    let engine = Engine::Embedded.to_string();
    if let Some(image) = Record::read(&layout).image(&fingerprint, &layout) {
        let key = image.key.as_deref();
        layout.point_to(
            &image.descriptor(),
            &request.tag,
            &engine,
            key,
            &image.config,
        )?;
        return Ok((image, ImageOutcome::Reused));
    }
    let key = gathered.key(request)?;
    if let Some(find) = find
        && let Some(found) = find(&key, request, &layout)?
    {
        let manifest = layout.get(&found.digest)?;
        let descriptor = layout.put(found.manifest.media_type(), &manifest)?;
        layout.point_to(
            &descriptor,
            &request.tag,
            &engine,
            Some(&key),
            &found.config,
        )?;
        return Ok((layout.described()?, ImageOutcome::Reused));
    }
    let before = Record::read(&layout).manifest;
    let is_settled = gathered.is_settled(began);
    let target = assemble::Target {
        graph: &graph,
        is_settled,
        key: &key,
    };
    let image = assemble::assemble(request, &target, gathered, &bases, &layout, console)?;
    // What changed this very moment can change again without a trace: it is compared by content the next time.
    Record::write(
        &layout,
        is_settled.then_some(fingerprint.as_str()),
        &image.digest,
    )?;
    let outcome = if before.as_ref() == Some(&image.digest) {
        ImageOutcome::Reused
    } else {
        ImageOutcome::Built
    };
    Ok((image, outcome))
}

/// Writes configuration and manifest into the layout, and makes it the layout's image.
fn store(
    layout: &Layout,
    tag: &str,
    engine: &str,
    key: Option<&str>,
    config: &Config,
    layers: Vec<Written>,
) -> anyhow::Result<Stored> {
    let layers = layers.into_iter().map(|layer| layer.descriptor).collect();
    let manifest = Manifest::new(layout.put(OCI_CONFIG, &config.to_bytes()?)?, layers);
    let descriptor = layout.put(OCI_MANIFEST, &manifest.to_bytes()?)?;
    layout.point_to(&descriptor, tag, engine, key, config)?;
    layout.image()
}

fn read(request: &Request, console: &Console) -> anyhow::Result<(dockerfile::Dockerfile, Graph)> {
    let name = request.dockerfile.display().to_string();
    let source = std::fs::read_to_string(&request.dockerfile)
        .map_err(|error| Fault::usage(format!("cannot read {name}: {error}")))?;
    let file = dockerfile::parse(&name, &source)?;
    let graph = stage::graph(&file, &request.settings)?;
    for name in &graph.unused {
        console.warning(&format!(
            "the build argument {name} is not used: no ARG declares it"
        ));
    }
    Ok((file, graph))
}
