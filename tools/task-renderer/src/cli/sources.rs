//! Where a definition comes from, as the command line says it.

use std::collections::BTreeMap;
use std::path::Path;

use contract::environment::Environment;
use contract::image::Image;
use contract::names::Names;
use contract::{Document, config};
use toolkit::Fault;

use super::{ElsewhereArgs, OverlayArgs, ProjectArgs, RuleArgs, read, workload};
use crate::{Overlay, Parts, Render, Revision, Side, Source, Values};

const IMAGE: &str = "the push step (image-builder push)";
const ENVIRONMENT: &str = "the env step (env-generator)";

pub(super) fn render(
    project: ProjectArgs,
    elsewhere: ElsewhereArgs,
    overlay: OverlayArgs,
    rules: RuleArgs,
) -> anyhow::Result<Render> {
    let overrides = overlay
        .overrides
        .iter()
        .map(|path| read(path))
        .collect::<Result<_, _>>()?;
    let (source, overlay) = match &project.env {
        Some(env) => (
            Source::Project(Box::new(parts(&project, env, overlay)?)),
            Overlay::default(),
        ),
        None => {
            let overlay = laid_over(overlay)?;
            (other_source(project, elsewhere, &overlay)?, overlay)
        }
    };
    Ok(Render {
        source,
        overlay,
        overrides,
        settings: rules.settings(),
    })
}

fn parts(project: &ProjectArgs, env: &str, overlay: OverlayArgs) -> anyhow::Result<Parts> {
    let file = read(&project.project)?;
    let parsed = config::parse(&file.text, &file.name)
        .map_err(|problems| Fault::usage(problems.to_string()))?;
    let settings = parsed
        .environment(env)
        .map_err(|error| Fault::usage(error.to_string()))?;
    let workload = match (&project.service, &project.task) {
        (Some(service), _) => workload::of_service(settings, service),
        (None, Some(task)) => workload::of_task(settings, task),
        // clap asks for one of them.
        (None, None) => Err(Fault::usage("neither --service nor --task is given")),
    }?;
    Ok(Parts {
        names: Names::new(&parsed.app.name, &settings.name),
        environment_name: settings.name.clone(),
        aws: settings.aws,
        region: parsed.app.region.clone(),
        execution_role: settings.execution_role.clone(),
        task_role: settings.task_role.clone(),
        workload,
        image: required(overlay.image.as_deref(), "--image", IMAGE)?,
        environment: required(overlay.environment.as_deref(), "--environment", ENVIRONMENT)?,
        tags: overlay.tag,
    })
}

fn laid_over(overlay: OverlayArgs) -> anyhow::Result<Overlay> {
    let image = overlay.image.as_deref();
    let environment = overlay.environment.as_deref();
    Ok(Overlay {
        container: overlay.container,
        image: image
            .map(|path| document::<Image>(path, IMAGE))
            .transpose()?,
        images: overlay
            .set_image
            .iter()
            .map(|text| of_image(text))
            .collect(),
        environment: environment
            .map(|path| document::<Environment>(path, ENVIRONMENT))
            .transpose()?,
        replace_environment: overlay.replace_environment,
        tags: overlay.tag,
        family: overlay.family,
    })
}

fn other_source(
    project: ProjectArgs,
    elsewhere: ElsewhereArgs,
    overlay: &Overlay,
) -> anyhow::Result<Source> {
    if let Some(file) = &elsewhere.file {
        if project.service.is_some() {
            let message = "--service goes with --env or with --from-live, not with --file";
            return Err(Fault::usage(message).into());
        }
        return Ok(Source::File {
            file: read(file)?,
            values: values(&elsewhere, overlay)?,
        });
    }
    let revision = match (elsewhere.from, elsewhere.cluster, project.service) {
        (Some(_), _, Some(_)) => {
            let message = "--service goes with --env or with --from-live, not with --from";
            return Err(Fault::usage(message).into());
        }
        (Some(name), _, None) => Revision::Definition(name),
        (None, Some(cluster), Some(service)) => Revision::Service { cluster, service },
        // clap asks for both.
        (None, ..) => return Err(Fault::usage("neither a cluster nor a revision is given").into()),
    };
    Ok(Source::Live {
        revision,
        region: elsewhere.region,
    })
}

/// Where the references of a file lead.
fn values(elsewhere: &ElsewhereArgs, overlay: &Overlay) -> Result<Values, Fault> {
    let mut values = Values::default();
    for text in &elsewhere.set {
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            // The text is not repeated: it may be a value.
            return Err(Fault::usage("--set is written NAME=VALUE"));
        };
        if values
            .set
            .insert(name.to_owned(), value.to_owned())
            .is_some()
        {
            return Err(Fault::usage(format!("--set {name} is given twice")));
        }
    }
    for name in &elsewhere.allow_env {
        let value = match std::env::var(name) {
            Ok(value) => Some(value),
            Err(std::env::VarError::NotPresent) => None,
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(Fault::usage(format!("the variable {name} is not UTF-8")));
            }
        };
        values.process.insert(name.clone(), value);
    }
    if let Some(environment) = &overlay.environment {
        let variables = environment.variables.iter();
        values.documents = variables
            .map(|(name, variable)| (name.clone(), variable.value.clone()))
            .collect::<BTreeMap<_, _>>();
    }
    if let Some(image) = &overlay.image {
        for (name, value) in [
            ("IMAGE", &image.reference),
            ("IMAGE_TAG", &image.tag),
            ("IMAGE_DIGEST", &image.digest),
        ] {
            values.documents.insert(name.to_owned(), value.clone());
        }
    }
    Ok(values)
}

/// `[CONTAINER=]REFERENCE`; no reference has an equals sign.
fn of_image(text: &str) -> (Option<String>, String) {
    match text.split_once('=') {
        Some((container, reference)) => (Some(container.to_owned()), reference.to_owned()),
        None => (None, text.to_owned()),
    }
}

/// A file if there is one of that name or it must be one by its ending, else a service or a family.
pub(super) fn side(text: &str) -> Result<Side, Fault> {
    let path = Path::new(text);
    let ends_as_one = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if ends_as_one || path.is_file() {
        return Ok(Side::File(read(path)?));
    }
    if text.starts_with("arn:") {
        return Ok(Side::Live(Revision::Definition(text.to_owned())));
    }
    Ok(Side::Live(match text.split_once('/') {
        Some((cluster, service))
            if !cluster.is_empty() && !service.is_empty() && !service.contains('/') =>
        {
            Revision::Service {
                cluster: cluster.to_owned(),
                service: service.to_owned(),
            }
        }
        Some(_) => return Err(Fault::usage(format!("there is no file {text}"))),
        None => Revision::Definition(text.to_owned()),
    }))
}

fn required<D: Document>(path: Option<&Path>, argument: &str, step: &str) -> Result<D, Fault> {
    match path {
        Some(path) => document(path, step),
        // clap asks for it.
        None => Err(Fault::usage(format!("{argument} is not given"))),
    }
}

/// Reads a document of a step before; `step` is who writes it.
fn document<D: Document>(path: &Path, step: &str) -> Result<D, Fault> {
    let file = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Fault::usage(format!("cannot read {file}: {error}")).with_hint(format!("{step} writes it"))
    })?;
    contract::document::parse(&text).map_err(|error| {
        Fault::usage(format!("cannot use {file}: {error}")).with_hint(format!("{step} writes it"))
    })
}
