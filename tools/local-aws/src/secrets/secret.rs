//! A secret as it is kept.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::state::Document;

/// The stage that is meant when none is named.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The stage of what was current before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: String,
    pub(super) versions: Vec<SecretVersion>,
    pub(super) tags: Vec<Value>,
    pub(super) created_ms: i64,
    pub(super) changed_ms: i64,
    /// When it will be gone, if it was deleted.
    pub(super) deletion_ms: Option<i64>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SecretVersion {
    pub(super) id: String,
    /// The text, or the base64 of what is binary.
    pub(super) text: String,
    pub(super) binary: bool,
    pub(super) stages: Vec<String>,
    pub(super) created_ms: i64,
}

impl Secret {
    /// The version with this id, or else the one in this stage.
    pub(super) fn choose(&self, id: Option<&str>, stage: &str) -> Option<&SecretVersion> {
        match id {
            Some(id) => self.versions.iter().find(|version| version.id == id),
            None => self
                .versions
                .iter()
                .find(|version| version.stages.iter().any(|name| name == stage)),
        }
    }

    /// Adds a version and moves the stages to it; versions without a stage are forgotten.
    pub(super) fn add(&mut self, mut version: SecretVersion) {
        let is_current = version.stages.iter().any(|stage| stage == CURRENT);
        for old in &mut self.versions {
            if is_current && old.stages.iter().any(|stage| stage == CURRENT) {
                old.stages = vec![PREVIOUS.to_owned()];
            } else {
                old.stages.retain(|stage| {
                    !version.stages.contains(stage) && !(is_current && stage == PREVIOUS)
                });
            }
        }
        self.versions.retain(|old| !old.stages.is_empty());
        if version.stages.is_empty() {
            version.stages.push(CURRENT.to_owned());
        }
        self.changed_ms = version.created_ms;
        self.versions.push(version);
    }
}

impl fmt::Debug for SecretVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretVersion")
            .field("id", &self.id)
            .field("stages", &self.stages)
            .finish_non_exhaustive()
    }
}

impl Document for Secret {
    const KIND: &'static str = "secret";
    fn key(&self) -> String {
        self.name.clone()
    }
}
