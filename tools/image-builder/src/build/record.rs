//! What the last build in a layout saw, and what it made.

use std::fs;

use serde::{Deserialize, Serialize};
use toolkit::file::{Secrecy, write_atomic};

use crate::image::digest::Digest;
use crate::image::layout::{Layout, Stored};

/// Beside the image, in the cache.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// Absent where the inputs could have changed unseen.
    fingerprint: Option<String>,
    pub(super) manifest: Option<Digest>,
}

const FILE: &str = "record.json";

impl Record {
    /// A record that cannot be read is as good as none.
    pub(super) fn read(layout: &Layout) -> Self {
        fs::read(layout.cache().join(FILE))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    pub(super) fn write(
        layout: &Layout,
        fingerprint: Option<&str>,
        manifest: &Digest,
    ) -> anyhow::Result<()> {
        let record = Self {
            fingerprint: fingerprint.map(str::to_owned),
            manifest: Some(manifest.clone()),
        };
        write_atomic(
            &layout.cache().join(FILE),
            &serde_json::to_vec(&record)?,
            Secrecy::Public,
        )
    }

    /// The image in the layout, if it was made from the same inputs and is still whole.
    pub(super) fn image(&self, fingerprint: &str, layout: &Layout) -> Option<Stored> {
        if self.fingerprint.as_deref() != Some(fingerprint) {
            return None;
        }
        let image = layout.image().ok()?;
        (Some(&image.digest) == self.manifest.as_ref()).then_some(image)
    }
}
