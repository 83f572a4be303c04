//! The commands that look at, and change, what deployments of the service watch.

use contract::alarms::Protection;
use contract::exit;
use serde::{Deserialize, Serialize};
use toolkit::file::Secrecy;
use toolkit::{Console, Fault, output};

use crate::apply::{self, Work};
use crate::cloud::Cloud;
use crate::protection::{Deployments, Wiring};
use crate::{Request, say};

/// What a command did.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    service: String,
    applied: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    protection: Option<Protection>,
}

impl contract::Document for Document {
    const KIND: &'static str = "deployment-alarms";
    const SCHEMA: u32 = 1;
}

/// Whether alarms protect a deployment that starts now.
pub(crate) async fn preflight(
    cloud: &Cloud,
    request: &Request,
    console: &Console,
) -> anyhow::Result<u8> {
    let deployments = service(cloud, request).await?;
    let protection = match &deployments {
        Some(deployments) => Some(look(cloud, deployments).await?),
        None => None,
    };
    say::protection(console, request, protection.as_ref());
    if protection
        .as_ref()
        .is_some_and(|protection| protection.watched.is_empty())
    {
        console.warning(&format!(
            "no alarm watches deployments of {}",
            request.names.service(&request.service)
        ));
        console.hint("name some in alarms.deployment, or see `alarm-creator attach --help`");
    }
    let is_good = protection
        .as_ref()
        .is_none_or(|protection| protection.on && protection.problems.is_empty());
    write(request, false, protection)?;
    Ok(if is_good { exit::DONE } else { exit::NEGATIVE })
}

/// Has deployments watch alarms: those of these kinds, or of alarms.deployment.
pub(crate) async fn attach(
    cloud: &Cloud,
    request: &Request,
    console: &Console,
    kinds: Option<&[String]>,
) -> anyhow::Result<u8> {
    let Some(kinds) = kinds.or(request.thresholds.deployment.as_deref()) else {
        return Err(
            Fault::usage("no alarm is named that should stop deployments")
                .with_hint(
                    "name some, such as target-5xx, or set alarms.deployment in longshore.toml",
                )
                .into(),
        );
    };
    let work = Work::of(cloud, request, console).await?;
    let names = apply::names_of(request, &work.plan, kinds)?;
    if let Some(absent) = names
        .iter()
        .find(|name| !work.live.alarms.contains_key(*name))
    {
        return Err(Fault::new(
            exit::FAILED,
            format!("the alarm {absent} does not exist, so ECS would watch nothing"),
        )
        .with_hint("create it first: alarm-creator apply")
        .into());
    }
    change(cloud, request, console, &names).await
}

/// Has deployments watch none of the service's alarms any more.
pub(crate) async fn detach(
    cloud: &Cloud,
    request: &Request,
    console: &Console,
) -> anyhow::Result<u8> {
    change(cloud, request, console, &[]).await
}

async fn change(
    cloud: &Cloud,
    request: &Request,
    console: &Console,
    names: &[String],
) -> anyhow::Result<u8> {
    let Some(mut deployments) = service(cloud, request).await? else {
        return Err(Fault::new(
            exit::FAILED,
            format!(
                "there is no service {}",
                request.names.service(&request.service)
            ),
        )
        .with_hint("its first deployment creates it; attach alarms after that")
        .into());
    };
    if !deployments.by_ecs {
        return Err(Fault::new(
            exit::FAILED,
            "the service is deployed by another controller than ECS, which knows no deployment alarms",
        )
        .into());
    }
    let wiring = deployments.wiring(names, |name| request.owns(name));
    match &wiring {
        None => console.status("the deployment alarms are as they should be"),
        Some(wiring) => {
            say::wiring(console, Some(wiring), request);
            if !request.dry_run {
                apply::wire(cloud, request, &deployments, wiring).await?;
                deployments = service(cloud, request).await?.unwrap_or_default();
            }
        }
    }
    let protection = look(cloud, &deployments).await?;
    say::protection(console, request, Some(&protection));
    write(
        request,
        wiring.is_some() && !request.dry_run,
        Some(protection),
    )?;
    Ok(exit::DONE)
}

/// Takes alarms that are about to be deleted out of what deployments watch.
pub(crate) async fn forget(
    cloud: &Cloud,
    request: &Request,
    deployments: &Deployments,
    gone: &[(String, bool)],
) -> anyhow::Result<()> {
    let is_gone = |name: &String| gone.iter().any(|(gone, _)| gone == name);
    let live = deployments.names();
    if !live.iter().any(is_gone) {
        return Ok(());
    }
    let (removed, names): (Vec<String>, Vec<String>) = live.iter().cloned().partition(is_gone);
    let wiring = Wiring {
        names,
        added: Vec::new(),
        removed,
    };
    apply::wire(cloud, request, deployments, &wiring).await
}

async fn service(cloud: &Cloud, request: &Request) -> anyhow::Result<Option<Deployments>> {
    let service = request.names.service(&request.service);
    cloud.deployments(&request.names.cluster(), &service).await
}

async fn look(cloud: &Cloud, deployments: &Deployments) -> anyhow::Result<Protection> {
    let alarms = cloud.alarms(deployments.names(), false).await?;
    Ok(deployments.protection(&apply::states(&alarms)))
}

fn write(request: &Request, applied: bool, protection: Option<Protection>) -> anyhow::Result<()> {
    let document = Document {
        service: request.names.service(&request.service),
        applied,
        protection,
    };
    output::document(
        &contract::document::labelled(&document),
        request.output.as_deref(),
        Secrecy::Public,
    )
}
