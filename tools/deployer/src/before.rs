//! What is there before a release begins, and the document as it is if nothing is done.

use contract::deployment::{Deployment, Verdict};

use crate::cloud::Cloud;
use crate::cluster::Live;
use crate::deploy::blank;
use crate::patched;
use crate::plan::{Planned, Step, plan};
use crate::release::Release;
use crate::service::{Service, short};
use crate::source::{Source, Wanted};

/// What is there, and what has to be done about it.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) wanted: Wanted,
    /// The service; none if there is none yet.
    pub(crate) live: Option<Live>,
    pub(crate) step: Step,
    /// What people should know about how `wanted` came to be, a line each.
    pub(crate) remarks: Vec<String>,
}

/// What a look finds.
#[derive(Debug)]
pub(crate) enum Looked {
    Ready(Box<Before>),
    /// Another deployment is in progress.
    Busy {
        service: Box<Service>,
        reason: String,
    },
}

pub(crate) async fn look(cloud: &Cloud, release: &Release) -> anyhow::Result<Looked> {
    let read = release.task_definition.read()?;
    let service = cloud.cluster.service(&release.service).await?;
    let live = match service {
        Some(service) => Some(cloud.cluster.with_definition(service).await?),
        None => None,
    };
    let (wanted, remarks) = match &release.task_definition {
        Source::Patched(patch) => patched::resolve(patch, &cloud.cluster, live.as_ref()).await?,
        source => {
            let wanted = source.resolve(read, &cloud.cluster, live.as_ref());
            (wanted.await?, Vec::new())
        }
    };
    let planned = plan(release, &cloud.cluster.name, &wanted, live.as_ref())?;
    Ok(match planned {
        Planned::Step(step) => Looked::Ready(Box::new(Before {
            wanted,
            live,
            step,
            remarks,
        })),
        Planned::Busy(reason) => {
            let service = live.map(|live| live.service).unwrap_or_default();
            Looked::Busy {
                service: Box::new(service),
                reason,
            }
        }
    })
}

impl Before {
    /// The document as it is if nothing is done.
    pub(crate) fn draft(&self, cloud: &Cloud, release: &Release) -> Deployment {
        let service = &release.service;
        let on = self
            .live
            .as_ref()
            .map(|live| live.service.task_definition.clone());
        let name = short(self.wanted.name());
        let register = match self.wanted {
            Wanted::New(_) => format!("register a revision of {name} and "),
            Wanted::Registered { .. } => String::new(),
        };
        let reason = match &self.step {
            Step::Nothing => format!(
                "{service} unchanged: it runs {}",
                on.as_deref().map(short).unwrap_or_default()
            ),
            Step::Update { differences } => format!(
                "would {register}update {service}; different: {}",
                differences.join(", ")
            ),
            Step::Settings { differences } => format!(
                "would change settings of {service}, without new tasks: {}",
                differences.join(", ")
            ),
            Step::Again => format!("would start the release of {name} to {service} again"),
            Step::Create => format!("would {register}create the service {service}"),
        };
        let is_same = matches!(
            self.step,
            Step::Nothing | Step::Again | Step::Settings { .. }
        );
        Deployment {
            verdict: if self.step == Step::Nothing {
                Verdict::Unchanged
            } else {
                Verdict::Planned
            },
            reason,
            task_definition: match &on {
                Some(on) if is_same => on.clone(),
                _ => self.wanted.name().to_owned(),
            },
            previous_task_definition: on.clone(),
            serving_task_definition: on.unwrap_or_default(),
            applied: !release.dry_run,
            ..blank(&cloud.cluster.name, service)
        }
    }
}
