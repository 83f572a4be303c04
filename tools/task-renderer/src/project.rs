//! The definition that longshore.toml asks for.

use contract::config::Aws;
use contract::config::Launch;
use contract::config::definition::{Network, Sidecar, Volume};
use serde_json::{Value, json};

mod container;
mod place;

pub(crate) use place::places;

use crate::rules::names_a_digest;
use crate::{Parts, Problem, tags};

/// Characters of a family's name.
const LONGEST_FAMILY: usize = 255;

/// The definition's family: `APP-ENV-NAME`.
pub(crate) fn family(parts: &Parts) -> String {
    parts.names.family(&parts.workload.name)
}

/// The argument of RegisterTaskDefinition, and what its parts already say against it.
pub(crate) fn definition(parts: &Parts) -> (Value, Vec<Problem>) {
    let mut problems = Vec::new();
    let family = family(parts);
    if family.len() > LONGEST_FAMILY {
        problems.push(Problem::new(
            "family",
            format!("the name {family} has {} characters", family.len()),
            format!("ECS takes {LONGEST_FAMILY}: shorten the name of app, environment or service"),
        ));
    }
    problems.extend(image(parts));
    let runtime_platform = runtime_platform(parts, &mut problems);
    problems.extend(execution_role(parts));
    problems.extend(twice(parts));
    let tags = tags::merged(&parts.tags, &parts.environment_name, &mut problems);
    let tags: Vec<Value> = tags
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    let workload = &parts.workload;
    let compatibility = match workload.launch {
        Launch::Ec2 => "EC2",
        Launch::Fargate => "FARGATE",
    };
    // Fargate sells sizes of tasks. On an instance the container's own limits are what counts, and a limit of
    // the task beside it would only have to be raised with each further container.
    let task_size = (workload.launch == Launch::Fargate).then_some(workload);
    let definition = json!({
        "family": family,
        "networkMode": network_mode(parts),
        "requiresCompatibilities": [compatibility],
        "cpu": task_size.map(|workload| workload.cpu.to_string()),
        "memory": task_size.map(|workload| workload.memory.to_string()),
        "runtimePlatform": runtime_platform,
        "executionRoleArn": parts.execution_role,
        "taskRoleArn": parts.task_role,
        "containerDefinitions": containers(parts),
        "ephemeralStorage": workload.definition.ephemeral_storage.map(|size| json!({ "sizeInGiB": size })),
        "volumes": workload.definition.volumes.iter().map(|(name, kind)| volume(name, kind)).collect::<Vec<_>>(),
        "tags": tags,
    });
    (definition, problems)
}

fn network_mode(parts: &Parts) -> &'static str {
    match (parts.workload.definition.network, parts.workload.launch) {
        (Some(Network::Bridge), _) | (None, Launch::Ec2) => "bridge",
        (Some(Network::Awsvpc), _) | (None, Launch::Fargate) => "awsvpc",
        (Some(Network::Host), _) => "host",
    }
}

/// The workload's own container first, then its sidecars by name.
fn containers(parts: &Parts) -> Vec<Value> {
    let sidecars = parts.workload.definition.sidecars.iter();
    std::iter::once(container::own(parts))
        .chain(
            sidecars.map(|(name, sidecar): (&String, &Sidecar)| {
                container::sidecar(parts, name, sidecar)
            }),
        )
        .collect()
}

fn volume(name: &str, kind: &Volume) -> Value {
    match kind {
        Volume::Task => json!({ "name": name }),
        Volume::Host(path) => json!({ "name": name, "host": { "sourcePath": path } }),
        Volume::Docker {
            driver,
            shared,
            options,
        } => json!({
            "name": name,
            "dockerVolumeConfiguration": {
                "driver": driver,
                "scope": if *shared { "shared" } else { "task" },
                "autoprovision": shared.then_some(true),
                "driverOpts": (!options.is_empty()).then_some(options),
            },
        }),
        Volume::Efs {
            file_system,
            root,
            access_point,
            iam,
        } => {
            let is_authorized = access_point.is_some() || *iam;
            json!({
                "name": name,
                "efsVolumeConfiguration": {
                    "fileSystemId": file_system,
                    "rootDirectory": root,
                    "transitEncryption": "ENABLED",
                    "authorizationConfig": is_authorized.then(|| json!({
                        "accessPointId": access_point,
                        "iam": if *iam { "ENABLED" } else { "DISABLED" },
                    })),
                },
            })
        }
    }
}

fn image(parts: &Parts) -> Vec<Problem> {
    let image = &parts.image;
    let mut problems = Vec::new();
    if !image.pushed {
        problems.push(Problem::new(
            "image.pushed",
            format!("{} was built but not pushed", image.reference),
            "push it first (image-builder push)",
        ));
    }
    if !names_a_digest(&image.reference) {
        problems.push(Problem::new(
            "image.reference",
            format!("{} does not name its digest", image.reference),
            "write REPOSITORY@sha256:DIGEST, so that what was tested is what runs",
        ));
    }
    problems
}

/// Fargate has to be told, and takes X86_64 otherwise. On an instance, the image's own platform decides.
fn runtime_platform(parts: &Parts, problems: &mut Vec<Problem>) -> Option<Value> {
    if parts.workload.launch == Launch::Ec2 {
        return None;
    }
    let architecture = match parts.image.platform.as_str() {
        "linux/amd64" => "X86_64",
        "linux/arm64" => "ARM64",
        other => {
            problems.push(Problem::new(
                "image.platform",
                format!("Fargate does not run images for {other}"),
                "build for linux/amd64 or linux/arm64",
            ));
            return None;
        }
    };
    Some(json!({ "cpuArchitecture": architecture, "operatingSystemFamily": "LINUX" }))
}

/// ECS acts for a task under the execution role. Its ARN holds the account's number, so it cannot be made up
/// here. The local AWS has no roles to check.
fn execution_role(parts: &Parts) -> Option<Problem> {
    if parts.execution_role.is_some() || parts.aws == Aws::Local {
        return None;
    }
    let definition = &parts.workload.definition;
    let sidecars = definition.sidecars.values();
    let has_secrets = !parts.environment.secrets.is_empty()
        || !definition.container.logging.secrets.is_empty()
        || sidecars.into_iter().any(|sidecar| {
            !sidecar.secrets.is_empty() || !sidecar.container.logging.secrets.is_empty()
        });
    let why = if has_secrets {
        "ECS reads the secrets of a task under its execution role, and none is named"
    } else if parts.workload.launch == Launch::Fargate {
        "Fargate pulls images and writes logs under the task's execution role, and none is named"
    } else {
        return None;
    };
    Some(Problem::new(
        format!("environments.{}.execution-role", parts.environment_name),
        why,
        "write execution-role = \"arn:aws:iam::ACCOUNT:role/NAME\"",
    ))
}

/// ECS refuses a name that is both a variable and a secret.
fn twice(parts: &Parts) -> Vec<Problem> {
    let environment = &parts.environment;
    environment
        .secrets
        .iter()
        .filter_map(|(name, secret)| {
            let variable = environment.variables.get(name)?;
            Some(Problem::new(
                format!("secrets.{name}"),
                format!(
                    "{name} is a secret ({}) and a variable ({})",
                    secret.origin, variable.origin
                ),
                "leave one of them",
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests;
