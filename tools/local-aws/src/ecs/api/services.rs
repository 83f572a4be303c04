//! Services.

use serde_json::{Value, json};

use super::{cluster, includes_tags, page, paged, settings, tags};
use crate::ecs::Ecs;
use crate::ecs::arn::last;
use crate::ecs::cause::DELETED;
use crate::ecs::driver::deploy;
use crate::ecs::model::{Backoff, Service, ServiceSettings, ServiceStatus, service_key};
use crate::ecs::world::World;
use crate::protocol::{Answer, AwsError, Input};

/// DescribeServices takes this many.
const MOST: usize = 10;

pub(super) fn create(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    let name = input.required_text("serviceName")?;
    let is_valid = name.len() <= 255
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_valid {
        return Err(input.refuse("Invalid service name."));
    }
    input.required_text("taskDefinition")?;
    let asked = desired(input)?;
    let tags = tags(input)?;
    let key = service_key(cluster, name);
    ecs.change(|world| {
        world.cluster(cluster)?;
        let mut settings = ServiceSettings::fresh();
        settings::apply(ecs, world, input, &mut settings)?;
        let desired = match asked {
            _ if settings.daemon => daemon_count(input, asked)?,
            asked => asked.unwrap_or(0),
        };
        if let Some(service) = world
            .services
            .get(&key)
            .filter(|service| service.status != ServiceStatus::Inactive)
        {
            // The same request again is answered as the first time; another one is refused.
            if service.settings == settings && service.desired == desired {
                return Ok(json!({ "service": ecs.service_view(world, service) }));
            }
            return Err(input.refuse("Creation of service was not idempotent."));
        }
        let service = Service {
            cluster: cluster.to_owned(),
            name: name.to_owned(),
            status: ServiceStatus::Active,
            desired,
            settings,
            deployments: Vec::new(),
            history: Vec::new(),
            revisions: Vec::new(),
            events: Vec::new(),
            steady: false,
            tags,
            created_ms: ecs.now(),
            backoff: Backoff::default(),
        };
        world.services.insert(key.clone(), service);
        deploy::begin(ecs, world, &key);
        answer(ecs, world, &key)
    })
}

pub(super) fn update(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    let key = service_key(cluster, last(input.required_text("service")?));
    let desired = desired(input)?;
    let is_forced = input.flag("forceNewDeployment")?.unwrap_or(false);
    ecs.change(|world| {
        world.cluster(cluster)?;
        let service = world.services.get(&key).ok_or_else(unknown)?;
        if service.status != ServiceStatus::Active {
            return Err(AwsError::new(
                "ServiceNotActiveException",
                "Service was not ACTIVE.",
            ));
        }
        let before = service.settings.clone();
        let mut after = before.clone();
        settings::apply(ecs, world, input, &mut after)?;
        if after.daemon {
            daemon_count(input, desired)?;
        }
        // Percentages, breaker and grace period hold for the running deployment too; only what a task is made of
        // or stands behind needs new tasks.
        let is_new = is_forced || after.is_other_workload(&before);
        let service = world.services.get_mut(&key).ok_or_else(unknown)?;
        service.settings = after;
        service.steady = false;
        if let Some(desired) = desired {
            service.desired = desired;
        }
        world.touch_service(&key);
        if is_new {
            deploy::begin(ecs, world, &key);
        }
        answer(ecs, world, &key)
    })
}

pub(super) fn describe(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    let names = input.texts("services")?;
    if names.is_empty() || names.len() > MOST {
        return Err(input.refuse(if names.is_empty() {
            "Services cannot be empty."
        } else {
            "Services should have at most 10 elements."
        }));
    }
    let with_tags = includes_tags(input)?;
    let world = ecs.world();
    world.cluster(cluster)?;
    let mut services = Vec::new();
    let mut failures = Vec::new();
    for name in names.into_iter().map(last) {
        match world.services.get(&service_key(cluster, name)) {
            Some(service) => {
                let mut view = ecs.service_view(&world, service);
                if with_tags {
                    view["tags"] = service.tags.clone();
                }
                services.push(view);
            }
            None => failures
                .push(json!({ "arn": ecs.arns.service(cluster, name), "reason": "MISSING" })),
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

pub(super) fn list(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    let launch_type = input.text("launchType")?;
    let strategy = input.text("schedulingStrategy")?;
    let world = ecs.world();
    world.cluster(cluster)?;
    let arns = world
        .services
        .values()
        .filter(|service| service.cluster == cluster && service.status != ServiceStatus::Inactive)
        .filter(|service| {
            launch_type.is_none_or(|launch_type| service.settings.launch_type == launch_type)
        })
        .filter(|service| {
            strategy.is_none_or(|strategy| (strategy == "DAEMON") == service.settings.daemon)
        })
        .map(|service| ecs.arns.service(cluster, &service.name))
        .collect();
    Ok(paged("serviceArns", page(input, arns, 10, 100)?))
}

pub(super) fn delete(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let cluster = cluster(input)?;
    let key = service_key(cluster, last(input.required_text("service")?));
    let is_forced = input.flag("force")?.unwrap_or(false);
    ecs.change(|world| {
        world.cluster(cluster)?;
        let service = world
            .services
            .get_mut(&key)
            .filter(|service| service.status != ServiceStatus::Inactive)
            .ok_or_else(unknown)?;
        // Only a REPLICA service has a count to be scaled down (botocore's model).
        if service.desired > 0 && !is_forced && !service.settings.daemon {
            return Err(input.refuse("The service cannot be stopped while it is scaled above 0."));
        }
        service.status = ServiceStatus::Draining;
        service.desired = 0;
        deploy::stop(service, DELETED, ecs.now());
        world.touch_service(&key);
        answer(ecs, world, &key)
    })
}

fn desired(input: &Input<'_>) -> Result<Option<u32>, AwsError> {
    let count = input.integer("desiredCount")?;
    count
        .map(|count| {
            u32::try_from(count)
                .map_err(|_negative| input.refuse("desiredCount must not be negative"))
        })
        .transpose()
}

/// A daemon has one task on each container instance, and there is one.
fn daemon_count(input: &Input<'_>, asked: Option<u32>) -> Result<u32, AwsError> {
    match asked {
        None => Ok(1),
        Some(_) => Err(input.refuse("The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again.")),
    }
}

fn answer(ecs: &Ecs, world: &World, key: &str) -> Answer {
    let service = world.services.get(key).ok_or_else(unknown)?;
    let view: Value = ecs.service_view(world, service);
    Ok(json!({ "service": view }))
}

pub(super) fn unknown() -> AwsError {
    AwsError::new("ServiceNotFoundException", "Service not found.")
}
