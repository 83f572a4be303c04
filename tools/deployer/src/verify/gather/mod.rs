//! The questions to AWS: read-only, and side by side. None of them ends another.

mod containers;
mod ecs;
mod images;
mod places;

use aws::SdkConfig;
use aws_sdk_ecs::config::Region;
use aws_sdk_ecs::types::Service;

use super::Verify;
use super::capacity::Instance;
use super::cluster::Cluster;
use super::definition::Definition;
use super::found::Found;
use super::images::Used as UsedImage;
use super::intent::Intent;
use super::network::Part;
use super::roles::Role;
use super::secrets::Used as UsedSecret;
use super::targets::Group;
use super::watch::LogPlace;
use crate::source::Source;

/// What was seen before anything else could be asked.
pub(super) struct Basis {
    pub(super) cluster: Found<Cluster>,
    pub(super) service: Found<Service>,
    /// An error is a flaw of the file.
    pub(super) definition: Result<Found<Definition>, String>,
}

/// Everything else.
pub(super) struct Facts {
    pub(super) instances: Found<Vec<Instance>>,
    pub(super) groups: Vec<Found<Group>>,
    pub(super) subnets: Found<Vec<Part>>,
    pub(super) security_groups: Found<Vec<Part>>,
    pub(super) alarms: Vec<(String, Found<String>)>,
    pub(super) roles: Vec<Role>,
    pub(super) images: Vec<UsedImage>,
    pub(super) secrets: Vec<UsedSecret>,
    pub(super) logs: Vec<(LogPlace, Found<()>)>,
}

pub(super) async fn basis(config: &SdkConfig, cluster: &str, verify: &Verify) -> Basis {
    let ecs = aws_sdk_ecs::Client::new(config);
    let definition = async {
        if let Source::File(path) = &verify.task_definition {
            return crate::definition::read(path)
                .map(|read| {
                    let bytes = read.json.to_string().len();
                    Found::Known(Definition::of_file(&read.input, bytes))
                })
                .map_err(|error| format!("{error:#}"));
        }
        if let Source::Registered(reference) = &verify.task_definition {
            return Ok(ecs::definition(&ecs, reference).await);
        }
        Err("it is neither a file nor registered".to_owned())
    };
    let (cluster, service, definition) = tokio::join!(
        ecs::cluster(&ecs, cluster),
        ecs::service(&ecs, cluster, &verify.service),
        definition,
    );
    Basis {
        cluster,
        service,
        definition,
    }
}

pub(super) async fn facts(
    config: &SdkConfig,
    cluster: &str,
    intent: &Intent,
    definition: Option<&Definition>,
) -> Facts {
    let ecs = aws_sdk_ecs::Client::new(config);
    let containers = definition.map_or_else(Vec::new, |it| it.containers.clone());
    let instances = async {
        if intent.launch.needs_instances() {
            ecs::instances(&ecs, cluster).await
        } else {
            Found::Missing
        }
    };
    let (instances, groups, subnets, security_groups, alarms, roles, images, secrets, logs) = tokio::join!(
        instances,
        places::groups(config, &intent.balanced),
        places::subnets(config, &intent.subnets),
        places::security_groups(config, &intent.security_groups),
        places::alarms(config, &intent.alarms),
        places::roles(config, definition),
        images::of(config, &containers),
        containers::secrets(config, &containers),
        containers::logs(config, &containers),
    );
    Facts {
        instances,
        groups,
        subnets,
        security_groups,
        alarms,
        roles,
        images,
        secrets,
        logs,
    }
}

/// The same configuration for another region.
fn in_region(config: &SdkConfig, region: Option<&str>) -> SdkConfig {
    match region {
        Some(region) if config.region().is_none_or(|it| it.as_ref() != region) => config
            .clone()
            .into_builder()
            .region(Region::new(region.to_owned()))
            .build(),
        _ => config.clone(),
    }
}

/// Asks one question about each of many things, all at once; the answers are in the things' order.
async fn each<I, O, F>(things: Vec<I>, ask: impl Fn(I) -> F) -> Vec<O>
where
    F: Future<Output = O> + Send + 'static,
    O: Send + 'static,
{
    let asked: Vec<_> = things
        .into_iter()
        .map(|one| tokio::spawn(ask(one)))
        .collect();
    let mut answers = Vec::with_capacity(asked.len());
    for answer in asked {
        match answer.await {
            Ok(answer) => answers.push(answer),
            Err(broken) => std::panic::resume_unwind(broken.into_panic()),
        }
    }
    answers
}
