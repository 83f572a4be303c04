//! Creates the alarms that watch a service, from the thresholds of longshore.toml: plan, then apply.
//!
//! Which alarms there are, and why, is in [`set`], which calls nobody. It must not know how a release goes;
//! it only makes sure that somebody notices when one goes wrong.

pub mod cli;
mod cloud;
mod definition;
mod plan;
mod set;

use std::path::PathBuf;

use contract::alarms::{Alarm, Alarms, Change};
use contract::config::{Alarms as Thresholds, Service};
use contract::document::labelled;
use contract::exit;
use contract::names::Names;
use toolkit::Console;
use toolkit::console::Verbosity;
use toolkit::file::Secrecy;
use toolkit::output;

use cloud::Cloud;
use plan::Planned;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Short name of the service.
    pub service: String,
    /// Its settings.
    pub settings: Service,
    /// The environment's thresholds and recipients.
    pub thresholds: Thresholds,
    /// The names of the environment's resources.
    pub names: Names,
    /// Whether to change nothing.
    pub dry_run: bool,
    /// Where the document goes instead of stdout.
    pub output: Option<PathBuf>,
    /// What is said beside the document.
    pub verbosity: Verbosity,
}

/// Plans the alarms, applies the plan unless it is a dry run, and writes `alarms.json`.
pub fn run(request: &Request) -> anyhow::Result<u8> {
    let console = Console::new(request.verbosity);
    let (actions, unreachable) = set::recipients(&request.thresholds.notify);
    for recipient in unreachable {
        console.warning(&format!(
            "{recipient} is not notified: an alarm calls SNS topics only; put the topic's ARN into alarms.notify"
        ));
    }
    let planned = aws::block_on(async {
        let cloud = Cloud::new(&aws::config().await?);
        let balancer = match request.settings.port {
            Some(_) => Some(
                cloud
                    .balancer(&request.names.target_group(&request.service))
                    .await?,
            ),
            None => None,
        };
        let wanted = set::alarms(request, balancer.as_ref(), &actions);
        let live = cloud
            .alarms(
                wanted
                    .iter()
                    .map(|definition| definition.name.clone())
                    .collect(),
            )
            .await?;
        let planned = plan::plan(wanted, live);
        if !request.dry_run {
            cloud.apply(&planned).await?;
        }
        Ok(planned)
    })?;
    say(&console, &planned, request.dry_run);
    let document = Alarms {
        alarms: planned.iter().map(summary).collect(),
        applied: !request.dry_run,
    };
    output::document(
        &labelled(&document),
        request.output.as_deref(),
        Secrecy::Public,
    )?;
    Ok(exit::DONE)
}

fn summary(planned: &Planned) -> Alarm {
    Alarm {
        name: planned.definition.name.clone(),
        reason: planned.definition.description.clone(),
        change: planned.change,
        state: planned.state.clone(),
    }
}

fn say(console: &Console, planned: &[Planned], dry_run: bool) {
    let count = |change| {
        planned
            .iter()
            .filter(|planned| planned.change == change)
            .count()
    };
    let (created, updated, unchanged) = (
        count(Change::Create),
        count(Change::Update),
        count(Change::Unchanged),
    );
    for planned in planned
        .iter()
        .filter(|planned| planned.change != Change::Unchanged)
    {
        let verb = if planned.change == Change::Create {
            "create"
        } else {
            "update"
        };
        console.detail(&format!(
            "{verb} {}: {}",
            planned.definition.name, planned.definition.description
        ));
    }
    let done = if dry_run { "to be " } else { "" };
    if created + updated == 0 {
        console.status(&format!("{unchanged} alarms unchanged"));
    } else {
        console.status(&format!(
            "{created} alarms {done}created, {updated} {done}updated, {unchanged} unchanged"
        ));
    }
    let ringing = planned
        .iter()
        .filter(|planned| planned.state.as_deref() == Some("ALARM"));
    for planned in ringing {
        console.warning(&format!(
            "{} is in ALARM now; ECS does not watch deployment alarms that are already in ALARM when a release begins",
            planned.definition.name
        ));
    }
}
