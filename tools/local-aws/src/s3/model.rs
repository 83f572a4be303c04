//! What is kept.

use serde::{Deserialize, Serialize};

use crate::state::Document;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) name: String,
    /// Milliseconds since 1970.
    pub(super) created_ms: i64,
}

/// It has no `Debug`: its content may be a secret.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) bucket: String,
    pub(super) key: String,
    /// The content.
    pub(super) base64: String,
    /// Of the content, in bytes.
    pub(super) size: usize,
    pub(super) media_type: String,
    /// In quotes.
    pub(super) etag: String,
    /// Milliseconds since 1970.
    pub(super) modified_ms: i64,
}

/// Where an object is kept: no bucket's name has a slash.
pub(super) fn place(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}")
}

impl Object {
    pub(super) fn place(&self) -> String {
        place(&self.bucket, &self.key)
    }
}

impl Document for Bucket {
    const KIND: &'static str = "s3-bucket";
    fn key(&self) -> String {
        self.name.clone()
    }
}

impl Document for Object {
    const KIND: &'static str = "s3-object";
    fn key(&self) -> String {
        self.place()
    }
}
