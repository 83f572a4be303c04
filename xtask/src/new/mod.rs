//! `cargo xtask new`: a project of one's own, from one of the living templates.
//!
//! There is no template language: a template is a project that our own tests build, and its name, `ludlow`, becomes
//! that of the new one. What was made from what is written down, so that `--check` can say what has changed since.

mod check;
mod made;
mod origin;
mod proof;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use contract::exit;
use toolkit::{Console, Fault};

use made::made;
use origin::Origin;

pub(crate) use proof::npm_projects;

/// The name of every template.
const LUDLOW: &str = "ludlow";

/// What to make.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// Name of the project: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME", required_unless_present = "check")]
    name: Option<String>,
    /// What it is made from
    #[arg(long, value_enum, default_value_t = Template::RustApi)]
    template: Template,
    /// CI system that releases it
    #[arg(long, value_enum)]
    ci: Option<Ci>,
    /// Directory to make [default: NAME]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Say what has changed in the template since the project in DIR (or here) was made from it
    #[arg(long, conflicts_with_all = ["name", "template", "ci"])]
    check: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// HTTP service in Rust
    RustApi,
    /// HTTP service in TypeScript
    NodeApi,
    /// Single-page application that is configured when it starts
    StaticSite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ci {
    /// Kotlin DSL
    Teamcity,
    /// GitHub Actions
    Github,
    /// GitLab CI/CD
    Gitlab,
}

impl Template {
    fn word(self) -> &'static str {
        match self {
            Self::RustApi => "rust-api",
            Self::NodeApi => "node-api",
            Self::StaticSite => "static-site",
        }
    }
}

impl Ci {
    fn word(self) -> &'static str {
        match self {
            Self::Teamcity => "teamcity",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }
}

/// Makes the project, or compares one with its template.
pub(crate) fn run(new: &New) -> anyhow::Result<u8> {
    let console = Console::from_environment();
    let Some(name) = &new.name else {
        let directory = new.directory.as_deref().unwrap_or(Path::new("."));
        return check::run(&console, directory);
    };
    check_name(name)?;
    let directory = new.directory.clone().unwrap_or_else(|| PathBuf::from(name));
    let origin = Origin {
        template: new.template.word().to_owned(),
        ci: new.ci.map(|ci| ci.word().to_owned()),
        name: name.clone(),
    };
    let files = made(&origin)?;
    write(&directory, &origin, &files)?;
    console.success(&format!(
        "{name} was made in {} from {}",
        directory.display(),
        origin.template
    ));
    console.status(&format!(
        "next: read {}, set the hosts in longshore.toml, then `longshore deploy --env local` in it",
        directory.join("README.md").display()
    ));
    Ok(exit::DONE)
}

/// A name that crates, packages, images and AWS resources can all have.
fn check_name(name: &str) -> anyhow::Result<()> {
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let is_good = is_plain
        && (2..=20).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--");
    if !is_good {
        return Err(Fault::usage(format!("\"{name}\" cannot be the name of a project"))
            .with_hint(
                "2 to 20 lower-case letters, digits and single hyphens, beginning with a letter",
            )
            .into());
    }
    // Names that cargo refuses for a package or that are the template's own library.
    if ["test", "core", "std", "alloc", "service", "build", "deps"].contains(&name) {
        return Err(Fault::usage(format!("\"{name}\" means something else to cargo")).into());
    }
    Ok(())
}

/// Writes everything beside the target first: there is a whole project or none, and nothing is ever overwritten.
fn write(directory: &Path, origin: &Origin, files: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    let is_empty = match std::fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot look into {}", directory.display()));
        }
    };
    if !is_empty {
        return Err(
            Fault::usage(format!("{} is there and not empty", directory.display()))
                .with_hint("nothing is overwritten; name another directory with --directory")
                .into(),
        );
    }
    let parent = match directory.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let staging = tempfile::Builder::new()
        .prefix(".new-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot write into {}", parent.display()))?;
    // The directory of the staging itself is private.
    let project = staging.path().join("project");
    for (name, content) in files {
        put(&project.join(name), content)?;
    }
    put(
        &project.join(origin::FILE),
        origin.written(files).as_bytes(),
    )?;
    // Replaces an empty directory, and fails if somebody has put something into it meanwhile.
    std::fs::rename(&project, directory)
        .with_context(|| format!("cannot make {}", directory.display()))
}

fn put(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let what = || format!("cannot write {}", path.display());
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(what)?;
    }
    std::fs::write(path, content).with_context(what)
}

#[cfg(test)]
mod tests;
