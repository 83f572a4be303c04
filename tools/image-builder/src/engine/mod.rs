//! Who builds: the embedded engine, or a container engine that is reachable here.
//!
//! Whoever it is, the image comes into the same layout, is pushed in the same way, and has the same document. Without
//! being told, the embedded engine builds what it can, because its images are the same everywhere; what it cannot goes
//! to the first of docker, podman and buildah that answers.

pub(crate) mod container;
pub(crate) mod import;

use std::fmt;
use std::str::FromStr;

/// An engine, by the name that documents give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// This program.
    Embedded,
    /// Docker: buildx where it is there, the classic builder otherwise.
    Docker,
    /// Podman.
    Podman,
    /// Buildah.
    Buildah,
}

/// What was asked for: `None` means whoever can.
pub(crate) type Choice = Option<Engine>;

impl Engine {
    /// Those that are programs of their own, in the order in which they are asked.
    pub(crate) const CONTAINER: [Self; 3] = [Self::Docker, Self::Podman, Self::Buildah];
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
        })
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Embedded]
            .into_iter()
            .chain(Self::CONTAINER)
            .find(|engine| engine.to_string() == text)
            .ok_or_else(|| "the engines are auto, embedded, docker, podman and buildah".to_owned())
    }
}
