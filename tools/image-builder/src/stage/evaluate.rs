//! One stage: variables are replaced, the configuration comes out, and the steps that touch files.

use std::collections::BTreeMap;

use super::graph::{Graph, Needed};
use super::scope::Scope;
use super::{Action, Copy, Evaluated, Origin, Settings, Step, ports, signal};
use crate::context::path;
use crate::dockerfile::{self, Command, Dockerfile, Stage};
use crate::image::config::{Empty, Healthcheck, Run};
use crate::problem::Problems;

/// What the stage begins with.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) run: Run,
    pub(crate) author: Option<String>,
    /// What the base image has left for those who build on it: done first.
    pub(crate) triggers: Vec<dockerfile::Instruction>,
}

/// Evaluates a stage; all mistakes are reported in one pass.
pub(crate) fn evaluate(
    file: &Dockerfile,
    number: usize,
    needed: &Needed,
    start: Start,
    graph: &Graph,
    settings: &Settings,
) -> Result<Evaluated, Problems> {
    let stage: &Stage = &file.stages[number];
    let mut evaluation = Evaluation {
        scope: Scope::of_environment(start.run.env.as_deref().unwrap_or_default()),
        run: start.run,
        author: start.author,
        environment: Vec::new(),
        has_command: false,
        escape: file.escape,
        needed,
        graph,
        settings,
    };
    evaluation.begin();
    let mut problems = Problems::default();
    let mut steps = Vec::new();
    for instruction in start.triggers.iter().chain(&stage.instructions) {
        match evaluation.action(instruction) {
            Ok(action) => steps.push(Step {
                id: instruction.id,
                line: instruction.line,
                source: instruction.source.clone(),
                action,
            }),
            Err(message) => problems.add(&file.name, instruction.line, message),
        }
    }
    problems.or(Evaluated {
        run: evaluation.run,
        author: evaluation.author,
        steps,
    })
}

pub(super) struct Evaluation<'a> {
    pub(super) scope: Scope,
    pub(super) run: Run,
    /// What its commands find in their environment: of ENV and ARG the later one counts.
    pub(super) environment: Vec<(String, String)>,
    author: Option<String>,
    /// CMD was seen in this stage: ENTRYPOINT then leaves it alone.
    has_command: bool,
    escape: char,
    needed: &'a Needed,
    graph: &'a Graph,
    pub(super) settings: &'a Settings,
}

