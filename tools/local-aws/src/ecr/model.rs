//! What the registry remembers.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use crate::state::Document;

/// A repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Repository {
    pub(crate) name: String,
    /// Milliseconds since 1970.
    pub(crate) created_ms: i64,
    pub(crate) mutability: Mutability,
    /// Tags that the rule of `mutability` does not hold for; `*` stands for any characters.
    pub(crate) exclusions: Vec<String>,
    pub(crate) scan_on_push: bool,
    /// `AES256`, `KMS` or `KMS_DSSE`: remembered, not done.
    pub(crate) encryption: String,
    pub(crate) kms_key: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// Who may do what, as it was given.
    pub(crate) policy: Option<String>,
    /// Which images expire, as it was given.
    pub(crate) lifecycle: Option<String>,
}

/// Whether a tag may be moved to another image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Mutability {
    Mutable,
    Immutable,
    ImmutableWithExclusion,
    MutableWithExclusion,
}

/// An image: a manifest in a repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) repository: String,
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) artifact_type: Option<String>,
    /// Bytes of the manifest itself.
    pub(crate) manifest_size: u64,
    /// Bytes of the layers and the configuration, as compressed.
    pub(crate) size: u64,
    /// Milliseconds since 1970.
    pub(crate) pushed_ms: i64,
    pub(crate) tags: BTreeSet<String>,
    /// Configuration and layers.
    pub(crate) blobs: BTreeSet<Digest>,
    /// Images of an index.
    pub(crate) children: BTreeSet<Digest>,
    /// The image that this one speaks of.
    pub(crate) subject: Option<Digest>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// A blob that a repository holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Layer {
    pub(crate) repository: String,
    pub(crate) digest: Digest,
    /// In bytes.
    pub(crate) size: u64,
}

impl Mutability {
    const WORDS: [(Self, &'static str); 4] = [
        (Self::Mutable, "MUTABLE"),
        (Self::Immutable, "IMMUTABLE"),
        (Self::ImmutableWithExclusion, "IMMUTABLE_WITH_EXCLUSION"),
        (Self::MutableWithExclusion, "MUTABLE_WITH_EXCLUSION"),
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(_, word)| *word == text)
            .map(|(mutability, _)| *mutability)
    }

    pub(crate) fn as_str(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(mutability, _)| *mutability == self)
            .map_or("", |(_, word)| word)
    }

    /// Whether it comes with exclusions.
    pub(crate) fn has_exclusions(self) -> bool {
        matches!(
            self,
            Self::ImmutableWithExclusion | Self::MutableWithExclusion
        )
    }
}

impl Repository {
    /// Whether this tag may never be moved.
    pub(crate) fn is_immutable(&self, tag: &str) -> bool {
        let is_excluded = || self.exclusions.iter().any(|pattern| is_match(pattern, tag));
        match self.mutability {
            Mutability::Mutable => false,
            Mutability::Immutable => true,
            Mutability::ImmutableWithExclusion => !is_excluded(),
            Mutability::MutableWithExclusion => is_excluded(),
        }
    }
}

/// Whether a pattern with `*` matches the whole text.
fn is_match(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(place) => text = &text[place + part.len()..],
            None => return false,
        }
    }
    text.ends_with(tail)
}

/// The key of a thing in a repository.
pub(crate) fn key(repository: &str, digest: &Digest) -> String {
    format!("{repository}@{digest}")
}

impl Document for Repository {
    const KIND: &'static str = "ecr-repository";
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Document for Image {
    const KIND: &'static str = "ecr-image";
    fn key(&self) -> String {
        key(&self.repository, &self.digest)
    }
}

impl Document for Layer {
    const KIND: &'static str = "ecr-layer";
    fn key(&self) -> String {
        key(&self.repository, &self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_exclusion_patterns() {
        let table = [
            ("latest", "latest", true),
            ("latest", "latest2", false),
            ("dev-*", "dev-1", true),
            ("dev-*", "prod-dev-1", false),
            ("*-rc*", "v1-rc2", true),
            ("*-rc", "v1-rc2", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*bc", "abc", true),
            ("ab*b", "ab", false),
            ("*", "", true),
        ];
        for (pattern, text, is_matched) in table {
            assert_eq!(is_match(pattern, text), is_matched, "{pattern} {text}");
        }
    }
}
