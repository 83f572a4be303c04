//! Deleting what nobody wants any more.

use contract::alarms::Resource;
use contract::exit;
use serde::{Deserialize, Serialize};
use toolkit::file::Secrecy;
use toolkit::{Console, output};

use crate::Request;
use crate::cloud::Cloud;
use crate::deployment;
use crate::orphans::Orphans;
use crate::survey::Survey;

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    deleted: Vec<Resource>,
    applied: bool,
}

impl contract::Document for Document {
    const KIND: &'static str = "alarm-prune";
    const SCHEMA: u32 = 1;
}

pub(crate) async fn run(cloud: &Cloud, request: &Request, console: &Console) -> anyhow::Result<u8> {
    let mut survey = Survey::of(cloud, request).await?;
    survey.learn(cloud, request, console).await?;
    let set = survey.set(request);
    let orphans = Orphans::of(cloud, request, &survey, &set).await?;
    let resources = orphans.resources();
    let verb = if request.dry_run {
        "would delete"
    } else {
        "delete"
    };
    for resource in &resources {
        console.status(&format!("{verb} the {} {}", resource.kind, resource.name));
    }
    if resources.is_empty() {
        console.status("nothing to delete");
    } else if !request.dry_run {
        // A deployment that watches an alarm which does not exist is watched by one fewer than it seems.
        if let Some(deployments) = &survey.deployments {
            deployment::forget(cloud, request, deployments, &orphans.alarms).await?;
        }
        orphans.delete(cloud).await?;
    }
    let document = Document {
        deleted: resources,
        applied: !request.dry_run,
    };
    output::document(
        &contract::document::labelled(&document),
        request.output.as_deref(),
        Secrecy::Public,
    )?;
    Ok(exit::DONE)
}
