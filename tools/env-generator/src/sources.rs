//! The sources of an environment, merged. From the first to the last, of which the later wins:
//!
//! 1. defaults of the schema
//! 2. variables of longshore.toml, those of the environment over the common ones
//! 3. files, in the order of `sources.files`
//! 4. paths of Parameter Store, in the order of `sources.paths`
//! 5. references of longshore.toml to Parameter Store and Secrets Manager
//! 6. variables of the process that `sources.process` allows
//! 7. parameters that CI hands over in a file or on standard input

use std::collections::BTreeMap;
use std::path::PathBuf;

use contract::config::{Secret, Sources, Variable};
use toolkit::Fault;

use crate::dotenv::Assignment;
use crate::files::{self, Keeping};
use crate::problem::{Problem, report};
use crate::reference::{self, Place};
use crate::schema::Schema;
use crate::secret_text::SecretText;
use crate::settings::{Content, Origin, Settings};
use crate::target::is_name;
use crate::vault::Vault;

/// One environment and all that feeds it.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The application's name.
    pub application: String,
    /// Name of the environment.
    pub environment: String,
    /// Where the tasks run, for example `us-east-1`.
    pub region: String,
    /// Name of the project's file, which origins begin with.
    pub file: String,
    /// The project's directory, which files are relative to.
    pub directory: PathBuf,
    /// Names of the services.
    pub services: Vec<String>,
    /// Plain variables.
    pub variables: BTreeMap<String, Variable>,
    /// References to secrets.
    pub secrets: BTreeMap<String, Secret>,
    /// What variables must look like.
    pub schema: Schema,
    /// Files, paths and the process's variables.
    pub sources: Sources,
    /// What CI hands over.
    pub parameters: Parameters,
    /// Whether to leave AWS alone.
    pub offline: bool,
}

/// The list that CI hands over, as it was read.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    /// The file, or `stdin`.
    pub(crate) name: String,
    pub(crate) text: Option<SecretText>,
}

/// An environment that was put together, and what is wrong with it so far.
pub(crate) struct Gathered {
    pub(crate) settings: Settings,
    pub(crate) problems: Vec<Problem>,
    /// Whether every source was read, so that what is not there is missing.
    pub(crate) is_complete: bool,
}

impl Gathered {
    /// The settings, if nothing is wrong with them: neither with the sources nor by the schema.
    pub(crate) fn accepted(mut self, scope: &Scope) -> anyhow::Result<Settings> {
        self.problems.extend(scope.schema.check(
            &self.settings,
            &BTreeMap::new(),
            self.is_complete,
        ));
        if self.problems.is_empty() {
            return Ok(self.settings);
        }
        Err(Fault::usage(report(&scope.environment, &self.problems)).into())
    }
}

impl Scope {
    /// Whether every source can be read.
    pub(crate) fn is_complete(&self) -> bool {
        !self.offline || self.sources.paths.is_empty()
    }

    /// Reads all sources and merges them. AWS is asked only for the names below paths.
    pub(crate) async fn gather(&self, vault: &Vault) -> anyhow::Result<Gathered> {
        let mut settings = Settings::default();
        let mut problems = Vec::new();
        self.written_down(&mut settings, &mut problems);
        let has_all_files = self.read_files(&mut settings, &mut problems)?;
        if !self.offline {
            self.read_paths(vault, &mut settings, &mut problems).await?;
        }
        let (references, mistakes) = reference::read(self);
        problems.extend(mistakes);
        for reference in references {
            settings.set(
                &reference.variable,
                Content::Reference(reference.place),
                reference.origin,
            );
        }
        self.read_process(&mut settings, &mut problems);
        self.read_parameters(&mut settings, &mut problems);
        for (name, _) in self.schema.rules.iter().filter(|(_, rule)| rule.secret) {
            settings.seal(name);
        }
        Ok(Gathered {
            settings,
            problems,
            is_complete: has_all_files && self.is_complete(),
        })
    }

    fn written_down(&self, settings: &mut Settings, problems: &mut Vec<Problem>) {
        for (name, rule) in &self.schema.rules {
            if let Some(default) = &rule.default {
                let origin = origin(&self.schema.file, rule.line);
                settings.set(name, Content::Plain(default.clone()), origin);
            }
        }
        for (name, variable) in &self.variables {
            if self.schema.rules.get(name).is_some_and(|rule| rule.secret) {
                problems.push(Problem::new(
                    &self.file,
                    variable.line,
                    format!("{name} is secret by its schema and stands here for everybody to read; write a reference under secrets"),
                ));
            }
            let origin = origin(&self.file, variable.line);
            settings.set(name, Content::Plain(variable.value.clone()), origin);
        }
    }

    /// Gives whether all of them could be read.
    fn read_files(
        &self,
        settings: &mut Settings,
        problems: &mut Vec<Problem>,
    ) -> anyhow::Result<bool> {
        let mut has_all = true;
        for file in &self.sources.files {
            let path = self.directory.join(file);
            let Some((keeping, read)) = files::read(&path, file, problems)? else {
                has_all = false;
                continue;
            };
            for assignment in read {
                let content = match keeping {
                    Keeping::Plain => Content::Plain(assignment.value.expose().to_owned()),
                    Keeping::Sops | Keeping::Age => Content::Sealed(assignment.value),
                };
                settings.set(&assignment.name, content, origin(file, assignment.line));
            }
        }
        Ok(has_all)
    }

    async fn read_paths(
        &self,
        vault: &Vault,
        settings: &mut Settings,
        problems: &mut Vec<Problem>,
    ) -> anyhow::Result<()> {
        for path in &self.sources.paths {
            for id in vault.names_below(path, &self.region).await? {
                let name = id.rsplit('/').next().unwrap_or_default();
                if !is_name(name) {
                    problems.push(Problem::new(
                        &self.file,
                        0,
                        format!("the parameter {id} does not end in a variable name"),
                    ));
                    continue;
                }
                let place = Place::Parameter {
                    id: id.clone(),
                    region: self.region.clone(),
                };
                settings.set(
                    name,
                    Content::Reference(place),
                    origin(&format!("ssm:{id}"), 0),
                );
            }
        }
        Ok(())
    }

    fn read_process(&self, settings: &mut Settings, problems: &mut Vec<Problem>) {
        for name in &self.sources.process {
            match std::env::var(name) {
                Ok(text) => settings.set(name, Content::Plain(text), origin("process", 0)),
                Err(std::env::VarError::NotPresent) => {}
                Err(std::env::VarError::NotUnicode(_)) => {
                    problems.push(Problem::new("process", 0, format!("{name} is not UTF-8")))
                }
            }
        }
    }

    fn read_parameters(&self, settings: &mut Settings, problems: &mut Vec<Problem>) {
        let Some(text) = &self.parameters.text else {
            return;
        };
        match crate::dotenv::read(text.expose()) {
            Ok(read) => {
                for Assignment { name, value, line } in read {
                    let content = Content::Plain(value.expose().to_owned());
                    settings.set(&name, content, origin(&self.parameters.name, line));
                }
            }
            Err(mistakes) => problems.extend(
                mistakes
                    .into_iter()
                    .map(|(line, message)| Problem::new(&self.parameters.name, line, message)),
            ),
        }
    }
}

fn origin(source: &str, line: usize) -> Origin {
    Origin {
        source: source.to_owned(),
        line,
    }
}
