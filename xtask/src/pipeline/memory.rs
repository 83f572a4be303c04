//! What the last run of an environment has already done.

use std::path::{Path, PathBuf};

use crate::project::document;
use contract::Document;
use serde::{Deserialize, Serialize};
use toolkit::file::{Secrecy, write_atomic};

/// The inputs of the steps that succeeded last. A step whose inputs are the same need not run again.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Of the tests that passed.
    #[serde(default)]
    pub(crate) tested: Option<String>,
    /// Of the command before the image.
    #[serde(default)]
    pub(crate) prepared: Option<String>,
}

impl Document for Memory {
    const KIND: &'static str = "steps";
    const SCHEMA: u32 = 1;
}

impl Memory {
    /// What is remembered in `documents`; nothing if it cannot be read, since that only costs a run.
    pub(crate) fn recall(documents: &Path) -> Self {
        document(&file(documents)).unwrap_or_default()
    }

    /// Remembers for the next run.
    pub(crate) fn keep(&self, documents: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(&contract::document::labelled(self))?;
        text.push(b'\n');
        write_atomic(&file(documents), &text, Secrecy::Public)
    }
}

fn file(documents: &Path) -> PathBuf {
    documents.join("steps.json")
}
