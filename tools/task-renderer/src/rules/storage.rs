//! Volumes and where they are mounted.

use serde_json::Value;

use super::containers::missing_container;
use super::view::{Container, Task, is_name, is_set, items, text, twice};
use crate::{Problem, model};

const VOLUME: &str = "API_Volume";
const MOUNT: &str = "API_MountPoint";
const EFS: &str = "API_EFSVolumeConfiguration";

/// Members of a volume that say what it is.
const KINDS: [&str; 5] = [
    "host",
    "dockerVolumeConfiguration",
    "efsVolumeConfiguration",
    "fsxWindowsFileServerVolumeConfiguration",
    "s3filesVolumeConfiguration",
];

pub(super) fn problems(task: &Task<'_>) -> Vec<Problem> {
    let volumes = items(&task.root["volumes"]);
    let mut problems = twice(
        volumes
            .iter()
            .enumerate()
            .filter(|(_, volume)| volume["name"].is_string())
            .map(|(index, volume)| (format!("volumes[{index}].name"), text(&volume["name"]))),
        "the volume",
        VOLUME,
    );
    for (index, volume) in volumes.iter().enumerate() {
        problems.extend(one(&format!("volumes[{index}]"), volume));
    }
    let names: Vec<&str> = volumes.iter().map(|volume| text(&volume["name"])).collect();
    for container in &task.containers {
        problems.extend(mounts(container, &names));
        for (index, from) in container.list("volumesFrom").iter().enumerate() {
            let name = text(&from["sourceContainer"]);
            if task.container(name).is_none() {
                let place = container.at(&format!("volumesFrom[{index}].sourceContainer"));
                problems.push(missing_container(place, name));
            }
        }
    }
    problems
}

fn one(path: &str, volume: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut push = |member: &str, message: &str, remedy: &str, rule| {
        problems.push(Problem::new(format!("{path}.{member}"), message, remedy).by(rule));
    };
    if !is_name(text(&volume["name"])) {
        push(
            "name",
            "the volume has no name that ECS takes",
            "write 1 to 255 letters, digits, hyphens and underscores",
            VOLUME,
        );
    }
    let kinds = KINDS.iter().filter(|kind| !volume[**kind].is_null());
    if kinds.count() > 1 {
        push(
            "name",
            "the volume is of two kinds",
            "leave one of them",
            VOLUME,
        );
    }
    let docker = &volume["dockerVolumeConfiguration"];
    if docker["autoprovision"] == true && docker["scope"] != "shared" {
        push(
            "dockerVolumeConfiguration.autoprovision",
            "only a shared volume is made when it is missing",
            "write \"scope\": \"shared\", or leave it out",
            "API_DockerVolumeConfiguration",
        );
    }
    let efs = &volume["efsVolumeConfiguration"];
    let access = &efs["authorizationConfig"];
    let needs_encryption = is_set(&access["accessPointId"]) || access["iam"] == "ENABLED";
    if needs_encryption && efs["transitEncryption"] != "ENABLED" {
        push(
            "efsVolumeConfiguration.transitEncryption",
            "an access point and IAM need encrypted traffic",
            "write ENABLED",
            EFS,
        );
    }
    if is_set(&access["accessPointId"]) && !["", "/"].contains(&text(&efs["rootDirectory"])) {
        push(
            "efsVolumeConfiguration.rootDirectory",
            "the access point has a root of its own",
            "leave rootDirectory out",
            EFS,
        );
    }
    if let Some(port) = efs["transitEncryptionPort"].as_i64()
        && !(1..=65_535).contains(&port)
    {
        push(
            "efsVolumeConfiguration.transitEncryptionPort",
            "it is no port",
            "write 1 to 65535",
            EFS,
        );
    }
    problems
}

fn mounts(container: &Container<'_>, volumes: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut paths = Vec::new();
    for (index, mount) in container.list("mountPoints").iter().enumerate() {
        let place = |member: &str| container.at(&format!("mountPoints[{index}].{member}"));
        let volume = text(&mount["sourceVolume"]);
        if !volumes.contains(&volume) || volume.is_empty() {
            let remedy = match model::nearest(volume, volumes) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "add it to volumes".to_owned(),
            };
            problems.push(
                Problem::new(
                    place("sourceVolume"),
                    format!("the task has no volume \"{}\"", volume.escape_debug()),
                    remedy,
                )
                .by(MOUNT),
            );
        }
        let path = text(&mount["containerPath"]);
        if path.is_empty() {
            problems.push(
                Problem::new(
                    place("containerPath"),
                    "the mount says no path",
                    "add containerPath",
                )
                .by(MOUNT),
            );
        } else {
            paths.push((place("containerPath"), path));
        }
    }
    let memory = items(&container.value["linuxParameters"]["tmpfs"]);
    paths.extend(memory.iter().enumerate().map(|(index, tmpfs)| {
        (
            container.at(&format!("linuxParameters.tmpfs[{index}].containerPath")),
            text(&tmpfs["containerPath"]),
        )
    }));
    problems.extend(twice(paths, "the path", MOUNT));
    for (index, tmpfs) in memory.iter().enumerate() {
        if tmpfs["size"].as_i64().is_some_and(|size| size < 1) {
            problems.push(
                Problem::new(
                    container.at(&format!("linuxParameters.tmpfs[{index}].size")),
                    "a file system in memory needs a size",
                    "write MiB, 1 or more",
                )
                .by("API_Tmpfs"),
            );
        }
    }
    problems
}
