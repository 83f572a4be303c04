//! Projects made from the templates that are not Rust, so that a check can test them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::made::made;
use super::origin::Origin;
use super::{Template, write};

/// The templates that npm tests.
const WITH_NPM: [Template; 2] = [Template::NodeApi, Template::StaticSite];

/// Makes a project from each in a directory of its own below `directory`, anew; gives template and directory.
pub(crate) fn npm_projects(directory: &Path) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    WITH_NPM
        .into_iter()
        .map(|template| {
            let target = directory.join(template.word());
            match std::fs::remove_dir_all(&target) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error)
                        .with_context(|| format!("cannot remove {}", target.display()));
                }
                _ => {}
            }
            let origin = Origin {
                template: template.word().to_owned(),
                ci: None,
                name: "corner-shop".to_owned(),
            };
            write(&target, &origin, &made(&origin)?)?;
            Ok((template.word(), target))
        })
        .collect()
}
