//! The files of a new project.

use anyhow::{Context as _, bail};

use super::LUDLOW;
use super::origin::Origin;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/templates.rs"));
}

/// Paths and contents, sorted: the template's files and those of the CI system, renamed.
pub(super) fn made(origin: &Origin) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut files = of_directory(&origin.template, origin)?;
    if let Some(ci) = &origin.ci {
        files.extend(of_directory(
            &format!("ci/{ci}/{}", toolchain(&origin.template)),
            origin,
        )?);
    }
    files.sort();
    Ok(files)
}

/// What a template is built with: its releases differ by nothing else.
fn toolchain(template: &str) -> &'static str {
    if template.starts_with("rust-") {
        "rust"
    } else {
        "node"
    }
}

fn of_directory(directory: &str, origin: &Origin) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let prefix = format!("{directory}/");
    let files: Vec<(String, Vec<u8>)> = embedded::FILES
        .iter()
        .filter_map(|(path, content)| Some((path.strip_prefix(&prefix)?, *content)))
        .map(|(path, content)| {
            let content = match std::str::from_utf8(content) {
                Ok(text) => renamed(text, &origin.name)
                    .with_context(|| format!("cannot rename {path}"))?
                    .into_bytes(),
                // A picture.
                Err(_not_text) => content.to_vec(),
            };
            Ok((renamed(path, &origin.name)?, content))
        })
        .collect::<anyhow::Result<_>>()?;
    if files.is_empty() {
        bail!("there is no template {directory}");
    }
    Ok(files)
}

/// The template's name in its three ways of writing.
fn renamed(text: &str, name: &str) -> anyhow::Result<String> {
    let mut title = name.to_owned();
    title[..1].make_ascii_uppercase();
    let variable = name.to_ascii_uppercase().replace('-', "_");
    let result = text
        .replace(LUDLOW, name)
        .replace("LUDLOW", &variable)
        .replace("Ludlow", &title);
    if !name.contains(LUDLOW) && result.to_ascii_lowercase().contains(LUDLOW) {
        bail!("the template's name is written in a way of its own");
    }
    Ok(result)
}
