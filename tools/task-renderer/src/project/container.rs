//! One container of the definition.

use std::collections::BTreeMap;

use contract::config::definition::{Condition, Container, HealthCheck, LogDriver, Router, Sidecar};
use contract::config::{Launch, Secret, SecretSource};
use serde_json::{Map, Value, json};

use crate::Parts;

/// What waits in memory while CloudWatch Logs is slow. 25 MiB lost nothing in AWS's own tests up to 5 MB/s
/// ("Preventing log loss with non-blocking mode in the awslogs container log driver"); the default is 10.
const LOG_BUFFER: &str = "25m";

/// The container of the service or task itself.
pub(super) fn own(parts: &Parts) -> Value {
    let workload = &parts.workload;
    let own_size = (workload.launch == Launch::Ec2).then_some(workload);
    let variables = parts.environment.variables.iter();
    let secrets = parts.environment.secrets.iter();
    with(
        json!({
            "name": workload.name,
            "image": parts.image.reference,
            "essential": true,
            "command": workload.command,
            "cpu": own_size.map(|workload| workload.cpu),
            "memory": own_size.map(|workload| workload.memory),
            "portMappings": port_mappings(parts, workload.port),
            "environment": variables
                .map(|(name, variable)| json!({ "name": name, "value": variable.value }))
                .collect::<Vec<_>>(),
            "secrets": secrets
                .map(|(name, secret)| json!({ "name": name, "valueFrom": secret.value_from }))
                .collect::<Vec<_>>(),
            "stopTimeout": workload.stop_timeout,
        }),
        parts,
        &workload.definition.container,
    )
}

/// A container beside it.
pub(super) fn sidecar(parts: &Parts, name: &str, sidecar: &Sidecar) -> Value {
    let variables = sidecar.variables.iter();
    with(
        json!({
            "name": name,
            "image": sidecar.image,
            "essential": sidecar.essential,
            "command": sidecar.command,
            "cpu": sidecar.cpu,
            "memory": sidecar.memory,
            "portMappings": port_mappings(parts, sidecar.port),
            "environment": variables
                .map(|(name, variable)| json!({ "name": name, "value": variable.value }))
                .collect::<Vec<_>>(),
            "secrets": references(&sidecar.secrets),
            "stopTimeout": sidecar.stop_timeout,
            "firelensConfiguration": sidecar.firelens.as_ref().map(|firelens| json!({
                "type": match firelens.router {
                    Router::Fluentbit => "fluentbit",
                    Router::Fluentd => "fluentd",
                },
                "options": texts(&firelens.options),
            })),
        }),
        parts,
        &sidecar.container,
    )
}

/// Adds what every container may have.
fn with(mut value: Value, parts: &Parts, container: &Container) -> Value {
    let settings = json!({
        "entryPoint": container.entry_point,
        "workingDirectory": container.working_directory,
        "user": container.user,
        "readonlyRootFilesystem": container.read_only.then_some(true),
        "memoryReservation": container.memory_reservation,
        "startTimeout": container.start_timeout,
        "linuxParameters": linux_parameters(container),
        "ulimits": container.ulimits.iter().map(|ulimit| json!({
            "name": ulimit.name,
            "softLimit": ulimit.soft,
            "hardLimit": ulimit.hard,
        })).collect::<Vec<_>>(),
        "mountPoints": container.mounts.iter().map(|mount| json!({
            "sourceVolume": mount.volume,
            "containerPath": mount.path,
            "readOnly": mount.read_only,
        })).collect::<Vec<_>>(),
        "dependsOn": container.depends_on.iter().map(|dependency| json!({
            "containerName": dependency.container,
            "condition": condition(dependency.condition),
        })).collect::<Vec<_>>(),
        "healthCheck": container.health_check.as_ref().map(health_check),
        "dockerLabels": texts(&container.labels),
        "logConfiguration": log_configuration(parts, container),
    });
    if let (Some(members), Value::Object(settings)) = (value.as_object_mut(), settings) {
        members.extend(settings);
    }
    value
}

