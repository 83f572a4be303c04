//! What a parameter is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sealed::Sealed;
use crate::state::Document;

/// A parameter with its history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) description: Option<String>,
    pub(super) allowed_pattern: Option<String>,
    /// The key that AWS would encrypt with: remembered, not used.
    pub(super) key_id: Option<String>,
    pub(super) data_type: String,
    pub(super) is_advanced: bool,
    /// From the oldest kept to the current one; never empty.
    pub(super) versions: Vec<Version>,
    pub(super) tags: BTreeMap<String, String>,
}

/// One version of a parameter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    /// From 1 on.
    pub(super) number: i64,
    pub(super) value: Sealed,
    /// Milliseconds since 1970.
    pub(super) modified_ms: i64,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    String,
    StringList,
    SecureString,
}

impl Kind {
    const WORDS: [(Self, &'static str); 3] = [
        (Self::String, "String"),
        (Self::StringList, "StringList"),
        (Self::SecureString, "SecureString"),
    ];

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(_, word)| *word == text)
            .map(|(kind, _)| *kind)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }
}

impl Parameter {
    /// The version in force.
    pub(super) fn current(&self) -> &Version {
        self.versions.last().expect("a parameter has a version")
    }

    pub(super) fn tier(&self) -> &'static str {
        if self.is_advanced {
            "Advanced"
        } else {
            "Standard"
        }
    }
}

impl Document for Parameter {
    const KIND: &'static str = "ssm-parameter";
    fn key(&self) -> String {
        self.name.clone()
    }
}
