//! A build by a container engine, whose image then comes into the layout.

use std::path::Path;

use anyhow::Context as _;
use contract::image::ImageOutcome;
use toolkit::{Console, Fault};

use super::record::Record;
use super::{Request, store};
use crate::context::{Context, secret};
use crate::engine::Engine;
use crate::engine::container::{self, Builder, Order};
use crate::engine::import::Import;
use crate::image::layout::{Layout, Stored};
use crate::layer::cache::Cache;
use crate::problem::Problems;
use crate::rootfs::node::{Kind, Source};
use crate::rootfs::view::View;

/// No more files that look like secrets are listed.
const MOST_LISTED: usize = 10;

/// Builds with that engine.
pub(super) fn build(
    request: &Request,
    engine: Engine,
    builder: Builder,
    directory: &Path,
    console: &Console,
) -> anyhow::Result<(Stored, ImageOutcome)> {
    let layout = Layout::create(directory)?;
    let _lock = layout.lock()?;
    if !request.allow_secrets {
        refuse_secrets(request)?;
    }
    let files = tempfile::Builder::new()
        .prefix("engine-")
        .tempdir_in(layout.cache())
        .context("cannot make a directory for the engine")?;
    let password = password(request)?;
    let known = password
        .as_ref()
        .map(|(host, token)| (host.as_str(), token.as_str()));
    container::configuration(files.path(), known)?;
    let archive = files.path().join("image.tar");
    save(request, engine, builder, files.path(), &archive, console)?;
    let mut cache = Cache::open(&layout.cache());
    let import = Import {
        layout: &layout,
        codec: request.codec,
        threads: request.threads,
        platform: &request.settings.platform,
    };
    let (config, layers) = import.read(&archive, &mut cache)?;
    let before = Record::read(&layout).manifest;
    let stored = store(
        &layout,
        &request.tag,
        &engine.to_string(),
        None,
        &config,
        layers,
    )?;
    Record::write(&layout, None, &stored.digest)?;
    let mut needed = stored.digests();
    needed.extend(cache.digests().cloned());
    cache.save(true)?;
    layout.retain(&needed)?;
    let outcome = if before.as_ref() == Some(&stored.digest) {
        ImageOutcome::Reused
    } else {
        ImageOutcome::Built
    };
    Ok((stored, outcome))
}

/// Has the engine build the image and write it into a file. `configuration` is the directory of its passwords.
fn save(
    request: &Request,
    engine: Engine,
    builder: Builder,
    configuration: &Path,
    archive: &Path,
    console: &Console,
) -> anyhow::Result<()> {
    let target = request.settings.target.as_deref();
    let name = format!(
        "localhost/longshore-build/{}:{}",
        request.repository,
        target.unwrap_or("latest").to_ascii_lowercase()
    );
    let order = Order {
        context: &request.context,
        dockerfile: &request.dockerfile,
        platform: &request.settings.platform,
        arguments: &request.settings.arguments,
        labels: &request.all_labels(),
        target,
        secrets: &request.secrets,
        ssh: &request.ssh,
        cache: &request.cache,
        name: &name,
        configuration,
    };
    order.build(engine, builder, console)?;
    container::save(engine, &name, configuration, archive)
}

/// The password of the registry that holds the cache, if AWS gives one.
fn password(request: &Request) -> anyhow::Result<Option<(String, String)>> {
    let Some(reference) = &request.cache.registry else {
        return Ok(None);
    };
    let host = reference.split('/').next().unwrap_or_default();
    if !crate::ecr::may_be_ecr(host) {
        return Ok(None);
    }
    let found = aws::block_on(crate::ecr::authorization(host))?;
    Ok(found.and_then(|authorization| {
        let token = authorization.header().strip_prefix("Basic ")?;
        Some((host.to_owned(), token.to_owned()))
    }))
}

/// The engine is given the whole context: what looks like a secret is refused wherever it is.
fn refuse_secrets(request: &Request) -> anyhow::Result<()> {
    let context = Context::open(&request.context, &request.dockerfile)?;
    let mut problems = Problems::default();
    let mut count = 0;
    let name = request.context.display().to_string();
    View::Context(&context).walk("", &mut |file, node| {
        if let Kind::File(content) = &node.kind
            && let Source::Host(..) = &content.source
            && count < MOST_LISTED
            && let Some(reason) = secret::reason(file, || {
                content.head(secret::HEAD).map_err(std::io::Error::other)
            })?
        {
            count += 1;
            problems.add(
                &name,
                1,
                format!("{file} looks like {reason}, and would be given to the engine"),
            );
        }
        Ok(())
    })?;
    problems.or(()).map_err(|problems| {
        Fault::usage(problems.to_string())
            .with_hint("leave them out with .dockerignore, or pass --allow-secrets-in-context if they are none")
            .into()
    })
}