fn port_mappings(parts: &Parts, port: Option<u16>) -> Vec<Value> {
    let mode = super::network_mode(parts);
    port.into_iter()
        .map(|port| {
            let host_port = match mode {
                // Dynamic: several tasks share an instance, and old and new ones overlap during a release.
                "bridge" => 0,
                // The task has its own network interface, or the instance's: ECS accepts no other port there.
                _ => port,
            };
            json!({ "containerPort": port, "hostPort": host_port, "protocol": "tcp" })
        })
        .collect()
}

fn linux_parameters(container: &Container) -> Option<Value> {
    let capabilities =
        !container.add_capabilities.is_empty() || !container.drop_capabilities.is_empty();
    let is_needed = container.init || capabilities || !container.tmpfs.is_empty();
    is_needed.then(|| {
        json!({
            "initProcessEnabled": container.init.then_some(true),
            "capabilities": capabilities.then(|| json!({
                "add": container.add_capabilities,
                "drop": container.drop_capabilities,
            })),
            "tmpfs": container.tmpfs.iter().map(|tmpfs| json!({
                "containerPath": tmpfs.path,
                "size": tmpfs.size,
            })).collect::<Vec<_>>(),
        })
    })
}

/// Emitted, because ECS ignores the HEALTHCHECK of an image.
fn health_check(check: &HealthCheck) -> Value {
    json!({
        "command": check.command,
        "interval": check.interval,
        "timeout": check.timeout,
        "retries": check.retries,
        "startPeriod": check.start_period,
    })
}

fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Start => "START",
        Condition::Complete => "COMPLETE",
        Condition::Success => "SUCCESS",
        Condition::Healthy => "HEALTHY",
    }
}

fn log_configuration(parts: &Parts, container: &Container) -> Option<Value> {
    let logging = &container.logging;
    let (driver, mut options) = match logging.driver {
        LogDriver::None => return None,
        LogDriver::Firelens => ("awsfirelens", Map::new()),
        LogDriver::Awslogs => ("awslogs", awslogs(parts, container)),
    };
    for (name, value) in &logging.options {
        options.insert(name.clone(), json!(value));
    }
    Some(json!({
        "logDriver": driver,
        "options": (!options.is_empty()).then_some(options),
        "secretOptions": references(&logging.secrets),
    }))
}

fn awslogs(parts: &Parts, container: &Container) -> Map<String, Value> {
    let logging = &container.logging;
    let mut options = Map::new();
    let mut set = |name: &str, value: &str| options.insert(name.to_owned(), json!(value));
    set("awslogs-group", &parts.names.log_group());
    set("awslogs-region", &parts.region);
    let prefix = logging.prefix.as_ref().unwrap_or(&parts.workload.name);
    set("awslogs-stream-prefix", prefix);
    // Said outright, because the default depends on an account setting and changed from blocking
    // to non-blocking on 25 June 2025. Blocking stops the application when CloudWatch Logs
    // cannot be reached: health checks fail, and an outage of logging becomes one of the service.
    if logging.blocking {
        set("mode", "blocking");
    } else {
        set("mode", "non-blocking");
        let buffer = logging.buffer.as_deref().unwrap_or(LOG_BUFFER);
        set("max-buffer-size", buffer);
    }
    options
}

fn references(secrets: &BTreeMap<String, Secret>) -> Vec<Value> {
    secrets
        .iter()
        .map(|(name, secret)| {
            let (SecretSource::Parameter(from) | SecretSource::SecretsManager(from)) =
                &secret.source;
            json!({ "name": name, "valueFrom": from })
        })
        .collect()
}

fn texts(texts: &BTreeMap<String, String>) -> Option<&BTreeMap<String, String>> {
    (!texts.is_empty()).then_some(texts)
}
