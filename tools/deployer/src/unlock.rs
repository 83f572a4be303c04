//! The deploy lock of a service: who holds it, and taking it from an owner that is gone.

use contract::exit;
use serde::Serialize;
use toolkit::Console;

use crate::cloud::Cloud;
use crate::lock::Record;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlock {
    /// Service name.
    pub service: String,
    /// Whether to remove it.
    pub remove: bool,
}

/// The lock, as a document.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    kind: &'static str,
    schema: u32,
    service: String,
    held: bool,
    #[serde(flatten)]
    record: Option<Record>,
}

/// Tells who holds the lock, and removes it if asked to; gives the document and the exit code.
pub(crate) async fn unlock(
    cloud: &Cloud,
    console: &Console,
    request: &Unlock,
) -> anyhow::Result<(State, u8)> {
    let name = &request.service;
    let record = cloud.locks.holder(name).await?;
    match &record {
        Some(record) if request.remove => {
            cloud.locks.remove(name).await?;
            console.success(&format!("removed the deploy lock of {name}, {record}"));
        }
        Some(record) => console.status(&format!("the deploy lock of {name} is {record}")),
        None => console.status(&format!("nobody holds the deploy lock of {name}")),
    }
    let state = State {
        kind: "lock",
        schema: 1,
        service: name.clone(),
        held: record.is_some() && !request.remove,
        record,
    };
    Ok((state, exit::DONE))
}
