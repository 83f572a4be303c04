//! Which task definition is meant: a file, or one that is registered.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::Value;

use crate::cluster::{Cluster, Live};
use crate::definition::{self, Definition};
use crate::patched;
use crate::update::Patch;

/// As the command line names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file as RegisterTaskDefinition takes it.
    File(PathBuf),
    /// An ARN, `family:revision`, or a family for its newest revision.
    Registered(String),
    /// What the service runs now.
    Live,
    /// The same, or another one that is registered, with changes.
    Patched(Box<Patch>),
}

/// What is to run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wanted {
    /// To be registered first.
    New(Box<Definition>),
    /// Registered already.
    Registered { arn: String, json: Value },
}

impl Source {
    /// A file is what looks like one or is there; everything else names a registered definition.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let is_arn = text.starts_with("arn:");
        let path = PathBuf::from(text);
        let looks_like_file = path
            .extension()
            .is_some_and(|extension| extension == "json")
            || text.contains(['/', '\\']);
        if !is_arn && (looks_like_file || path.is_file()) {
            Self::File(path)
        } else {
            Self::Registered(text.to_owned())
        }
    }

    /// Reads the file. Nobody is called, so that a bad file ends before anything else is tried.
    pub(crate) fn read(&self) -> anyhow::Result<Option<Definition>> {
        match self {
            Self::File(path) => definition::read(path).map(Some),
            Self::Registered(_) | Self::Live | Self::Patched(_) => Ok(None),
        }
    }

    /// What is meant, where the file has been read already. `live` is the service with its task definition.
    pub(crate) async fn resolve(
        &self,
        read: Option<Definition>,
        cluster: &Cluster,
        live: Option<&Live>,
    ) -> anyhow::Result<Wanted> {
        if let Some(definition) = read {
            return Ok(Wanted::New(Box::new(definition)));
        }
        let reference = match self {
            Self::File(path) => return Ok(Wanted::New(Box::new(definition::read(path)?))),
            Self::Registered(reference) => reference,
            Self::Patched(patch) => {
                let (wanted, _remarks) = patched::resolve(patch, cluster, live).await?;
                return Ok(wanted);
            }
            Self::Live => {
                let live =
                    live.context("there is no service whose task definition could be taken")?;
                return Ok(Wanted::live(live));
            }
        };
        // What the service runs has been looked at already.
        if let Some(live) = live.filter(|live| *reference == live.service.task_definition) {
            return Ok(Wanted::live(live));
        }
        let live = cluster.definition(reference).await?;
        Ok(Wanted::Registered {
            arn: live
                .task_definition_arn()
                .unwrap_or(reference.as_str())
                .to_owned(),
            json: definition::of_live(&live)?,
        })
    }
}

impl Wanted {
    /// What a service runs.
    fn live(live: &Live) -> Self {
        Self::Registered {
            arn: live.service.task_definition.clone(),
            json: live.definition.clone(),
        }
    }

    pub(crate) fn json(&self) -> &Value {
        match self {
            Self::New(definition) => &definition.json,
            Self::Registered { json, .. } => json,
        }
    }

    /// Its ARN, or its family while it has none.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::New(definition) => definition.input.family().unwrap_or_default(),
            Self::Registered { arn, .. } => arn,
        }
    }

    /// Its ARN, after it has been registered if need be; and whether that was needed.
    pub(crate) async fn register(&self, cluster: &Cluster) -> anyhow::Result<(String, bool)> {
        match self {
            Self::New(definition) => Ok((cluster.register(&definition.input).await?, true)),
            Self::Registered { arn, .. } => Ok((arn.clone(), false)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_files_from_references() {
        let file = |text: &str| Source::File(PathBuf::from(text));
        let registered = |text: &str| Source::Registered(text.to_owned());
        let table = [
            ("task.json", file("task.json")),
            ("./task", file("./task")),
            ("web", registered("web")),
            ("web:12", registered("web:12")),
            (
                "arn:aws:ecs:r:1:task-definition/web:1",
                registered("arn:aws:ecs:r:1:task-definition/web:1"),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(Source::of(text), expected);
        }
    }
}
