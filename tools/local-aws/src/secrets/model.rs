//! What a secret is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::sealed::Sealed;
use crate::state::Document;

/// The stage of the version in force.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The stage of the version that was in force before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
/// Versions without a stage are forgotten, the oldest first, when there are more.
const MOST_VERSIONS: usize = 100;

/// A secret with its versions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) name: String,
    /// `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-` and six letters or digits.
    pub(super) arn: String,
    pub(super) description: Option<String>,
    /// The key that AWS would encrypt with: remembered, not used.
    pub(super) kms_key_id: Option<String>,
    /// Milliseconds since 1970, as all times here.
    pub(super) created_ms: i64,
    pub(super) changed_ms: i64,
    /// When it was marked for deletion.
    pub(super) deleted_ms: Option<i64>,
    /// When it will be gone.
    pub(super) deletion_ms: Option<i64>,
    pub(super) tags: BTreeMap<String, String>,
    /// By version id.
    pub(super) versions: BTreeMap<String, Version>,
}

/// One version of a secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) content: Content,
    pub(super) created_ms: i64,
    pub(super) stages: BTreeSet<String>,
}

/// A secret's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Content {
    Text(Sealed),
    /// In base64.
    Binary(Sealed),
}

impl Secret {
    /// The version that has this stage.
    pub(super) fn staged(&self, stage: &str) -> Option<(&String, &Version)> {
        self.versions
            .iter()
            .find(|(_, version)| version.stages.contains(stage))
    }

    /// Adds a version and gives it its stages; what was current becomes the previous one.
    pub(super) fn add(&mut self, id: String, version: Version) {
        let stages = version.stages.clone();
        self.versions.insert(
            id.clone(),
            Version {
                stages: BTreeSet::new(),
                ..version
            },
        );
        for stage in stages {
            self.move_stage(&stage, &id);
        }
        self.forget_old_versions();
    }

    /// Moves a stage to a version, from whichever has it.
    pub(super) fn move_stage(&mut self, stage: &str, to: &str) {
        let former = self.staged(stage).map(|(id, _)| id.clone());
        if former.as_deref() == Some(to) {
            return;
        }
        for version in self.versions.values_mut() {
            version.stages.remove(stage);
        }
        if let Some(version) = self.versions.get_mut(to) {
            version.stages.insert(stage.to_owned());
        }
        if let (CURRENT, Some(former)) = (stage, former) {
            self.move_stage(PREVIOUS, &former);
        }
    }

    fn forget_old_versions(&mut self) {
        while self.versions.len() > MOST_VERSIONS {
            let oldest = self
                .versions
                .iter()
                .filter(|(_, version)| version.stages.is_empty())
                .min_by_key(|(_, version)| version.created_ms)
                .map(|(id, _)| id.clone());
            match oldest {
                Some(id) => self.versions.remove(&id),
                None => return,
            };
        }
    }
}

impl Document for Secret {
    const KIND: &'static str = "secret";
    fn key(&self) -> String {
        self.name.clone()
    }
}
