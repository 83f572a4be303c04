//! What ECS is asked.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{ContainerInstance, Service};

use crate::verify::capacity::Instance;
use crate::verify::cluster::Cluster;
use crate::verify::definition::Definition;
use crate::verify::found::{Found, Hidden, found};

pub(super) async fn cluster(ecs: &Client, name: &str) -> Found<Cluster> {
    let answer = ecs.describe_clusters().clusters(name).send().await;
    match found(
        "ecs:DescribeClusters",
        &["ClusterNotFoundException"],
        answer,
    ) {
        Found::Known(answer) => Found::of(answer.clusters().first().map(|cluster| Cluster {
            status: cluster.status().unwrap_or_default().to_owned(),
            providers: cluster.capacity_providers().to_vec(),
        })),
        Found::Missing => Found::Missing,
        Found::Hidden(hidden) => Found::Hidden(hidden),
    }
}

pub(super) async fn service(ecs: &Client, cluster: &str, name: &str) -> Found<Service> {
    let answer = ecs
        .describe_services()
        .cluster(cluster)
        .services(name)
        .send()
        .await;
    match found(
        "ecs:DescribeServices",
        &["ClusterNotFoundException"],
        answer,
    ) {
        Found::Known(answer) => {
            let live = answer.services.unwrap_or_default().into_iter().next();
            // A deleted service is described as INACTIVE for a while; its name is free.
            Found::of(live.filter(|live| live.status() != Some("INACTIVE")))
        }
        Found::Missing => Found::Missing,
        Found::Hidden(hidden) => Found::Hidden(hidden),
    }
}

/// ECS has the same answer for what is not there and for what is misspelt: a ClientException.
pub(super) async fn definition(ecs: &Client, reference: &str) -> Found<Definition> {
    let answer = ecs
        .describe_task_definition()
        .task_definition(reference)
        .send()
        .await;
    match found("ecs:DescribeTaskDefinition", &["ClientException"], answer) {
        Found::Known(answer) => Found::of(answer.task_definition().map(Definition::of_live)),
        Found::Missing => Found::Missing,
        Found::Hidden(hidden) => Found::Hidden(hidden),
    }
}

pub(super) async fn instances(ecs: &Client, cluster: &str) -> Found<Vec<Instance>> {
    let mut pages = ecs
        .list_container_instances()
        .cluster(cluster)
        .into_paginator()
        .send();
    let mut instances = Vec::new();
    while let Some(page) = pages.next().await {
        let arns = match found(
            "ecs:ListContainerInstances",
            &["ClusterNotFoundException"],
            page,
        ) {
            Found::Known(page) => page.container_instance_arns.unwrap_or_default(),
            Found::Missing => return Found::Missing,
            Found::Hidden(hidden) => return Found::Hidden(hidden),
        };
        // A page has at most as many as the next call takes.
        if arns.is_empty() {
            continue;
        }
        let answer = ecs
            .describe_container_instances()
            .cluster(cluster)
            .set_container_instances(Some(arns))
            .send()
            .await;
        match found("ecs:DescribeContainerInstances", &[], answer) {
            Found::Known(answer) => {
                instances.extend(answer.container_instances().iter().map(instance))
            }
            Found::Missing => {
                return Found::Hidden(Hidden::new("the instances were not described"));
            }
            Found::Hidden(hidden) => return Found::Hidden(hidden),
        }
    }
    Found::Known(instances)
}

fn instance(instance: &ContainerInstance) -> Instance {
    let left = |name: &str| {
        instance
            .remaining_resources()
            .iter()
            .find(|it| it.name() == Some(name))
    };
    Instance {
        id: instance
            .ec2_instance_id()
            .or(instance.container_instance_arn())
            .unwrap_or_default()
            .to_owned(),
        status: instance.status().unwrap_or_default().to_owned(),
        is_connected: instance.agent_connected(),
        cpu: left("CPU").map_or(0, |it| i64::from(it.integer_value())),
        memory: left("MEMORY").map_or(0, |it| i64::from(it.integer_value())),
        // For ports, what is listed as remaining is what is taken.
        ports: left("PORTS").map_or_else(Vec::new, |it| {
            it.string_set_value()
                .iter()
                .filter_map(|port| port.parse().ok())
                .collect()
        }),
    }
}
