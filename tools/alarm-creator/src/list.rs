//! The alarms as they are.

use contract::exit;
use toolkit::Console;

use crate::Request;
use crate::apply;
use crate::cloud::Cloud;
use crate::plan::Live;

/// A line for each alarm, then the document of a dry run.
pub(crate) async fn run(cloud: &Cloud, request: &Request, console: &Console) -> anyhow::Result<u8> {
    let work = apply::Work::of(cloud, request, console).await?;
    for name in work.plan.names() {
        console.status(&line(&work.live, &name));
    }
    apply::finish(cloud, request, console, &work).await?;
    Ok(exit::DONE)
}

fn line(live: &Live, name: &str) -> String {
    match live.alarms.get(name) {
        None => format!("{:<18} {name}", "absent"),
        Some(alarm) => format!("{:<18} {name}: {}", alarm.state, alarm.reason),
    }
}