impl Evaluation<'_> {
    fn action(&mut self, instruction: &dockerfile::Instruction) -> Result<Action, String> {
        use dockerfile::Action as Asked;
        match &instruction.action {
            Asked::Run(run) => return self.command_of(instruction.id, run).map(Action::Run),
            Asked::Copy(copy) => return self.copy(instruction.id, copy).map(Action::Copy),
            Asked::Workdir(directory) => return self.working_directory(directory),
            Asked::Arg(arguments) => {
                for argument in arguments {
                    self.scope.declare(
                        argument,
                        self.settings,
                        Some(&self.graph.globals),
                        self.escape,
                    )?;
                    if let Some(value) = self.scope.get(&argument.0) {
                        self.note(&argument.0, &value);
                    }
                }
            }
            Asked::Env(pairs) => self.env(pairs)?,
            Asked::Label(pairs) => {
                let pairs = self.pairs(pairs)?;
                self.run.labels.get_or_insert_default().extend(pairs);
            }
            Asked::User(user) => self.run.user = Some(self.not_empty("USER", user)?),
            Asked::Expose(words) => self.expose(words)?,
            Asked::Volume(directories) => self.volumes(directories)?,
            Asked::Entrypoint(command) => {
                self.run.entrypoint = Some(self.command(command));
                if !self.has_command {
                    self.run.cmd = None;
                }
            }
            Asked::Cmd(command) => {
                self.run.cmd = Some(self.command(command));
                self.has_command = true;
            }
            Asked::Shell(words) => self.run.shell = Some(words.clone()),
            Asked::StopSignal(text) => self.stop_signal(text)?,
            Asked::Healthcheck(check) => self.run.healthcheck = Some(self.health_check(check)),
            Asked::Maintainer(name) => self.author = Some(name.clone()),
            Asked::OnBuild(trigger) => self
                .run
                .on_build
                .get_or_insert_default()
                .push(trigger.clone()),
        }
        Ok(Action::Configure)
    }

    pub(super) fn expanded(&self, text: &str) -> Result<String, String> {
        dockerfile::word(text, self.escape, &|name| self.scope.get(name))
    }

    pub(super) fn not_empty(&self, instruction: &str, text: &str) -> Result<String, String> {
        let expanded = self.expanded(text)?;
        if expanded.is_empty() {
            return Err(format!(
                "{instruction} {text} is empty: its variable is not set"
            ));
        }
        Ok(expanded)
    }

    fn pairs(&self, pairs: &[dockerfile::Pair]) -> Result<BTreeMap<String, String>, String> {
        pairs
            .iter()
            .map(|(name, value)| Ok((self.not_empty("the name", name)?, self.expanded(value)?)))
            .collect()
    }

    /// ENV. All values of one instruction see the variables as they were before it.
    fn env(&mut self, pairs: &[dockerfile::Pair]) -> Result<(), String> {
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(name, value)| Ok((self.not_empty("the name", name)?, self.expanded(value)?)))
            .collect::<Result<_, String>>()?;
        for (name, value) in pairs {
            let environment = self.run.env.get_or_insert_default();
            let entry = format!("{name}={value}");
            let is_same = |old: &&mut String| {
                old.split_once('=').map_or(old.as_str(), |(name, _)| name) == name
            };
            match environment.iter_mut().find(is_same) {
                Some(old) => *old = entry,
                None => environment.push(entry),
            }
            self.note(&name, &value);
            self.scope.set(&name, value);
        }
        Ok(())
    }

    fn note(&mut self, name: &str, value: &str) {
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    fn expose(&mut self, words: &[String]) -> Result<(), String> {
        for word in words {
            let expanded = dockerfile::words(word, self.escape, &|name| self.scope.get(name))?;
            if expanded.is_empty() {
                return Err(format!("EXPOSE {word} is empty: its variable is not set"));
            }
            for word in expanded {
                let ports = ports::exposed(&word)?
                    .into_iter()
                    .map(|port| (port, Empty {}));
                self.run.exposed_ports.get_or_insert_default().extend(ports);
            }
        }
        Ok(())
    }

    fn volumes(&mut self, directories: &[String]) -> Result<(), String> {
        for directory in directories {
            let directory = self.not_empty("VOLUME", directory)?;
            self.run
                .volumes
                .get_or_insert_default()
                .insert(directory, Empty {});
        }
        Ok(())
    }

    fn stop_signal(&mut self, text: &str) -> Result<(), String> {
        let text = self.expanded(text)?;
        if !signal::is_signal(&text) {
            return Err(format!(
                "{text} is no signal: write SIGTERM, SIGINT or a number"
            ));
        }
        self.run.stop_signal = Some(text);
        Ok(())
    }

    /// The shell form is run by the shell of the image.
    fn command(&self, command: &Command) -> Vec<String> {
        match command {
            Command::Exec(words) => words.clone(),
            Command::Shell(line) => self.shell(line),
        }
    }

    /// The image's shell with a line.
    pub(super) fn shell(&self, line: &str) -> Vec<String> {
        let mut words = self
            .run
            .shell
            .clone()
            .unwrap_or_else(|| vec!["/bin/sh".to_owned(), "-c".to_owned()]);
        words.push(line.to_owned());
        words
    }

    fn health_check(&self, check: &dockerfile::Healthcheck) -> Healthcheck {
        let test = match &check.command {
            None => vec!["NONE".to_owned()],
            Some(Command::Exec(words)) => [vec!["CMD".to_owned()], words.clone()].concat(),
            Some(Command::Shell(line)) => vec!["CMD-SHELL".to_owned(), line.clone()],
        };
        Healthcheck {
            test,
            interval: check.interval,
            timeout: check.timeout,
            start_period: check.start_period,
            start_interval: check.start_interval,
            retries: u64::from(check.retries),
        }
    }

    fn working_directory(&mut self, directory: &str) -> Result<Action, String> {
        let path = self.absolute(&self.not_empty("WORKDIR", directory)?);
        let path = path::clean(&path);
        self.run.working_dir = Some(format!("/{path}"));
        Ok(Action::MakeDirectory {
            path,
            user: self.run.user.clone().filter(|user| !user.is_empty()),
        })
    }

    /// The path from the root; a relative one begins at the working directory. What shows that it is a directory stays.
    pub(super) fn absolute(&self, text: &str) -> String {
        let is_directory =
            text.ends_with('/') || text == "." || text.ends_with("/.") || text == "..";
        let whole = if text.starts_with('/') {
            text.to_owned()
        } else {
            format!("{}/{text}", self.run.working_dir.as_deref().unwrap_or("/"))
        };
        match path::clean(&whole) {
            root if root.is_empty() => "/".to_owned(),
            file if is_directory => format!("/{file}/"),
            file => format!("/{file}"),
        }
    }

    /// Where an instruction takes files from; those of a base image's ONBUILD know the build context only.
    pub(super) fn origin(
        &self,
        id: usize,
        place: usize,
        from: Option<&str>,
    ) -> Result<Origin, String> {
        match (self.needed.origins.get(&(id, place)), from) {
            (Some(origin), _) => Ok(origin.clone()),
            (None, None) => Ok(Origin::Context),
            (None, Some(from)) => Err(format!(
                "ONBUILD of the base image takes files from {from}; the build context is all that it can take them from"
            )),
        }
    }

    fn copy(&self, id: usize, copy: &dockerfile::Copy) -> Result<Box<Copy>, String> {
        let expand_all = |texts: &[String]| {
            texts
                .iter()
                .map(|text| self.expanded(text))
                .collect::<Result<Vec<_>, _>>()
        };
        let sources = expand_all(&copy.sources)?;
        if let Some(at) = sources.iter().position(String::is_empty) {
            return Err(format!(
                "the source {} is empty: its variable is not set",
                copy.sources[at]
            ));
        }
        let texts = copy
            .documents
            .iter()
            .map(|document| {
                let content =
                    dockerfile::document(document, self.escape, &|name| self.scope.get(name))?;
                Ok((document.name.clone(), content))
            })
            .collect::<Result<_, String>>()?;
        let chmod = copy
            .chmod
            .as_deref()
            .map(|text| self.mode(text))
            .transpose()?;
        let chown = copy
            .chown
            .as_deref()
            .map(|text| self.not_empty("--chown", text))
            .transpose()?;
        let origin = self.origin(id, 0, copy.from.as_deref())?;
        Ok(Box::new(Copy {
            origin,
            unpacks: copy.unpacks,
            chown,
            chmod,
            link: copy.link,
            sources,
            texts,
            destination: self.absolute(&self.not_empty("the destination", &copy.destination)?),
        }))
    }

    fn mode(&self, text: &str) -> Result<u32, String> {
        let text = self.not_empty("--chmod", text)?;
        u32::from_str_radix(&text, 8)
            .ok()
            .filter(|&mode| mode <= 0o7777)
            .ok_or_else(|| format!("--chmod takes an octal mode such as 755, not {text}"))
    }
}
