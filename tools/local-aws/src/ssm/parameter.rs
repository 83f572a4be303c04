//! A parameter as it is kept.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::state::Document;

/// A parameter with its latest versions, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) description: String,
    pub(super) tier: String,
    pub(super) versions: Vec<Version>,
    pub(super) tags: Vec<Value>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) number: i64,
    pub(super) value: String,
    pub(super) modified_ms: i64,
}

/// Parameter Store keeps a hundred.
pub(super) const VERSIONS: usize = 100;

impl Parameter {
    pub(super) fn current(&self) -> Option<&Version> {
        self.versions.last()
    }

    pub(super) fn version(&self, number: i64) -> Option<&Version> {
        self.versions
            .iter()
            .find(|version| version.number == number)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Document for Parameter {
    const KIND: &'static str = "ssm-parameter";
    fn key(&self) -> String {
        self.name.clone()
    }
}
