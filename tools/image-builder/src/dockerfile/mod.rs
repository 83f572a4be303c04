//! A Dockerfile as it is written: stages and instructions, with the line of each.
//!
//! Variables are still in place here; what they stand for depends on the base image and is settled by
//! [`crate::stage`].
//!
//! The parser is our own because `dockerfile-parser-rs` 3.4 cannot hold the grammar: it drops line numbers and the
//! order of ENV and LABEL, does not tell exec form from shell form, removes quotes before variables are expanded,
//! ends every here-document at the word EOF, and refuses lower-case instructions, ONBUILD, HEALTHCHECK, MAINTAINER
//! and parser directives. The grammar is BuildKit's.

mod duration;
mod expand;
mod flags;
mod glob;
mod instruction;
mod lines;
mod run;
mod words;

use crate::problem::Problems;

pub(crate) use expand::{document, word, words};
use flags::Flags;
pub(crate) use lines::{Document, is_opening};
pub(crate) use run::{Mount, MountKind, Network, Run};
pub(crate) use words::Pair;

/// How messages about what only another engine can do begin.
pub(crate) const UNSUPPORTED: &str = "the embedded engine does not";

/// A whole file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dockerfile {
    /// As the caller named it, for messages.
    pub(crate) name: String,
    /// `\` or a backtick.
    pub(crate) escape: char,
    /// ARG before the first FROM, with its line.
    pub(crate) globals: Vec<(usize, Vec<Argument>)>,
    pub(crate) stages: Vec<Stage>,
}

/// What ARG declares: a name and perhaps a default.
pub(crate) type Argument = (String, Option<String>);

/// From one FROM to the next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) line: usize,
    /// In lower case, as Docker compares it.
    pub(crate) name: Option<String>,
    /// An image, a stage or `scratch`, with variables.
    pub(crate) base: String,
    /// `--platform`, with variables.
    pub(crate) platform: Option<String>,
    pub(crate) instructions: Vec<Instruction>,
}

/// One instruction of a stage.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// Tells it from the others of the stage: its line, or a number beyond all lines for what a base image adds.
    pub(crate) id: usize,
    pub(crate) line: usize,
    /// As it is written, in one line: what the image's history shows.
    pub(crate) source: String,
    pub(crate) action: Action,
}

/// What an instruction asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Arg(Vec<Argument>),
    Env(Vec<Pair>),
    Label(Vec<Pair>),
    Copy(Copy),
    Workdir(String),
    User(String),
    Expose(Vec<String>),
    Volume(Vec<String>),
    Entrypoint(Command),
    Cmd(Command),
    Shell(Vec<String>),
    StopSignal(String),
    Healthcheck(Healthcheck),
    Maintainer(String),
    /// The instruction that an image built on this one begins with.
    OnBuild(String),
    Run(Box<Run>),
}

/// COPY and ADD.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    /// ADD: archives are unpacked.
    pub(crate) unpacks: bool,
    /// `--from`: a stage or an image.
    pub(crate) from: Option<String>,
    pub(crate) chown: Option<String>,
    pub(crate) chmod: Option<String>,
    /// `--link`: what the stage has at the destination does not matter.
    pub(crate) link: bool,
    pub(crate) sources: Vec<String>,
    pub(crate) documents: Vec<Document>,
    pub(crate) destination: String,
}

/// A command line of CMD, ENTRYPOINT or HEALTHCHECK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Exec(Vec<String>),
    Shell(String),
}

/// HEALTHCHECK; times in nanoseconds, 0 = the runtime's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Healthcheck {
    /// `None`: HEALTHCHECK NONE.
    pub(crate) command: Option<Command>,
    pub(crate) interval: u64,
    pub(crate) timeout: u64,
    pub(crate) start_period: u64,
    pub(crate) start_interval: u64,
    pub(crate) retries: u32,
}

/// Reads a Dockerfile; all mistakes are reported in one pass.
pub(crate) fn parse(name: &str, source: &str) -> Result<Dockerfile, Problems> {
    let mut problems = Problems::default();
    let read = lines::read(name, source, &mut problems);
    let mut file = Dockerfile {
        name: name.to_owned(),
        escape: read.escape,
        globals: Vec::new(),
        stages: Vec::new(),
    };
    for line in read.lines {
        let number = line.number;
        if let Err(message) = file.take(line) {
            problems.add(name, number, message);
        }
    }
    if file.stages.is_empty() {
        problems.add(name, 1, "there is no FROM instruction");
    }
    problems.or(file)
}

/// Numbers of instructions that come from a base image begin here.
const BEYOND_ALL_LINES: usize = 1 << 32;

/// What the ONBUILD instructions of a base image add to the stage whose FROM is at `line`.
pub(crate) fn triggers(line: usize, texts: &[String]) -> Result<Vec<Instruction>, String> {
    texts
        .iter()
        .enumerate()
        .map(|(number, text)| {
            let mut problems = Problems::default();
            // The escape character is the one that most Dockerfiles have: the image does not say which it was.
            let read = lines::read("ONBUILD", text, &mut problems);
            let first = read.lines.into_iter().next();
            let (Some(found), Ok(())) = (first, problems.or(())) else {
                return Err(format!("the base image has a malformed ONBUILD {text}"));
            };
            let instruction = instruction::parse(found, read.escape)
                .map_err(|message| format!("ONBUILD {text} of the base image: {message}"))?;
            Ok(Instruction {
                id: BEYOND_ALL_LINES + number,
                line,
                ..instruction
            })
        })
        .collect()
}

impl Dockerfile {
    fn take(&mut self, line: lines::Line) -> Result<(), String> {
        let number = line.number;
        let escape = self.escape;
        if let Some(arguments) = instruction::arguments_of("FROM", &line.text) {
            let stage = instruction::from(number, arguments, escape)?;
            let is_taken =
                stage.name.is_some() && self.stages.iter().any(|other| other.name == stage.name);
            let name = stage.name.clone().unwrap_or_default();
            self.stages.push(stage);
            if is_taken {
                return Err(format!("there are two stages named {name}"));
            }
            return Ok(());
        }
        let instruction = instruction::parse(line, escape)?;
        match (self.stages.last_mut(), instruction.action) {
            (Some(stage), action) => stage.instructions.push(Instruction {
                action,
                ..instruction
            }),
            (None, Action::Arg(arguments)) => self.globals.push((number, arguments)),
            (None, _) => {
                return Err("before the first FROM there can be only ARG".to_owned());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
