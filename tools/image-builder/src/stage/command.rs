//! RUN, evaluated: the program, its environment and its mounts.

use std::path::Path;

use super::evaluate::Evaluation;
use super::graph::PREDEFINED;
use super::{Command, Mount};
use crate::context::path;
use crate::dockerfile::{self, MountKind};

/// Where a here-document with an interpreter of its own is found.
pub(crate) const SCRIPTS: &str = "/dev/pipes";
/// Where BuildKit puts secrets, and the sockets of agents.
const SECRETS: &str = "/run/secrets";
const AGENTS: &str = "/run/buildkit";

impl Evaluation<'_> {
    /// A RUN.
    pub(super) fn command_of(
        &self,
        id: usize,
        run: &dockerfile::Run,
    ) -> Result<Box<Command>, String> {
        let mut script = None;
        let argv = match &run.command {
            dockerfile::Command::Exec(words) => words.clone(),
            dockerfile::Command::Shell(line) => match run.documents.as_slice() {
                [] => self.shell(line),
                [only] if dockerfile::is_opening(line) && !line.contains(char::is_whitespace) => {
                    if only.content.starts_with("#!") {
                        script = Some((only.name.clone(), only.content.clone()));
                        vec![format!("{SCRIPTS}/{}", only.name)]
                    } else {
                        self.shell(&only.content)
                    }
                }
                // The shell reads them.
                documents => {
                    let mut whole = line.clone();
                    for document in documents {
                        whole.push('\n');
                        whole.push_str(&document.content);
                        whole.push_str(&document.name);
                    }
                    self.shell(&whole)
                }
            },
        };
        let mounts = run
            .mounts
            .iter()
            .enumerate()
            .map(|(number, mount)| self.mount(id, number, mount))
            .collect::<Result<_, _>>()?;
        Ok(Box::new(Command {
            argv,
            environment: self.environment.clone(),
            user: self.run.user.clone().unwrap_or_default(),
            directory: self
                .run
                .working_dir
                .clone()
                .unwrap_or_else(|| "/".to_owned()),
            network: run.network,
            mounts,
            script,
        }))
    }

    /// What the base image sets; and what no ARG need declare, if the caller gave it.
    pub(super) fn begin(&mut self) {
        let given = self.settings.arguments.iter();
        let given = given
            .filter(|(name, _)| PREDEFINED.contains(&name.to_ascii_lowercase().as_str()))
            .map(|(name, value)| (name.clone(), value.clone()));
        let set = self.run.env.iter().flatten().map(|entry| {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            (name.to_owned(), value.to_owned())
        });
        self.environment = given.chain(set).collect();
    }

    fn mount(&self, id: usize, number: usize, mount: &dockerfile::Mount) -> Result<Mount, String> {
        let expanded = |text: &Option<String>| {
            text.as_deref()
                .map(|text| self.not_empty("--mount", text))
                .transpose()
        };
        let target = expanded(&mount.target)?;
        let source = expanded(&mount.source)?;
        let name = expanded(&mount.id)?;
        // A secret's file is named after it, or it after its file.
        let name = match (name, mount.kind) {
            (Some(name), _) => name,
            (None, MountKind::Secret) => {
                let of = source.as_ref().or(target.as_ref());
                let of = of.and_then(|path| Path::new(path).file_name());
                of.map(|name| name.display().to_string())
                    .ok_or("--mount of a secret needs an id")?
            }
            (None, MountKind::Ssh) => "default".to_owned(),
            (None, _) => target.clone().unwrap_or_default(),
        };
        let target = match (target, mount.kind) {
            (Some(target), _) => target,
            (None, MountKind::Secret) => format!("{SECRETS}/{name}"),
            (None, _) => format!("{AGENTS}/ssh_agent.{number}"),
        };
        let origin = match mount.kind {
            MountKind::Bind => Some(self.origin(id, number, mount.from.as_deref())?),
            MountKind::Cache if mount.from.is_some() => {
                Some(self.origin(id, number, mount.from.as_deref())?)
            }
            _ => None,
        };
        let target = path::clean(&self.absolute(&target));
        if target.is_empty() {
            return Err("--mount cannot cover the whole file system".to_owned());
        }
        Ok(Mount {
            number,
            kind: mount.kind,
            origin,
            source: path::clean(&source.unwrap_or_default()),
            target: format!("/{target}"),
            id: name,
            required: mount.required,
            is_writable: mount.is_writable,
            mode: mount.mode,
            uid: mount.uid,
            gid: mount.gid,
            size: mount.size,
            variable: mount.variable.clone(),
        })
    }
}
