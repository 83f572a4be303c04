//! What a Dockerfile means for given arguments: which stages are needed, from which images, and the steps of each.
//!
//! Nothing here touches a file or the network.

mod command;
mod evaluate;
mod graph;
mod ports;
mod scope;
mod signal;

use std::collections::BTreeMap;

use crate::dockerfile::{MountKind, Network};
use crate::image::config::Run;
use crate::image::platform::Platform;
use crate::image::reference::Reference;

pub(crate) use command::SCRIPTS;
pub(crate) use evaluate::{Start, evaluate};
pub(crate) use graph::{Graph, graph};

/// What the caller decides beside the Dockerfile.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) arguments: BTreeMap<String, String>,
    /// A stage's name or number; the last one if nothing is said.
    pub(crate) target: Option<String>,
    pub(crate) platform: Platform,
}

/// What a stage begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Base {
    Scratch,
    /// An earlier stage, by number.
    Stage(usize),
    Image(Reference, Platform),
}

/// Where COPY takes its sources from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Context,
    Stage(usize),
    Image(Reference, Platform),
}

/// A stage, evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evaluated {
    pub(crate) run: Run,
    pub(crate) author: Option<String>,
    pub(crate) steps: Vec<Step>,
}

/// One instruction, with its variables replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// Tells it from the others of its stage.
    pub(crate) id: usize,
    pub(crate) line: usize,
    /// As it is written: what the history shows. Values of variables are not in it, so that no build argument is.
    pub(crate) source: String,
    pub(crate) action: Action,
}

/// What a step does to the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing: it is in the configuration.
    Configure,
    Copy(Box<Copy>),
    Run(Box<Command>),
    /// WORKDIR: makes the directory for a user.
    MakeDirectory {
        path: String,
        user: Option<String>,
    },
}

/// RUN: a program, and all that it finds beside the stage's file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) argv: Vec<String>,
    /// Names and values; a name comes once.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) user: String,
    pub(crate) directory: String,
    pub(crate) network: Network,
    pub(crate) mounts: Vec<Mount>,
    /// A here-document with an interpreter of its own, which is the program: its name, and its text.
    pub(crate) script: Option<(String, String)>,
}

/// What a command finds at a path, and no layer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Which of the command's mounts it is.
    pub(crate) number: usize,
    pub(crate) kind: MountKind,
    /// Where a bind takes its files from, or a cache what it begins with.
    pub(crate) origin: Option<Origin>,
    /// The path there; `""` is all of it.
    pub(crate) source: String,
    /// Absolute.
    pub(crate) target: String,
    pub(crate) id: String,
    pub(crate) required: bool,
    pub(crate) is_writable: bool,
    pub(crate) mode: Option<u32>,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) size: Option<u64>,
    pub(crate) variable: Option<String>,
}

/// COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) origin: Origin,
    pub(crate) unpacks: bool,
    /// Names or numbers; names are the image's own.
    pub(crate) chown: Option<String>,
    pub(crate) chmod: Option<u32>,
    pub(crate) link: bool,
    pub(crate) sources: Vec<String>,
    /// Here-documents: name and content.
    pub(crate) texts: Vec<(String, String)>,
    /// Absolute, with a slash at its end if it must be a directory.
    pub(crate) destination: String,
}

#[cfg(test)]
mod tests;
