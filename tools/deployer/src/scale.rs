//! The number of a service's tasks.

use std::time::Duration;

use aws::{Pace, poll};
use contract::exit;
use serde::Serialize;
use tokio::time::Instant;
use toolkit::Console;

use crate::cloud::Cloud;
use crate::cluster::Change;
use crate::interrupt::Interrupt;
use crate::service::Service;
use crate::trouble::Trouble;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// Service name.
    pub service: String,
    /// How many tasks there shall be.
    pub count: i32,
    /// How long it may take.
    pub timeout: Duration,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub(crate) struct Scaled {
    kind: &'static str,
    schema: u32,
    cluster: String,
    service: String,
    before: i32,
    desired: i32,
    running: i32,
    reached: bool,
}

/// Sets the number and waits until so many tasks run; gives the document and the exit code.
pub(crate) async fn scale(
    cloud: &Cloud,
    console: &Console,
    request: &Scale,
) -> anyhow::Result<(Scaled, u8)> {
    let mut interrupt = Interrupt::new()?;
    let name = &request.service;
    let before = cloud.cluster.existing(name).await?;
    let mut now = before.clone();
    if before.desired != request.count {
        now = {
            let change = Change {
                desired: Some(request.count),
                ..Change::default()
            };
            cloud.cluster.update(name, &change).await?
        };
        console.status(&format!(
            "{name}: from {} to {} tasks",
            before.desired, request.count
        ));
    }
    let deadline = Instant::now() + request.timeout;
    let reached = tokio::select! {
        reached = wait(cloud, console, request, &mut now, deadline) => Some(reached?),
        () = interrupt.received() => None,
    };
    let document = Scaled {
        kind: "scale",
        schema: 1,
        cluster: cloud.cluster.name.clone(),
        service: name.clone(),
        before: before.desired,
        desired: now.desired,
        running: now.running,
        reached: reached == Some(true),
    };
    let state = format!("{} of {} tasks run", now.running, now.desired);
    let code = match reached {
        Some(true) => {
            console.success(&format!("{name}: {state}"));
            exit::DONE
        }
        Some(false) => {
            console.error(&format!("{name}: the time limit passed: {state}"));
            exit::TIMED_OUT
        }
        None => {
            console.error(&format!("{name}: interrupted, and ECS goes on: {state}"));
            exit::INTERRUPTED
        }
    };
    Ok((document, code))
}

async fn wait(
    cloud: &Cloud,
    console: &Console,
    request: &Scale,
    now: &mut Service,
    deadline: Instant,
) -> anyhow::Result<bool> {
    let mut is_troubled = false;
    let reached = poll(Pace::USUAL, deadline, async || {
        match cloud.cluster.existing(&request.service).await {
            Ok(service) => *now = service,
            Err(Trouble::Final(error)) => return Err(error),
            Err(Trouble::Passing(error)) => {
                if !std::mem::replace(&mut is_troubled, true) {
                    console.warning(&format!("{error:#}; trying again"));
                }
                return Ok(None);
            }
        }
        let is_there = now.running == request.count && now.pending == 0;
        Ok(is_there.then_some(()))
    })
    .await?;
    Ok(reached.is_some())
}
