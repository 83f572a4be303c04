//! What a project was made from, written into it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use toolkit::Fault;

/// Where it is written.
pub(super) const FILE: &str = ".longshore-template.json";

/// What a project was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) template: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) ci: Option<String>,
    pub(super) name: String,
}

/// The same with every file as it was.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    kind: String,
    schema: u32,
    /// Of Longshore.
    version: String,
    #[serde(flatten)]
    pub(super) origin: Origin,
    /// SHA-256 by path.
    pub(super) files: BTreeMap<String, String>,
}

impl Origin {
    /// The document.
    pub(super) fn written(&self, files: &[(String, Vec<u8>)]) -> String {
        let record = Record {
            kind: "template-origin".to_owned(),
            schema: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            origin: self.clone(),
            files: files
                .iter()
                .map(|(path, content)| (path.clone(), digest(content)))
                .collect(),
        };
        let mut text =
            serde_json::to_string_pretty(&record).expect("texts and numbers are always JSON");
        text.push('\n');
        text
    }
}

impl Record {
    /// That of the project in a directory.
    pub(super) fn of(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Fault::usage(format!(
                    "{} was not made from a template: there is no {FILE}",
                    directory.display()
                ))
                .into());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let record: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is not what was written", path.display()))?;
        Ok(record)
    }
}

/// SHA-256 in hexadecimal digits.
pub(super) fn digest(content: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(content) {
        write!(text, "{byte:02x}").expect("a string takes any text");
    }
    text
}
