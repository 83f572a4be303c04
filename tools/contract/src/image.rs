//! `image.json`: the image that a release runs.

use serde::{Deserialize, Serialize};

use crate::Document;

/// An image in a repository, by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Registry host and repository, for example `000000000000.dkr.ecr.us-east-1.amazonaws.com/ludlow`.
    pub repository: String,
    /// The tag it was pushed under.
    pub tag: String,
    /// `sha256:` and 64 hexadecimal digits: the manifest's.
    pub digest: String,
    /// `repository@digest`: what a task definition names, so that what was tested is what runs.
    pub reference: String,
    /// For example `linux/amd64`.
    pub platform: String,
    /// Bytes of manifest, config and compressed layers together.
    pub size: u64,
    /// Lowest first.
    pub layers: Vec<Layer>,
    /// `embedded`, `docker`, …
    pub engine: String,
    /// Whether it was made now or found in the repository.
    pub outcome: ImageOutcome,
    /// Whether the repository has it. False after a build that was not pushed.
    pub pushed: bool,
}

/// Where an image came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageOutcome {
    /// Assembled by this run.
    Built,
    /// Already in the repository, made of the same inputs.
    Reused,
}

/// One layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Of the compressed blob.
    pub digest: String,
    /// Bytes of the compressed blob.
    pub size: u64,
    /// The instruction that made it, for people.
    pub created_by: String,
}

impl Document for Image {
    const KIND: &'static str = "image";
    const SCHEMA: u32 = 1;
}
