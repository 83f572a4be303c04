//! The number of a service's tasks, and the limits that autoscaling keeps to.

use std::time::Duration;

use aws::{Pace, poll};
use contract::exit;
use serde::Serialize;
use tokio::time::Instant;
use toolkit::{Console, Fault};

use crate::cloud::Cloud;
use crate::cluster::Change;
use crate::interrupt::Interrupt;
use crate::scaling::{Limits, Suspension};
use crate::service::Service;
use crate::trouble::Trouble;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// Service name.
    pub service: String,
    /// How many tasks there shall be; none to leave that.
    pub count: Option<i32>,
    /// The fewest and the most that autoscaling may set; none to leave them.
    pub minimum: Option<i32>,
    pub maximum: Option<i32>,
    /// Whether autoscaling is held up from now on, or goes on; none to leave that.
    pub suspended: Option<bool>,
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
    /// Where the service is scaled automatically.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended: Option<bool>,
}

/// Sets what is asked and waits until so many tasks run; gives the document and the exit code.
pub(crate) async fn scale(
    cloud: &Cloud,
    console: &Console,
    request: &Scale,
) -> anyhow::Result<(Scaled, u8)> {
    let mut interrupt = Interrupt::new()?;
    let name = &request.service;
    let before = cloud.cluster.existing(name).await?;
    let limits = set_limits(cloud, console, request).await?;
    let count = request.count.unwrap_or(before.desired);
    let mut now = before.clone();
    if before.desired != count {
        let change = Change {
            desired: Some(count),
            ..Change::default()
        };
        now = cloud.cluster.update(name, &change).await?;
        console.status(&format!("{name}: from {} to {count} tasks", before.desired));
    }
    let deadline = Instant::now() + request.timeout;
    let reached = tokio::select! {
        reached = wait(cloud, console, name, &mut now, deadline) => Some(reached?),
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
        minimum: limits.map(|limits| limits.minimum),
        maximum: limits.map(|limits| limits.maximum),
        suspended: limits.map(|limits| limits.suspended == Suspension::ALL),
    };
    Ok((document, conclude(console, name, &now, reached)))
}

fn conclude(console: &Console, name: &str, now: &Service, reached: Option<bool>) -> u8 {
    let state = format!("{} of {} tasks run", now.running, now.desired);
    match reached {
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
    }
}

/// Sets the limits of autoscaling where they are asked for, and gives those that then hold.
async fn set_limits(
    cloud: &Cloud,
    console: &Console,
    request: &Scale,
) -> anyhow::Result<Option<Limits>> {
    let name = &request.service;
    let known = match cloud.scaling.limits(name).await {
        Ok(known) => known,
        // Who may not look at autoscaling may still set the number where there is none.
        Err(error) if request.minimum.or(request.maximum).is_none() => {
            console.warning(&format!(
                "going on without a view of autoscaling: {error:#}"
            ));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let wants_limits = request.minimum.is_some() || request.maximum.is_some();
    let Some(mut limits) = known else {
        if wants_limits || request.suspended.is_some() {
            return Err(Fault::usage(format!("{name} is not scaled automatically"))
                .with_hint("register it with Application Auto Scaling first")
                .into());
        }
        return Ok(None);
    };
    limits.minimum = request.minimum.unwrap_or(limits.minimum);
    limits.maximum = request.maximum.unwrap_or(limits.maximum);
    permit(name, request.count, limits)?;
    if wants_limits {
        let set = cloud
            .scaling
            .set_limits(name, request.minimum, request.maximum);
        set.await?;
        console.status(&format!(
            "{name}: autoscaling between {} and {} tasks",
            limits.minimum, limits.maximum
        ));
    }
    if let Some(suspended) = request.suspended {
        limits.suspended = match suspended {
            true => Suspension::ALL,
            false => Suspension::default(),
        };
        cloud.scaling.suspend(name, limits.suspended).await?;
        let state = if suspended { "is held up" } else { "goes on" };
        console.status(&format!("{name}: autoscaling {state}"));
    }
    Ok(Some(limits))
}

/// Refuses limits that hold nothing, and a number that autoscaling would undo.
fn permit(name: &str, count: Option<i32>, limits: Limits) -> Result<(), Fault> {
    if limits.minimum > limits.maximum {
        let message = format!(
            "at least {} and at most {} tasks cannot be",
            limits.minimum, limits.maximum
        );
        return Err(Fault::usage(message));
    }
    let allowed = limits.minimum..=limits.maximum;
    if let Some(count) = count.filter(|count| !allowed.contains(count)) {
        let message = format!(
            "autoscaling keeps {name} between {} and {} tasks and would undo {count}",
            limits.minimum, limits.maximum
        );
        return Err(Fault::usage(message).with_hint("move its limits as well: --min N --max N"));
    }
    Ok(())
}

async fn wait(
    cloud: &Cloud,
    console: &Console,
    name: &str,
    now: &mut Service,
    deadline: Instant,
) -> anyhow::Result<bool> {
    let mut is_troubled = false;
    let reached = poll(Pace::USUAL, deadline, async || {
        match cloud.watching.existing(name).await {
            Ok(service) => *now = service,
            Err(Trouble::Final(error)) => return Err(error),
            Err(Trouble::Passing(error)) => {
                if !std::mem::replace(&mut is_troubled, true) {
                    console.warning(&format!("{error:#}; trying again"));
                }
                return Ok(None);
            }
        }
        let is_there = now.running == now.desired && now.pending == 0;
        Ok(is_there.then_some(()))
    })
    .await?;
    Ok(reached.is_some())
}
