//! From a path into the definition to the key of longshore.toml that it was made of.

use serde_json::Value;

use crate::document::member;
use crate::{Parts, Problem};

/// Problems of the definition as problems of the project; those that are known already, by their place, and
/// the ones about roles, of which the project knows more, are left out.
pub(crate) fn places(
    parts: &Parts,
    definition: &Value,
    known: &[Problem],
    problems: Vec<Problem>,
) -> Vec<Problem> {
    problems
        .into_iter()
        .filter(|problem| problem.place != "executionRoleArn")
        .map(|problem| Problem {
            place: place(parts, definition, &problem.place).unwrap_or(problem.place),
            ..problem
        })
        .filter(|problem| known.iter().all(|one| one.place != problem.place))
        .collect()
}

fn place(parts: &Parts, definition: &Value, path: &str) -> Option<String> {
    let section = &parts.workload.section;
    let (first, rest) = head(path);
    match first {
        "(root)" => Some("variables".to_owned()),
        "cpu" | "memory" => Some(format!("{section}.{first}")),
        "networkMode" => Some(format!("{section}.network")),
        "ephemeralStorage" => Some(format!("{section}.ephemeral-storage")),
        "containerDefinitions" => {
            let (index, rest) = index(rest)?;
            container(
                parts,
                &definition["containerDefinitions"][index],
                index,
                rest,
            )
        }
        "volumes" => {
            let (index, _) = index(rest)?;
            let name = definition["volumes"][index]["name"].as_str()?;
            Some(format!("{section}.volumes.{name}"))
        }
        "tags" => {
            let (index, _) = index(rest)?;
            let key = definition["tags"][index]["key"].as_str()?;
            Some(format!("--tag {key}"))
        }
        _ => None,
    }
}

fn container(parts: &Parts, value: &Value, index_: usize, path: &str) -> Option<String> {
    let section = &parts.workload.section;
    let name = value["name"].as_str()?;
    let is_own = name == parts.workload.name && index_ == 0;
    let prefix = if is_own {
        section.clone()
    } else if parts.workload.definition.sidecars.contains_key(name) {
        format!("{section}.sidecars.{name}")
    } else {
        return None;
    };
    let (first, rest) = head(path);
    let of_list = |list: &str, key: &str| {
        let (at, _) = index(rest)?;
        let name = value[first][at]["name"].as_str()?;
        Some(match (is_own, list) {
            // Variables and secrets of the own container belong to the whole environment.
            (true, _) => format!("{key}.{name}"),
            (false, _) => format!("{prefix}.{key}.{name}"),
        })
    };
    match first {
        "image" if is_own => Some("image.reference".to_owned()),
        "environment" => of_list("environment", "variables"),
        "secrets" => of_list("secrets", "secrets"),
        "portMappings" => Some(format!("{prefix}.port")),
        "mountPoints" => Some(format!("{prefix}.mounts")),
        "logConfiguration" => Some(format!("{prefix}.logging")),
        "firelensConfiguration" => Some(format!("{prefix}.firelens")),
        "linuxParameters" => {
            let (inner, _) = head(rest.trim_start_matches('.'));
            match inner {
                "tmpfs" => Some(format!("{prefix}.tmpfs")),
                "capabilities" => Some(format!("{prefix}.add-capabilities")),
                _ => None,
            }
        }
        "" => None,
        _ => {
            let below = rest
                .strip_prefix('.')
                .map(|rest| kebab(head(rest).0))
                .unwrap_or_default();
            let key = kebab(first);
            let key = if below.is_empty() {
                key
            } else {
                member(&key, &below)
            };
            Some(format!("{prefix}.{key}"))
        }
    }
}

/// The first name of a path, and what follows it.
fn head(path: &str) -> (&str, &str) {
    path.split_at(path.find(['.', '[']).unwrap_or(path.len()))
}

/// The index that a path begins with, and what follows it without the dot.
fn index(path: &str) -> Option<(usize, &str)> {
    let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

/// `stopTimeout` as `stop-timeout`.
fn kebab(name: &str) -> String {
    name.chars().fold(String::new(), |mut key, c| {
        if c.is_ascii_uppercase() {
            key.push('-');
        }
        key.push(c.to_ascii_lowercase());
        key
    })
}
