//! A container definition and an image, as the runtime takes them.

use std::path::PathBuf;

use serde_json::Value;
use task_runtime::{Capability, ContainerSpec, Ids, PortMapping, StopSignal, Variables, layers};

use super::env_files;
use super::launch::Unpacked;
use crate::ecr::{LocalImage, LocalLayer};
use crate::ecs::Ecs;
use crate::ecs::model::Task;

/// Unpacks the image's layers, unless they are unpacked already, and gives the root of its file system.
pub(crate) fn unpack(ecs: &Ecs, image: &LocalImage) -> anyhow::Result<PathBuf> {
    let layers = image
        .layers
        .iter()
        .map(layer)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let ids = match ecs.parts.runtime.capability() {
        Capability::Namespaces { ids, .. } => *ids,
        Capability::Process { .. } => Ids::Single,
    };
    Ok(layers::unpack(
        &ecs.images_directory(),
        &layers,
        ids,
        &layers::Limits::default(),
    )?)
}

fn layer(layer: &LocalLayer) -> anyhow::Result<layers::Layer> {
    let compression = match layer.media_type.rsplit(['.', '+']).next() {
        Some("gzip") => layers::Compression::Gzip,
        Some("tar") => layers::Compression::None,
        _ => anyhow::bail!(
            "local-aws does not unpack layers of the type {}; it has tar and tar+gzip",
            layer.media_type
        ),
    };
    Ok(layers::Layer {
        blob: layer.path.clone(),
        compression,
        diff_id: layer.diff_id.clone(),
    })
}

/// One container of a task, ready for the runtime; in ECS's words why not.
pub(crate) fn container(
    ecs: &Ecs,
    task: &Task,
    definition: &Value,
    unpacked: &Unpacked,
) -> Result<ContainerSpec, String> {
    let name = definition["name"].as_str().unwrap_or_default();
    refuse_unsupported(definition)?;
    let config = &unpacked.image.config;
    let overrides = task.overrides["containerOverrides"].as_array();
    let overridden = overrides
        .into_iter()
        .flatten()
        .find(|candidate| candidate["name"] == name)
        .cloned()
        .unwrap_or_default();
    let entry_point = texts(&definition["entryPoint"]);
    let command = texts(&overridden["command"]).or_else(|| texts(&definition["command"]));
    let mut argv = entry_point
        .clone()
        .unwrap_or_else(|| config.entrypoint.clone());
    match command {
        Some(command) => argv.extend(command),
        // An entry point of the definition's own leaves the image's command out, as docker does.
        None if entry_point.is_none() => argv.extend(config.cmd.iter().cloned()),
        None => {}
    }
    let mut spec = ContainerSpec::new(name, vec![unpacked.root.clone()], argv);
    spec.env = environment(ecs, definition, &overridden, config)?;
    spec.usual_variables = true;
    let text =
        |member: &str, fallback: &str| definition[member].as_str().unwrap_or(fallback).to_owned();
    spec.workdir = text(
        "workingDirectory",
        if config.working_dir.is_empty() {
            "/"
        } else {
            &config.working_dir
        },
    );
    spec.user = text("user", &config.user);
    spec.read_only_root = definition["readonlyRootFilesystem"]
        .as_bool()
        .unwrap_or(false);
    spec.ports = ports(definition)?;
    if !config.stop_signal.is_empty() {
        spec.stop_signal = config
            .stop_signal
            .parse::<StopSignal>()
            .map_err(|error| format!("CannotStartContainerError: {error}"))?;
    }
    Ok(spec)
}

/// What would change how a container runs, and is not there: refused, never passed over.
fn refuse_unsupported(definition: &Value) -> Result<(), String> {
    let is_set = |member: &str| match &definition[member] {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    let members = [
        "dependsOn",
        "links",
        "volumesFrom",
        "mountPoints",
        "restartPolicy",
        "firelensConfiguration",
    ];
    if let Some(member) = members.into_iter().find(|member| is_set(member)) {
        return Err(format!(
            "CannotStartContainerError: local-aws does not support {member} yet"
        ));
    }
    match definition["logConfiguration"]["logDriver"].as_str() {
        None | Some("awslogs") => Ok(()),
        Some(driver) => Err(format!(
            "CannotStartContainerError: local-aws has no log driver {driver}; it has awslogs"
        )),
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let list = value.as_array().filter(|list| !list.is_empty())?;
    Some(
        list.iter()
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect(),
    )
}

fn ports(definition: &Value) -> Result<Vec<PortMapping>, String> {
    let mut ports = Vec::new();
    for mapping in definition["portMappings"].as_array().into_iter().flatten() {
        if mapping["protocol"].as_str().unwrap_or("tcp") != "tcp" {
            return Err("CannotStartContainerError: local-aws maps TCP ports only".to_owned());
        }
        let container_port = mapping["containerPort"]
            .as_u64()
            .and_then(|port| u16::try_from(port).ok());
        let container_port = container_port
            .ok_or("CannotStartContainerError: a port mapping has no containerPort")?;
        // A port of the host's own would clash between tasks of awsvpc networks, which share this machine's
        // loopback here; they get a free one, and their target says which.
        let host_port = mapping["hostPort"]
            .as_u64()
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port != container_port);
        ports.push(PortMapping {
            host_port: host_port.unwrap_or(0),
            ..PortMapping::dynamic(container_port)
        });
    }
    Ok(ports)
}

/// The image's variables, then those of files, then the definition's, then the secrets, then those of RunTask.
fn environment(
    ecs: &Ecs,
    definition: &Value,
    overridden: &Value,
    config: &crate::ecr::ImageConfig,
) -> Result<Variables, String> {
    let mut variables = Variables::default();
    for variable in &config.env {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        variables.set(name, value);
    }
    for (name, value) in env_files::variables(ecs, definition, overridden)? {
        variables.set(&name, &value);
    }
    set_all(&mut variables, &definition["environment"]);
    for secret in definition["secrets"].as_array().into_iter().flatten() {
        let name = secret["name"].as_str().unwrap_or_default();
        let value = secret_value(ecs, secret["valueFrom"].as_str().unwrap_or_default())?;
        variables.set(name, &value);
    }
    set_all(&mut variables, &overridden["environment"]);
    Ok(variables)
}

fn set_all(variables: &mut Variables, list: &Value) {
    for variable in list.as_array().into_iter().flatten() {
        if let (Some(name), Some(value)) = (variable["name"].as_str(), variable["value"].as_str()) {
            variables.set(name, value);
        }
    }
}

fn secret_value(ecs: &Ecs, reference: &str) -> Result<String, String> {
    let is_secret = reference.starts_with("arn:") && reference.contains(":secretsmanager:");
    let (store, value) = if is_secret {
        ("asm", ecs.parts.secrets.value(reference))
    } else {
        ("ssm", ecs.parts.ssm.value(reference))
    };
    value.map_err(|error| {
        format!(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
             unable to retrieve secret(s) from {store}: service call has been retried 1 time(s): {}: {reference}",
            error.code
        )
    })
}
