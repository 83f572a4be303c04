//! The project that is being released, and where its documents are.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use contract::config::{self, Environment};
use contract::names::Names;
use toolkit::Fault;

use crate::{git, tools};

/// The file that makes a directory a project.
pub(crate) const FILE: &str = "longshore.toml";
/// The project that is released when there is none at hand.
const DEFAULT: &str = "templates/rust-api";

/// A project with its validated file.
#[derive(Debug)]
pub(crate) struct Project {
    /// Absolute.
    pub(crate) directory: PathBuf,
    config: config::Project,
}

impl Project {
    /// The project in `directory`, or above the current one, or the workspace's default.
    pub(crate) fn find(directory: Option<&Path>) -> anyhow::Result<Self> {
        let directory = match directory {
            Some(directory) => directory.to_owned(),
            None => Self::nearby()?,
        };
        let directory = directory.canonicalize().map_err(|error| {
            Fault::usage(format!(
                "the project directory {} cannot be opened: {error}",
                directory.display()
            ))
        })?;
        let file = directory.join(FILE);
        let source = std::fs::read_to_string(&file).map_err(|error| {
            Fault::usage(format!("cannot read {}: {error}", file.display()))
                .with_hint("name the project's directory with --project")
        })?;
        let config = config::parse(&source, &shown(&file)).map_err(|problems| {
            Fault::usage(problems.to_string())
                .with_hint("nothing was changed; correct the file and run it again")
        })?;
        Ok(Self { directory, config })
    }

    fn nearby() -> anyhow::Result<PathBuf> {
        let here = std::env::current_dir().context("cannot tell the current directory")?;
        if let Some(above) = here
            .ancestors()
            .find(|directory| directory.join(FILE).is_file())
        {
            return Ok(above.to_owned());
        }
        let default = tools::workspace().map(|workspace| workspace.join(DEFAULT));
        default
            .filter(|directory| directory.join(FILE).is_file())
            .ok_or_else(|| {
                Fault::usage(format!(
                    "there is no {FILE} here or in any directory above {}",
                    here.display()
                ))
                .with_hint("name the project's directory with --project")
                .into()
            })
    }

    /// The environment called `name`, or the one that the git branch is released to.
    pub(crate) fn environment(&self, name: Option<&str>) -> anyhow::Result<&Environment> {
        if let Some(name) = name {
            return self
                .config
                .environment(name)
                .map_err(|error| Fault::usage(error.to_string()).into());
        }
        let Some(branch) = git::branch(&self.directory) else {
            return Err(Fault::usage(
                "no environment was named, and there is no git branch to tell it from",
            )
            .with_hint(format!("name it with --env, one of {}", self.known()))
            .into());
        };
        match self.config.environments_of_branch(&branch).as_slice() {
            [environment] => Ok(*environment),
            [] => Err(
                Fault::usage(format!("no environment releases the branch {branch}"))
                    .with_hint(format!("name it with --env, one of {}", self.known()))
                    .into(),
            ),
            several => {
                let names: Vec<&str> = several
                    .iter()
                    .map(|environment| environment.name.as_str())
                    .collect();
                Err(Fault::usage(format!(
                    "the branch {branch} is released to {}",
                    names.join(" and ")
                ))
                .with_hint("name one of them with --env")
                .into())
            }
        }
    }

    /// Every environment that runs on the local AWS.
    pub(crate) fn local_environments(&self) -> impl Iterator<Item = &Environment> {
        self.config
            .environments
            .values()
            .filter(|environment| environment.aws == config::Aws::Local)
    }

    /// The AWS region of the application.
    pub(crate) fn region(&self) -> &str {
        &self.config.app.region
    }

    /// The names of an environment's resources.
    pub(crate) fn names(&self, environment: &Environment) -> Names {
        Names::new(&self.config.app.name, &environment.name)
    }

    /// The project's file.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// Where everything goes that Longshore writes for this project.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.directory.join(".longshore")
    }

    /// Where the documents of an environment are.
    pub(crate) fn documents(&self, environment: &Environment) -> PathBuf {
        self.scratch().join(&environment.name)
    }

    /// Where the documents of one service are: among the environment's if it is the only one.
    pub(crate) fn service_documents(&self, environment: &Environment, service: &str) -> PathBuf {
        let documents = self.documents(environment);
        if environment.services.len() == 1 {
            documents
        } else {
            documents.join(service)
        }
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self
            .config
            .environments
            .keys()
            .map(String::as_str)
            .collect();
        names.join(", ")
    }
}

/// A document that an earlier step wrote; none if there is none that this version can read.
pub(crate) fn document<D: contract::Document>(file: &Path) -> Option<D> {
    contract::document::parse(&std::fs::read_to_string(file).ok()?).ok()
}

/// A path as people best read it: relative to where they are, if it is below.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let relative = here
        .ok()
        .and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    relative.as_deref().unwrap_or(path).display().to_string()
}
