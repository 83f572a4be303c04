//! The task definition itself.

use contract::config::{Aws, Launch};
use serde_json::{Value, json};

use crate::canonical::canonical;
use crate::{Parts, Problem, Problems, fargate, tags};

/// Bytes of a task definition (RegisterTaskDefinition: "Max allowed length is '65536' bytes").
const LARGEST: usize = 65_536;
/// Characters of a family's name.
const LONGEST_FAMILY: usize = 255;

/// What waits in memory while CloudWatch Logs is slow. 25 MiB lost nothing in AWS's own tests up to 5 MB/s
/// ("Preventing log loss with non-blocking mode in the awslogs container log driver"); the default is 10.
const LOG_BUFFER: &str = "25m";

/// The definition's family: `APP-ENV-NAME`.
pub(crate) fn family(parts: &Parts) -> String {
    parts.names.family(&parts.workload.name)
}

/// The canonical argument of RegisterTaskDefinition, or everything that ECS would refuse about it.
pub fn render(parts: &Parts) -> Result<Value, Problems> {
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
    if parts.workload.launch == Launch::Fargate {
        problems.extend(fargate::problems(&parts.workload));
    }
    let runtime_platform = runtime_platform(parts, &mut problems);
    problems.extend(execution_role(parts));
    problems.extend(twice(parts));
    let tags = tags::merged(&parts.tags, &parts.environment_name, &mut problems);
    let (network_mode, compatibility) = match parts.workload.launch {
        Launch::Ec2 => ("bridge", "EC2"),
        Launch::Fargate => ("awsvpc", "FARGATE"),
    };
    // Fargate sells sizes of tasks. On an instance the container's own limits are what counts, and a limit of
    // the task beside it would only have to be raised with each further container.
    let task_size = (parts.workload.launch == Launch::Fargate).then_some(&parts.workload);
    let tags: Vec<Value> = tags
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    let definition = canonical(json!({
        "family": family,
        "networkMode": network_mode,
        "requiresCompatibilities": [compatibility],
        "cpu": task_size.map(|workload| workload.cpu.to_string()),
        "memory": task_size.map(|workload| workload.memory.to_string()),
        "runtimePlatform": runtime_platform,
        "executionRoleArn": parts.execution_role,
        "taskRoleArn": parts.task_role,
        "containerDefinitions": [container(parts)],
        "tags": tags,
    }));
    let size = definition.to_string().len();
    if size > LARGEST {
        problems.push(Problem::new(
            "variables",
            format!("the definition has {size} bytes, and ECS takes {LARGEST}"),
            "keep large values in Parameter Store and name them as secrets",
        ));
    }
    if problems.is_empty() {
        Ok(definition)
    } else {
        Err(Problems {
            family,
            list: problems,
        })
    }
}

fn container(parts: &Parts) -> Value {
    let workload = &parts.workload;
    let own_size = (workload.launch == Launch::Ec2).then_some(workload);
    let variables = parts.environment.variables.iter();
    let secrets = parts.environment.secrets.iter();
    json!({
        "name": workload.name,
        "image": parts.image.reference,
        "essential": true,
        "command": workload.command,
        "cpu": own_size.map(|workload| workload.cpu),
        "memory": own_size.map(|workload| workload.memory),
        "portMappings": workload.port.into_iter().map(|port| port_mapping(workload.launch, port)).collect::<Vec<_>>(),
        "environment": variables
            .map(|(name, variable)| json!({ "name": name, "value": variable.value }))
            .collect::<Vec<_>>(),
        "secrets": secrets
            .map(|(name, secret)| json!({ "name": name, "valueFrom": secret.value_from }))
            .collect::<Vec<_>>(),
        "stopTimeout": workload.stop_timeout,
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": parts.names.log_group(),
                "awslogs-region": parts.region,
                "awslogs-stream-prefix": workload.name,
                // Said outright, because the default depends on an account setting and changed from blocking
                // to non-blocking on 25 June 2025. Blocking stops the application when CloudWatch Logs
                // cannot be reached: health checks fail, and an outage of logging becomes one of the service.
                "mode": "non-blocking",
                "max-buffer-size": LOG_BUFFER,
            },
        },
    })
}

fn port_mapping(launch: Launch, port: u16) -> Value {
    let host_port = match launch {
        // Dynamic: several tasks share an instance, and old and new ones overlap during a release.
        Launch::Ec2 => 0,
        // The task has its own network interface, and ECS accepts no other port there.
        Launch::Fargate => port,
    };
    json!({ "containerPort": port, "hostPort": host_port, "protocol": "tcp" })
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

fn names_a_digest(reference: &str) -> bool {
    reference
        .split_once("@sha256:")
        .is_some_and(|(repository, digest)| {
            !repository.is_empty()
                && digest.len() == 64
                && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
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
    let why = if !parts.environment.secrets.is_empty() {
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
