//! Clusters.

use serde_json::{Value, json};

use super::{page, paged, tags};
use crate::ecs::Ecs;
use crate::ecs::arn::last;
use crate::ecs::model::{Cluster, ServiceStatus};
use crate::protocol::{Answer, AwsError, Input};

pub(super) fn create(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let name = input.text("clusterName")?.unwrap_or("default");
    let is_valid = (1..=255).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_valid {
        return Err(input.refuse("Invalid identifier: Identifier may only contain letters, numbers, hyphens and underscores"));
    }
    let tags = tags(input)?;
    let settings = Value::Array(input.list("settings")?.to_vec());
    ecs.change(|world| {
        if world.cluster(name).is_err() {
            let cluster = Cluster {
                name: name.to_owned(),
                tags,
                settings,
                active: true,
            };
            world.clusters.insert(name.to_owned(), cluster);
            world.touch_cluster(name);
        }
        Ok(json!({ "cluster": ecs.cluster_view(world, world.cluster(name)?) }))
    })
}

pub(super) fn describe(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let names = input.texts("clusters")?;
    let names = if names.is_empty() {
        vec!["default"]
    } else {
        names
    };
    let world = ecs.world();
    let mut clusters = Vec::new();
    let mut failures = Vec::new();
    for name in names.into_iter().map(last) {
        match world.clusters.get(name) {
            Some(cluster) => clusters.push(ecs.cluster_view(&world, cluster)),
            None => failures.push(json!({ "arn": ecs.arns.cluster(name), "reason": "MISSING" })),
        }
    }
    Ok(json!({ "clusters": clusters, "failures": failures }))
}

pub(super) fn list(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let world = ecs.world();
    let active = world.clusters.values().filter(|cluster| cluster.active);
    let arns = active
        .map(|cluster| ecs.arns.cluster(&cluster.name))
        .collect();
    Ok(paged("clusterArns", page(input, arns, 100, 100)?))
}

pub(super) fn delete(ecs: &Ecs, input: &Input<'_>) -> Answer {
    let name = last(input.required_text("cluster")?);
    ecs.change(|world| {
        world.cluster(name)?;
        let mut services = world
            .services
            .values()
            .filter(|service| service.cluster == name);
        if services.any(|service| service.status != ServiceStatus::Inactive) {
            return Err(AwsError::new(
                "ClusterContainsServicesException",
                "The Cluster cannot be deleted while Services are active.",
            ));
        }
        if world
            .tasks
            .values()
            .any(|task| task.cluster == name && task.is_live())
        {
            return Err(AwsError::new(
                "ClusterContainsTasksException",
                "The Cluster cannot be deleted while Tasks are active.",
            ));
        }
        if let Some(cluster) = world.clusters.get_mut(name) {
            cluster.active = false;
        }
        world.touch_cluster(name);
        let cluster = world
            .clusters
            .get(name)
            .map(|cluster| ecs.cluster_view(world, cluster));
        Ok(json!({ "cluster": cluster }))
    })
}
