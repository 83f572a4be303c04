//! What a Dockerfile means for given arguments: which stages are needed, from which images, and the steps of each.
//!
//! Nothing here touches a file or the network.

mod evaluate;
mod graph;
mod ports;
mod scope;
mod signal;

use std::collections::BTreeMap;

use crate::image::config::Run;
use crate::image::platform::Platform;
use crate::image::reference::Reference;

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
    /// WORKDIR: makes the directory for a user.
    MakeDirectory {
        path: String,
        user: Option<String>,
    },
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
