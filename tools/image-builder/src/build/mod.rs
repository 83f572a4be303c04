//! A build: from a Dockerfile and a context to an image in a layout.
//!
//! First everything is looked at (the Dockerfile, the base images' descriptions, the files that are copied, by their
//! stamps). If that is what the last build saw, its image is the result, and no file is read. Otherwise the layers
//! are made, except those that are known.

mod assemble;
mod bases;
mod gather;
mod record;
mod run;
pub(crate) mod secret;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use contract::image::ImageOutcome;
use toolkit::{Console, Fault};

use crate::context::Context;
use crate::dockerfile;
use crate::image::layout::{Layout, Stored};
use crate::layer::Codec;
use crate::stage::{self, Graph, Settings};

use bases::Bases;
use record::Record;

/// The engine's name in documents.
pub(crate) const ENGINE: &str = "embedded";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The directory that files are copied from.
    pub context: PathBuf,
    /// The Dockerfile; by default the context's.
    pub dockerfile: PathBuf,
    /// Arguments, target and platform.
    pub(crate) settings: Settings,
    /// Labels beside those of the Dockerfile.
    pub labels: Vec<(String, String)>,
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
    /// What commands may see and no layer has.
    pub secrets: Vec<secret::Secret>,
    /// Whether to leave the layout as it is.
    pub dry_run: bool,
}

/// Builds the image, and says whether it is another one than before.
pub(crate) fn build(
    request: &Request,
    console: &Console,
) -> anyhow::Result<(Stored, ImageOutcome)> {
    if request.dry_run {
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        let (image, _) = build_in(request, directory.path(), console)?;
        return Ok((image, ImageOutcome::Built));
    }
    build_in(request, &request.layout, console)
}

fn build_in(
    request: &Request,
    directory: &Path,
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
    if let Some(image) = Record::read(&layout).image(&fingerprint, &layout) {
        layout.point_to(&image.descriptor(), &request.tag, ENGINE, &image.config)?;
        return Ok((image, ImageOutcome::Reused));
    }
    let before = Record::read(&layout).manifest;
    let is_settled = gathered.is_settled(began);
    let image = assemble::assemble(
        request, &graph, gathered, &bases, &layout, is_settled, console,
    )?;
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
    for name in request
        .settings
        .arguments
        .keys()
        .filter(|name| is_secret_name(name))
    {
        console.warning(&format!(
            "the build argument {name} looks like a secret; what it is written into can be read by everybody who has the image"
        ));
    }
    Ok((file, graph))
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    [
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "TOKEN",
        "APIKEY",
        "API_KEY",
        "PRIVATE_KEY",
        "CREDENTIAL",
    ]
    .iter()
    .any(|word| name.contains(word))
}
