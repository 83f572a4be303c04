//! The first files of a project, from a service that runs: its task definition as a file that can be deployed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use toolkit::file::{Secrecy, write_atomic};
use toolkit::{Console, Fault};

use crate::canonical::registrable;
use crate::cloud::Cloud;
use crate::definition;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// Service name.
    pub service: String,
    /// Where the task definition goes; never one that is there.
    pub file: PathBuf,
}

/// Writes the file and says how it is deployed.
pub(crate) async fn init(cloud: &Cloud, console: &Console, request: &Init) -> anyhow::Result<()> {
    let file = request.file.display();
    if request.file.exists() {
        return Err(Fault::usage(format!("{file} is there already"))
            .with_hint("name another file, or remove this one first")
            .into());
    }
    let service = cloud.cluster.existing(&request.service).await?;
    let (live, tags) = cloud
        .cluster
        .definition_with_tags(&service.task_definition)
        .await?;
    let mut json = registrable(&definition::of_live(&live)?);
    let tags: Vec<Value> = tags
        .iter()
        .map(|tag| serde_json::json!({ "key": tag.key(), "value": tag.value() }))
        .collect();
    if !tags.is_empty() {
        json["tags"] = Value::Array(tags);
    }
    write(&request.file, &json)?;
    console.success(&format!("wrote {file}"));
    console.hint(&format!(
        "change it, then `deployer deploy --cluster {} --service {} --task-definition {file}`",
        cloud.cluster.name, request.service
    ));
    Ok(())
}

fn write(file: &Path, json: &Value) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec_pretty(json)?;
    text.push(b'\n');
    write_atomic(file, &text, Secrecy::Public)
        .with_context(|| format!("cannot write {}", file.display()))
}
